"""Views of photographs, read ahead: each file is opened once, whatever is seen of it."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wps_sam.embeddings.store import embedding_key
from wps_sam.embeddings.view_readers import ImageToEmbed, ViewReader, ViewReaders
from wps_sam.errors import DataError
from wps_sam.images.reading import read_image
from wps_sam.views.view import MIRRORED, PLAIN, View

CROP = View(left=0.25, top=0.25, right=0.75, bottom=0.75)


def test_embed__the_photograph_keeps_its_key(photographs: list[ImageToEmbed]) -> None:
    plain = photographs[0]
    assert plain.key() == embedding_key(plain.path)
    assert plain.key().endswith("-40x60")
    assert replace(plain, view=PLAIN) == plain
    assert replace(plain, view=CROP).key() == f"{plain.key()}-{CROP.code()}"


def test_view_reader__views_that_follow_each_other_open_the_file_once(
    photographs: list[ImageToEmbed], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def read(path: Path, expected_hw: tuple[int, int] | None) -> NDArray[np.uint8]:
        opened.append(path.name)
        return read_image(path, expected_hw)

    monkeypatch.setattr("wps_sam.embeddings.view_readers.read_image", read)
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


def test_view_readers__views_of_a_photograph_go_to_one_thread(
    photographs: list[ImageToEmbed], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, int]] = []

    def read(path: Path, expected_hw: tuple[int, int] | None) -> NDArray[np.uint8]:
        opened.append((path.name, threading.get_ident()))
        return read_image(path, expected_hw)

    monkeypatch.setattr("wps_sam.embeddings.view_readers.read_image", read)
    views = [replace(image, view=view) for image in photographs[:3] for view in (PLAIN, CROP)]
    with ViewReaders(256, threads=2) as readers:
        found = [future.result() for future in [readers.submit(view) for view in views]]
        broken = readers.submit(photographs[4])
        with pytest.raises(DataError, match=r"broken.png"):
            broken.result()
    assert [name for name, _ in sorted(opened)] == ["a.png", "b.png", "broken.png", "c.png"]
    threads = dict(opened)
    assert threads["a.png"] == threads["c.png"] != threads["b.png"] == threads["broken.png"]
    for image, pixels in zip(photographs[:3], found[::2], strict=True):
        expected = Image.open(image.path).resize((256, 171), Image.Resampling.BILINEAR)  # of 60, 40
        assert np.array_equal(pixels, np.asarray(expected))
