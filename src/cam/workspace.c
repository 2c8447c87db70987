#include "cam/workspace.h"

#include <stdlib.h>

ecam_status ecam_workspace_create(ecam_workspace **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? ECAM_OK : ECAM_ENOMEM;
}

void ecam_workspace_destroy(ecam_workspace **ws)
{
    if (!*ws)
        return;
    ecam_project_scratch_destroy(&(*ws)->project);
    ecam_draw_scratch_destroy(&(*ws)->draw);
    free(*ws);
    *ws = NULL;
}
