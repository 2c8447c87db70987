#include "base/log.h"
#include "cli/commands.h"
#include "cli/supervisor.h"
#include "cli/up_plan.h"

static int run(ecam_up_plan *plan)
{
    ecam_log("up: pictures go to %.300s", plan->dir);
    return ecam_supervise(plan);
}

int ecam_cli_up(int argc, char **argv)
{
    static ecam_up_plan plan; /* much for a stack */
    ecam_error error = {0};
    int status = 2;

    if (ecam_up_plan_read(&plan, argc, argv, &error) != ECAM_OK) {
        ecam_log("up: %s", error.text);
    } else if (plan.help) {
        ecam_args_help("eigencam up [options]",
                       "Stage, log and view together: receive batches, store their pictures, show them in the browser.\n"
                       "What dies is started again; Ctrl-C ends all. Options are those of the three.",
                       plan.list.options, plan.list.n);
        status = 0;
    } else {
        status = run(&plan);
    }
    ecam_up_plan_finish(&plan);
    return status;
}
