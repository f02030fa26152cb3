"""Filling the cache: once an image, past broken ones, without the encoder when all is there."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from wps_sam.embeddings import view_readers
from wps_sam.embeddings.build import embed_images
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.errors import ConfigError
from wps_sam.images.reading import read_image
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


def meeting(of_two: Callable[..., object]) -> Callable[..., object]:
    """Let calls wait until there are two at once; one after another they break."""
    two = threading.Barrier(2)

    def call(*words: object) -> object:
        two.wait(timeout=20)
        return of_two(*words)

    return call


@pytest.mark.parametrize("what", ["embedding_key", "read_image"])
def test_embed__a_gpu_has_files_hashed_and_read_at_once(
    tmp_path: Path,
    toy_sam: FrozenSam,
    photographs: list[ImageToEmbed],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    monkeypatch.setattr("wps_sam.embeddings.build.os.cpu_count", lambda: 2)
    monkeypatch.setattr(view_readers, what, meeting(getattr(view_readers, what)))
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    report = embed_images(cache, GpuEncoder(toy_sam), photographs[:2])
    assert report.embedded == 2


def test_embed__a_cpu_of_many_cores_has_more_than_one_reader(
    tmp_path: Path,
    toy_sam: FrozenSam,
    photographs: list[ImageToEmbed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(view_readers, "read_image", meeting(read_image))
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    assert embed_images(cache, toy_sam, photographs[:2]).embedded == 2


def test_embed__two_cores_have_one_reader(
    tmp_path: Path,
    toy_sam: FrozenSam,
    photographs: list[ImageToEmbed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    readers = set()

    def counted(*words: object) -> object:
        readers.add(threading.get_ident())
        return read_image(*words)  # type: ignore[arg-type]  # whatever it was called with

    monkeypatch.setattr(view_readers, "read_image", counted)
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    embed_images(cache, toy_sam, photographs[:3])
    assert len(readers) == 1
    assert threading.get_ident() not in readers


def test_embed__sizes_differ_within_a_call(tmp_path: Path, toy_sam: FrozenSam) -> None:
    rng = np.random.default_rng(1)
    images = []
    for height, width in ((40, 60), (60, 40), (50, 50)):
        path = tmp_path / f"{height}.png"
        Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8)).save(path)
        images.append(ImageToEmbed(path, path.name))
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    report = embed_images(cache, toy_sam, images, batch_size=3)
    for image in images:
        expected = toy_sam.encode(toy_sam.preprocess([np.asarray(Image.open(image.path))]))[0]
        stored = cache.read(report.keys[image]).float()
        torch.testing.assert_close(stored, expected, atol=2e-3, rtol=2e-3)


def test_embed__what_was_encoded_before_an_error_is_written(
    tmp_path: Path,
    toy_sam: FrozenSam,
    photographs: list[ImageToEmbed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    write, encode = cache.write, toy_sam.encode
    calls, written = [], []

    def slow(key: str, features: torch.Tensor) -> None:
        time.sleep(0.1)
        write(key, features)
        written.append(key)

    def third_fails(pixels: torch.Tensor) -> torch.Tensor:
        calls.append(len(pixels))
        if len(calls) == 3:
            raise RuntimeError("the encoder broke")
        return encode(pixels)

    monkeypatch.setattr(cache, "write", slow)
    monkeypatch.setattr(toy_sam, "encode", third_fails)
    with pytest.raises(RuntimeError, match="the encoder broke"):
        embed_images(cache, toy_sam, photographs[:3])
    assert len(written) == 2
    assert [cache.state(key) for key in written] == ["ready", "ready"]


def test_embed__a_device_without_enough_memory(
    tmp_path: Path,
    toy_sam: FrozenSam,
    photographs: list[ImageToEmbed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(pixels: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("Tried to allocate 9 GiB.\nDetails")

    monkeypatch.setattr(toy_sam, "encode", full)
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    with pytest.raises(ConfigError, match=r"cpu: its memory .* 2 images .*9 GiB\.\).*--batch-size"):
        embed_images(cache, toy_sam, photographs[:3], batch_size=2)


def test_embed__a_damaged_file_of_a_broken_image_is_not_called_repaired(
    tmp_path: Path, toy_sam: FrozenSam, photographs: list[ImageToEmbed]
) -> None:
    cache = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    broken = photographs[4]
    place = cache.path(broken.key())
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"cut")
    report = embed_images(cache, toy_sam, [broken])
    assert (report.repaired, [name for name, _ in report.failures]) == ([], ["broken.png"])
