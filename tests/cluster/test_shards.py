"""Which rows of shards are kept when images change, are missing, or are not asked for."""

from pathlib import Path
from typing import Any

import pytest

from cluster.conftest import files_below
from wps_sam.cluster.shards import ShardFolder, name_of_block
from wps_sam.cluster.stored_images import stamp
from wps_sam.inference.sources import ImageToPredict

pytest.importorskip("pyarrow")


@pytest.fixture
def images(tmp_path: Path) -> list[ImageToPredict]:
    """Three files; what is in them does not matter."""
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())
    return [ImageToPredict(at, name, tmp_path / name) for at, name in enumerate("abc", 1)]


def part(image: str, number: int) -> dict[str, Any]:
    return {
        "image": image,
        "part": number,
        "category_id": 7,
        "class": "lid",
        "score": 0.5,
        "bbox": [0.0, 0.0, 1.0, 1.0],
        "area": 1,
        "rle": "011",
        "height": 1,
        "width": 2,
    }


@pytest.fixture
def shards(tmp_path: Path, images: list[ImageToPredict]) -> ShardFolder:
    """One shard of three images, with 1, 2 and 1 parts."""
    rows = [
        {"name": i.name, "stamp": stamp(i), "height": 1, "width": 2, "parts": 1 + (i.name == "b")}
        for i in images
    ]
    shards = ShardFolder(tmp_path / "out", {})
    parts = [part("a", 0), part("b", 0), part("b", 1), part("c", 0)]
    shards.write(name_of_block(rows), rows, parts)
    return shards


def parts_of(shards: ShardFolder) -> dict[str, int]:
    return {name: len(parts.annotations) for name, parts in shards.predictions()}


def test_done__nothing_has_changed(shards: ShardFolder, images: list[ImageToPredict]) -> None:
    before = files_below(shards.folder)
    assert shards.done(images) == {"a", "b", "c"}
    assert shards.done(images[:1]) == {"a"}
    assert files_below(shards.folder) == before


def test_done__only_the_changed_image_loses_its_rows(
    shards: ShardFolder, images: list[ImageToPredict], tmp_path: Path
) -> None:
    (tmp_path / "b").write_bytes(b"another")
    assert shards.done(images[1:]) == {"c"}  # a is not in the list of today, and stays
    assert parts_of(shards) == {"a": 1, "c": 1}
    (path,) = (shards.folder / "parts").iterdir()
    import pyarrow.parquet as pq

    assert pq.read_table(path).column("image").to_pylist() == ["a", "c"]


def test_done__a_shard_without_rows_is_removed(
    shards: ShardFolder, images: list[ImageToPredict], tmp_path: Path
) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"another")
    assert shards.done(images) == set()
    assert set(files_below(shards.folder)) == {"settings.json"}


def test_done__a_file_that_is_missing_for_a_while_loses_nothing(
    shards: ShardFolder, images: list[ImageToPredict], tmp_path: Path
) -> None:
    before = files_below(shards.folder)
    (tmp_path / "b").rename(tmp_path / "elsewhere")
    assert shards.done(images) == {"a", "c"}
    assert files_below(shards.folder) == before
    (tmp_path / "elsewhere").rename(tmp_path / "b")
    assert shards.done(images) == {"a", "b", "c"}
