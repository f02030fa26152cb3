"""Every kind of image a user brings, and every way a file can be broken."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.images.reading import content_hash, image_size, read_image

ORIENTATION = 0x0112
# Two rows, three columns, six different greys: every turn gives another array.
GREYS = np.array([[0, 50, 100], [150, 200, 250]], np.uint8)


def save(path: Path, image: Image.Image, orientation: int | None = None) -> Path:
    """Write an image, with an EXIF orientation if one is given."""
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    image.save(path, exif=exif)
    return path


def as_rgb(grey: np.ndarray) -> np.ndarray:
    """Repeat grey values over three channels."""
    return np.repeat(grey[..., None], 3, axis=2)


def test_read_image__rgb(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    image = read_image(str(save(tmp_path / "a.png", Image.fromarray(pixels))))
    np.testing.assert_array_equal(image, pixels)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable


def test_read_image__grey(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(GREYS))
    np.testing.assert_array_equal(read_image(path), as_rgb(GREYS))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_read_image__sixteen_bit_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 65535], [128, 129, 32896]], np.uint16)
    path = save(tmp_path / f"a{suffix}", Image.fromarray(values))
    np.testing.assert_array_equal(read_image(path), as_rgb(np.array([[0, 1, 255], [0, 1, 128]])))


def test_read_image__transparent_pixels_become_white(tmp_path: Path) -> None:
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0]]], np.uint8)
    path = save(tmp_path / "a.png", Image.fromarray(pixels))
    np.testing.assert_array_equal(read_image(path), [[[10, 20, 30], [255, 255, 255]]])


def test_read_image__grey_with_alpha(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(np.array([[[7, 255], [7, 0]]], np.uint8)))
    np.testing.assert_array_equal(read_image(path), as_rgb(np.array([[7, 255]])))


def test_read_image__palette(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([1, 2, 3, 200, 100, 50])
    plain = save(tmp_path / "a.png", image)
    np.testing.assert_array_equal(read_image(plain), [[[1, 2, 3], [200, 100, 50]]])
    image.save(tmp_path / "b.png", transparency=1)
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), [[[1, 2, 3], [255] * 3]])


def test_read_image__black_and_white(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(np.array([[True, False]])))
    np.testing.assert_array_equal(read_image(path), as_rgb(np.array([[255, 0]])))


def test_read_image__cmyk(tmp_path: Path) -> None:
    # Full cyan on a 16 x 16 block, so that JPEG keeps it flat.
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    pixels = read_image(save(tmp_path / "a.jpg", image))
    assert pixels.shape == (16, 16, 3)
    np.testing.assert_allclose(pixels[8, 8], [0, 255, 255], atol=3)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, GREYS),
        (2, GREYS[:, ::-1]),
        (3, GREYS[::-1, ::-1]),
        (4, GREYS[::-1]),
        (5, GREYS.T),
        (6, np.rot90(GREYS, -1)),
        (7, GREYS[::-1, ::-1].T),
        (8, np.rot90(GREYS)),
        (9, GREYS),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_read_image__exif_orientation(
    tmp_path: Path, orientation: int, upright: np.ndarray
) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(GREYS), orientation)
    np.testing.assert_array_equal(read_image(path), as_rgb(upright))
    assert image_size(path) == upright.shape


def test_read_image__labels_on_turned_image(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(GREYS), orientation=6)
    turned = read_image(path, expected_hw=(3, 2))
    np.testing.assert_array_equal(turned, as_rgb(np.rot90(GREYS, -1)))


def test_read_image__labels_on_raw_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(GREYS), orientation=6)
    np.testing.assert_array_equal(read_image(path, expected_hw=(2, 3)), as_rgb(GREYS))


def test_read_image__both_sizes_fit(tmp_path: Path) -> None:
    # Upside down: the size cannot tell, so the tag counts.
    path = save(tmp_path / "a.png", Image.fromarray(GREYS), orientation=3)
    np.testing.assert_array_equal(read_image(path, (2, 3)), as_rgb(GREYS[::-1, ::-1]))


def test_read_image__size_differs_from_record(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(GREYS))
    with pytest.raises(DataError, match=r"a\.png is 2 x 3 .*record says 4 x 6.*correct the record"):
        read_image(path, expected_hw=(4, 6))


def test_read_image__size_differs_both_ways(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(GREYS), orientation=8)
    message = r"is 2 x 3 \(height x width\) \(3 x 2 after its EXIF orientation\), but.* 5 x 5"
    with pytest.raises(DataError, match=message):
        read_image(path, expected_hw=(5, 5))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif"])
def test_read_image__one_pixel(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", Image.new("RGB", (1, 1), (255, 255, 255)))
    np.testing.assert_array_equal(read_image(path, (1, 1)), [[[255, 255, 255]]])
    assert image_size(path) == (1, 1)


def test_read_image__missing(tmp_path: Path) -> None:
    for read in (read_image, image_size, content_hash):
        with pytest.raises(DataError, match=r"nothing\.jpg does not exist. Check the spelling"):
            read(tmp_path / "nothing.jpg")


def test_read_image__folder(tmp_path: Path) -> None:
    for read in (read_image, content_hash):
        with pytest.raises(DataError, match="is a folder, expected a file"):
            read(tmp_path)


def test_read_image__name_too_long(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read: File name too long"):
        read_image(tmp_path / ("a" * 300 + ".jpg"))


@pytest.mark.parametrize("content", [b"", b"<html>404</html>"], ids=["zero bytes", "web page"])
def test_read_image__no_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    message = rf"a\.jpg \({len(content)} bytes\) is not a kind of image.*expected JPEG, PNG"
    with pytest.raises(DataError, match=message):
        read_image(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_read_image__truncated(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"a{suffix}", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:-1000])
    assert image_size(path) == (64, 64)
    with pytest.raises(DataError, match=r"is damaged: .*truncated.*download the file again"):
        read_image(path)


def test_read_image__png_with_damaged_chunk(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(GREYS))
    content = bytearray(path.read_bytes())
    content[20] ^= 0xFF  # a size field, so that its checksum fails
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png .*(damaged|not a kind of image)"):
        read_image(path)


def test_read_image__too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", Image.new("L", (30, 30)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match=r"is too large: .*900 pixels.*Make it smaller"):
        read_image(path)


def test_read_image__floating_point(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", Image.fromarray(np.zeros((2, 2), np.float32)))
    with pytest.raises(DataError, match=r"floating-point values.*8 or 16 bits"):
        read_image(path)


def test_read_image__beyond_sixteen_bit(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", Image.fromarray(np.array([[0, 70000]], np.int32)))
    with pytest.raises(DataError, match=r"values from 0 to 70000; expected 16-bit"):
        read_image(path)


def test_content_hash__of_the_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"abc")
    second.write_bytes(b"abc")
    # The published SHA-256 test vector for "abc".
    assert content_hash(first).startswith("ba7816bf8f01cfea414140de5dae2223")
    assert content_hash(first) == content_hash(second)
