"""The first stage: its grid, its boxes, and which cells are worth a second look."""

import math
from dataclasses import replace

import pytest
import torch

from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.dense.proposals import (
    ProposalNetwork,
    Proposals,
    cell_centers,
    strongest_cells,
)

SMALL = replace(DensePrompterConfig(), width=32, context_layers=1, heads=2, tower_layers=1)


def small(embed_hw: tuple[int, int] = (8, 8)) -> ProposalNetwork:
    """For two classes, on a grid of half the features' size; SAM frame of side 128."""
    torch.manual_seed(0)
    return ProposalNetwork(SMALL, 2, 8, embed_hw, 128).eval()


@pytest.mark.parametrize(("side", "grid"), [(8, 4), (7, 4), (2, 1)], ids=["even", "odd", "one"])
def test_forward__shapes(side: int, grid: int) -> None:
    proposals = small((side, side))(torch.randn(3, 8, side, side))
    assert proposals.class_logits.shape == (3, grid * grid, 2)
    assert proposals.boxes_xyxy.shape == (3, grid * grid, 4)
    assert proposals.cell_centers.shape == (grid * grid, 2)
    assert proposals.scene.shape == (3, 32, grid, grid)
    assert (proposals.boxes_xyxy[..., 2:] > proposals.boxes_xyxy[..., :2]).all()


def test_forward__images_of_a_batch_do_not_mix() -> None:
    model, features = small(), torch.randn(3, 8, 8, 8)
    together, alone = model(features), model(features[1:2])
    torch.testing.assert_close(together.class_logits[1:2], alone.class_logits)
    torch.testing.assert_close(together.boxes_xyxy[1:2], alone.boxes_xyxy)


def test_cell_centers__by_hand() -> None:
    # 4 x 4 cells of 32 pixels, row by row.
    centers = small()(torch.randn(1, 8, 8, 8)).cell_centers
    assert centers[:5].tolist() == [[16, 16], [48, 16], [80, 16], [112, 16], [16, 48]]
    assert centers[-1].tolist() == [112, 112]
    assert cell_centers(1, 2, 10).tolist() == [[5, 5], [15, 5]]


def test_forward__classes_start_out_rare() -> None:
    probability = small()(torch.randn(1, 8, 8, 8)).class_logits.sigmoid()
    assert probability.mean().item() == pytest.approx(0.018, abs=0.01)


def test_forward__boxes_from_a_known_head() -> None:
    model = small()
    reach = [0.5, 1.0, 1.5, 2.0]  # left, top, right, bottom, in cells of 32 pixels
    with torch.no_grad():
        model.box_head.weight.zero_()
        # The head's output goes through softplus, log(1 + e^x), which this inverts.
        model.box_head.bias.copy_(torch.tensor([math.log(math.exp(r) - 1) for r in reach]))  # type: ignore[union-attr]
        boxes = model(torch.randn(1, 8, 8, 8)).boxes_xyxy
    expected = torch.tensor([[16.0 - 16, 16 - 32, 16 + 48, 16 + 64], [32.0, -16, 96, 80]])
    torch.testing.assert_close(boxes[0, :2], expected, atol=1e-3, rtol=0)


def claims(probabilities: list[list[list[float]]]) -> Proposals:
    """One image: rows of cells, and in each cell the probability of each class."""
    grid = torch.tensor(probabilities)
    height, width, classes = grid.shape
    cells = height * width
    return Proposals(
        grid.logit().reshape(1, cells, classes),
        torch.zeros(1, cells, 4),
        torch.zeros(cells, 2),
        torch.zeros(1, 1, height, width),
    )


def test_strongest_cells__peaks_come_first() -> None:
    # In a row of five cells 0.8 stands beside 0.9, and 0.3 beside 0.8; 0.1 beside 0.2.
    row = [[[p] for p in (0.9, 0.8, 0.3, 0.1, 0.2)]]
    assert strongest_cells(claims(row), 5, 0.1).tolist() == [[0, 4, 1, 2, 3]]
    assert strongest_cells(claims(row), 2, 0.1).tolist() == [[0, 4]]


def test_strongest_cells__a_sure_neighbour_comes_before_a_faint_peak() -> None:
    # Two parts of a class may be neighbours: half of 0.8 is more than the far peak's 0.2.
    row = [[[p] for p in (0.9, 0.8, 0.1, 0.1, 0.2)]]
    assert strongest_cells(claims(row), 3, 0.5).tolist() == [[0, 1, 4]]
    assert strongest_cells(claims(row), 2, 0.0).tolist() == [[0, 4]]


def test_strongest_cells__a_neighbour_of_another_class_does_not_matter() -> None:
    # Cells 0 and 1 are peaks of classes of their own. Cell 2 claims class 1 beside a surer one.
    row = [[[0.9, 0.1], [0.2, 0.6], [0.1, 0.5], [0.1, 0.1], [0.3, 0.1]]]
    assert strongest_cells(claims(row), 5, 0.1).tolist() == [[0, 1, 4, 2, 3]]


def test_strongest_cells__a_neighbours_second_class_counts_too() -> None:
    # Cell 0 is surest of class 0, but surer of class 1 than cell 1 is.
    row = [[[0.9, 0.7], [0.1, 0.6], [0.2, 0.1], [0.4, 0.1]]]
    assert strongest_cells(claims(row), 4, 0.1).tolist() == [[0, 3, 1, 2]]


def test_strongest_cells__neighbours_are_eight_and_do_not_wrap_around() -> None:
    # 0.8 touches 0.9 at a corner; 0.3 ends one row and 0.5 begins the next.
    grid = [[[p] for p in row] for row in ((0.9, 0.1, 0.2, 0.3), (0.5, 0.8, 0.1, 0.1))]
    # Peaks: 0.9 and 0.3, as 0.5 and 0.8 touch 0.9; cells of 0.2 and 0.1 touch surer ones.
    assert strongest_cells(claims(grid), 4, 0.1).tolist() == [[0, 3, 5, 4]]


def test_strongest_cells__no_more_than_there_are() -> None:
    assert strongest_cells(claims([[[0.5], [0.6]]]), 30, 0.1).tolist() == [[1, 0]]


def test_strongest_cells__image_by_image() -> None:
    one, two = claims([[[0.9], [0.1], [0.2]]]), claims([[[0.1], [0.2], [0.9]]])
    both = one._replace(
        class_logits=torch.cat([one.class_logits, two.class_logits]),
        scene=torch.zeros(2, 1, 1, 3),
    )
    assert strongest_cells(both, 2, 0.1).tolist() == [[0, 2], [2, 1]]
