/* Pictures and maps of a store, by their ids. */
#ifndef ECAM_WEB_PICTURES_H
#define ECAM_WEB_PICTURES_H

#include "web/gallery.h"
#include "web/http.h"

/* Answer a request for ECAM_ROUTE_PICTURE or ECAM_ROUTE_MAP with request->id. */
void ecam_pictures_serve(ecam_gallery *gallery, ecam_http_request *request);

/* A 16-bit grey PNG as float32 .npy: lo + (hi - lo) * v / 65535. `out` is from
 * malloc. Errors: ECAM_EFORMAT (no such PNG), ECAM_ELIMIT, ECAM_ENOMEM. */
ecam_status ecam_pictures_npy(const void *png, size_t png_bytes, double lo, double hi, void **out,
                              size_t *size, ecam_error *error);

#endif
