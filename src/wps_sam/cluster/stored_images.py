"""Images wherever they are: on a disk, behind a URL, in object storage, in a tar file."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wps_sam.extra_packages import RAY, extra_package
from wps_sam.inference.sources import ImageToPredict

_CONNECTIONS = 8

MISSING = "missing"
"""The stamp of an image whose file is not there."""


@dataclass(frozen=True)
class StoredImage(ImageToPredict):
    """One image that has to be fetched before it is read; `path` is None.

    Attributes:
        address: What fsspec opens: a path or a URL, of the image or of the tar file that holds it.
        offset: First byte of the image in there.
        length: How many bytes it has; None where it has the whole file.
        version: Changes when the file does, where its storage tells; else empty.
    """

    address: str = ""
    offset: int = 0
    length: int | None = None
    version: str = ""


def to_record(position: int, image: ImageToPredict) -> dict[str, Any]:
    """What a worker has to know of an image, as a row of `RECORD_FIELDS`.

    Args:
        position: In the list of images.
        image: Either kind.
    """
    height, width = image.expected_hw or (None, None)
    record = {
        "position": position,
        "name": image.name,
        "path": None if image.path is None else str(image.path.absolute()),
        "height": height,
        "width": width,
        "problem": image.problem,
        "stamp": stamp(image),
    }
    if isinstance(image, StoredImage):
        where = {"address": image.address, "offset": image.offset, "length": image.length}
        return {**record, **where}
    return {**record, "address": None, "offset": 0, "length": None}


RECORD_FIELDS = {
    "position": "int64",
    "name": "string",
    "path": "string",
    "height": "int64",
    "width": "int64",
    "problem": "string",
    "stamp": "string",
    "address": "string",
    "offset": "int64",
    "length": "int64",
}
"""Columns of the table that streams through a cluster, and their types in Arrow."""


def stamp(image: ImageToPredict) -> str:
    """What tells whether an image has been changed since: its size and time, its stated size."""
    if isinstance(image, StoredImage):
        return f"{image.version} {image.offset} {image.length}"
    try:
        status = None if image.path is None else image.path.stat()
    except OSError:
        status = None
    if status is None:
        return MISSING
    return f"{status.st_size} {status.st_mtime_ns} {image.expected_hw}"


@contextmanager
def fetched(records: Sequence[dict[str, Any]]) -> Iterator[list[ImageToPredict]]:
    """Bring images to where they can be read as files, for as long as the context lasts.

    Args:
        records: Of `to_record`.

    Yields:
        One entry a record. One that cannot be fetched has no path, but a `problem`.
    """
    with TemporaryDirectory(prefix="wps-sam-") as folder, ThreadPoolExecutor(_CONNECTIONS) as pool:
        yield list(pool.map(lambda record: _fetch(record, Path(folder)), records))


def _fetch(record: dict[str, Any], folder: Path) -> ImageToPredict:
    """One image; bytes that are elsewhere go to a file in `folder`."""
    known_hw = None if record["height"] is None else (record["height"], record["width"])
    path = None if record["path"] is None else Path(record["path"])
    image = ImageToPredict(record["position"], record["name"], path, known_hw, record["problem"])
    if record["address"] is None:
        return image
    fsspec = extra_package("fsspec.core", RAY)
    try:
        storage, inner = fsspec.url_to_fs(record["address"])
        end = None if record["length"] is None else record["offset"] + record["length"]
        content: bytes = storage.cat_file(inner, start=record["offset"] or None, end=end)
        if record["length"] not in (None, len(content)):
            raise EOFError(f"{len(content)} of {record['length']} bytes")
    except Exception as error:  # every storage has its own
        problem = (
            f"Image {record['name']} cannot be fetched from {record['address']} "
            f"({type(error).__name__}: {error}). Check that every machine may read it, and run "
            "the same command again."
        )
        return replace(image, problem=problem)
    file = folder / f"{record['position']}{Path(record['name']).suffix}"
    file.write_bytes(content)  # a full disk is no matter of this image
    return replace(image, path=file)
