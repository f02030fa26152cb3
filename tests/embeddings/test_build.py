"""Filling the cache: once an image, past broken ones, without the encoder when all is there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from wps_sam.embeddings.build import ImageToEmbed, ViewReader, embed_images
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache, embedding_key
from wps_sam.errors import DataError
from wps_sam.images.reading import read_image
from wps_sam.sam.frozen import FrozenSam
from wps_sam.views.view import MIRRORED, PLAIN, View


@pytest.fixture
def photographs(tmp_path: Path) -> list[ImageToEmbed]:
    """Three different images, a copy of the first, and one that is cut short."""
    rng = np.random.default_rng(0)
    found = []
    for name in ("a", "b", "c"):
        path = tmp_path / f"{name}.png"
        Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(path)
        found.append(ImageToEmbed(path, path.name))
    copy = tmp_path / "copy.png"
    copy.write_bytes(found[0].path.read_bytes())
    broken = tmp_path / "broken.png"
    broken.write_bytes(found[1].path.read_bytes()[:500])
    return [*found, ImageToEmbed(copy, "copy.png"), ImageToEmbed(broken, "broken.png")]


def test_embed__each_once_and_broken_ones_named(
    tmp_path: Path, toy_sam: FrozenSam, photographs: list[ImageToEmbed]
) -> None:
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    seen: list[int] = []
    report = embed_images(cache, toy_sam, photographs, on_progress=seen.append)
    assert (report.embedded, report.reused) == (3, 1)
    assert [name for name, _ in report.failures] == ["broken.png"]
    assert sum(seen) == 5
    assert len(report.keys) == 4
    assert report.keys[photographs[0]] == report.keys[photographs[3]]


def test_embed__equals_encoding_by_hand(
    tmp_path: Path, toy_sam: FrozenSam, photographs: list[ImageToEmbed]
) -> None:
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    report = embed_images(cache, toy_sam, photographs[:3], batch_size=2)
    for image in photographs[:3]:
        pixels = np.asarray(Image.open(image.path))
        expected = toy_sam.encode(toy_sam.preprocess([pixels]))[0]
        stored = cache.read(report.keys[image]).float()
        torch.testing.assert_close(stored, expected, atol=2e-3, rtol=2e-3)


CROP = View(left=0.25, top=0.25, right=0.75, bottom=0.75)


def test_embed__a_view_equals_encoding_its_pixels(
    tmp_path: Path, toy_sam: FrozenSam, photographs: list[ImageToEmbed]
) -> None:
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    views = [replace(photographs[0], view=view) for view in (PLAIN, MIRRORED, CROP)]
    report = embed_images(cache, toy_sam, views, batch_size=2)
    assert report.embedded == 3
    assert len(set(report.keys.values())) == 3
    pixels = np.asarray(Image.open(photographs[0].path))  # 40 high, 60 wide
    by_hand = [pixels, pixels[:, ::-1].copy(), pixels[10:30, 15:45]]
    for image, seen in zip(views, by_hand, strict=True):
        expected = toy_sam.encode(toy_sam.preprocess([seen]))[0]
        stored = cache.read(report.keys[image]).float()
        torch.testing.assert_close(stored, expected, atol=2e-3, rtol=2e-3)


def test_view_reader__views_that_follow_each_other_open_the_file_once(
    photographs: list[ImageToEmbed], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def read(path: Path, expected_hw: tuple[int, int] | None) -> npt.NDArray[np.uint8]:
        opened.append(path.name)
        return read_image(path, expected_hw)

    monkeypatch.setattr("wps_sam.embeddings.build.read_image", read)
    first, second, _, _, broken = photographs
    reader = ViewReader()
    mirrored = [reader.pixels(replace(first, view=view)) for view in (PLAIN, MIRRORED)][1]
    assert np.array_equal(mirrored, np.asarray(Image.open(first.path))[:, ::-1])
    for _ in range(2):
        with pytest.raises(DataError, match=r"broken.png"):
            reader.pixels(broken)
    reader.pixels(second)
    reader.pixels(first)
    assert opened == ["a.png", "broken.png", "broken.png", "b.png", "a.png"]


def test_embed__the_photograph_keeps_its_key(photographs: list[ImageToEmbed]) -> None:
    plain = photographs[0]
    assert plain.key() == embedding_key(plain.path)
    assert plain.key().endswith("-40x60")
    assert replace(plain, view=PLAIN) == plain
    assert replace(plain, view=CROP).key() == f"{plain.key()}-{CROP.code()}"


def test_embed__copies_share_the_embedding_of_a_view_too(
    tmp_path: Path, toy_sam: FrozenSam, photographs: list[ImageToEmbed]
) -> None:
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    views = [replace(photographs[i], view=MIRRORED) for i in (0, 3)]
    report = embed_images(cache, toy_sam, views)
    assert (report.embedded, report.reused) == (1, 1)


def test_embed__all_views_of_a_broken_image_are_named(
    tmp_path: Path, toy_sam: FrozenSam, photographs: list[ImageToEmbed]
) -> None:
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    views = [replace(photographs[i], view=v) for v in (PLAIN, MIRRORED) for i in (0, 4)]
    report = embed_images(cache, toy_sam, views)
    assert [name for name, _ in report.failures] == ["broken.png"] * 2
    assert list(report.keys) == [views[0], views[2]]


def test_embed__second_time_the_encoder_is_not_touched(
    tmp_path: Path,
    toy_sam: FrozenSam,
    photographs: list[ImageToEmbed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    embed_images(cache, toy_sam, photographs[:3])

    def refuse(pixels: torch.Tensor) -> torch.Tensor:
        raise AssertionError("the encoder ran")

    monkeypatch.setattr(toy_sam, "encode", refuse)
    report = embed_images(cache, toy_sam, photographs[:3])
    assert (report.embedded, report.reused) == (0, 3)


def test_embed__damaged_file_is_made_again_and_said(
    tmp_path: Path, toy_sam: FrozenSam, photographs: list[ImageToEmbed]
) -> None:
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    key = embed_images(cache, toy_sam, photographs[:1]).keys[photographs[0]]
    whole = cache.path(key).read_bytes()
    cache.path(key).write_bytes(whole[:1000])
    report = embed_images(cache, toy_sam, photographs[:1])
    assert report.repaired == ["a.png"]
    assert cache.path(key).read_bytes() == whole


def test_embed__a_copy_of_a_broken_image_fails_too(
    tmp_path: Path, toy_sam: FrozenSam, photographs: list[ImageToEmbed]
) -> None:
    broken = photographs[4]
    twin = tmp_path / "twin.png"
    twin.write_bytes(broken.path.read_bytes())
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    images = [broken, photographs[0], ImageToEmbed(twin, "twin.png", None)]
    report = embed_images(cache, toy_sam, images)
    assert sorted(name for name, _ in report.failures) == ["broken.png", "twin.png"]
    assert (report.embedded, report.reused) == (1, 0)
    assert list(report.keys) == [photographs[0]]
