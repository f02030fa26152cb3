"""Label maps are read as the numbers they hold, whatever the PNG looks like inside."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.images.index_png import index_png_hw, read_index_png


def png_bytes(bits: int, colour: int, hw: tuple[int, int], rows: bytes) -> bytes:
    """A PNG put together by its specification: signature, IHDR, IDAT, IEND."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", hw[1], hw[0], bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_read_index_png__grey_palette_and_16_bits(tmp_path: Path) -> None:
    values = np.array([[0, 1, 40], [39, 254, 255]], np.uint8)
    Image.fromarray(values).save(tmp_path / "grey.png")
    palette = Image.fromarray(values).convert("P")
    palette.putdata(values.reshape(-1).tolist())
    palette.putpalette([7, 7, 7] * 256)  # all colours the same: only the index tells values apart
    palette.save(tmp_path / "palette.png")
    wide = np.array([[0, 233, 65535]], np.uint16)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    for name in ("grey.png", "palette.png"):
        np.testing.assert_array_equal(read_index_png(tmp_path / name), values)
        assert index_png_hw(tmp_path / name) == (2, 3)
    np.testing.assert_array_equal(read_index_png(tmp_path / "wide.png"), wide)
    assert read_index_png(tmp_path / "wide.png").dtype == np.uint16


@pytest.mark.parametrize(
    ("bits", "row", "expected"),
    [
        # Each row: filter byte 0, then values from the high bits down.
        (1, bytes([0, 0b10100000]), [1, 0, 1, 0]),
        (2, bytes([0, 0b00011011]), [0, 1, 2, 3]),
        (4, bytes([0, 0x0F, 0x25]), [0, 15, 2, 5]),
    ],
)
def test_read_index_png__few_bits_are_not_stretched(
    tmp_path: Path, bits: int, row: bytes, expected: list[int]
) -> None:
    (tmp_path / "a.png").write_bytes(png_bytes(bits, 0, (1, 4), row))
    assert read_index_png(tmp_path / "a.png").tolist() == [expected]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_read_index_png__colours(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (4, 3)).save(tmp_path / "a.png")
    for read in (read_index_png, index_png_hw):
        with pytest.raises(DataError, match=rf"a\.png is a colour image \(mode {mode}\); expected"):
            read(tmp_path / "a.png")


def test_read_index_png__missing_jpeg_and_cut_off(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.png does not exist\. Put it there"):
        read_index_png(tmp_path / "none.png")
    Image.new("L", (40, 30)).save(tmp_path / "photo.png", "JPEG")
    with pytest.raises(DataError, match=r"photo\.png cannot be read as PNG: .*JPEG and other"):
        read_index_png(tmp_path / "photo.png")
    whole = png_bytes(8, 0, (30, 40), bytes(range(41)) * 30)
    (tmp_path / "cut.png").write_bytes(whole[:70])
    with pytest.raises(DataError, match=r"cut\.png cannot be read as PNG"):
        read_index_png(tmp_path / "cut.png")


def test_index_png_hw__too_large(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bytes(8, 0, (60_000, 60_000), b""))
    with pytest.raises(DataError, match=r"a\.png is too large: .*Make image and map smaller"):
        index_png_hw(tmp_path / "a.png")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_read_index_png__any_bytes(tmp_path: Path, data: st.DataObject) -> None:
    sound = bytearray(png_bytes(8, 0, (3, 4), bytes([0, 1, 2, 3, 4]) * 3))
    for _ in range(data.draw(st.integers(1, 4))):
        sound[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.png"
    path.write_bytes(bytes(sound[: data.draw(st.integers(0, len(sound)))]))
    try:
        read_index_png(path)
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017  # a sound file is fine too
