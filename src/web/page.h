/* The page's files, as they were when the program was built. */
#ifndef ECAM_WEB_PAGE_H
#define ECAM_WEB_PAGE_H

#include <stddef.h>

typedef struct ecam_page_file {
    const char *path; /* "/", "/style.css" */
    const char *type;
    const char *etag; /* of the contents, with its quotes */
    const unsigned char *bytes;
    size_t size;
} ecam_page_file;

/* Generated; ends with a path that is NULL. */
extern const ecam_page_file ecam_page_files[];

#endif
