"""A folder that appears all at once, or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wps_sam.errors import ConfigError

_ENDING = ".partial"


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give a folder to write into, whose content becomes that of `out` when all is written.

    For a new `out` that is `out.partial` beside it, which is renamed at the end; for an empty one
    that is there already (it may be a mount, or where the user is) `.partial` inside it.

    Args:
        out: New or empty folder.

    Yields:
        The folder to write into. After an error, or when the user stops it, it is removed; only a
        killed program leaves it.

    Raises:
        ConfigError: The folder to write into is there already.
        OSError: A folder cannot be made or renamed.
    """
    out = out.resolve()
    is_new = not out.exists()
    partial = out.with_name(out.name + _ENDING) if is_new else out / _ENDING
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.mkdir()
    except FileExistsError as error:
        raise ConfigError(
            f"{partial} is there already: another run is writing to it, or was killed. Remove it "
            "if none is, or name another --out."
        ) from error
    try:
        yield partial
        if is_new:
            partial.rename(out)
        else:
            _move_up(partial, out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _move_up(partial: Path, out: Path) -> None:
    """Move everything in a folder into the one above it and remove the folder."""
    for path in list(partial.iterdir()):
        path.rename(out / path.name)
    partial.rmdir()
