"""The emulator's memory: resources, files, tokens, faults and the request log in SQLite.

Every request is one transaction, opened for writing at once: two threads or two
processes on the same data folder take turns, and a process that is killed leaves either
all of a request's effect or none of it.
"""

import contextlib
import hashlib
import json
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS resources (
  name TEXT PRIMARY KEY, collection TEXT NOT NULL, fields TEXT NOT NULL, hidden TEXT NOT NULL,
  due REAL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_collection ON resources (collection, name);
CREATE INDEX IF NOT EXISTS by_due ON resources (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS tombstones (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last_write (
  collection TEXT PRIMARY KEY, name TEXT NOT NULL, fields TEXT, hidden TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, grant_ TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY, fault TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
  id INTEGER PRIMARY KEY, method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL,
  status INTEGER NOT NULL);
"""
# How long one process waits for another's transaction, in seconds.
_PATIENCE: Final = 30.0


@dataclass
class Row:
    """One stored resource: `fields` are the API's, `hidden` are the emulator's own.

    `due` is the emulated second at which its lifecycle moves on, or None.
    """

    name: str
    collection: str
    fields: dict[str, Any]
    hidden: dict[str, Any] = field(default_factory=dict)
    due: float | None = None

    @property
    def id(self) -> str:
        """The last segment of the name."""
        return self.name.rpartition("/")[2]


class Store:
    """SQLite and a folder of files; in memory and in a temporary folder when `data` is None."""

    def __init__(self, data: Path | None) -> None:
        self._data = data
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._lock = threading.RLock()
        self._stale = False
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
        target = ":memory:" if data is None else str(data / "emulator.sqlite3")
        self._db = sqlite3.connect(
            target, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        self._prepare()

    def close(self) -> None:
        """Close the database and drop the temporary folder, if there is one."""
        with self._lock:
            self._db.close()
            if self._temporary is not None:
                self._temporary.cleanup()
                self._temporary = None

    @property
    def folder(self) -> Path:
        """The folder of uploaded files; made when first asked for."""
        with self._lock:
            if self._data is not None:
                files = self._data / "files"
                files.mkdir(exist_ok=True)
                return files
            if self._temporary is None:
                self._temporary = tempfile.TemporaryDirectory(prefix="dpo-ops-emulator-")
            return Path(self._temporary.name)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the store alone; what was written is kept unless the block raises."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            finally:
                self._stale = False
            self._db.execute("COMMIT")

    def look_back(self) -> None:
        """Until the transaction ends, read each collection as it was before its last write."""
        self._stale = True

    # Resources.

    def get(self, name: str) -> Row | None:
        """Return one resource, or None."""
        if self._stale:
            before = self._before(name.split("/")[-2])
            if before is not None and before[0] == name:
                return before[1]
        found = self._db.execute(
            "SELECT name, collection, fields, hidden, due FROM resources WHERE name = ?", (name,)
        ).fetchone()
        return _row(found) if found else None

    def rows(self, collection: str, prefix: str = "") -> list[Row]:
        """Return a collection's resources whose name begins with `prefix`, by name."""
        found = self._db.execute(
            "SELECT name, collection, fields, hidden, due FROM resources"
            " WHERE collection = ? AND name >= ? AND substr(name, 1, ?) = ? ORDER BY name",
            (collection, prefix, len(prefix), prefix),
        )
        rows = [_row(r) for r in found]
        before = self._before(collection) if self._stale else None
        if before is None:
            return rows
        kept = [r for r in rows if r.name != before[0]]
        return sorted([*kept, *([before[1]] if before[1] else [])], key=lambda r: r.name)

    def due(self, now: float) -> Row | None:
        """Return the resource whose next step is the earliest one not after `now`."""
        found = self._db.execute(
            "SELECT name, collection, fields, hidden, due FROM resources"
            " WHERE due <= ? ORDER BY due, name LIMIT 1",
            (now,),
        ).fetchone()
        return _row(found) if found else None

    def put(self, row: Row) -> None:
        """Keep a resource as a lifecycle moves it."""
        self._db.execute(
            "INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?)",
            (row.name, row.collection, json.dumps(row.fields), json.dumps(row.hidden), row.due),
        )

    def write(self, row: Row) -> None:
        """Keep a resource as a caller's request changes it, and what it was before."""
        self._remember(row.name, row.collection)
        self.put(row)

    def drop(self, name: str) -> None:
        """Remove a resource at the end of its lifecycle."""
        self._db.execute("DELETE FROM resources WHERE name = ?", (name,))

    def erase(self, row: Row) -> None:
        """Remove a resource on a caller's request, and remember what it was."""
        self._remember(row.name, row.collection)
        self.drop(row.name)

    def bury(self, name: str) -> None:
        """Make a name unusable for good."""
        self._db.execute("INSERT OR IGNORE INTO tombstones VALUES (?)", (name,))

    def buried(self, name: str) -> bool:
        """Whether a name was used by something that is gone."""
        found = self._db.execute("SELECT 1 FROM tombstones WHERE name = ?", (name,))
        return found.fetchone() is not None

    # Small values, signed URLs, faults, the request log.

    def note(self, key: str) -> Any:
        """Return a small value kept under `key`, or None."""
        found = self._db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return json.loads(found[0]) if found else None

    def set_note(self, key: str, value: Any) -> None:
        """Keep a small JSON value."""
        self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, json.dumps(value)))

    def fresh(self, what: str) -> str:
        """Return a new hexadecimal string; a data folder always gives the same row of them."""
        count = (self.note("fresh") or 0) + 1
        self.set_note("fresh", count)
        return hashlib.sha256(f"{what}:{count}".encode()).hexdigest()

    def token(self, token: str) -> dict[str, Any] | None:
        """Return what a signed URL grants, or None."""
        found = self._db.execute("SELECT grant_ FROM tokens WHERE token = ?", (token,)).fetchone()
        return dict(json.loads(found[0])) if found else None

    def add_token(self, token: str, grant: dict[str, Any]) -> None:
        """Keep what a signed URL grants."""
        self._db.execute("INSERT INTO tokens VALUES (?, ?)", (token, json.dumps(grant)))

    def has_faults(self) -> bool:
        """Whether there is any fault; needs no transaction."""
        with self._lock:
            return self._db.execute("SELECT 1 FROM faults LIMIT 1").fetchone() is not None

    def faults(self) -> list[tuple[int, dict[str, Any]]]:
        """Return the faults with their numbers, oldest first."""
        found = self._db.execute("SELECT id, fault FROM faults ORDER BY id")
        return [(number, json.loads(fault)) for number, fault in found]

    def set_fault(self, fault: dict[str, Any], number: int | None = None) -> int:
        """Keep a fault under its number, or under a new one; return the number."""
        done = self._db.execute(
            "INSERT OR REPLACE INTO faults VALUES (?, ?)", (number, json.dumps(fault))
        )
        return int(done.lastrowid or 0)

    def drop_fault(self, number: int | None = None) -> None:
        """Forget one fault, or all of them."""
        self._db.execute("DELETE FROM faults WHERE id = coalesce(?, id)", (number,))

    def log(self, method: str, path: str, query: str, status: int) -> None:
        """Add a request to the log; `status` 0 means that no answer was sent."""
        self._db.execute(
            "INSERT INTO requests (method, path, query, status) VALUES (?, ?, ?, ?)",
            (method, path, query, status),
        )

    def requests(self) -> list[dict[str, Any]]:
        """Return the request log, oldest first."""
        found = self._db.execute("SELECT method, path, query, status FROM requests ORDER BY id")
        return [dict(zip(("method", "path", "query", "status"), r, strict=True)) for r in found]

    def clear_requests(self) -> None:
        """Empty the request log."""
        self._db.execute("DELETE FROM requests")

    def _prepare(self) -> None:
        """Make the tables. Two processes may open the same new folder at once."""
        give_up = time.monotonic() + _PATIENCE
        while True:
            try:
                # With a write-ahead log a commit need not wait for the disk, and a
                # killed process still loses nothing that was committed.
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._db.executescript(_SCHEMA)
            except sqlite3.OperationalError:
                # Switching to the log does not wait for a busy database by itself.
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.01)
            else:
                return

    def _remember(self, name: str, collection: str) -> None:
        found = self._db.execute(
            "SELECT fields, hidden FROM resources WHERE name = ?", (name,)
        ).fetchone()
        self._db.execute(
            "INSERT OR REPLACE INTO last_write VALUES (?, ?, ?, ?)",
            (collection, name, *(found or (None, None))),
        )

    def _before(self, collection: str) -> tuple[str, Row | None] | None:
        found = self._db.execute(
            "SELECT name, fields, hidden FROM last_write WHERE collection = ?", (collection,)
        ).fetchone()
        if not found:
            return None
        name, fields, hidden = found
        if fields is None:
            return name, None
        return name, Row(name, collection, json.loads(fields), json.loads(hidden))


def _row(found: tuple[str, str, str, str, float | None]) -> Row:
    name, collection, fields, hidden, due = found
    return Row(name, collection, json.loads(fields), json.loads(hidden), due)
