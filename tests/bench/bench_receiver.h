/* Receivers for bench_trainer, in processes of their own: they read, and compute
 * nothing. A failure ends the program. */
#ifndef TESTS_BENCH_RECEIVER_H
#define TESTS_BENCH_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_RECORD_BYTES ((size_t)1 << 20)
#define BENCH_RECORDS 200

typedef struct bench_receiver {
    pid_t process;
    int done; /* a byte for each epoch_end, or for each BENCH_RECORDS messages */
    char endpoint[128];
} bench_receiver;

int64_t bench_now(void);
void bench_check(bool good, const char *what);

/* For a publisher: takes its ring, wants n_samples of everything (0: all), and
 * copies out what lies in the ring where `copies`. */
bench_receiver bench_start_receiver(const char *name, bool copies, uint64_t n_samples);

/* A PULL socket there. */
bench_receiver bench_start_puller(const char *endpoint);

void bench_wait_done(const bench_receiver *receiver);
void bench_stop_receiver(bench_receiver *receiver);

#endif
