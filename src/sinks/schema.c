#include "sinks/schema.h"

#define KEPT_ERRORS "10000"

const char ecam_index_schema[] =
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE epochs ("
    " id INTEGER PRIMARY KEY,"
    " run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
    " output TEXT NOT NULL, mode TEXT NOT NULL, epoch INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " folder TEXT NOT NULL, stage TEXT NOT NULL, seq INTEGER, time_ns INTEGER NOT NULL,"
    " samples INTEGER, components INTEGER, complete INTEGER, missing_ranks TEXT,"
    " lost INTEGER, rejected INTEGER, late INTEGER, published_overlays INTEGER,"
    " published_maps INTEGER, published_images INTEGER, published_sheets INTEGER,"
    " latency_ns INTEGER,"
    " UNIQUE (run_id, output, mode, epoch, attempt));"
    "CREATE TABLE samples ("
    " epoch_id INTEGER NOT NULL REFERENCES epochs (id) ON DELETE CASCADE,"
    " number INTEGER NOT NULL, ds_id TEXT, rank INTEGER, step INTEGER, batch_index INTEGER,"
    " label TEXT, pred TEXT,"
    " PRIMARY KEY (epoch_id, number)) WITHOUT ROWID;"
    "CREATE TABLE pictures ("
    " id INTEGER PRIMARY KEY,"
    " epoch_id INTEGER NOT NULL REFERENCES epochs (id) ON DELETE CASCADE,"
    " type TEXT NOT NULL, number INTEGER NOT NULL, component INTEGER,"
    " components INTEGER, explained REAL, singular REAL, lo REAL, hi REAL, divisor REAL,"
    " pages INTEGER, page_rows INTEGER,"
    " width INTEGER NOT NULL, height INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " file TEXT NOT NULL, stage TEXT NOT NULL, seq INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
    " UNIQUE (epoch_id, file));"
    "CREATE TABLE errors ("
    " id INTEGER PRIMARY KEY, stage TEXT NOT NULL, run TEXT NOT NULL, seq INTEGER NOT NULL,"
    " time_ns INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,"
    " rank INTEGER, session TEXT, of_seq INTEGER, key TEXT,"
    " UNIQUE (stage, run, seq));"
    "CREATE TABLE stats (stage TEXT PRIMARY KEY, seq INTEGER NOT NULL, time_ns INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE counters ("
    " stage TEXT NOT NULL REFERENCES stats (stage) ON DELETE CASCADE,"
    " name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (stage, name)) WITHOUT ROWID;";

/* `UPDATE SET name = name` and not `DO NOTHING`: only a row that is touched is
 * returned. */
const char *const ecam_index_sql[ECAM_SQL_COUNT] = {
    [ECAM_SQL_PUT_RUN] =
        "INSERT INTO runs (name) VALUES (?)"
        " ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
    [ECAM_SQL_PUT_EPOCH] =
        "INSERT INTO epochs (run_id, output, mode, epoch, attempt, folder, stage, time_ns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (run_id, output, mode, epoch, attempt)"
        " DO UPDATE SET folder = excluded.folder RETURNING id",
    [ECAM_SQL_PUT_SAMPLE] =
        "INSERT OR REPLACE INTO samples"
        " (epoch_id, number, ds_id, rank, step, batch_index, label, pred)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [ECAM_SQL_PUT_PICTURE] =
        "INSERT OR REPLACE INTO pictures"
        " (epoch_id, type, number, component, components, explained, singular, lo, hi,"
        "  divisor, pages, page_rows, width, height, bytes, file, stage, seq, time_ns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [ECAM_SQL_PUT_SUMMARY] =
        "UPDATE epochs SET stage = ?, seq = ?, time_ns = ?, samples = ?, components = ?,"
        " complete = ?, missing_ranks = ?, lost = ?, rejected = ?, late = ?,"
        " published_overlays = ?, published_maps = ?, published_images = ?,"
        " published_sheets = ?, latency_ns = ? WHERE id = ?",
    [ECAM_SQL_PUT_TEXTS] =
        "INSERT INTO samples (epoch_id, number, label, pred) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (epoch_id, number) DO UPDATE SET label = ?3, pred = ?4",
    [ECAM_SQL_DROP_PICTURES] =
        "DELETE FROM pictures WHERE epoch_id = ?1 AND stage <> ?2 AND CASE type"
        " WHEN 'sheet' THEN number >= ?8"
        " WHEN 'image' THEN ?7 = 0 OR number >= ?3"
        " WHEN 'map' THEN ?6 = 0 OR number >= ?3 OR component >= ?4"
        " ELSE ?5 = 0 OR number >= ?3 OR component >= ?4 END RETURNING file",
    [ECAM_SQL_DROP_SAMPLES] =
        "DELETE FROM samples WHERE epoch_id = ? AND number >= ?",
    [ECAM_SQL_COUNT_PICTURES] =
        "SELECT count(*) FROM pictures WHERE epoch_id = ?",
    [ECAM_SQL_PUT_ERROR] =
        "INSERT OR REPLACE INTO errors"
        " (stage, run, seq, time_ns, code, message, rank, session, of_seq, key)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [ECAM_SQL_DROP_ERRORS] =
        "DELETE FROM errors WHERE id <= (SELECT max(id) FROM errors) - " KEPT_ERRORS,
    [ECAM_SQL_PUT_STATS] =
        "INSERT OR REPLACE INTO stats (stage, seq, time_ns) VALUES (?, ?, ?)",
    [ECAM_SQL_PUT_COUNTER] =
        "INSERT OR REPLACE INTO counters (stage, name, value) VALUES (?, ?, ?)",
};
