"""What has come and is not in the tracker yet, and what is: one SQLite file.

A result is written here before anything else is done with it, and its picture leaves when the
tracker has it. So a bridge that is killed, or whose tracker is away, goes on where it was.
"""
import fcntl
import hashlib
import json
import sqlite3
import threading
import time

import msgpack

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, identity BLOB UNIQUE NOT NULL, header BLOB NOT NULL, png BLOB,
    size INTEGER NOT NULL, handed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS done (
    target TEXT NOT NULL, identity BLOB NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (target, identity)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS streams (
    stage TEXT NOT NULL, topic TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (stage, topic)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS explained (
    epoch TEXT NOT NULL, component INTEGER NOT NULL, sample INTEGER NOT NULL, share REAL NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (epoch, component, sample)) WITHOUT ROWID;
"""
_REMEMBERED = 90 * 24 * 3600  # seconds after which what was done is forgotten


class Busy(Exception):
    """Another bridge has this state."""


class Item:
    """One result on its way. handed: it may be in the tracker already."""

    __slots__ = ("id", "identity", "header", "png", "size", "handed", "digest")

    def __init__(self, id, identity, header, png, size, handed):
        self.id, self.identity, self.header, self.png = id, identity, header, png
        self.size, self.handed = size, bool(handed)
        self.digest = png and hashlib.sha256(png).hexdigest()


def identity(header, png):
    """The same for the same result, by whatever way and however often it comes. What differs in
    its bytes is another one: a run of the same name, trained again under another stage."""
    keys = ("run", "output", "mode", "epoch", "attempt", "type", "sample", "component", "page")
    place = json.dumps([header.get(key) for key in keys])
    content = png if png is not None else repr(header.get("shares")).encode()
    return hashlib.sha256(place.encode() + b"\0" + content).digest()


class Spool:
    """Used by two threads: one adds, one takes out."""

    def __init__(self, path, limit):
        self.limit, self._lock = limit, threading.Lock()
        self._guard = open(f"{path}.lock", "w")
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._guard.close()
            raise Busy(f"another bridge uses {path}; give one of them another --state") from None
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        old = (time.time() - _REMEMBERED,)
        for table in ("done", "streams", "explained"):
            self._db.execute(f"DELETE FROM {table} WHERE at < ?", old)
        self._bytes = self._one("SELECT coalesce(sum(size), 0) FROM queue")

    def _one(self, sql, *values):
        row = self._db.execute(sql, values).fetchone()
        return row[0] if row else None

    def note_seq(self, stage, topic, seq):
        """How many messages a gap before this one shows to be lost: since the last that any
        start of this bridge has seen."""
        with self._lock:
            last = self._one("SELECT seq FROM streams WHERE stage = ? AND topic = ?",
                             str(stage), topic)
            if last is None or seq > last:
                self._db.execute("INSERT OR REPLACE INTO streams VALUES (?, ?, ?, ?)",
                                 (str(stage), topic, seq, int(time.time())))
        return 0 if last is None else max(0, seq - last - 1)

    def add(self, header, png):
        """True; False where it is waiting already; None where there is no more room."""
        size = 0 if png is None else len(png)
        with self._lock:
            if self._bytes + size > self.limit:
                return None
            added = self._db.execute(
                "INSERT OR IGNORE INTO queue (identity, header, png, size) VALUES (?, ?, ?, ?)",
                (identity(header, png), msgpack.packb(header), png, size)).rowcount
            self._bytes += size * added
        return bool(added)

    def note_share(self, epoch, component, sample, share):
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO explained VALUES (?, ?, ?, ?, ?)",
                             (epoch, component, sample, share, int(time.time())))

    def take_shares(self, epoch):
        """The mean over the samples that came, for each component; forgotten then."""
        with self._lock:
            means = self._db.execute("SELECT component, avg(share) FROM explained WHERE epoch = ? "
                                     "GROUP BY component ORDER BY component", (epoch,)).fetchall()
            self._db.execute("DELETE FROM explained WHERE epoch = ?", (epoch,))
        return [list(pair) for pair in means]

    def next(self, after=0):
        """The oldest that is not taken out, behind the one with the number `after`."""
        with self._lock:
            row = self._db.execute("SELECT id, identity, header, png, size, handed FROM queue "
                                   "WHERE id > ? ORDER BY id LIMIT 1", (after,)).fetchone()
        return row and Item(row[0], row[1], msgpack.unpackb(row[2]), *row[3:])

    def hand(self, item):
        """From now on it may be in the tracker."""
        with self._lock:
            self._db.execute("UPDATE queue SET handed = 1 WHERE id = ?", (item.id,))

    def is_done(self, target, item):
        with self._lock:
            return bool(self._one("SELECT 1 FROM done WHERE target = ? AND identity = ?",
                                  target, item.identity))

    def remove(self, item, target=None):
        """Out of the queue: `target` has it, or nobody will."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            if target is not None:
                self._db.execute("INSERT OR IGNORE INTO done VALUES (?, ?, ?)",
                                 (target, item.identity, int(time.time())))
            self._db.execute("DELETE FROM queue WHERE id = ?", (item.id,))
            self._db.execute("COMMIT")
            self._bytes -= item.size

    def waiting(self):
        with self._lock:
            return self._one("SELECT count(*) FROM queue")

    def close(self):
        with self._lock:
            self._db.close()
        self._guard.close()
