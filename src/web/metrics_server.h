/* /metrics and /healthz alone, for programs that serve nothing else. */
#ifndef ECAM_WEB_METRICS_SERVER_H
#define ECAM_WEB_METRICS_SERVER_H

#include "eigencam/status.h"
#include "web/metrics.h"

typedef struct ecam_metrics_server ecam_metrics_server;

/* Adds what is to be shown now. Called by the server's thread. */
typedef void ecam_metrics_writer(void *context, ecam_metrics *metrics);

/* address: "PORT" (of 127.0.0.1), "ADDRESS:PORT" or "[IPV6]:PORT"; port 0 is any
 * that is free. On another address than a loopback one whoever asks is
 * answered, by whatever name.
 * Errors: ECAM_EINVAL (address), ECAM_EIO (it is in use, ...), ECAM_ENOMEM. */
ecam_status ecam_metrics_server_open(const char *address, ecam_metrics_writer *write, void *context,
                                     ecam_metrics_server **out, ecam_error *error);

/* "http://127.0.0.1:9560/metrics" */
const char *ecam_metrics_server_address(const ecam_metrics_server *server);

void ecam_metrics_server_close(ecam_metrics_server **server);

#endif
