"""Labels of views: they lie where the pixels of their parts lie."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wps_sam.errors import ConfigError
from wps_sam.geometry.masks import mask_to_box
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.views.labels import LEAST_VISIBLE, mirror_classes, view_labels
from wps_sam.views.pixels import view_pixels
from wps_sam.views.view import MIRRORED, PLAIN, View, view_number

HEIGHT, WIDTH = 60, 90
NAMES = ("left_lamp", "roof", "right_lamp")
SWAPPED = np.array([2, 1, 0])
NO_BOX = [np.nan] * 4


def image(
    boxes: list[list[float]],
    points: list[list[list[float]]] | None = None,
    classes: list[int] | None = None,
) -> WeakImage:
    """An image with parts; all are left lamps unless said."""
    return WeakImage(
        image_id=1,
        path=Path("a.png"),
        file_name="a.png",
        height=HEIGHT,
        width=WIDTH,
        class_index=np.array(classes or [0] * len(boxes), np.int64),
        boxes_xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        points_xy=tuple(np.array(p, np.float32).reshape(-1, 2) for p in points or ()),
    )


def dataset(names: tuple[str, ...]) -> WeakDataset:
    """Classes alone."""
    return WeakDataset(Path("a.json"), names, tuple(range(len(names))), (), ())


def painted(box: list[int]) -> NDArray[np.uint8]:
    """A photograph, grey but for a red rectangle."""
    pixels = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = (220, 30, 30)
    return pixels


def is_red(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where red exceeds blue; whatever the colours of a view, grey stays grey."""
    return np.asarray(pixels[..., 0].astype(int) - pixels[..., 2] > 10)


@st.composite
def boxes(draw: st.DrawFn) -> list[int]:
    """Whole-pixel boxes inside the photograph."""
    x1, y1 = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    return [x1, y1, draw(st.integers(x1 + 1, WIDTH)), draw(st.integers(y1 + 1, HEIGHT))]


@given(boxes(), st.integers(0, 300), st.booleans())
def test_view_labels__lie_where_the_pixels_lie(
    box: list[int], number: int, may_mirror: bool
) -> None:
    view = view_number(number, "photograph", may_mirror=may_mirror)
    middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
    labelled = image([[*map(float, box)]], [[middle]])
    found = view_labels(labelled, view, SWAPPED if may_mirror else None)
    red = is_red(view_pixels(painted(box), view))
    assert (found.height, found.width) == red.shape
    area = (box[2] - box[0]) * (box[3] - box[1])
    assert len(found.class_index) == int(red.sum() >= LEAST_VISIBLE * area)
    if not len(found.class_index):
        return
    np.testing.assert_allclose(found.boxes_xyxy[0], mask_to_box(red), atol=1)
    assert found.class_index.tolist() == [2 if view.mirrored else 0]
    assert found.boxes_xyxy.dtype == np.float32
    for x, y in found.points_xy[0]:
        assert red[min(int(y), found.height - 1), min(int(x), found.width - 1)]


def test_view_labels__plain_changes_nothing() -> None:
    labelled = image([[3.5, 4, 20, 30.25], NO_BOX], [[[5, 6]], [[0, 0], [90, 60]]], [0, 1])
    found = view_labels(labelled, PLAIN, None)
    assert found.label_bytes() == labelled.label_bytes()
    assert (found.height, found.width, found.file_name) == (HEIGHT, WIDTH, "a.png")


def test_view_labels__mirrored_by_hand() -> None:
    labelled = image([[10, 5, 30, 20], [0, 0, 90, 4]], [[[12, 6], [28, 19]], []], [2, 1])
    found = view_labels(labelled, MIRRORED, SWAPPED)
    assert found.boxes_xyxy.tolist() == [[60, 5, 80, 20], [0, 0, 90, 4]]
    assert [points.tolist() for points in found.points_xy] == [[[78, 6], [62, 19]], []]
    assert found.class_index.tolist() == [0, 1]
    again = view_labels(found, MIRRORED, SWAPPED)
    assert again.label_bytes() == labelled.label_bytes()


RIGHT_HALF = View(left=0.5)  # x from 45


@pytest.mark.parametrize(
    ("share", "stays"), [(LEAST_VISIBLE, True), (LEAST_VISIBLE - 0.01, False), (0.0, False)]
)
def test_view_labels__least_visible(share: float, stays: bool) -> None:
    # A box 20 wide, of which 20 * share lies in the right half.
    left = 45 - 20 * (1 - share)
    found = view_labels(image([[left, 10, left + 20, 30]]), RIGHT_HALF, None)
    assert len(found.class_index) == stays
    if stays:
        np.testing.assert_allclose(found.boxes_xyxy, [[0, 10, 20 * share, 30]], atol=1e-4)


def test_view_labels__a_box_decides_about_its_points_and_not_they_about_it() -> None:
    mostly_out, mostly_in = [30.0, 10, 50, 30], [40.0, 10, 60, 30]
    labelled = image([mostly_out, mostly_in], [[[48, 20]], [[42, 20], [50, 21]]], [0, 1])
    found = view_labels(labelled, RIGHT_HALF, None)
    assert found.class_index.tolist() == [1]
    assert found.boxes_xyxy.tolist() == [[0, 10, 15, 30]]
    assert [points.tolist() for points in found.points_xy] == [[[5, 21]]]


def test_view_labels__parts_without_a_box_stay_while_a_point_is_seen() -> None:
    labelled = image([NO_BOX, NO_BOX, NO_BOX], [[[10, 10]], [[10, 10], [50, 10]], [[89, 59]]])
    found = view_labels(labelled, View(left=0.5, mirrored=True), SWAPPED)
    assert np.isnan(found.boxes_xyxy).all()
    # The crop is 45 wide; 50 lies at 5 in it, mirrored at 40; 89 at 44, mirrored at 1.
    assert [points.tolist() for points in found.points_xy] == [[[40, 10]], [[1, 59]]]
    assert found.class_index.tolist() == [2, 2]


def test_view_labels__no_parts() -> None:
    for view in (PLAIN, MIRRORED, RIGHT_HALF):
        found = view_labels(image([]), view, SWAPPED)
        assert found.boxes_xyxy.shape == (0, 4)
        assert found.points_xy == ()
    found = view_labels(image([[0, 0, 10, 10]]), RIGHT_HALF, None)
    assert found.boxes_xyxy.shape == (0, 4)


def test_view_labels__a_mirror_needs_the_pairs() -> None:
    with pytest.raises(ValueError, match="which class each class becomes"):
        view_labels(image([[0, 0, 10, 10]]), MIRRORED, None)


def test_mirror_classes__by_the_names() -> None:
    found = mirror_classes(dataset(NAMES), None)
    assert found is not None
    assert found.tolist() == SWAPPED.tolist()


def test_mirror_classes__unpaired_sides_forbid_it() -> None:
    assert mirror_classes(dataset(("left_lamp", "roof")), None) is None
    kept = mirror_classes(dataset(("wheel", "roof")), None)
    assert kept is not None
    assert kept.tolist() == [0, 1]


def test_mirror_classes__pairs_that_are_given_decide() -> None:
    labels = dataset(("left_lamp", "port", "starboard"))
    found = mirror_classes(labels, [("port", "starboard")])
    assert found is not None
    assert found.tolist() == [0, 2, 1]
    none = mirror_classes(labels, [])
    assert none is not None
    assert none.tolist() == [0, 1, 2]
    with pytest.raises(ConfigError, match="do not exist: bow"):
        mirror_classes(labels, [("port", "bow")])
