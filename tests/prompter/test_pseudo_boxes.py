"""Boxes for points: extents and merit by hand, the class's usual size, what is left alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wps_sam.geometry.frames import SamFrame
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.pseudo_boxes import (
    LEAST_REACH,
    OFFSET_COST,
    OTHER_PART_COST,
    Candidates,
    choose_boxes,
    find_candidates,
    pseudo_labels,
    usual_sizes,
)
from wps_sam.sam.frozen import DecodedMasks, FrozenSam

SIDE = 256  # of the toy SAM's frame; its low-resolution masks have 64 x 64 cells of 4 pixels


def answer_with(
    monkeypatch: pytest.MonkeyPatch,
    sam: FrozenSam,
    cells: list[tuple[int, int, int, int]],
    guesses: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> None:
    """Let SAM answer every prompt with three masks, cells left, top, right, bottom, and guesses."""

    def decode(features: Tensor, tokens: Tensor, image_index: Tensor, multimask: bool) -> object:
        logits = torch.full((len(tokens), 3, 64, 64), -1.0)
        for number, (left, top, right, bottom) in enumerate(cells):
            logits[:, number, top:bottom, left:right] = 1.0
        assert multimask
        assert len(features) == 1
        return DecodedMasks(logits, torch.tensor(guesses).expand(len(tokens), 3))

    monkeypatch.setattr(sam, "decode", decode)


THREE_MASKS = [(2, 3, 4, 5), (2, 3, 10, 13), (0, 0, 64, 64)]
FEATURES = torch.zeros(256, 16, 16)
FAR_TO_ONE_SIDE = torch.tensor([float("inf")])


def nothing_else(parts: int) -> list[Tensor]:
    """No other part anywhere."""
    return [torch.zeros(0, 2)] * parts


def test_find_candidates__extents_by_hand(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    answer_with(monkeypatch, toy_sam, THREE_MASKS, (0.5, 0.75, 0.25))
    prompts = [torch.zeros(2, 256), torch.zeros(3, 256), torch.zeros(2, 256)]
    # The image is twice as wide as high, so its lower border is at 128.
    frame = SamFrame((64, 128), SIDE)
    places = torch.tensor([[12.0, 16]] * 3)
    found = find_candidates(
        toy_sam, FEATURES, prompts, places, FAR_TO_ONE_SIDE.expand(3), nothing_else(3), frame
    )
    expected = torch.tensor([[8.0, 12, 16, 20], [8.0, 12, 40, 52], [0.0, 0, 256, 128]])
    torch.testing.assert_close(found.boxes_xyxy, expected.expand(3, 3, 4))
    # Their middles are (12, 16), (24, 32) and (128, 64).
    cost = torch.tensor([0, 12 / 32 + 16 / 40, 116 / 256 + 48 / 128]) * OFFSET_COST
    torch.testing.assert_close(found.merit, (torch.tensor([0.5, 0.75, 0.25]) - cost).expand(3, 3))


def test_find_candidates__a_box_reaches_about_as_far_to_each_side_of_the_point(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    # The shorter side counts as a quarter of the box at least: of the third, (2 + 60) / 4 = 15.5.
    # Around (20, 28) the masks reach 4 left and 12 right, 8 up and 24 down; 4 left and 8 right, 4
    # up and 4 down; and the third lies right of the point, which therefore is at its left border.
    cells = [(4, 5, 8, 13), (4, 6, 7, 8), (10, 5, 20, 9)]
    answer_with(monkeypatch, toy_sam, cells, (0.5, 0.5, 0.5))
    prompts, place = [torch.zeros(2, 256)] * 3, torch.tensor([[20.0, 28]] * 3)
    lopsided = torch.tensor([1.0, 2.0, float("inf")])
    found = find_candidates(
        toy_sam, FEATURES, prompts, place, lopsided, nothing_else(3), SamFrame((64, 64), SIDE)
    )
    expected = [
        [[16.0, 20, 24, 36], [16, 24, 24, 32], [18, 20, 22, 36]],
        [[16.0, 20, 28, 44], [16, 24, 28, 32], [18, 20, 20 + 2 * 15.5, 36]],
        [[16.0, 20, 32, 52], [16, 24, 28, 32], [18, 20, 80, 36]],
    ]
    torch.testing.assert_close(found.boxes_xyxy, torch.tensor(expected))
    # What is cut off costs nothing more: the masks' middles are (24, 36), (22, 28) and (60, 28).
    cost = torch.tensor([4 / 16 + 8 / 32, 2 / 12, 40 / 40]) * OFFSET_COST
    torch.testing.assert_close(found.merit, (0.5 - cost).expand(3, 3))


def test_find_candidates__points_of_other_parts_on_the_mask_count_against_it(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    answer_with(monkeypatch, toy_sam, THREE_MASKS, (0.5, 0.75, 0.25))
    # In cells: (8, 8) lies on the second and the third mask, (20, 20) on the third alone; the last
    # one lies on the frame's far corner, in the third mask's last cell.
    others = torch.tensor([[34.0, 33], [81, 82], [256, 256]])
    found = find_candidates(
        toy_sam,
        FEATURES,
        [torch.zeros(2, 256)],
        torch.tensor([[24.0, 32]]),
        FAR_TO_ONE_SIDE,
        [others],
        SamFrame((64, 64), SIDE),
    )
    # The masks' middles are (12, 16), (24, 32) and (128, 128).
    cost = torch.tensor([12 / 8 + 16 / 8, 0, 104 / 256 + 96 / 256]) * OFFSET_COST
    cost += torch.tensor([0.0, 1, 3]) * OTHER_PART_COST
    torch.testing.assert_close(found.merit, torch.tensor([[0.5, 0.75, 0.25]]) - cost)


def test_find_candidates__empty_masks_give_a_small_box_around_the_point(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    # The first mask has no cell, the second lies in the padding below the image.
    answer_with(monkeypatch, toy_sam, [(0, 0, 0, 0), (5, 40, 9, 50), (1, 1, 2, 2)])
    place = torch.tensor([[100.0, 60]])
    frame = SamFrame((64, 128), SIDE)
    prompts = [torch.zeros(2, 256)]
    found = find_candidates(
        toy_sam, FEATURES, prompts, place, FAR_TO_ONE_SIDE, nothing_else(1), frame
    )
    around = torch.tensor([92.0, 52, 108, 68])  # 256 / 16 = 16 wide
    torch.testing.assert_close(
        found.boxes_xyxy[0],
        torch.stack([around, around, torch.tensor([4.0, 4, 100 + LEAST_REACH, 60 + LEAST_REACH])]),
    )


def targets(classes: list[int], boxes: list[list[float]]) -> PartTargets:
    """Targets without tokens, which count for nothing here."""
    return PartTargets(
        torch.tensor(classes), torch.zeros(len(classes), 2, 256), torch.tensor(boxes)
    )


def test_usual_sizes__of_labelled_boxes_else_of_chosen_ones() -> None:
    # Class 0: boxes 10 x 20, 30 x 20 and 50 x 90, and a point that does not count. Class 1: two
    # points whose chosen boxes are 8 x 4 and 2 x 16: medians of logs are geometric means.
    first = targets([0, 0, 1, 0], [[0, 0, 10, 20], [0, 0, 30, 20], [5, 5, 5, 5], [9, 9, 9, 9]])
    second = targets([0, 1], [[0, 0, 50, 90], [7, 7, 7, 7]])
    chosen = [torch.tensor([[0.0, 0, 8, 4], [0, 0, 99, 99]]), torch.tensor([[0.0, 0, 2, 16]])]
    sizes = usual_sizes([first, second], chosen)
    assert sizes.keys() == {0, 1}
    torch.testing.assert_close(sizes[0].exp(), torch.tensor([30.0, 20]))
    torch.testing.assert_close(sizes[1].exp(), torch.tensor([4.0, 8]))


def test_choose_boxes__the_class_outvotes_a_slightly_better_guess() -> None:
    # Two of three parts of a class are 10 x 10 by merit. The third's best guess is 100 x 100, by
    # 0.1; its 12 x 10 is only ln 1.2 = 0.18 away from the usual size, the other 2 ln 10 = 4.6.
    small, large = [0.0, 0, 10, 10], [0.0, 0, 100, 100]
    boxes = torch.tensor([[small] * 3, [small] * 3, [[0.0, 0, 12, 10], large, large]])
    merit = torch.tensor([[0.9, 0.9, 0.9], [0.9, 0.9, 0.9], [0.8, 0.9, 0.7]])
    points = targets([0, 0, 0], [[5, 5, 5, 5]] * 3)
    (found,) = choose_boxes([points], [Candidates(boxes, merit)])
    assert found.tolist() == [small, small, [0, 0, 12, 10]]


def test_choose_boxes__merit_decides_between_equal_sizes() -> None:
    boxes = torch.tensor([[[0.0, 0, 9, 9], [1, 1, 10, 10], [2, 2, 11, 11]]])
    found = choose_boxes(
        [targets([3], [[5, 5, 5, 5]])], [Candidates(boxes, torch.tensor([[0.1, 0.3, 0.2]]))]
    )
    assert found[0].tolist() == [[1, 1, 10, 10]]


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
        points_xy=(np.zeros((0, 2), np.float32), np.array([[12, 16]], np.float32)),
    )


def dataset(image: WeakImage) -> WeakDataset:
    """One image, one class."""
    return WeakDataset(Path("a.json"), ("part",), (1,), (image,), ())


def test_pseudo_labels__labelled_boxes_stay(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    # The second mask is as large as the labelled box, and the drawn point lies in its middle.
    answer_with(monkeypatch, toy_sam, THREE_MASKS, (0.9, 0.5, 0.5))
    asked: list[int] = []

    def features_of(position: int) -> Tensor:
        asked.append(position)
        return FEATURES

    labels = dataset(mixed_image())
    (found,) = pseudo_labels(toy_sam, labels, "mixed", features_of).images
    assert asked == [0]
    np.testing.assert_allclose(found.boxes_xyxy, [[40, 10, 56, 30], [4, 6, 20, 26]])
    assert [points.tolist() for points in found.points_xy] == [[], [[12, 16]]]

    (found,) = pseudo_labels(toy_sam, labels, "point", features_of).images
    # Of the box nothing but the centre counts, so that is the point. It lies on the third mask
    # alone, which is cut off to reach equally far to each side.
    np.testing.assert_allclose(found.boxes_xyxy, [[0, 0, 96, 40], [4, 6, 20, 26]])
    assert [points.tolist() for points in found.points_xy] == [[[48, 20]], [[12, 16]]]


@pytest.mark.parametrize(("drawn", "right"), [(1, 84.0), (2, 128.0)])
def test_pseudo_labels__how_far_a_box_may_reach_depends_on_the_points_drawn(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam, drawn: int, right: float
) -> None:
    # Around (20, 32) in the image the mask reaches 20 to the left and 108 to the right. The left
    # counts as a quarter of the mask, 32, and twice that is 64.
    answer_with(monkeypatch, toy_sam, [(0, 0, 64, 32)] * 3, (0.5, 0.5, 0.5))
    points = np.array([[20, 32]] * drawn, np.float32)
    image = replace(
        mixed_image(),
        class_index=np.zeros(1, np.int64),
        boxes_xyxy=np.full((1, 4), np.nan, np.float32),
        points_xy=(points,),
    )
    (found,) = pseudo_labels(toy_sam, dataset(image), "point", lambda position: FEATURES).images
    np.testing.assert_allclose(found.boxes_xyxy, [[0, 0, right, 64]], atol=1e-4)


def test_pseudo_labels__real_decoder_gives_boxes_inside_the_image(toy_sam: FrozenSam) -> None:
    features = torch.randn(256, 16, 16, generator=torch.Generator().manual_seed(0))
    labels = dataset(mixed_image())
    (found,) = pseudo_labels(toy_sam, labels, "point", lambda position: features).images
    boxes = found.boxes_xyxy
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert (boxes >= 0).all()
    assert (boxes <= np.tile([128.01, 64.01], 2)).all()


def test_pseudo_labels__no_parts(toy_sam: FrozenSam) -> None:
    image = WeakImage(
        *(1, Path("a.jpg"), "a.jpg", 64, 128, np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    )
    (found,) = pseudo_labels(toy_sam, dataset(image), "point", lambda position: FEATURES).images
    assert found.boxes_xyxy.shape == (0, 4)
