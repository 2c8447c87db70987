/* Stage, logger and gallery as three children: started in their order, started
 * again when they die, ended in their order. */
#ifndef ECAM_CLI_SUPERVISOR_H
#define ECAM_CLI_SUPERVISOR_H

#include "cli/up_plan.h"

/* Run the plan until a signal ends it (or the end of standard input, where the
 * plan says so). Returns the exit status: 0; that of the child that failed at
 * its first start; 1 where one did not end in order. */
int ecam_supervise(ecam_up_plan *plan);

#endif
