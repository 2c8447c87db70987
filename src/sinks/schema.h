/* The SQL of the store's index; sinks/index.h explains the tables. */
#ifndef ECAM_SINKS_SCHEMA_H
#define ECAM_SINKS_SCHEMA_H

/* Makes the tables in an empty database; brings those of version 1 up to date. */
extern const char ecam_index_schema[];
extern const char ecam_index_from_1[];

typedef enum ecam_index_statement {
    ECAM_SQL_PUT_RUN,
    ECAM_SQL_PUT_EPOCH,
    ECAM_SQL_PUT_SAMPLE,
    ECAM_SQL_PUT_PICTURE,
    ECAM_SQL_PUT_SUMMARY,
    ECAM_SQL_PUT_TEXTS,
    ECAM_SQL_PUT_BYTES,
    ECAM_SQL_DROP_PICTURES,
    ECAM_SQL_DROP_SAMPLES,
    ECAM_SQL_COUNT_PICTURES,
    ECAM_SQL_LET_OVERLAYS_GO,
    ECAM_SQL_LET_SHEETS_GO,
    ECAM_SQL_OLD_EPOCHS,
    ECAM_SQL_DROP_EPOCH,
    ECAM_SQL_SUM_BYTES,
    ECAM_SQL_PUT_IMAGE,
    ECAM_SQL_DROP_IMAGES,
    ECAM_SQL_FIND_FILE,
    ECAM_SQL_MARK,
    ECAM_SQL_IS_MARKED,
    ECAM_SQL_UNMARK,
    ECAM_SQL_UNMARK_OPEN,
    ECAM_SQL_CLOSE_MARKS,
    ECAM_SQL_FIND_MARKED,
    ECAM_SQL_PUT_ERROR,
    ECAM_SQL_DROP_ERRORS,
    ECAM_SQL_PUT_STATS,
    ECAM_SQL_PUT_COUNTER,
    ECAM_SQL_COUNT
} ecam_index_statement;

/* What is prepared once; by ecam_index_statement. */
extern const char *const ecam_index_sql[ECAM_SQL_COUNT];

#endif
