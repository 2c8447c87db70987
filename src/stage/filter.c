#include "stage/filter.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static ecam_status add_name(ecam_filter *filter, const char *name, size_t length,
                            ecam_error *error)
{
    bool negative = length > 0 && name[0] == '!';

    if (negative) {
        name++;
        length--;
    }
    if (length == 0 || length >= ECAM_NAME_BYTES)
        return ecam_fail(error, ECAM_EINVAL,
                         "an empty or over-long name in the filter; expected all, a comma list "
                         "of names, or of !names");
    if (filter->n_names == ECAM_FILTER_NAMES)
        return ecam_fail(error, ECAM_EINVAL, "more than %d names in the filter",
                         ECAM_FILTER_NAMES);
    if (filter->n_names > 0 && filter->negative != negative)
        return ecam_fail(error, ECAM_EINVAL,
                         "names and !names are mixed; expected either the names to take (a,b) "
                         "or the names to leave out (!a,!b)");
    filter->negative = negative;
    memcpy(filter->names[filter->n_names], name, length);
    filter->names[filter->n_names++][length] = '\0';
    return ECAM_OK;
}

ecam_status ecam_filter_parse(const char *text, ecam_filter *out, ecam_error *error)
{
    ecam_status st = ECAM_OK;

    memset(out, 0, sizeof *out);
    if (strcmp(text, "all") == 0 || strcasecmp(text, "none") == 0)
        return ECAM_OK;
    while (st == ECAM_OK) {
        size_t length = strcspn(text, ",");
        st = add_name(out, text, length, error);
        if (text[length] == '\0')
            break;
        text += length + 1;
    }
    return st;
}

ecam_status ecam_filter_parse_modes(const char *text, ecam_filter *out, ecam_error *error)
{
    ecam_mode mode;
    ecam_status st = ecam_filter_parse(text, out, error);

    for (size_t i = 0; st == ECAM_OK && i < out->n_names; i++)
        if (!ecam_mode_parse(out->names[i], strlen(out->names[i]), &mode))
            st = ecam_fail(error, ECAM_EINVAL,
                           "\"%s\" is no mode; accepted are train, eval, test, infer, each "
                           "also with ! in front, and all",
                           out->names[i]);
    return st;
}

ecam_status ecam_filter_parse_ds_ids(const char *text, ecam_filter *out, ecam_error *error)
{
    ecam_status st = ecam_filter_parse(text, out, error);

    for (size_t i = 0; st == ECAM_OK && i < out->n_names; i++)
        if (!ecam_text_is_name(out->names[i], strlen(out->names[i]), ECAM_NAME_BYTES - 1, ":;|!"))
            st = ecam_fail(error, ECAM_EINVAL,
                           "\"%s\" is no data set id; it may have none of : ; | ! and no control "
                           "characters",
                           out->names[i]);
    return st;
}

bool ecam_filter_accepts(const ecam_filter *filter, const char *name)
{
    bool listed = false;

    for (size_t i = 0; i < filter->n_names && !listed; i++)
        listed = strcmp(filter->names[i], name) == 0;
    return filter->n_names == 0 || listed != filter->negative;
}
