#include "web/gallery.h"

#define EPOCH_COLUMNS                                                                          \
    "e.id, e.epoch, e.attempt, e.complete, e.samples, e.components, e.missing_ranks, e.lost,"  \
    " e.late, e.rejected, e.time_ns, e.latency_ns, e.bytes"

const char *const ecam_gallery_sql[ECAM_QUERY_COUNT] = {
    [ECAM_QUERY_VERSION] = "PRAGMA user_version",
    [ECAM_QUERY_CHANGES] = "PRAGMA data_version",
    [ECAM_QUERY_RUNS] =
        "SELECT r.id, r.name, min(e.time_ns) AS first_ns, max(e.time_ns) AS last_ns"
        " FROM runs AS r JOIN epochs AS e ON e.run_id = r.id GROUP BY r.id ORDER BY max(e.arrival) DESC",
    /* what has a summary goes before what has none */
    [ECAM_QUERY_MODES] =
        "SELECT output, mode, count(*) AS epochs, (SELECT id FROM epochs AS n WHERE n.run_id = e.run_id"
        "  AND n.output = e.output AND n.mode = e.mode ORDER BY seq IS NULL, arrival DESC LIMIT 1) AS newest"
        " FROM epochs AS e WHERE run_id = ? GROUP BY output, mode ORDER BY output, mode",
    [ECAM_QUERY_DS_IDS] =
        "SELECT DISTINCT ds_id FROM samples WHERE epoch_id = ? AND ds_id IS NOT NULL ORDER BY ds_id LIMIT 256",
    [ECAM_QUERY_EPOCHS] =
        "SELECT " EPOCH_COLUMNS " FROM epochs AS e WHERE run_id = ? AND output = ? AND mode = ?"
        " ORDER BY epoch, attempt",
    /* overlay and map of a component have the same share */
    [ECAM_QUERY_EXPLAINED] =
        "SELECT e.id, p.component, avg(p.explained) FROM epochs AS e CROSS JOIN pictures AS p"
        " ON p.epoch_id = e.id AND p.component IS NOT NULL"
        " WHERE e.run_id = ? AND e.output = ? AND e.mode = ?"
        " GROUP BY e.epoch, e.attempt, p.component ORDER BY e.epoch, e.attempt, p.component",
    [ECAM_QUERY_EPOCH] =
        "SELECT " EPOCH_COLUMNS ", e.run_id AS run, r.name AS run_name, e.output, e.mode,"
        " e.colormap, e.weight, e.normalize"
        " FROM epochs AS e JOIN runs AS r ON r.id = e.run_id WHERE e.id = ?",
    [ECAM_QUERY_EPOCH_EXPLAINED] =
        "SELECT epoch_id, component, avg(explained) FROM pictures WHERE epoch_id = ? AND component IS NOT NULL"
        " GROUP BY component ORDER BY component",
    [ECAM_QUERY_TOTAL] = "SELECT count(*) FROM samples WHERE epoch_id = ?",
    [ECAM_QUERY_SAMPLES] =
        "SELECT number, ds_id, rank, step, batch_index AS \"index\", label, pred, image_float"
        " FROM samples WHERE epoch_id = ? AND number >= ? ORDER BY number LIMIT ?",
    [ECAM_QUERY_PICTURES] =
        "SELECT number, component, type, id, stamp, width, height, explained, singular, lo, hi, divisor"
        " FROM pictures WHERE epoch_id = ?1 AND type IN ('image', 'map', 'overlay') AND number BETWEEN ?2 AND ?3"
        " ORDER BY number, component, type",
    [ECAM_QUERY_SHEETS] =
        "SELECT number AS page, id AS picture, CAST(stamp AS TEXT) AS stamp FROM pictures"
        " WHERE epoch_id = ? AND type = 'sheet' ORDER BY number",
    [ECAM_QUERY_PICTURE] =
        "SELECT p.type, p.file, p.stamp, p.number, p.component, p.lo, p.hi, e.epoch, e.attempt, e.output,"
        " e.mode, r.name FROM pictures AS p JOIN epochs AS e ON e.id = p.epoch_id"
        " JOIN runs AS r ON r.id = e.run_id WHERE p.id = ?",
    [ECAM_QUERY_ERRORS] =
        "SELECT id, time_ns, stage, run, code, message, rank, \"key\" FROM errors WHERE id > ?"
        " ORDER BY id DESC LIMIT ?",
    [ECAM_QUERY_STATS] = "SELECT stage, time_ns FROM stats ORDER BY time_ns DESC LIMIT 32",
    [ECAM_QUERY_COUNTERS] = "SELECT name, value FROM counters WHERE stage = ? ORDER BY name LIMIT 1024",
    [ECAM_QUERY_SUMMARIES] =
        "SELECT id, stage, seq, time_ns, latency_ns FROM epochs ORDER BY id",
    [ECAM_QUERY_NAMES] =
        "SELECT e.run_id AS run, r.name AS run_name, e.output, e.mode, e.id, e.epoch, e.attempt"
        " FROM epochs AS e JOIN runs AS r ON r.id = e.run_id WHERE e.id = ?",
};
