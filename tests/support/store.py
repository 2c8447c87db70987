"""What `eigencam log` and `eigencam draw` leave in a folder."""
import os
import sqlite3

import numpy as np

from support.stream import decode_png


class Store:
    """The index of a folder, and the files it names."""

    def __init__(self, folder):
        self.folder = str(folder)

    def rows(self, sql, *values):
        """Dictionaries; the database is closed again at once."""
        database = sqlite3.connect(f"file:{self.folder}/index.sqlite?mode=ro", uri=True)
        try:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, values)]
        finally:
            database.close()

    def wait_connected(self, log):
        """Until this log is subscribed: it has stored what a stage tells a newcomer."""
        def is_there():
            return os.path.exists(os.path.join(self.folder, "index.sqlite")) and self.rows(
                "SELECT * FROM sqlite_master WHERE name = 'stats'") and self.rows(
                "SELECT * FROM stats WHERE time_ns > ?", log.started_ns)
        log.wait_until(is_there)

    def epochs(self):
        return self.rows("SELECT runs.name AS run, epochs.* FROM epochs"
                         " JOIN runs ON runs.id = run_id ORDER BY epochs.id")

    def pictures(self, epoch_id, kind):
        """Rows of one type in the order of samples and components, with `path` (None: no file)."""
        rows = self.rows("SELECT * FROM pictures WHERE epoch_id = ? AND type = ?"
                         " ORDER BY number, component", epoch_id, kind)
        return [{**row, "path": row["file"] and os.path.join(self.folder, row["file"])}
                for row in rows]

    def samples(self, epoch_id):
        return self.rows("SELECT * FROM samples WHERE epoch_id = ? ORDER BY number", epoch_id)

    def errors(self):
        return self.rows("SELECT * FROM errors ORDER BY id")

    def files(self):
        """Every file below the folder but the index's own, relative to it."""
        return sorted(os.path.relpath(os.path.join(at, name), self.folder)
                      for at, _, names in os.walk(self.folder) for name in names
                      if not name.startswith("index.sqlite"))

    def indexed_files(self):
        return [row["file"] for row in self.rows(
            "SELECT DISTINCT file FROM pictures WHERE file IS NOT NULL ORDER BY file")]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def pixels(row):
    return decode_png(read(row["path"]))


def projection(row):
    """Of a map's row: the signed projection."""
    return row["lo"] + (row["hi"] - row["lo"]) * pixels(row).astype(np.float64) / 65535
