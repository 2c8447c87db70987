/* What encoding and decoding of results share. */
#ifndef ECAM_WIRE_RESULT_PARTS_H
#define ECAM_WIRE_RESULT_PARTS_H

#include <stdbool.h>

#include "wire/pack.h"
#include "wire/reader.h"
#include "wire/result.h"
#include "wire/topic.h"

extern const char *const ecam_result_names[ECAM_RESULT_TYPE_COUNT];

/* What a divisor is of, by `per_image`. */
extern const char *const ecam_result_scopes[2];

/* Of an epoch: has run, output, epoch, attempt, mode. */
static inline bool ecam_result_of_epoch(ecam_result_type type)
{
    return type <= ECAM_RESULT_EPOCH;
}

static inline bool ecam_result_has_picture(ecam_result_type type)
{
    return type <= ECAM_RESULT_SHEET;
}

/* result_stats.c: a map that is a value; the keys of `stats`. */
void ecam_result_pack_account(ecam_packer *p, const ecam_result_account *account);
void ecam_result_read_account(ecam_reader *r, const ecam_node *map, const char *key, ecam_result_account *out);
void ecam_result_pack_stats(ecam_packer *p, const ecam_result_stats *stats);
void ecam_result_read_stats(ecam_reader *r, const ecam_node *header, ecam_result_stats *out);

#define ECAM_RESULT_TOPIC_PARTS 4

/* The parts of a result's topic; returns how many. */
size_t ecam_result_topic_parts(const ecam_result *result,
                               ecam_topic_part parts[ECAM_RESULT_TOPIC_PARTS]);

#endif
