"""Copies of photographs, to the byte and to the eye."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from checking.data_sets import DataSet, photo
from wps_sam.checking import duplicates
from wps_sam.checking.duplicates import MOST_DIFFERING_BITS, check_duplicates, similar_pairs
from wps_sam.checking.image_facts import ImageFacts, look_at_image
from wps_sam.checking.splits import prepare_splits

BOX = ("wheel", [10, 10, 40, 40])


def compressed(image: Image.Image, quality: int) -> Image.Image:
    """What is left of an image after saving it as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "recompressed": lambda image: compressed(image, 25),
    "smaller": lambda image: image.resize((70, 53)),
    "larger": lambda image: image.resize((1000, 750)),
    "other aspect": lambda image: image.resize((90, 90)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "grey": lambda image: image.convert("L"),
    "mirrored": ImageOps.mirror,
    "mirrored and smaller": lambda image: ImageOps.mirror(image).resize((80, 60)),
}


@pytest.mark.parametrize("how", COPIES)
def test_similar_pairs__finds_a_copy_among_others(tmp_path: Path, how: str) -> None:
    images = [photo(seed) for seed in range(6)]
    images.append(COPIES[how](images[2]))
    facts = []
    for i, image in enumerate(images):
        image.save(tmp_path / f"{i}.png")
        facts.append(look_at_image(tmp_path / f"{i}.png"))
    pairs = similar_pairs(facts)
    assert [(pair.first, pair.second) for pair in pairs] == [(2, 6)]
    assert pairs[0].mirrored == how.startswith("mirrored")


def test_similar_pairs__different_photographs_are_no_copies(tmp_path: Path) -> None:
    facts = []
    for seed in range(60):
        photo(seed).save(tmp_path / "a.png")
        facts.append(look_at_image(tmp_path / "a.png"))
    assert similar_pairs(facts) == []


def test_similar_pairs__blank_images_are_not_compared(tmp_path: Path) -> None:
    facts = []
    for value in (0, 1, 255):
        Image.new("RGB", (50, 50), (value, value, value)).save(tmp_path / "a.png")
        facts.append(look_at_image(tmp_path / "a.png"))
    assert similar_pairs(facts) == []


def test_similar_pairs__equal_hash_of_another_picture_is_no_copy() -> None:
    """The thumbnails decide: two random ones correlate by about 1/32."""
    rng = np.random.default_rng(0)
    thumbnails = rng.integers(0, 256, (2, 32, 32)).astype(np.uint8)
    facts = [ImageFacts((9, 9), 1, "RGB", str(i), one, 5, 5) for i, one in enumerate(thumbnails)]
    assert similar_pairs(facts) == []


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 63), max_size=10)), max_size=8),
)
def test_close_pairs__as_comparing_each_with_each(
    bases: list[int], changes: list[tuple[int, set[int]]]
) -> None:
    """Random hashes, and some of them with up to ten bits turned over."""
    hashes = bases + [bases[i % len(bases)] ^ sum(1 << bit for bit in bits) for i, bits in changes]
    expected = {
        (i, j)
        for i, j in itertools.combinations(range(len(hashes)), 2)
        if (hashes[i] ^ hashes[j]).bit_count() <= MOST_DIFFERING_BITS
    }
    array = np.array(hashes, np.uint64)
    assert set(duplicates._close_pairs(array, array)) == expected


def test_check__leak_and_duplicate(new_set: Callable[[str], DataSet]) -> None:
    train, val = new_set("train"), new_set("val")
    train.add_image("a.jpg", photo(1), BOX)
    train.add_image("b.jpg", photo(2), BOX)
    train.add_image("b2.jpg", photo(2), BOX)  # equal to the byte
    train.add_image("c.jpg", photo(3), BOX)
    val.add_image("other.jpg", ImageOps.mirror(photo(1)).resize((256, 192)), BOX)
    val.add_image("d.jpg", photo(4), BOX)
    val.add_image("c again.jpg", photo(3), BOX)
    splits = prepare_splits({"train": train.open(), "val": val.open()})
    leak, duplicate = check_duplicates(splits)
    assert (leak.kind, leak.severity, leak.count) == ("leak", "error", 2)
    assert leak.cases[0].record == "c.jpg (train) and c again.jpg (val)"
    assert leak.cases[0].detail == "equal to the byte"
    assert leak.cases[1].record == "a.jpg (train) and other.jpg (val)"
    assert leak.cases[1].detail.startswith("mirror images, correlation ")
    assert [one.file_name for one in leak.cases[1].pictures] == ["a.jpg", "other.jpg"]
    assert (duplicate.kind, duplicate.severity, duplicate.count) == ("duplicate", "warning", 1)
    assert duplicate.cases[0].record == "b.jpg and b2.jpg"
    assert duplicate.cases[0].split == "train"


def test_check__a_copy_of_a_copy_in_another_split_is_a_leak(
    new_set: Callable[[str], DataSet],
) -> None:
    """Images a and a2 are equal to the byte in train and val; a3, resized, is in train."""
    train, val = new_set("train"), new_set("val")
    train.add_image("a.jpg", photo(1), BOX)
    val.add_image("a2.jpg", photo(1), BOX)
    train.add_image("a3.jpg", photo(1).resize((64, 48)), BOX)
    (leak,) = check_duplicates(prepare_splits({"train": train.open(), "val": val.open()}))
    assert leak.count == 2
    records = {case.record for case in leak.cases}
    assert "a.jpg (train) and a2.jpg (val)" in records
    assert any("a3.jpg" in record and "a2.jpg" in record for record in records)
