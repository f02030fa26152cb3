"""The second stage: where it looks, and what it makes of a box."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from wps_sam.prompter.dense import refinement
from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.dense.refinement import SMALLEST_SIDE, BoxRefinement

SMALL = replace(DensePrompterConfig(), width=32, detail_width=16, refinement_width=24)
SIDE = 128
BOXES = torch.tensor([[[40.0, 60, 80, 80], [10.0, 10, 110, 50]]])


def small() -> BoxRefinement:
    """For three classes; SAM frame of side 128, features (8, 16, 16) and scenes (32, 8, 8)."""
    torch.manual_seed(0)
    return BoxRefinement(SMALL, 3, 8, SIDE).eval()


def looks(model: BoxRefinement, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Class logits and boxes for noise."""
    torch.manual_seed(1)
    images = len(boxes)
    found: tuple[Tensor, Tensor] = model(
        torch.randn(images, 8, 16, 16), torch.randn(images, 32, 8, 8), boxes
    )
    return found


def set_box_head(model: BoxRefinement, values: list[float]) -> None:
    """Let every box get the same correction."""
    with torch.no_grad():
        model.box_head.weight.zero_()
        model.box_head.bias.copy_(torch.tensor(values))


def coordinates(side: int) -> Tensor:
    """(1, 2, side, side): each cell holds the x and y of its centre in the SAM frame."""
    centers = (torch.arange(side) + 0.5) * SIDE / side
    y, x = torch.meshgrid(centers, centers, indexing="ij")
    return torch.stack([x, y])[None]


class Recorder(nn.Module):
    """Keeps what the layers are given."""

    seen: Tensor

    def forward(self, hidden: Tensor) -> Tensor:
        self.seen = hidden
        return torch.zeros(*hidden.shape[:2], SMALL.refinement_width)


def test_forward__shapes() -> None:
    logits, boxes = looks(small(), BOXES.repeat(3, 1, 1))
    assert logits.shape == (3, 2, 3)
    assert boxes.shape == (3, 2, 4)


def test_forward__looks_inside_and_just_around_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    # Three samples in a region 1.5 times the box: -0.5, 0 and 0.5 sizes from the centre.
    monkeypatch.setattr(refinement, "SAMPLES", 3)
    monkeypatch.setattr(refinement, "SURROUNDINGS", 1.5)
    model, recorder = small(), Recorder()
    model.detail, model.layers = nn.Identity(), recorder  # type: ignore[assignment]
    model(coordinates(16), coordinates(8), BOXES)
    x, y, around = recorder.seen[0, 0].tensor_split([9, 18])
    assert x.tolist() == pytest.approx([40, 60, 80] * 3, abs=1e-3)
    assert y.tolist() == pytest.approx([60] * 3 + [70] * 3 + [80] * 3, abs=1e-3)
    assert around.tolist() == pytest.approx([60, 70], abs=1e-3)  # the middle, in the coarse scene
    # The second box has its middle at (60, 30).
    assert recorder.seen[0, 1, :9].tolist() == pytest.approx([10, 60, 110] * 3, abs=1e-3)
    assert recorder.seen[0, 1, -2:].tolist() == pytest.approx([60, 30], abs=1e-3)


def test_forward__a_small_box_is_looked_at_as_if_it_were_larger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refinement, "SAMPLES", 2)
    monkeypatch.setattr(refinement, "SURROUNDINGS", 1.0)
    model, recorder = small(), Recorder()
    model.detail, model.layers = nn.Identity(), recorder  # type: ignore[assignment]
    model(coordinates(16), coordinates(8), torch.tensor([[[60.0, 60, 61, 100]]]))
    # A quarter of the size to each side of (60.5, 80): 2 of 8 pixels, and 10 of 40.
    quarter = SMALLEST_SIDE / 4
    x, y, _ = recorder.seen[0, 0].tensor_split([4, 8])
    assert x.tolist() == pytest.approx([60.5 - quarter, 60.5 + quarter] * 2, abs=1e-3)
    assert y.tolist() == pytest.approx([70, 70, 90, 90], abs=1e-3)


def test_forward__a_zero_head_leaves_boxes_as_they_are() -> None:
    model = small()
    set_box_head(model, [0, 0, 0, 0])
    torch.testing.assert_close(looks(model, BOXES)[1], BOXES)


def test_forward__starts_out_near_the_boxes() -> None:
    torch.testing.assert_close(looks(small(), BOXES)[1], BOXES, atol=2, rtol=0)


def test_forward__correction_by_hand() -> None:
    model = small()
    # A tenth of the width to the right, a fifth of the height up, twice as wide.
    set_box_head(model, [0.1, -0.2, math.log(2), 0])
    # 40 x 20 around (60, 70) becomes 80 x 20 around (64, 66);
    # 100 x 40 around (60, 30) becomes 200 x 40 around (70, 22).
    expected = torch.tensor([[[24.0, 56, 104, 76], [-30, 2, 170, 42]]])
    torch.testing.assert_close(looks(model, BOXES)[1], expected)


def test_forward__sizes_change_by_e_at_most() -> None:
    model = small()
    set_box_head(model, [0, 0, 9, -9])
    sizes = looks(model, BOXES)[1][0, 0, 2:] - looks(model, BOXES)[1][0, 0, :2]
    assert sizes.tolist() == pytest.approx([40 * math.e, 20 / math.e], rel=1e-4)


def test_forward__boxes_do_not_see_one_another() -> None:
    model = small()
    together = looks(model, BOXES)
    for row in range(2):
        alone = looks(model, BOXES[:, row : row + 1])
        torch.testing.assert_close(together[0][:, row : row + 1], alone[0])
        torch.testing.assert_close(together[1][:, row : row + 1], alone[1])


def test_forward__outside_the_picture_is_nothing_and_not_an_error() -> None:
    logits, boxes = looks(small(), torch.tensor([[[-50.0, -50, 10, 10], [0.0, 0, 0, 0]]]))
    assert torch.isfinite(logits).all()
    assert (boxes[..., 2:] > boxes[..., :2]).all()


def test_forward__classes_start_out_rare() -> None:
    assert looks(small(), BOXES)[0].sigmoid().mean().item() == pytest.approx(0.05, abs=0.03)
