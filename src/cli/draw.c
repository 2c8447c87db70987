/* The stage's computation offline: one epoch from .npy files. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <poll.h>

#include "base/log.h"
#include "cam/blas.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/draw_from.h"
#include "cli/settings.h"
#include "codec/npy.h"
#include "sinks/files.h"
#include "stage/collector.h"
#include "stage/render.h"

typedef struct draw {
    const char *images_path, *activations_path, *labels_path, *preds_path;
    const char *dir, *run_name;
    uint64_t epoch_number, workers;
    ecam_mode mode;
    bool bfloat16, help;
    ecam_files_options keep;
    ecam_arena arena;
    ecam_trace trace;

    ecam_npy images, activations, labels, preds;
    ecam_traces *traces;
    ecam_run run;
    ecam_epoch *epoch;
    ecam_sample_shelf shelf;
    ecam_pool *pool;
    ecam_files *files;
    ecam_status status; /* of what happens in callbacks */
    ecam_error error;
    size_t pictures;
} draw;

/* Keys and filters of a stream mean nothing here. */
static const char *const not_here[] = {"images", "activations", "labels", "preds", "mode", "ds-id", NULL};

static void list_options(ecam_option_list *list)
{
    size_t n;
    const ecam_trace_option *trace = ecam_trace_options(&n);

    ecam_option_list_add(list, "images", "FILE.npy", NULL, "the input images, (N,C,H,W) or (N,H,W,C)");
    ecam_option_list_add(list, "activations", "FILE.npy", NULL, "the layer's activations, (N,C,h,w) or (N,h,w,C)");
    ecam_option_list_add(list, "labels", "FILE.npy", NULL, "(N,), (N,1) or (N,classes)");
    ecam_option_list_add(list, "preds", "FILE.npy", NULL, "(N,), (N,1) or (N,classes)");
    ecam_option_list_add(list, "dir", "DIR", "eigencam-out", "where the pictures go");
    ecam_option_list_add(list, "compact", NULL, NULL, "store what overlays and sheets are drawn from instead of them");
    ecam_option_list_add(list, "run", "NAME", "draw", "the run's name in files and captions");
    ecam_option_list_add(list, "epoch", "N", "0", "the epoch's number in files and captions");
    ecam_option_list_add(list, "mode", "MODE", "infer", "train, eval, test or infer, in files and captions");
    ecam_option_list_add(list, "activation-type", "TYPE", "the file's", "bfloat16: the file's uint16 are its bits");
    ecam_option_list_add(list, "workers", "N", "processors", "threads that compute");
    ecam_option_list_add_table(list, trace, n, not_here);
    ecam_option_list_add(list, "from", "DIR", NULL, "draw what a store has instead: see draw --from DIR --help");
    ecam_option_list_add(list, "help", NULL, NULL, "print this");
}

static ecam_status set_path(draw *d, const ecam_option *option, const char *value)
{
    const struct {
        const char *name;
        const char **path;
    } paths[] = {{"images", &d->images_path}, {"activations", &d->activations_path},
                 {"labels", &d->labels_path}, {"preds", &d->preds_path},
                 {"dir", &d->dir},            {"run", &d->run_name}};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (ecam_args_is(option, paths[i].name)) {
            *paths[i].path = value;
            return ECAM_OK;
        }
    }
    return ECAM_EMISSING;
}

static ecam_status set_option(draw *d, const ecam_option *option, const char *value, ecam_error *error)
{
    const ecam_node node = {.kind = ECAM_NODE_TEXT, .size = value ? strlen(value) : 0, .bytes = value};

    if (set_path(d, option, value) == ECAM_OK)
        return ECAM_OK;
    if (ecam_args_is(option, "help")) {
        d->help = true;
        return ECAM_OK;
    }
    if (ecam_args_is(option, "compact")) {
        d->keep.compact = true;
        return ECAM_OK;
    }
    if (ecam_args_is(option, "epoch"))
        return ecam_args_uint(option, value, 0, UINT32_MAX, &d->epoch_number, error);
    if (ecam_args_is(option, "mode"))
        return ecam_mode_parse(value, strlen(value), &d->mode)
                   ? ECAM_OK
                   : ecam_fail(error, ECAM_EINVAL, "--mode: \"%s\" is not accepted; expected train, eval, test or infer",
                               value);
    if (ecam_args_is(option, "workers"))
        return ecam_args_uint(option, value, 1, 256, &d->workers, error);
    if (ecam_args_is(option, "activation-type")) {
        d->bfloat16 = strcmp(value, "bfloat16") == 0;
        return d->bfloat16 ? ECAM_OK
                           : ecam_fail(error, ECAM_EINVAL, "--activation-type: \"%s\" is not accepted; expected "
                                       "bfloat16 (all other types are in the file)", value);
    }
    ecam_status st = ecam_trace_set(&d->trace, option->name, strlen(option->name), &node, &d->arena, error);
    if (st != ECAM_OK)
        ecam_error_prefix(error, "--");
    return st;
}

static ecam_status read_flags(draw *d, int argc, char **argv, const ecam_option_list *list, ecam_error *error)
{
    ecam_args args;
    const ecam_option *option;
    const char *value;
    ecam_status st;

    ecam_args_init(&args, argc, argv, list->options, list->n);
    while ((st = ecam_args_next(&args, &option, &value, error)) == ECAM_OK) {
        if (!option)
            return ecam_fail(error, ECAM_EINVAL, "\"%s\" is not an option; draw takes options only", value);
        st = set_option(d, option, value, error);
        if (st != ECAM_OK)
            return st;
    }
    if (st != ECAM_ECLOSED)
        return st;
    if (!d->help && (!d->images_path || !d->activations_path))
        return ecam_fail(error, ECAM_EINVAL, "--%s FILE.npy is missing; draw needs --images and --activations",
                         d->images_path ? "activations" : "images");
    return ECAM_OK;
}

/* Leave only the first n samples of an array. */
static void keep_first(ecam_tensor *t, uint64_t n)
{
    if (n == 0 || t->ndim == 0 || t->shape[0] <= n)
        return;
    t->size_bytes = t->size_bytes / t->shape[0] * n;
    t->shape[0] = n;
}

static ecam_status read_files(draw *d, ecam_error *error)
{
    ecam_status st = ecam_npy_read(d->images_path, &d->images, error);

    if (st == ECAM_OK)
        st = ecam_npy_read(d->activations_path, &d->activations, error);
    if (st == ECAM_OK && d->labels_path)
        st = ecam_npy_read(d->labels_path, &d->labels, error);
    if (st == ECAM_OK && d->preds_path)
        st = ecam_npy_read(d->preds_path, &d->preds, error);
    if (st == ECAM_OK && d->bfloat16) {
        if (d->activations.tensor.dtype != ECAM_U16 && d->activations.tensor.dtype != ECAM_BF16)
            return ecam_fail(error, ECAM_ETYPE, "%s holds %s; --activation-type bfloat16 needs <u2",
                             d->activations_path, ecam_dtype_name(d->activations.tensor.dtype));
        d->activations.tensor.dtype = ECAM_BF16;
    }
    keep_first(&d->images.tensor, d->trace.n_samples);
    keep_first(&d->activations.tensor, d->trace.n_samples);
    keep_first(&d->labels.tensor, d->trace.n_samples);
    keep_first(&d->preds.tensor, d->trace.n_samples);
    return st;
}

static void run_sample(ecam_task *task, ecam_worker *worker)
{
    ecam_sample_project((ecam_sample *)task, worker);
}

static void sample_done(ecam_task *task, void *context)
{
    draw *d = context;
    const ecam_sample *sample = (ecam_sample *)task;

    if (sample->status != ECAM_OK && d->status == ECAM_OK) {
        d->status = sample->status;
        d->error = sample->error;
    }
}

static ecam_status read_labels(const ecam_npy *npy, const char *path, uint64_t n, ecam_field *field,
                               ecam_error *error)
{
    *field = (ecam_field){.key = path, .is_tensor = true, .tensor = npy->tensor};
    return npy->bytes ? ecam_label_check(field, n, error) : ECAM_OK;
}

static void wait_for_pool(draw *d)
{
    struct pollfd item = {.fd = ecam_pool_fd(d->pool), .events = POLLIN};
    poll(&item, 1, -1);
    ecam_pool_collect(d->pool, d);
}

static ecam_status add_sample(draw *d, const ecam_image_batch *images, const ecam_activation_batch *activations,
                              const ecam_field *labels, const ecam_field *preds, uint64_t i)
{
    ecam_output *output = &d->epoch->outputs[0];
    ecam_sample *evicted, *sample = ecam_sample_take(&d->shelf);

    if (!sample)
        return ECAM_ENOMEM;
    sample->key.index = (uint32_t)i;
    sample->epoch = d->epoch;
    if (labels->tensor.data)
        ecam_label_read(labels, i, &sample->label);
    if (preds->tensor.data)
        ecam_label_read(preds, i, &sample->pred);
    ecam_sample_set(sample, output->trace, images, activations, i);
    ecam_status st = ecam_output_add(output, sample, &evicted);
    if (st != ECAM_OK) {
        ecam_sample_give(&d->shelf, &sample);
        return st;
    }
    sample->task.run = run_sample;
    sample->task.done = sample_done;
    ecam_pool_submit(d->pool, &sample->task, false);
    return ECAM_OK;
}

static ecam_status project(draw *d, ecam_error *error)
{
    const ecam_trace *trace = d->epoch->outputs[0].trace;
    ecam_image_batch images = {0};
    ecam_activation_batch activations = {0};
    ecam_field labels = {0}, preds = {0};
    ecam_status st = ecam_shape_images(&d->images.tensor, trace->image_layout, &images, error);

    if (st == ECAM_OK)
        st = ecam_shape_activations(&d->activations.tensor, trace->activation_layout, images.layout,
                                    &activations, error);
    if (st == ECAM_OK && images.n != activations.n)
        st = ecam_fail(error, ECAM_ESHAPE, "%s has %llu samples, %s has %llu; expected the same number",
                       d->images_path, (unsigned long long)images.n, d->activations_path,
                       (unsigned long long)activations.n);
    if (st == ECAM_OK)
        st = read_labels(&d->labels, d->labels_path, images.n, &labels, error);
    if (st == ECAM_OK)
        st = read_labels(&d->preds, d->preds_path, images.n, &preds, error);
    for (uint64_t i = 0; st == ECAM_OK && i < images.n; i++) {
        st = add_sample(d, &images, &activations, &labels, &preds, i);
        if (st != ECAM_OK)
            ecam_fail(error, st, "no memory for sample %llu", (unsigned long long)i);
    }
    while (ecam_pool_waiting(d->pool) > 0)
        wait_for_pool(d);
    if (st == ECAM_OK && d->status != ECAM_OK)
        *error = d->error;
    return st == ECAM_OK ? d->status : st;
}

static ecam_status emit(void *context, ecam_result *result)
{
    draw *d = context;
    ecam_status st = ecam_files_store(d->files, result, &d->error);

    if (st != ECAM_OK && d->status == ECAM_OK)
        d->status = st;
    if (result->type <= ECAM_RESULT_SHEET)
        d->pictures++;
    return ECAM_OK;
}

static ecam_status render(draw *d, ecam_error *error)
{
    const ecam_render_job job = {.epoch = d->epoch,
                                 .output = &d->epoch->outputs[0],
                                 .shelf = &d->shelf,
                                 .mapping = d->epoch->outputs[0].trace->label_mapping,
                                 .window = 2 * (unsigned)d->workers + 1};
    ecam_render *drawing;
    const ecam_error *failure;
    const char *value;
    ecam_status st = ecam_render_create(&job, d->pool, &drawing, error);

    if (st != ECAM_OK)
        return st;
    if (error->status != ECAM_OK)
        ecam_log("draw: %s", error->text);
    while (ecam_render_step(drawing, emit, d), !ecam_render_finished(drawing))
        wait_for_pool(d);
    if (ecam_render_unmapped(drawing, &value) > 0)
        ecam_log("draw: a label or prediction is outside the mapping, for example %s: the number is shown", value);
    if (ecam_render_failed(drawing, &failure) > 0) {
        st = failure->status;
        *error = *failure;
    } else if (d->status != ECAM_OK) {
        st = d->status;
        *error = d->error;
    }
    ecam_render_destroy(&drawing);
    return st;
}

static ecam_status prepare(draw *d, ecam_error *error)
{
    ecam_status st = ecam_traces_create(&d->trace, 1, &d->traces);

    d->run.name = (char *)d->run_name;
    if (st == ECAM_OK)
        d->epoch = ecam_epoch_create(&d->run, d->mode, d->epoch_number, 1, d->traces);
    if (!d->epoch)
        return ecam_fail(error, ECAM_ENOMEM, "no memory");
    d->epoch->complete = true;
    d->epoch->world = 0;
    st = ecam_pool_create((unsigned)d->workers, &d->pool, error);
    if (st == ECAM_OK)
        st = ecam_files_open_with(d->dir, &d->keep, &d->files, error);
    return st;
}

static void finish(draw *d)
{
    ecam_pool_destroy(&d->pool);
    if (d->epoch)
        ecam_epoch_destroy(&d->epoch, &d->shelf);
    ecam_sample_shelf_finish(&d->shelf);
    ecam_traces_unref(&d->traces);
    ecam_npy_finish(&d->images);
    ecam_npy_finish(&d->activations);
    ecam_npy_finish(&d->labels);
    ecam_npy_finish(&d->preds);
    ecam_arena_finish(&d->arena);
}

int ecam_cli_draw(int argc, char **argv)
{
    ecam_option_list list = {.n = 0};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    draw d = {.dir = "eigencam-out", .run_name = "draw", .mode = ECAM_MODE_INFER,
              .workers = processors > 0 ? (uint64_t)processors : 1};
    ecam_error error = {0};
    int exit_status = 2;

    if (ecam_cli_draws_from(argc, argv))
        return ecam_cli_draw_from(argc, argv);
    ecam_arena_init(&d.arena, 0);
    ecam_sample_shelf_init(&d.shelf, (size_t)1 << 30);
    ecam_trace_init(&d.trace);
    list_options(&list);
    ecam_status st = read_flags(&d, argc, argv, &list, &error);
    if (st == ECAM_OK && d.help) {
        ecam_args_help("eigencam draw --images FILE.npy --activations FILE.npy [options]",
                       "EigenCAM pictures of arrays in files.", list.options, list.n);
        finish(&d);
        return 0;
    }
    ecam_blas_single_thread();
    if (st == ECAM_OK)
        st = read_files(&d, &error);
    if (st == ECAM_OK)
        st = prepare(&d, &error);
    if (st == ECAM_OK)
        st = project(&d, &error);
    if (st == ECAM_OK) {
        exit_status = 1;
        st = render(&d, &error);
    }
    if (ecam_files_close(&d.files, st == ECAM_OK ? &error : NULL) != ECAM_OK && st == ECAM_OK)
        st = error.status;
    if (st == ECAM_OK) {
        ecam_log("%zu pictures are in %s", d.pictures, d.dir);
        exit_status = 0;
    } else {
        ecam_log("draw: %s", error.text);
    }
    finish(&d);
    return exit_status;
}
