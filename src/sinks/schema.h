/* The SQL of the store's index; sinks/index.h explains the tables. */
#ifndef ECAM_SINKS_SCHEMA_H
#define ECAM_SINKS_SCHEMA_H

/* Makes the tables in an empty database. */
extern const char ecam_index_schema[];

typedef enum ecam_index_statement {
    ECAM_SQL_PUT_RUN,
    ECAM_SQL_PUT_EPOCH,
    ECAM_SQL_PUT_SAMPLE,
    ECAM_SQL_PUT_PICTURE,
    ECAM_SQL_PUT_SUMMARY,
    ECAM_SQL_PUT_TEXTS,
    ECAM_SQL_DROP_PICTURES,
    ECAM_SQL_DROP_SAMPLES,
    ECAM_SQL_COUNT_PICTURES,
    ECAM_SQL_PUT_ERROR,
    ECAM_SQL_DROP_ERRORS,
    ECAM_SQL_PUT_STATS,
    ECAM_SQL_PUT_COUNTER,
    ECAM_SQL_COUNT
} ecam_index_statement;

/* What is prepared once; by ecam_index_statement. */
extern const char *const ecam_index_sql[ECAM_SQL_COUNT];

#endif
