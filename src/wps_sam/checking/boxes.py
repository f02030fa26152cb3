"""Boxes that training would use but that look wrong."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from wps_sam.checking.findings import Case, Cases, Finding
from wps_sam.checking.splits import CheckedSplit, picture
from wps_sam.geometry.boxes import box_area, box_iou
from wps_sam.geometry.frames import SamFrame
from wps_sam.labels.weak_labels import WeakImage

TINY_SIDE = 8.0
"""Pixels of SAM's 1024 frame: two cells of the 256 x 256 grid on which SAM draws masks."""

WHOLE_IMAGE_SHARE = 0.95
"""Of the image's area."""

LONGEST_ASPECT = 20.0
"""Longer side over shorter side."""

SAME_BOX_IOU = 0.9
"""From this IoU on, two boxes of a class are one part labelled twice. Two people who box the same
part differ by more only where it is small."""

CONTAINED_SHARE = 0.9
"""A box is inside another if this share of its area is."""

FEWEST_CONTAINED = 2
"""A box around fewer boxes of its class can be a part in front of another."""

_Rows = NDArray[np.int64]


def check_boxes(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Look at the size, shape and overlap of every box.

    Args:
        splits: All splits.

    Returns:
        Findings `tiny-box`, `whole-image-box`, `thin-box`, `repeated-box` and `group-box`.
    """
    tiny, whole, thin, repeated, group = (Cases() for _ in range(5))
    for split, image, rows in _images_with_boxes(splits):
        boxes = image.boxes_xyxy[rows].astype(np.float64)
        names = _names(split, image, rows)
        sides = boxes[:, 2:] - boxes[:, :2]
        for i in np.flatnonzero(_sam_sides(image, boxes).min(axis=1) < TINY_SIDE).tolist():
            text = _times(_sam_sides(image, boxes)[i]) + " px in SAM's frame"
            tiny.add(_case(split, image, names[i], text, rows[[i]]))
        shares = box_area(boxes) / (image.height * image.width)
        for i in np.flatnonzero(shares >= WHOLE_IMAGE_SHARE).tolist():
            whole.add(_case(split, image, names[i], f"{shares[i]:.0%} of the image", rows[[i]]))
        aspects = sides.max(axis=1) / sides.min(axis=1)
        for i in np.flatnonzero(aspects > LONGEST_ASPECT).tolist():
            thin.add(_case(split, image, names[i], f"{_times(sides[i])} px", rows[[i]]))
        for i, j, iou in _repeated(boxes, image.class_index[rows]):
            repeated.add(_case(split, image, names[i], f"IoU {iou:.2f}", rows[[i, j]]))
        for i, inside in _groups(boxes, image.class_index[rows]):
            text = f"around {len(inside)} others of its class"
            group.add(_case(split, image, names[i], text, rows[[i]], rows[inside]))
    return [
        *tiny.finding(
            "tiny-box",
            "warning",
            "Tiny boxes",
            f"A side is under {TINY_SIDE:g} pixels once the image is scaled to SAM's 1024. SAM "
            "draws masks on a grid of 4-pixel cells, so such a part is less than two cells wide.",
            "Remove specks left by stray clicks. For parts that really are this small, cut the "
            "images into tiles before labelling, or leave the class out.",
        ),
        *whole.finding(
            "whole-image-box",
            "warning",
            "Boxes around the whole image",
            f"The box covers {WHOLE_IMAGE_SHARE:.0%} of its image or more.",
            "Check that the box is meant for one part: annotation tools make such boxes by a slip, "
            "and label maps without their background value do too.",
        ),
        *thin.finding(
            "thin-box",
            "warning",
            "Very long boxes",
            f"One side is more than {LONGEST_ASPECT:g} times the other.",
            "Check the box. A slip of the mouse makes such boxes; so do columns in a wrong order.",
        ),
        *repeated.finding(
            "repeated-box",
            "warning",
            "Same part labelled twice",
            f"Two boxes of one class overlap with an IoU of {SAME_BOX_IOU:g} or more.",
            "Remove one of the two.",
        ),
        *group.finding(
            "group-box",
            "warning",
            "Box around other boxes of its class",
            f"A box holds {FEWEST_CONTAINED} or more, and at least half, of the other boxes of its "
            f"class ({CONTAINED_SHARE:.0%} of the area of each). It looks like a group that was "
            "drawn beside its members.",
            "Remove the group's box, or mark it as a crowd (iscrowd) if its members are not all "
            "labelled.",
        ),
    ]


def _images_with_boxes(
    splits: Sequence[CheckedSplit],
) -> Iterator[tuple[CheckedSplit, WeakImage, _Rows]]:
    """Images and which of their parts have a box."""
    for split in splits:
        for image in split.weak.images if split.weak else ():
            rows = np.flatnonzero(image.has_box)
            if len(rows):
                yield split, image, rows


def _names(split: CheckedSplit, image: WeakImage, rows: _Rows) -> list[str]:
    """How to call each part: its class and image."""
    assert split.weak is not None
    classes = split.weak.class_names
    return [f"{classes[image.class_index[row]]} in {image.file_name}" for row in rows]


def _case(
    split: CheckedSplit,
    image: WeakImage,
    record: str,
    detail: str,
    rows: _Rows,
    others: _Rows | None = None,
) -> Case:
    """A case about boxes of one image."""
    shown = picture(image, rows.tolist(), () if others is None else others.tolist())
    return Case(split.name, record, detail, (shown,))


def _sam_sides(image: WeakImage, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, 2) width and height in pixels of SAM's frame."""
    scaled = SamFrame((image.height, image.width)).boxes_to_sam(boxes)
    sides: NDArray[np.float64] = scaled[:, 2:] - scaled[:, :2]
    return sides


def _times(sides: NDArray[np.float64]) -> str:
    """Width and height as "6.2 x 14"."""
    return f"{sides[0]:.3g} x {sides[1]:.3g}"


def _repeated(
    boxes: NDArray[np.float64], classes: NDArray[np.int64]
) -> Iterator[tuple[int, int, float]]:
    """Pairs of boxes that are the same part, with their IoU."""
    iou = np.triu(box_iou(boxes, boxes), 1)
    iou[classes[:, None] != classes[None, :]] = 0
    for i, j in np.argwhere(iou >= SAME_BOX_IOU):
        yield int(i), int(j), float(iou[i, j])


def _groups(
    boxes: NDArray[np.float64], classes: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Boxes around others of their class, with the positions of those."""
    for one in np.unique(classes):
        members = np.flatnonzero(classes == one)
        if len(members) <= FEWEST_CONTAINED:
            continue
        inside = _share_inside(boxes[members]) >= CONTAINED_SHARE
        # A box about as large as this one is the same part labelled twice.
        inside &= box_iou(boxes[members], boxes[members]).T < SAME_BOX_IOU
        np.fill_diagonal(inside, False)
        counts = inside.sum(axis=1)
        for i in np.flatnonzero((counts >= FEWEST_CONTAINED) & (2 * counts >= len(members) - 1)):
            yield int(members[i]), members[np.flatnonzero(inside[i])]


def _share_inside(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, P) share of the area of box j that lies inside box i."""
    top_left = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    bottom_right = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    overlap = np.clip(bottom_right - top_left, 0, None).prod(axis=2)
    share: NDArray[np.float64] = overlap / box_area(boxes)[None, :]
    return share
