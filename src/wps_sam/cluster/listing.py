"""Find images that are not files of this machine: lists of URLs, tar files, object storage."""

import codecs
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from wps_sam.cluster.stored_images import StoredImage
from wps_sam.errors import ConfigError, DataError
from wps_sam.extra_packages import RAY, extra_package
from wps_sam.images.reading import IMAGE_SUFFIXES, list_images
from wps_sam.inference.sources import Found, ImageToPredict, Selection, find_images

_LIST_ENDINGS = (".txt", ".parquet", ".tar")
_ADDRESS_COLUMNS = ("url", "path")
_VERSION_FACTS = ("size", "ETag", "etag", "mtime", "LastModified", "updated", "Last-Modified")


def find_anywhere(
    sources: Sequence[str], selection: Selection | None = None, *, limit: int | None = None
) -> Found:
    """Find what to predict, as `find_images` does, and also where that does not look.

    Args:
        sources: As for `find_images`; and, beside files, folders and patterns, any number of URLs
            that fsspec opens (of an image, a folder or a pattern), lists (`.txt`, one URL or path
            a line; `.parquet` with a column `url` or `path`, and `name` if they have others) and
            WebDataset's tar files, each here or behind a URL.
        selection: Which images of the labels.
        limit: Only the first so many.

    Returns:
        The images; those that have to be fetched are `StoredImage`.

    Raises:
        ConfigError: Options that do not go with the sources.
        DataError: Nothing found, a list that cannot be read, or two images of one name.
    """
    if not any(_is_elsewhere(source) for source in sources):
        return find_images(sources, selection, limit=limit)
    if selection is not None and selection.given():
        raise ConfigError(
            f"{', '.join(selection.given())} needs one label file or data set as the only source."
        )
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit must be 1 or more; found {limit}.")
    images = list_anywhere(sources)[:limit]
    _refuse_shared_names(images)
    return Found(images, by_labels=False)


def list_anywhere(sources: Sequence[str]) -> list[ImageToPredict]:
    """List images, as `list_images` does; labels in a folder are not looked for.

    Args:
        sources: As for `find_anywhere`, but for labels.

    Returns:
        The images in the order of the sources, numbered from 1.

    Raises:
        DataError: Nothing found, or a list that cannot be read.
    """
    if any(_is_elsewhere(source) for source in sources):
        images = [image for source in sources for image in _images_of(source)]
    else:
        images = [ImageToPredict(0, image.name, image.path) for image in list_images(sources)]
    if not images:
        raise DataError(f"No image found in {', '.join(sources)}.")
    return [replace(image, image_id=number) for number, image in enumerate(images, 1)]


def _is_elsewhere(source: str) -> bool:
    """Whether a source is a URL or a list of images."""
    return "://" in source or (source.lower().endswith(_LIST_ENDINGS) and Path(source).is_file())


def _images_of(source: str) -> Iterator[ImageToPredict]:
    """Images of one source; their ids are given later."""
    if not _is_elsewhere(source):
        yield from (ImageToPredict(0, image.name, image.path) for image in list_images([source]))
        return
    try:
        ending = PurePosixPath(source.lower()).suffix
        if ending == ".txt":
            yield from _from_text(source)
        elif ending == ".parquet":
            yield from _from_table(source)
        elif ending == ".tar":
            yield from _from_tar(source)
        else:
            yield from _from_storage(source)
    except (ConfigError, DataError):
        raise
    except Exception as error:  # every storage has its own
        raise DataError(
            f"{source} cannot be read ({type(error).__name__}: {error}). Check its spelling, and "
            "that this machine may read it."
        ) from error


def _from_text(source: str) -> Iterator[ImageToPredict]:
    """Images of a list, one a line."""
    storage, inner = _storage_of(source)
    content: bytes = storage.cat_file(inner)
    for row, line in enumerate(content.removeprefix(codecs.BOM_UTF8).splitlines(), 1):
        try:
            address = line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise _bad_entry(source, row, "", repr(line[:40])) from error
        if address:
            yield _listed(source, address, None)


def _from_table(source: str) -> Iterator[ImageToPredict]:
    """Images of a Parquet table with a column of URLs or paths."""
    storage, inner = _storage_of(source)
    with storage.open(inner) as file:
        table = extra_package("pyarrow.parquet", RAY).ParquetFile(file)
        names = table.schema_arrow.names
        column = next((name for name in _ADDRESS_COLUMNS if name in names), None)
        if column is None:
            raise DataError(
                f"{source} has the columns {', '.join(names)}; expected one called url or path "
                "with the place of each image."
            )
        wanted = [column, "name"] if "name" in names else [column]
        row = 0
        for batch in table.iter_batches(columns=wanted):
            for entry in zip(*(batch.column(of) for of in wanted), strict=True):
                row += 1
                texts = (_text(source, row, *pair) for pair in zip(wanted, entry, strict=True))
                address, name = (*texts, None)[:2]
                if not address:
                    raise _bad_entry(source, row, column, "nothing")
                yield _listed(source, address, name)


def _text(source: str, row: int, column: str, value: Any) -> str | None:
    """An entry of a Parquet table as text; None if there is none.

    Args:
        source: The table.
        row: Counted from 1.
        column: Its name.
        value: The Arrow scalar.

    Raises:
        DataError: It is something else.
    """
    try:
        found = value.as_py()
    except UnicodeDecodeError as error:
        raise _bad_entry(source, row, column, repr(error.object[:40])) from error
    if found is None or isinstance(found, str):
        return found and found.strip()
    raise _bad_entry(source, row, column, f"{found!r:.40} ({type(found).__name__})")


def _bad_entry(source: str, row: int, column: str, found: str) -> DataError:
    """The error of an entry that names no image; rows are counted from 1."""
    place = f"row {row}, column {column}" if column else f"row {row}"
    wanted = "the image's name" if column == "name" else "the URL or path of an image"
    return DataError(
        f"{source}, {place}: found {found}; expected {wanted} as text in UTF-8. Correct or remove "
        "this row."
    )


def _listed(source: str, address: str, name: str | None) -> ImageToPredict:
    """One entry of a list; a path that is relative is relative to the list."""
    if "://" in address:
        return StoredImage(0, name or _name_of(address), None, address=address)
    if "://" in source:
        beside = f"{source.rsplit('/', 1)[0]}/{address}"
        return StoredImage(0, name or address, None, address=beside)
    return ImageToPredict(0, name or address.lstrip("/"), Path(source).parent / address)


def _from_tar(source: str) -> Iterator[ImageToPredict]:
    """Images of a tar file; each is read later from its place in there."""
    storage, inner = _storage_of(source)
    version = _version(storage.info(inner))
    folder = PurePosixPath(source).stem
    address = source if "://" in source else str(Path(source).absolute())
    with storage.open(inner) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            if member.isfile() and _is_image(member.name):
                yield StoredImage(
                    0,
                    f"{folder}/{member.name}",
                    None,
                    address=address,
                    offset=member.offset_data,
                    length=member.size,
                    version=version,
                )


def _from_storage(source: str) -> Iterator[ImageToPredict]:
    """Images of a folder, a pattern or a single URL."""
    storage, inner = _storage_of(source)
    if "*" in inner:
        found: dict[str, Any] = storage.glob(inner, detail=True)
        root = inner[: inner.index("*")].rpartition("/")[0]
    elif storage.isdir(inner):
        found, root = storage.find(inner, detail=True), inner.rstrip("/")
    else:
        version = _version(storage.info(inner))
        yield StoredImage(0, _name_of(source), None, address=source, version=version)
        return
    for path, facts in sorted(found.items()):
        if facts.get("type") == "file" and _is_image(path):
            address = storage.unstrip_protocol(path)
            name = path.removeprefix(root).lstrip("/")
            yield StoredImage(0, name, None, address=address, version=_version(facts))


def _storage_of(source: str) -> tuple[Any, str]:
    """The file system of an address and the path in it."""
    storage, inner = extra_package("fsspec.core", RAY).url_to_fs(source)
    return storage, str(inner)


def _version(facts: dict[str, Any]) -> str:
    """What a storage says of a file that changes when the file does."""
    marks = (facts.get(key) for key in _VERSION_FACTS)
    return " ".join(str(mark) for mark in marks if mark is not None)


def _name_of(address: str) -> str:
    """The part of a URL that names the image: without protocol and query."""
    return address.split("://", 1)[1].split("?")[0].strip("/")


def _is_image(path: str) -> bool:
    """Whether a path ends as an image's does, and is not hidden."""
    name = PurePosixPath(path).name
    return not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES)


def _refuse_shared_names(images: Sequence[ImageToPredict]) -> None:
    """Raise DataError if the results of two images would be filed under one name."""
    users: dict[str, ImageToPredict] = {}
    for image in images:
        other = users.setdefault(image.stem.casefold(), image)
        if other is not image:
            raise DataError(
                f"Two images would be filed under one name: {other.name} and {image.name}. Run "
                "them one after the other with different --out, or give names in the column name "
                "of a Parquet list."
            )
