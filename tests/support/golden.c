#include "support/golden.h"

#include <stdlib.h>
#include <string.h>

const char *golden_dir(void)
{
    const char *dir = getenv("EIGENCAM_GOLDEN");
    return dir ? dir : GOLDEN_DIR;
}

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "golden cases: %s: %s\n", what, detail);
    exit(99);
}

static json_t *load_json(const char *folder, const char *name)
{
    char path[512];
    json_error_t error;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    json_t *json = json_load_file(path, 0, &error);
    if (!json)
        die(path, error.text);
    return json;
}

static void load_array(const char *folder, const json_t *run, const char *key, ecam_npy *out)
{
    const char *name = json_string_value(json_object_get(json_object_get(run, "files"), key));
    char path[512];
    ecam_error error;

    *out = (ecam_npy){0};
    if (!name)
        return;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (ecam_npy_read(path, out, &error) != ECAM_OK)
        die(path, error.text);
}

static ecam_layout layout_of(const json_t *run, const char *key)
{
    const char *name = json_string_value(json_object_get(run, key));
    return name && strcmp(name, "NHWC") == 0 ? ECAM_LAYOUT_NHWC : ECAM_LAYOUT_NCHW;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void axes(const ecam_tensor *t, size_t *c, size_t *h, size_t *w)
{
    bool last = t->layout == ECAM_LAYOUT_NHWC;
    *c = t->shape[last ? 3 : 1];
    *h = t->shape[last ? 1 : 2];
    *w = t->shape[last ? 2 : 3];
}

static void describe(golden_run *run)
{
    const json_t *components = json_object_get(run->json, "n_components");
    const json_t *tolerance = json_object_get(run->json, "tolerance");
    const char *dtype = json_string_value(json_object_get(run->json, "activation_dtype"));

    if (dtype && strcmp(dtype, "bfloat16") == 0)
        run->activations.tensor.dtype = ECAM_BF16;
    run->images.tensor.layout = layout_of(run->json, "image_layout");
    run->activations.tensor.layout = layout_of(run->json, "activation_layout");
    if (json_is_integer(components))
        run->n_components = (unsigned)json_integer_value(components);
    else
        run->variance = json_number_value(components);
    run->samples = (size_t)json_integer_value(json_object_get(run->json, "samples_used"));
    run->components = (size_t)json_integer_value(json_object_get(run->json, "components_shown"));
    run->n = run->activations.tensor.shape[0];
    axes(&run->activations.tensor, &run->c, &run->h, &run->w);
    axes(&run->images.tensor, &run->image_channels, &run->image_h, &run->image_w);
    run->tolerance = (golden_tolerance){
        .projection_double = number(tolerance, "projection_double"),
        .projection_single = number(tolerance, "projection_single"),
        .display_share_double = number(tolerance, "display_share_double"),
        .display_share_single = number(tolerance, "display_share_single"),
        .display_step = number(tolerance, "display_step"),
        .display_stray_share = number(tolerance, "display_stray_share"),
    };
}

/* Which case and which of its runs is run i. */
static void locate(size_t i, golden_run *run, char *folder, size_t capacity)
{
    json_t *index = load_json(golden_dir(), "index.json");
    const json_t *entry;
    size_t at;

    json_array_foreach(json_object_get(index, "cases"), at, entry) {
        const json_t *runs = json_object_get(entry, "runs");
        if (i >= json_array_size(runs)) {
            i -= json_array_size(runs);
            continue;
        }
        const char *name = json_string_value(json_object_get(entry, "name"));
        snprintf(folder, capacity, "%s/%s", golden_dir(), name);
        run->root = load_json(folder, "case.json");
        run->json = json_array_get(json_object_get(run->root, "runs"), i);
        snprintf(run->name, sizeof run->name, "%s/%s", name,
                 json_string_value(json_object_get(run->json, "name")));
        break;
    }
    json_decref(index);
    if (!run->json)
        die(golden_dir(), "fewer runs than expected");
}

void golden_open(size_t i, golden_run *run)
{
    char folder[384];

    *run = (golden_run){0};
    locate(i, run, folder, sizeof folder);
    load_array(folder, run->json, "images", &run->images);
    load_array(folder, run->json, "activations", &run->activations);
    load_array(folder, run->json, "labels", &run->labels);
    load_array(folder, run->json, "preds", &run->preds);
    load_array(folder, run->json, "expected_projection", &run->expected_projection);
    load_array(folder, run->json, "expected_overlay", &run->expected_overlay);
    load_array(folder, run->json, "expected_display", &run->expected_display);
    load_array(folder, run->json, "expected_display_image", &run->expected_display_image);
    describe(run);
}

void golden_close(golden_run *run)
{
    ecam_npy *arrays[] = {&run->images,           &run->activations,
                          &run->labels,           &run->preds,
                          &run->expected_projection, &run->expected_overlay,
                          &run->expected_display, &run->expected_display_image};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        ecam_npy_finish(arrays[i]);
    json_decref(run->root);
    *run = (golden_run){0};
}

ecam_activation golden_activation(const golden_run *run, size_t s)
{
    const ecam_tensor *t = &run->activations.tensor;
    size_t bytes = run->c * run->h * run->w * ecam_dtype_size(t->dtype);

    return (ecam_activation){.data = (const char *)t->data + s * bytes,
                             .dtype = t->dtype,
                             .channels_last = t->layout == ECAM_LAYOUT_NHWC,
                             .c = run->c,
                             .h = run->h,
                             .w = run->w};
}

size_t golden_image_elements(const golden_run *run)
{
    return run->image_channels * run->image_h * run->image_w;
}

ecam_image golden_image(const golden_run *run, size_t s, void *storage)
{
    const ecam_tensor *t = &run->images.tensor;
    size_t n = golden_image_elements(run);

    ecam_image_load((const char *)t->data + s * n * ecam_dtype_size(t->dtype), t->dtype, n, storage);
    return (ecam_image){.data = storage,
                        .is_float = ecam_image_is_float(t->dtype),
                        .channels_last = t->layout == ECAM_LAYOUT_NHWC,
                        .channels = (unsigned)run->image_channels,
                        .h = run->image_h,
                        .w = run->image_w};
}

size_t golden_display_component(const golden_run *run, const char *list, size_t k)
{
    return (size_t)json_integer_value(json_array_get(json_object_get(run->json, list), k));
}
