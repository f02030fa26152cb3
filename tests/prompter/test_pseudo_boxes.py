"""Boxes for points: extents by hand, the class's usual size, and what is left alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wps_sam.geometry.frames import SamFrame
from wps_sam.labels.weak_labels import WeakImage
from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.pseudo_boxes import (
    candidate_boxes,
    labelled_by_points,
    nearest_in_size,
    same_length,
    usual_sizes,
    with_pseudo_boxes,
)
from wps_sam.prompter.teacher import teacher_targets
from wps_sam.sam.frozen import DecodedMasks, FrozenSam

SIDE = 256  # of the toy SAM's frame; its low-resolution masks have 64 x 64 cells of 4 pixels


def answer_with(
    monkeypatch: pytest.MonkeyPatch, sam: FrozenSam, cells: list[tuple[int, int, int, int]]
) -> None:
    """Let SAM answer every prompt with three masks: cells left, top, right, bottom."""

    def decode(features: Tensor, tokens: Tensor, image_index: Tensor, multimask: bool) -> object:
        logits = torch.full((len(tokens), 3, 64, 64), -1.0)
        for number, (left, top, right, bottom) in enumerate(cells):
            logits[:, number, top:bottom, left:right] = 1.0
        assert multimask
        assert len(features) == 1
        return DecodedMasks(logits, torch.zeros(len(tokens), 3))

    monkeypatch.setattr(sam, "decode", decode)


THREE_MASKS = [(2, 3, 4, 5), (2, 3, 10, 13), (0, 0, 64, 64)]
FEATURES = torch.zeros(256, 16, 16)


def test_candidate_boxes__extents_by_hand(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    answer_with(monkeypatch, toy_sam, THREE_MASKS)
    prompts = [torch.zeros(2, 256), torch.zeros(3, 256), torch.zeros(2, 256)]
    # The image is twice as wide as high, so its lower border is at 128.
    frame = SamFrame((64, 128), SIDE)
    boxes = candidate_boxes(toy_sam, FEATURES, prompts, torch.zeros(3, 2), frame)
    expected = torch.tensor([[8.0, 12, 16, 20], [8.0, 12, 40, 52], [0.0, 0, 256, 128]])
    torch.testing.assert_close(boxes, expected.expand(3, 3, 4))


def test_candidate_boxes__empty_masks_give_a_small_box_around_the_point(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    # The first mask has no cell, the second lies in the padding below the image.
    answer_with(monkeypatch, toy_sam, [(0, 0, 0, 0), (5, 40, 9, 50), (1, 1, 2, 2)])
    place = torch.tensor([[100.0, 60]])
    frame = SamFrame((64, 128), SIDE)
    boxes = candidate_boxes(toy_sam, FEATURES, [torch.zeros(2, 256)], place, frame)
    around = torch.tensor([92.0, 52, 108, 68])  # 256 / 16 = 16 wide
    torch.testing.assert_close(
        boxes[0], torch.stack([around, around, torch.tensor([4.0, 4, 8, 8])])
    )


def test_same_length__groups() -> None:
    prompts = [torch.full((length, 4), float(length)) for length in (3, 2, 3)]
    groups = [(rows, tokens.shape) for rows, tokens in same_length(prompts)]
    assert groups == [([1], (1, 2, 4)), ([0, 2], (2, 3, 4))]
    assert list(same_length([])) == []


def targets(classes: list[int], boxes: list[list[float]]) -> PartTargets:
    """Targets without tokens, which count for nothing here."""
    return PartTargets(
        torch.tensor(classes), torch.zeros(len(classes), 2, 256), torch.tensor(boxes)
    )


def test_usual_sizes__of_labelled_boxes_else_of_first_candidates() -> None:
    # Class 0: boxes 10 x 20, 30 x 20 and 50 x 90, and a point that does not count. Class 1: two
    # points whose first candidates are 8 x 4 and 2 x 16: medians of logs are geometric means.
    first = targets([0, 0, 1, 0], [[0, 0, 10, 20], [0, 0, 30, 20], [5, 5, 5, 5], [9, 9, 9, 9]])
    second = targets([0, 1], [[0, 0, 50, 90], [7, 7, 7, 7]])
    candidates = [
        torch.tensor([[[0.0, 0, 8, 4]] * 3, [[0.0, 0, 99, 99]] * 3]),
        torch.tensor([[[0.0, 0, 2, 16]] * 3]),
    ]
    sizes = usual_sizes([first, second], candidates)
    assert sizes.keys() == {0, 1}
    torch.testing.assert_close(sizes[0].exp(), torch.tensor([30.0, 20]))
    torch.testing.assert_close(sizes[1].exp(), torch.tensor([4.0, 8]))


def test_nearest_in_size__by_hand() -> None:
    # 10 x 10 wanted: 5 x 5 is off by a factor 4 in all, 30 x 11 by 3.3, 200 x 200 by 400.
    candidates = torch.tensor([[[0.0, 0, 5, 5], [0, 0, 30, 11], [0, 0, 200, 200]]])
    found = nearest_in_size(candidates, torch.tensor([[10.0, 10]]).log())
    assert found.tolist() == [[0, 0, 30, 11]]


def mixed_image() -> WeakImage:
    """A box, 32 x 40 in the SAM frame, and a point, both of class 0."""
    return WeakImage(
        image_id=1,
        path=Path("a.jpg"),
        file_name="a.jpg",
        height=64,
        width=128,
        class_index=np.zeros(2, np.int64),
        boxes_xyxy=np.array([[40, 10, 56, 30], [np.nan] * 4], np.float32),
        points_xy=(np.zeros((0, 2), np.float32), np.array([[5, 6]], np.float32)),
    )


def test_with_pseudo_boxes__labelled_boxes_stay(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    # The second mask is as large as the labelled box; with points alone, the first mask's 8 x 8 is
    # the usual size.
    image = mixed_image()
    answer_with(monkeypatch, toy_sam, THREE_MASKS)
    asked: list[int] = []

    def features_of(position: int) -> Tensor:
        asked.append(position)
        return FEATURES

    mixed = [teacher_targets(toy_sam, image, "mixed")]
    (found,) = with_pseudo_boxes(toy_sam, [image], mixed, "mixed", features_of)
    assert asked == [0]
    assert labelled_by_points(found).tolist() == [False, True]
    expected = torch.tensor([[80.0, 20, 112, 60], [8.0, 12, 40, 52]])
    torch.testing.assert_close(found.learnt_boxes, expected)
    torch.testing.assert_close(found.boxes_xyxy, mixed[0].boxes_xyxy)

    points = [teacher_targets(toy_sam, image, "point")]
    (found,) = with_pseudo_boxes(toy_sam, [image], points, "point", features_of)
    torch.testing.assert_close(found.learnt_boxes, torch.tensor([[8.0, 12, 16, 20]] * 2))


def test_with_pseudo_boxes__real_decoder_gives_boxes_inside_the_image(toy_sam: FrozenSam) -> None:
    image = mixed_image()
    features = torch.randn(256, 16, 16, generator=torch.Generator().manual_seed(0))
    made = [teacher_targets(toy_sam, image, "point")]
    (found,) = with_pseudo_boxes(toy_sam, [image], made, "point", lambda position: features)
    boxes = found.learnt_boxes
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert torch.isfinite(boxes).all()


def test_with_pseudo_boxes__no_parts(toy_sam: FrozenSam) -> None:
    empty = targets([], [])
    empty = PartTargets(empty.class_index.long(), empty.tokens, torch.zeros(0, 4))
    image = WeakImage(
        *(1, Path("a.jpg"), "a.jpg", 64, 128, np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    )
    (found,) = with_pseudo_boxes(toy_sam, [image], [empty], "point", lambda position: FEATURES)
    assert found.learnt_boxes.shape == (0, 4)
