"""Points inside boxes: which tokens they give, and which classes are better off with them."""

import pytest
import torch
from torch import Tensor

from wps_sam.prompter import clicks
from wps_sam.prompter.clicks import choose_clicks, prompt_parts, prompt_with_clicks
from wps_sam.prompter.interface import PartTargets
from wps_sam.sam.frozen import DecodedMasks, FrozenSam

SIDE = 256  # of the toy SAM's frame; its low-resolution masks have 64 x 64 cells of 4 pixels
BOXES = torch.tensor([[40.0, 60, 120, 140], [0.0, 0, 20, 200]])


@pytest.fixture(autouse=True)
def three_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """The places are known here, whatever they are elsewhere."""
    monkeypatch.setattr(clicks, "CLICKS_UV", ((0.5, 0.25), (0.25, 0.5), (1.0, 0.75)))


def test_prompt_with_clicks__points_then_corners(toy_sam: FrozenSam) -> None:
    found = prompt_with_clicks(toy_sam, BOXES)
    # By hand, in boxes 80 x 80 and 20 x 200.
    points = torch.tensor([[[80.0, 80], [60, 100], [120, 120]], [[10.0, 50], [5, 100], [20, 150]]])
    assert found.shape == (2, 5, 256)
    torch.testing.assert_close(found[:, :3], toy_sam.prompt_points(points)[:, :3])
    torch.testing.assert_close(found[:, 3:], toy_sam.prompt_boxes(BOXES))


def test_prompt_with_clicks__no_boxes(toy_sam: FrozenSam) -> None:
    assert prompt_with_clicks(toy_sam, BOXES[:0]).shape == (0, 5, 256)


def test_prompt_parts__each_as_its_class_wants_it(toy_sam: FrozenSam) -> None:
    boxes = BOXES[[0, 1, 0]]
    found = prompt_parts(toy_sam, boxes, torch.tensor([1, 0, 2]), torch.tensor([False, True, True]))
    assert [tokens.shape for tokens in found] == [(5, 256), (2, 256), (5, 256)]
    torch.testing.assert_close(found[0], prompt_with_clicks(toy_sam, boxes[:1])[0])
    torch.testing.assert_close(found[1], toy_sam.prompt_boxes(boxes[1:2])[0])
    torch.testing.assert_close(found[0], found[2])
    none = torch.zeros(0, dtype=torch.long)
    assert prompt_parts(toy_sam, BOXES[:0], none, torch.tensor([True])) == ()


def targets(classes: list[int], boxes: list[list[float]]) -> PartTargets:
    """Targets without tokens, which count for nothing here."""
    return PartTargets(
        torch.tensor(classes, dtype=torch.long),
        torch.zeros(len(classes), 2, 256),
        torch.tensor(boxes).reshape(-1, 4),
    )


class Decoder:
    """Fills boxes on the left with points better, and those on the right without.

    Attributes:
        asked: Boxes of each call, and the first number of its features.
        guess: What it thinks of masks: with points, without.
    """

    def __init__(self, sam: FrozenSam, guess: tuple[float, float] = (0.5, 0.5)) -> None:
        self.sam = sam
        self.guess = guess
        self.asked: list[tuple[float, list[list[int]]]] = []

    def __call__(self, features: Tensor, tokens: Tensor, image_index: Tensor) -> DecodedMasks:
        with_points = tokens.shape[1] == 5
        boxes = self.sam.boxes_from_tokens(tokens[:, -2:]).round().int().tolist()
        assert image_index.tolist() == [0] * len(tokens)
        if with_points:
            self.asked.append((float(features[0, 0, 0, 0]), boxes))
        logits = torch.full((len(tokens), 1, 64, 64), -1.0)
        for row, (left, top, right, bottom) in enumerate(boxes):
            fills = with_points == (left < SIDE // 2)
            height = bottom - top if fills else (bottom - top) // 2
            logits[row, 0, top // 4 : (top + height) // 4, left // 4 : right // 4] = 1.0
        guess = self.guess[0] if with_points else self.guess[1]
        return DecodedMasks(logits, torch.full((len(tokens), 1), guess))


def of_image(position: int) -> Tensor:
    """Features that tell which image they are of."""
    return torch.full((256, 16, 16), float(position))


LEFT, RIGHT = [8.0, 8, 40, 40], [160.0, 8, 200, 40]


def test_choose_clicks__by_class(monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam) -> None:
    monkeypatch.setattr(toy_sam, "decode", Decoder(toy_sam))
    labelled = [targets([0, 2], [LEFT, RIGHT]), targets([], []), targets([2, 0], [RIGHT, LEFT])]
    found = choose_clicks(toy_sam, labelled, of_image, 4)
    # Classes 1 and 3 have no box.
    assert found.tolist() == [True, False, False, False]
    assert found.dtype == torch.bool


def test_choose_clicks__a_class_goes_by_all_its_boxes(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    # With points IoU 1 of two and 1/2 of one: 2.5; without 1/2, 1/2 and 1: 2.
    monkeypatch.setattr(toy_sam, "decode", Decoder(toy_sam))
    labelled = [targets([0, 0], [LEFT, RIGHT]), targets([0], [LEFT])]
    assert choose_clicks(toy_sam, labelled, of_image, 1).tolist() == [True]
    labelled[1] = targets([0], [RIGHT])
    assert choose_clicks(toy_sam, labelled, of_image, 1).tolist() == [False]


@pytest.mark.parametrize(("guess", "chosen"), [((0.9, 0.4), True), ((0.7, 0.4), False)])
def test_choose_clicks__sams_guess_counts(
    monkeypatch: pytest.MonkeyPatch,
    toy_sam: FrozenSam,
    guess: tuple[float, float],
    chosen: bool,
) -> None:
    # On the right points fill half the box: 0.5 * 0.9 > 1 * 0.4, but 0.5 * 0.7 < 1 * 0.4.
    monkeypatch.setattr(toy_sam, "decode", Decoder(toy_sam, guess))
    assert choose_clicks(toy_sam, [targets([0], [RIGHT])], of_image, 1).tolist() == [chosen]


def test_choose_clicks__tries_a_few_boxes_spread_over_the_images(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    decoder = Decoder(toy_sam)
    monkeypatch.setattr(toy_sam, "decode", decoder)
    monkeypatch.setattr(clicks, "BOXES_PER_CLASS", 4)
    # Ten images have a box of class 0, and two of them one of class 1 too.
    labelled = [targets([0], [[8.0 + 4 * i, 8, 40 + 4 * i, 40]]) for i in range(10)]
    for i in (2, 9):
        labelled[i] = targets([1, 0], [RIGHT, labelled[i].boxes_xyxy[0].tolist()])
    choose_clicks(toy_sam, labelled, of_image, 2)
    # 0, 10 / 4, 20 / 4 and 30 / 4, rounded down.
    of_class_0 = {0: [8, 8, 40, 40], 2: [16, 8, 48, 40], 5: [28, 8, 60, 40], 7: [36, 8, 68, 40]}
    of_class_1 = [*map(int, RIGHT)]
    found = {position: sorted(boxes) for position, boxes in decoder.asked}
    assert found == {
        0: [of_class_0[0]],
        2: [of_class_0[2], of_class_1],
        5: [of_class_0[5]],
        7: [of_class_0[7]],
        9: [of_class_1],
    }


def test_choose_clicks__points_go_by_their_pseudo_boxes(
    monkeypatch: pytest.MonkeyPatch, toy_sam: FrozenSam
) -> None:
    decoder = Decoder(toy_sam)
    monkeypatch.setattr(toy_sam, "decode", decoder)
    one = torch.tensor([0])
    point = PartTargets(
        one, torch.zeros(1, 2, 256), torch.tensor([[24.0, 24, 24, 24]]), torch.tensor([LEFT])
    )
    assert choose_clicks(toy_sam, [point], of_image, 1).tolist() == [True]
    assert decoder.asked == [(0.0, [[8, 8, 40, 40]])]


def test_choose_clicks__no_labels_at_all(toy_sam: FrozenSam) -> None:
    def never(position: int) -> Tensor:
        raise AssertionError(position)

    assert choose_clicks(toy_sam, [], never, 2).tolist() == [False, False]
    assert choose_clicks(toy_sam, [targets([], [])], never, 2).tolist() == [False, False]


def test_choose_clicks__with_the_real_decoder(toy_sam: FrozenSam) -> None:
    torch.manual_seed(0)
    features = torch.randn(256, 16, 16)
    labelled = [targets([0, 1], [LEFT, RIGHT])]
    found = choose_clicks(toy_sam, labelled, lambda position: features, 2)
    assert found.shape == (2,)
    assert not found.requires_grad
