"""A large file that grows beside its place and moves there when it is complete."""

import os
import tempfile
from pathlib import Path


class StreamedFile:
    """A text file in UTF-8 that appears all at once, however long it took to write."""

    def __init__(self, path: Path) -> None:
        """Open a hidden file beside `path`, whose folder exists."""
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        self._path = path
        self._temporary = Path(temporary)
        self._file = os.fdopen(handle, "w", encoding="utf-8", newline="\n")

    def write(self, text: str) -> None:
        """Append text."""
        self._file.write(text)

    def commit(self) -> None:
        """Flush to disk and rename to the final name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.chmod(0o644)  # mkstemp makes files that only their owner may read
        self._temporary.replace(self._path)

    def discard(self) -> None:
        """Remove the file; nothing happens after `commit`."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)
