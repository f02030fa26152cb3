"""The teacher against SAM's prompt encoder on coordinates scaled by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from wps_sam.labels.weak_labels import WeakImage
from wps_sam.prompter.teacher import Supervision, teacher_targets
from wps_sam.sam.frozen import FrozenSam


def image(boxes: Sequence[Sequence[float]], height: int = 64, width: int = 128) -> WeakImage:
    """An image twice as wide as high: SAM's square of side 256 shows it at twice its size."""
    return WeakImage(
        image_id=1,
        path=Path("a.jpg"),
        file_name="a.jpg",
        height=height,
        width=width,
        class_index=np.arange(len(boxes), dtype=np.int64)[::-1].copy(),
        boxes_xyxy=np.array(boxes, np.float32).reshape(-1, 4),
    )


BOXES = [[10, 20, 30, 50], [0, 0, 128, 64]]


def test_box__equals_sams_encoding_of_the_scaled_box(toy_sam: FrozenSam) -> None:
    targets = teacher_targets(toy_sam, image(BOXES), "box")
    scaled = torch.tensor([[20.0, 40, 60, 100], [0.0, 0, 256, 128]])
    torch.testing.assert_close(targets.boxes_xyxy, scaled)
    torch.testing.assert_close(targets.tokens, toy_sam.prompt_boxes(scaled))
    assert targets.class_index.tolist() == [1, 0]
    assert targets.class_index.dtype == torch.long
    assert targets.tokens.dtype == torch.float32


def test_box__tall_image_scales_by_its_height(toy_sam: FrozenSam) -> None:
    # 512 high becomes 256: half the size, in both directions.
    targets = teacher_targets(toy_sam, image([[10, 20, 30, 50]], 512, 100), "box")
    torch.testing.assert_close(targets.boxes_xyxy, torch.tensor([[5.0, 10, 15, 25]]))


def test_point__equals_sams_encoding_of_the_scaled_centre(toy_sam: FrozenSam) -> None:
    targets = teacher_targets(toy_sam, image(BOXES), "point")
    centers = torch.tensor([[40.0, 70], [128.0, 64]])
    torch.testing.assert_close(targets.tokens, toy_sam.prompt_points(centers[:, None]))
    torch.testing.assert_close(targets.boxes_xyxy, centers.repeat(1, 2))


def test_point__nothing_but_the_centre_counts(toy_sam: FrozenSam) -> None:
    large = teacher_targets(toy_sam, image([[10, 20, 30, 50]]), "point")
    small = teacher_targets(toy_sam, image([[19, 34, 21, 36]]), "point")
    assert torch.equal(large.tokens, small.tokens)
    assert torch.equal(large.boxes_xyxy, small.boxes_xyxy)


@pytest.mark.parametrize("supervision", ["box", "point"])
def test_image_without_parts(toy_sam: FrozenSam, supervision: Supervision) -> None:
    targets = teacher_targets(toy_sam, image([]), supervision)
    assert targets.class_index.shape == (0,)
    assert targets.tokens.shape == (0, 2, 256)
    assert targets.boxes_xyxy.shape == (0, 4)
    assert targets.class_index.dtype == torch.long


def test_one_pixel_image(toy_sam: FrozenSam) -> None:
    targets = teacher_targets(toy_sam, image([[0, 0, 1, 1]], 1, 1), "box")
    torch.testing.assert_close(targets.boxes_xyxy, torch.tensor([[0.0, 0, 256, 256]]))
