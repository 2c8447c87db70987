#include "cli/settings.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>


void ecam_option_list_add(ecam_option_list *list, const char *name, const char *value,
                          const char *initial, const char *help)
{
    assert(list->n < ECAM_MAX_OPTIONS);
    list->options[list->n++] = (ecam_option){name, value, initial, help};
}

static bool contains(const char *const *list, const char *name)
{
    while (list && *list && strcmp(*list, name) != 0)
        list++;
    return list && *list;
}

void ecam_option_list_add_table(ecam_option_list *list, const ecam_trace_option *table, size_t n,
                                const char *const *except)
{
    for (size_t i = 0; i < n; i++)
        if (!contains(except, table[i].name))
            ecam_option_list_add(list, table[i].name, table[i].value, table[i].initial, table[i].help);
}
