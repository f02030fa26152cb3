"""Cells as tokens and back."""

import torch

from wps_sam.sam.tokens import to_cells, to_tokens


def test_to_tokens__row_by_row_in_the_same_memory() -> None:
    cells = torch.arange(12.0).reshape(1, 2, 2, 3).contiguous(memory_format=torch.channels_last)
    tokens = to_tokens(cells)
    assert tokens.tolist() == [[[0, 6], [1, 7], [2, 8], [3, 9], [4, 10], [5, 11]]]
    assert tokens.data_ptr() == cells.data_ptr()


def test_to_cells__undoes_it_in_the_same_memory() -> None:
    cells = torch.randn(2, 4, 3, 5).contiguous(memory_format=torch.channels_last)
    back = to_cells(to_tokens(cells), 3, 5)
    assert torch.equal(back, cells)
    assert back.data_ptr() == cells.data_ptr()
