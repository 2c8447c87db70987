/* The workspace: the scratch memory of the two halves of the computation. */
#ifndef ECAM_CAM_WORKSPACE_H
#define ECAM_CAM_WORKSPACE_H

#include "eigencam/cam.h"

/* Each half makes its scratch on first use and owns its contents. */
struct ecam_project_scratch;
struct ecam_draw_scratch;

struct ecam_workspace {
    struct ecam_project_scratch *project;
    struct ecam_draw_scratch *draw;
};

void ecam_project_scratch_destroy(struct ecam_project_scratch **scratch);
void ecam_draw_scratch_destroy(struct ecam_draw_scratch **scratch);

#endif
