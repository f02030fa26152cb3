"""Filling the cache: once an image, past broken ones, without the encoder when all is there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from wps_sam.embeddings.build import embed_images
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.sam.frozen import FrozenSam
from wps_sam.views.view import MIRRORED, PLAIN, View


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


class GpuEncoder:
    """A SAM that says it were on a GPU, so that its images are read by several threads."""

    device = torch.device("cuda")

    def __init__(self, sam: FrozenSam) -> None:
        self.sam = sam
        self.image_side = sam.image_side
        self.calls: list[int] = []

    def preprocess(self, images: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        return self.sam.preprocess(images)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        self.calls.append(len(pixels))
        return self.sam.encode(pixels)


def test_embed__a_gpu_gets_eight_images_a_call_and_the_same_comes_out(
    tmp_path: Path, toy_sam: FrozenSam, photographs: list[ImageToEmbed]
) -> None:
    views = [replace(image, view=view) for image in photographs for view in (PLAIN, MIRRORED, CROP)]
    encoder = GpuEncoder(toy_sam)
    reports, stored = [], []
    for place, one in (("cpu", toy_sam), ("gpu", encoder)):
        cache = EmbeddingCache(tmp_path / place, Fingerprint.of(toy_sam))
        reports.append(embed_images(cache, one, views))
        stored.append([cache.read(key) for key in reports[-1].keys.values()])
    assert encoder.calls == [8, 1]
    assert reports[0] == reports[1]
    assert (reports[1].embedded, len(stored[1])) == (9, 12)
    for alone, together in zip(*stored, strict=True):
        torch.testing.assert_close(together, alone, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_embed__a_full_disk_ends_it(
    tmp_path: Path,
    toy_sam: FrozenSam,
    photographs: list[ImageToEmbed],
    monkeypatch: pytest.MonkeyPatch,
    batch_size: int,
) -> None:
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))

    def write(key: str, features: torch.Tensor) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "write", write)
    with pytest.raises(OSError, match="No space left on device"):
        embed_images(cache, toy_sam, photographs, batch_size=batch_size)
