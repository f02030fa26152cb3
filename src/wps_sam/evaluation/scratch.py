"""Rows kept on disk while a file is scored, so that memory does not grow with the file."""

import marshal
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wps_sam.errors import DataError

Key = int | str

_BATCH_BYTES = 1 << 18
"""Size of the rows written at once: one by one would take twice as long."""


class ScratchRows:
    """A growing table of keyed rows in a private temporary file.

    The file belongs to this object and this process: it has no name, and it is gone when the
    object is. Reading is safe from several threads, not from forked processes.
    """

    def __init__(self) -> None:
        # "" is SQLite's private database: in memory while small, then in the temporary folder.
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._close = weakref.finalize(self, self._connection.close)
        self._pending: list[tuple[Key, bytes]] = []
        self._pending_bytes = 0
        self._is_indexed = False
        with _disk_errors():
            # What is lost in a crash is of no use afterwards.
            self._connection.execute("PRAGMA journal_mode = OFF")
            self._connection.execute("PRAGMA synchronous = OFF")
            # KiB; several stores are open at once, and rows are read in the order of writing.
            self._connection.execute("PRAGMA cache_size = -512")
            self._connection.execute("CREATE TABLE rows (key, content BLOB)")

    def append(self, key: Key, row: tuple[Any, ...]) -> None:
        """Add a row.

        Args:
            key: What to find it by; a whole number must fit in 64 bits.
            row: Values as JSON knows them (numbers, texts, lists, mappings, None) and bytes. A
                message names the row by the first.

        Raises:
            DataError: The temporary folder is full, or the row is nested absurdly deep.
        """
        try:
            # marshal gives every such value back as it was (also NaN), and ten times faster than
            # JSON; that its format changes between versions does not matter within a process.
            content = marshal.dumps(row)
        except ValueError as error:
            raise DataError(
                f"The record {str(row[0])[:60]} cannot be kept: {error}. Its lists are nested too "
                "deeply; correct it."
            ) from error
        self._pending.append((key, content))
        self._pending_bytes += len(content)
        if self._pending_bytes >= _BATCH_BYTES:
            self._write()

    def rows(self, key: Key) -> list[tuple[Any, ...]]:
        """Read all rows of a key.

        Args:
            key: As given to `append`.

        Returns:
            The rows in the order in which they were added; none for an unknown key.
        """
        self._prepare()
        with _disk_errors():
            found = self._connection.execute(
                "SELECT content FROM rows WHERE key = ? ORDER BY rowid", (key,)
            ).fetchall()
        return [marshal.loads(content) for (content,) in found]

    def repeated_key(self) -> Key | None:
        """The key with several rows that came first; None if every key has one row."""
        self._prepare()
        with _disk_errors():
            found = self._connection.execute(
                "SELECT key FROM rows GROUP BY key HAVING COUNT(*) > 1 ORDER BY MIN(rowid) LIMIT 1"
            ).fetchone()
        return None if found is None else found[0]

    def close(self) -> None:
        """Give the file back now; nothing can be read afterwards. Dropping the object does it."""
        self._close()

    def _prepare(self) -> None:
        """Write what waits and make sure that rows are found by key without a search."""
        self._write()
        if not self._is_indexed:
            with _disk_errors():
                self._connection.execute("CREATE INDEX by_key ON rows (key)")
            self._is_indexed = True

    def _write(self) -> None:
        """Hand the waiting rows to the database."""
        if not self._pending:
            return
        with _disk_errors():
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT INTO rows VALUES (?, ?)", self._pending)
            self._connection.execute("COMMIT")
        self._pending.clear()
        self._pending_bytes = 0


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Say what to do when the disk is full or gone."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise DataError(
            f"Masks could not be kept in the temporary folder: {error}. It needs about as much "
            "room as the label and prediction files have together: make room, or name another "
            "folder in the environment variable SQLITE_TMPDIR."
        ) from error
