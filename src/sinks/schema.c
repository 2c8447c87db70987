#include "sinks/schema.h"

#define KEPT_ERRORS "10000"

#define PICTURES(name)                                                                         \
    "CREATE TABLE " name " ("                                                                  \
    " id INTEGER PRIMARY KEY,"                                                                 \
    " epoch_id INTEGER NOT NULL REFERENCES epochs (id) ON DELETE CASCADE,"                     \
    " type TEXT NOT NULL, number INTEGER NOT NULL, component INTEGER,"                         \
    " components INTEGER, explained REAL, singular REAL, lo REAL, hi REAL, divisor REAL,"      \
    " pages INTEGER, page_rows INTEGER,"                                                       \
    " width INTEGER NOT NULL, height INTEGER NOT NULL, bytes INTEGER NOT NULL, file TEXT,"     \
    " stamp INTEGER NOT NULL, stage TEXT NOT NULL, seq INTEGER NOT NULL,"                      \
    " time_ns INTEGER NOT NULL);"

/* A NULL component is not equal to another one, so the key needs a number. */
#define PICTURE_KEY "epoch_id, type, number, ifnull(component, -1)"

#define REST_OF_2                                                                              \
    "CREATE UNIQUE INDEX pictures_key ON pictures (" PICTURE_KEY ");"                          \
    "CREATE INDEX pictures_file ON pictures (file) WHERE file IS NOT NULL;"                    \
    "CREATE TABLE images (file TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;"       \
    "CREATE TABLE unswept (path TEXT PRIMARY KEY, open INTEGER NOT NULL) WITHOUT ROWID;"

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
    " latency_ns INTEGER, world INTEGER, colormap TEXT, weight REAL, normalize TEXT,"
    " bytes INTEGER NOT NULL DEFAULT 0, arrival INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (run_id, output, mode, epoch, attempt));"
    "CREATE TABLE samples ("
    " epoch_id INTEGER NOT NULL REFERENCES epochs (id) ON DELETE CASCADE,"
    " number INTEGER NOT NULL, ds_id TEXT, rank INTEGER, step INTEGER, batch_index INTEGER,"
    " label TEXT, pred TEXT, image_float INTEGER,"
    " PRIMARY KEY (epoch_id, number)) WITHOUT ROWID;"
    PICTURES("pictures")
    REST_OF_2
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

/* Version 1 named a picture's file in the epoch's folder, and always had one.
 * Its pictures get the stamp 0, which no contents have. */
const char ecam_index_from_1[] =
    "ALTER TABLE epochs ADD COLUMN world INTEGER;"
    "ALTER TABLE epochs ADD COLUMN colormap TEXT;"
    "ALTER TABLE epochs ADD COLUMN weight REAL;"
    "ALTER TABLE epochs ADD COLUMN normalize TEXT;"
    "ALTER TABLE epochs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE epochs ADD COLUMN arrival INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE samples ADD COLUMN image_float INTEGER;"
    "UPDATE epochs SET arrival = id, bytes ="
    " (SELECT ifnull(sum(bytes), 0) FROM pictures WHERE epoch_id = epochs.id);"
    "ALTER TABLE pictures RENAME TO pictures_1;"
    PICTURES("pictures")
    "INSERT INTO pictures"
    " SELECT p.id, epoch_id, type, number, component, p.components, explained, singular, lo, hi,"
    "  divisor, pages, page_rows, width, height, p.bytes, folder || '/' || file, 0, p.stage, p.seq,"
    "  p.time_ns FROM pictures_1 AS p JOIN epochs ON epochs.id = epoch_id;"
    "DROP TABLE pictures_1;"
    REST_OF_2;

/* What redraws an overlay: see ecam_redraw. */
#define HAS_IMAGE                                                                              \
    "EXISTS (SELECT 1 FROM pictures AS i WHERE i.epoch_id = p.epoch_id AND i.type = 'image'"   \
    "  AND i.number = p.number AND ifnull(i.component, -1) = -1)"
#define HAS_MAP                                                                                \
    "EXISTS (SELECT 1 FROM pictures AS m WHERE m.epoch_id = p.epoch_id AND m.type = 'map'"     \
    "  AND m.number = p.number AND ifnull(m.component, -1) = ifnull(p.component, -1))"
#define HAS_STYLE                                                                              \
    "EXISTS (SELECT 1 FROM epochs WHERE id = p.epoch_id AND colormap IS NOT NULL)"

/* `UPDATE SET name = name` and not `DO NOTHING`: only a row that is touched is
 * returned. */
const char *const ecam_index_sql[ECAM_SQL_COUNT] = {
    [ECAM_SQL_PUT_RUN] =
        "INSERT INTO runs (name) VALUES (?)"
        " ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
    [ECAM_SQL_PUT_EPOCH] =
        "INSERT INTO epochs (run_id, output, mode, epoch, attempt, folder, stage, time_ns, colormap,"
        "  weight, normalize, arrival)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT ifnull(max(arrival), 0) + 1 FROM epochs))"
        " ON CONFLICT (run_id, output, mode, epoch, attempt) DO UPDATE SET folder = excluded.folder,"
        "  weight = iif(excluded.colormap IS NULL, weight, excluded.weight),"
        "  normalize = iif(excluded.colormap IS NULL, normalize, excluded.normalize),"
        "  colormap = ifnull(excluded.colormap, colormap) RETURNING id",
    [ECAM_SQL_PUT_SAMPLE] =
        "INSERT INTO samples (epoch_id, number, ds_id, rank, step, batch_index, label, pred, image_float)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (epoch_id, number) DO UPDATE"
        " SET ds_id = excluded.ds_id, rank = excluded.rank, step = excluded.step,"
        "  batch_index = excluded.batch_index, label = excluded.label, pred = excluded.pred,"
        "  image_float = ifnull(excluded.image_float, image_float)",
    [ECAM_SQL_PUT_PICTURE] =
        "INSERT INTO pictures"
        " (epoch_id, type, number, component, components, explained, singular, lo, hi,"
        "  divisor, pages, page_rows, width, height, bytes, file, stamp, stage, seq, time_ns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (" PICTURE_KEY ") DO UPDATE SET components = excluded.components,"
        "  explained = excluded.explained, singular = excluded.singular, lo = excluded.lo,"
        "  hi = excluded.hi, divisor = excluded.divisor, pages = excluded.pages,"
        "  page_rows = excluded.page_rows, width = excluded.width, height = excluded.height,"
        "  bytes = excluded.bytes, file = excluded.file, stamp = excluded.stamp,"
        "  stage = excluded.stage, seq = excluded.seq, time_ns = excluded.time_ns",
    [ECAM_SQL_PUT_SUMMARY] =
        "UPDATE epochs SET stage = ?, seq = ?, time_ns = ?, samples = ?, components = ?,"
        " complete = ?, missing_ranks = ?, world = ?, lost = ?, rejected = ?, late = ?,"
        " published_overlays = ?, published_maps = ?, published_images = ?,"
        " published_sheets = ?, latency_ns = ?,"
        " arrival = (SELECT max(arrival) + 1 FROM epochs) WHERE id = ?",
    [ECAM_SQL_PUT_TEXTS] =
        "INSERT INTO samples (epoch_id, number, label, pred) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (epoch_id, number) DO UPDATE SET label = ?3, pred = ?4",
    [ECAM_SQL_PUT_BYTES] =
        "UPDATE epochs SET bytes = (SELECT ifnull(sum(bytes), 0) FROM pictures"
        " WHERE epoch_id = ?1 AND file NOT IN (SELECT file FROM images)) WHERE id = ?1 RETURNING bytes",
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
    [ECAM_SQL_LET_OVERLAYS_GO] =
        "UPDATE pictures AS p SET file = NULL, bytes = 0 WHERE epoch_id = ? AND type = 'overlay'"
        " AND file IS NOT NULL AND " HAS_IMAGE " AND " HAS_MAP " AND " HAS_STYLE,
    /* where every sample on the page has its image and all of its maps */
    [ECAM_SQL_LET_SHEETS_GO] =
        "WITH first AS (SELECT page_rows FROM pictures"
        "  WHERE epoch_id = ?1 AND type = 'sheet' AND number = 0)"
        " UPDATE pictures AS p SET file = NULL, bytes = 0 WHERE epoch_id = ?1 AND type = 'sheet'"
        " AND file IS NOT NULL AND " HAS_STYLE
        " AND page_rows = (SELECT count(*) FROM pictures AS i WHERE i.epoch_id = ?1"
        "  AND i.type = 'image' AND i.number >= p.number * (SELECT page_rows FROM first)"
        "  AND i.number < (p.number + 1) * (SELECT page_rows FROM first))"
        " AND page_rows * (SELECT components FROM epochs WHERE id = ?1)"
        "  = (SELECT count(*) FROM pictures AS m WHERE m.epoch_id = ?1"
        "  AND m.type = 'map' AND m.number >= p.number * (SELECT page_rows FROM first)"
        "  AND m.number < (p.number + 1) * (SELECT page_rows FROM first))",
    /* Of each run, output and mode all but the first epoch and the newest ?1;
     * the oldest first. */
    [ECAM_SQL_OLD_EPOCHS] =
        "SELECT id FROM (SELECT id, arrival,"
        "  row_number() OVER (PARTITION BY run_id, output, mode ORDER BY arrival DESC) AS newest,"
        "  row_number() OVER (PARTITION BY run_id, output, mode ORDER BY epoch, attempt) AS first"
        "  FROM epochs) WHERE newest > ?1 AND first > 1 ORDER BY arrival",
    [ECAM_SQL_DROP_EPOCH] =
        "DELETE FROM epochs WHERE id = ? RETURNING folder, bytes",
    [ECAM_SQL_SUM_BYTES] =
        "SELECT ifnull((SELECT sum(bytes) FROM epochs), 0) + ifnull((SELECT sum(bytes) FROM images), 0)",
    [ECAM_SQL_PUT_IMAGE] =
        "INSERT OR IGNORE INTO images (file, bytes) VALUES (?, ?)",
    [ECAM_SQL_DROP_IMAGES] =
        "DELETE FROM images WHERE NOT EXISTS"
        " (SELECT 1 FROM pictures WHERE pictures.file = images.file) RETURNING file, bytes",
    [ECAM_SQL_FIND_FILE] =
        "SELECT 1 FROM pictures WHERE file = ? LIMIT 1",
    [ECAM_SQL_MARK] =
        "INSERT INTO unswept (path, open) VALUES (?, ?)"
        " ON CONFLICT (path) DO UPDATE SET open = min(open, excluded.open)",
    [ECAM_SQL_IS_MARKED] =
        "SELECT 1 FROM unswept WHERE path = ?",
    [ECAM_SQL_UNMARK] =
        "DELETE FROM unswept WHERE path = ?",
    [ECAM_SQL_UNMARK_OPEN] =
        "DELETE FROM unswept WHERE open",
    [ECAM_SQL_CLOSE_MARKS] =
        "UPDATE unswept SET open = 0 WHERE open",
    [ECAM_SQL_FIND_MARKED] =
        "SELECT path FROM unswept WHERE NOT open OR ?",
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
