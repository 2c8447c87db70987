/* The golden cases under tests/golden (see its README.md), one run at a time. */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "codec/npy.h"
#include "eigencam/cam.h"
#include "eigencam/tensor.h"

#define GOLDEN_RUNS 52

typedef struct golden_tolerance {
    double projection_double, projection_single;
    double display_share_double, display_share_single;
    double display_step, display_stray_share;
} golden_tolerance;

/* Arrays that the run does not name have tensor.data NULL. bfloat16 files have
 * their tensor's dtype corrected. Layouts are set in the tensors. */
typedef struct golden_run {
    char name[128]; /* "digits_cnn/conv1" */
    ecam_npy images, activations, labels, preds;
    ecam_npy expected_projection;    /* f4 [N][K][h][w] */
    ecam_npy expected_overlay;       /* f4 [N][k][H][W][3], epoch-normalised */
    ecam_npy expected_display;       /* u1 [N][k][H][W][3], epoch-normalised */
    ecam_npy expected_display_image; /* u1 [N][k][H][W][3], image-normalised */
    unsigned n_components;           /* 0: the variance target counts */
    double variance;
    size_t samples;                  /* samples_used */
    size_t n, c, h, w;               /* activations */
    size_t image_channels, image_h, image_w;
    size_t components;               /* components_shown */
    golden_tolerance tolerance;
    const json_t *json;              /* the run's own object: the rest */
    json_t *root;                    /* owns it */
} golden_run;

/* The folder: $EIGENCAM_GOLDEN, or what the build says. */
const char *golden_dir(void);

/* Run i of 0..GOLDEN_RUNS-1, in the order of index.json; exits with a message
 * where files cannot be read (tests cannot go on then). */
void golden_open(size_t i, golden_run *run);
void golden_close(golden_run *run);

/* Sample s of the run, as the computing functions take it. */
ecam_activation golden_activation(const golden_run *run, size_t s);

/* Sample s of the images, brought to the accepted form in `storage`
 * (ecam_image_bytes long; aligned for float). */
ecam_image golden_image(const golden_run *run, size_t s, void *storage);

/* Bytes of one element times the elements of one sample. */
size_t golden_image_elements(const golden_run *run);

/* display_components or display_image_components: the component that stands at
 * place k of the expected file's second axis. */
size_t golden_display_component(const golden_run *run, const char *list, size_t k);

#endif
