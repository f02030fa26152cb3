"""Where masks may lie, against cells counted by hand."""

import pytest
import torch

from wps_sam.sam.mask_reach import OUTSIDE, cells_in_reach, only_in_reach

# Cells of 16 pixels: (rows, columns) of the cells in reach, the last one exclusive.
Box = tuple[float, float, float, float]
Span = tuple[int, int]

COUNTED: dict[Box, tuple[Span, Span]] = {
    # A quarter of 64 x 32 more on each side is (80, 56, 176, 104): columns 5 to 11, rows 3 to 7;
    # and a cell besides.
    (96.0, 64.0, 160.0, 96.0): ((2, 8), (4, 12)),
    # Of no size, in cell (2, 1).
    (20.0, 40.0, 20.0, 40.0): ((1, 4), (0, 3)),
    # Over the frame's edges.
    (-40.0, 200.0, 300.0, 900.0): ((0, 16), (0, 16)),
    # Without a pixel in the frame.
    (400.0, 0.0, 440.0, 40.0): ((0, 5), (16, 16)),
}


@pytest.mark.parametrize("box", COUNTED)
def test_cells_in_reach(box: Box) -> None:
    rows, columns = COUNTED[box]
    expected = torch.zeros(16, 16, dtype=torch.bool)
    expected[slice(*rows), slice(*columns)] = True
    boxes = torch.tensor([box, (0.0, 0.0, 16.0, 16.0)])
    assert torch.equal(cells_in_reach(boxes, (16, 16), 256)[0], expected)


def test_cells_in_reach__corners_in_any_order() -> None:
    boxes = torch.tensor([[96.0, 64, 160, 96], [160, 96, 96, 64], [96, 96, 160, 64]])
    found = cells_in_reach(boxes, (16, 16), 256)
    assert found.any((1, 2)).all()
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_cells_in_reach__other_height_than_width() -> None:
    found = cells_in_reach(torch.tensor([[0.0, 0.0, 16.0, 32.0]]), (8, 16), 256)
    # Cells are 32 pixels high: a quarter more is 40, so two rows and one besides.
    assert found.shape == (1, 8, 16)
    assert found[0].nonzero().amax(0).tolist() == [2, 2]


def test_only_in_reach() -> None:
    logits = torch.arange(2 * 64.0).reshape(1, 2, 8, 8)
    reach = torch.tensor([[[True, False], [False, False]]])
    found = only_in_reach(logits, reach)
    assert torch.equal(found[..., :4, :4], logits[..., :4, :4])
    assert (found[..., 4:, :] == OUTSIDE).all()
    assert (found[..., 4:] == OUTSIDE).all()
