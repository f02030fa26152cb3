"""Predictions as Parquet files that many workers write, and from them to `predictions.json`.

`OUT/shards-<16 hex digits>/`, where the digits stand for the model and the settings, holds

- `parts/<id>.parquet`: one row a part;
- `images/<id>.parquet`: one row an image, also where no part was found. It is written last: an
  image that is in here has all its rows in the other file of that id, and all its pictures.

Files appear whole (`files.write_atomically`), so a job that was stopped anywhere is gone on with.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wps_sam.cluster.stored_images import MISSING, stamp
from wps_sam.extra_packages import RAY, extra_package
from wps_sam.files import write_atomically
from wps_sam.inference.sources import ImageToPredict


@dataclass(frozen=True)
class StoredParts:
    """The parts of an image as a shard has them: as much of a `PartPrediction` as a journal asks.

    Attributes:
        original_hw: (height, width) of the image in pixels.
        annotations: P records as `PartPrediction.to_coco_annotations` makes them.
    """

    original_hw: tuple[int, int]
    annotations: list[dict[str, Any]]

    def to_coco_annotations(
        self, image_id: int | str, *, category_ids: Sequence[int] | None = None
    ) -> list[dict[str, Any]]:
        """The records as they are; ids are given when all are put together."""
        del image_id, category_ids
        return self.annotations


class ShardFolder:
    """The shards of one model with one set of settings."""

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        """Open a folder, making it if needed.

        Args:
            out: Folder of the predictions.
            settings: All that decides what is predicted; kept beside the shards.
        """
        content = json.dumps(dict(settings), indent=1, sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        self.folder = out / f"shards-{digest}"
        self._parts = self.folder / "parts"
        self._images = self.folder / "images"
        for folder in (self._parts, self._images):
            folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / "settings.json", content.encode())

    def write(
        self,
        block: str,
        images: Sequence[Mapping[str, Any]],
        parts: Sequence[Mapping[str, Any]],
    ) -> None:
        """Write what was found in some images.

        Args:
            block: Of `name_of_block`; the same block again replaces its files.
            images: Rows of `name`, `stamp`, `height`, `width`, `parts` (how many).
            parts: Rows of `image` (name), `part` (position in the image), `category_id`, `class`,
                `score`, `bbox` (left, top, width, height), `area`, `rle` (COCO's compressed
                counts), `height`, `width` (of the image, which is the mask's size).
        """
        write_atomically(self._parts / f"{block}.parquet", _as_parquet(parts, _PART_FIELDS))
        write_atomically(self._images / f"{block}.parquet", _as_parquet(images, _IMAGE_FIELDS))

    def images_of(self, block: str) -> list[dict[str, Any]]:
        """Rows of a block's images as they were written; none if it was not."""
        path = self._images / f"{block}.parquet"
        return _read(path) if path.exists() else []

    def done(self, images: Sequence[ImageToPredict]) -> set[str]:
        """Which images are in here as they are now; rows of an older state of one are removed.

        Rows of other images stay, and those of images whose file is missing now: it may come back.

        Returns:
            Names.
        """
        now = {image.name: stamp(image) for image in images}
        found: set[str] = set()
        for path in sorted(self._images.glob("*.parquet")):
            rows = _read(path, ["name", "stamp"])
            changed = {
                row["name"]
                for row in rows
                if now.get(row["name"], row["stamp"]) not in (row["stamp"], MISSING)
            }
            if changed:
                self._remove(path.stem, changed)
            found |= {row["name"] for row in rows if now.get(row["name"]) == row["stamp"]}
        return found

    def _remove(self, block: str, names: set[str]) -> None:
        """Take the rows of some images out of a shard; it keeps its id."""
        images, parts = (folder / f"{block}.parquet" for folder in (self._images, self._parts))
        kept = [row for row in _read(images) if row["name"] not in names]
        if not kept:
            images.unlink()
            parts.unlink(missing_ok=True)
            return
        # In the other order than `write`: an image that is listed has all its parts at any time.
        kept_parts = [row for row in _read(parts) if row["image"] not in names]
        write_atomically(images, _as_parquet(kept, _IMAGE_FIELDS))
        write_atomically(parts, _as_parquet(kept_parts, _PART_FIELDS))

    def predictions(self) -> Iterator[tuple[str, StoredParts]]:
        """Read all shards, one in memory at a time.

        Yields:
            Name of an image, and its parts.
        """
        for path in sorted(self._images.glob("*.parquet")):
            annotations: dict[str, list[dict[str, Any]]] = {}
            for row in _read(self._parts / path.name):
                annotations.setdefault(row["image"], []).append(_as_annotation(row))
            for row in _read(path):
                size = (row["height"], row["width"])
                yield row["name"], StoredParts(size, annotations.get(row["name"], []))


def name_of_block(records: Sequence[Mapping[str, Any]]) -> str:
    """Sixteen hex digits for some images as they are now, by their `name` and `stamp`."""
    names = "\n".join(f"{record['name']} {record['stamp']}" for record in records)
    return hashlib.sha256(names.encode()).hexdigest()[:16]


_IMAGE_FIELDS = {
    "name": "string",
    "stamp": "string",
    "height": "int64",
    "width": "int64",
    "parts": "int64",
}
_PART_FIELDS = {
    "image": "string",
    "part": "int64",
    "category_id": "int64",
    "class": "string",
    "score": "double",
    "bbox": "list of double",
    "area": "int64",
    "rle": "string",
    "height": "int64",
    "width": "int64",
}


def part_row(
    image: str, part: int, annotation: Mapping[str, Any], class_name: str
) -> dict[str, Any]:
    """A COCO annotation with a run-length mask as a row of a shard."""
    height, width = annotation["segmentation"]["size"]
    return {
        "image": image,
        "part": part,
        "category_id": annotation["category_id"],
        "class": class_name,
        "score": annotation["score"],
        "bbox": annotation["bbox"],
        "area": annotation["area"],
        "rle": annotation["segmentation"]["counts"],
        "height": height,
        "width": width,
    }


def _as_annotation(row: Mapping[str, Any]) -> dict[str, Any]:
    """The other way round, with its keys in the order of `PartPrediction.to_coco_annotations`."""
    return {
        "id": row["part"] + 1,
        "image_id": 0,
        "category_id": row["category_id"],
        "segmentation": {"size": [row["height"], row["width"]], "counts": row["rle"]},
        "bbox": row["bbox"],
        "area": row["area"],
        "iscrowd": 0,
        "score": row["score"],
    }


def _as_parquet(rows: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> bytes:
    """Rows as the bytes of a Parquet file."""
    arrow, parquet = extra_package("pyarrow", RAY), extra_package("pyarrow.parquet", RAY)
    types = {"list of double": arrow.list_(arrow.float64())}
    columns = [(name, types.get(of) or arrow.type_for_alias(of)) for name, of in fields.items()]
    sink = arrow.BufferOutputStream()
    parquet.write_table(arrow.Table.from_pylist(list(rows), arrow.schema(columns)), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _read(path: Path, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """All rows of a small Parquet file."""
    # Not read_table: it takes a folder called a=b for a column.
    with extra_package("pyarrow.parquet", RAY).ParquetFile(path) as file:
        rows: list[dict[str, Any]] = file.read(columns=columns).to_pylist()
    return rows
