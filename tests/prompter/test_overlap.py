"""Overlap of boxes: by hand, and against the numpy code for labels."""

import numpy as np
import torch

from wps_sam.geometry.boxes import box_iou
from wps_sam.prompter.overlap import generalised_iou, iou


def test_iou__by_hand() -> None:
    a = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 5], [0, 0, 0, 0]])
    b = torch.tensor([[0.0, 0, 10, 5], [20, 0, 30, 10], [5, 5, 5, 5], [0, 0, 10, 10]])
    assert iou(a, b).tolist() == [0.5, 0, 0, 0]


def test_iou__equals_geometry_and_broadcasts() -> None:
    torch.manual_seed(0)
    corners = torch.rand(2, 6, 4) * 50
    a = torch.cat([corners[..., :2], corners[..., :2] + corners[..., 2:]], dim=-1)
    b = a.flip(1)[:, :3] + 4
    found = iou(a[:, :, None], b[:, None])
    assert found.shape == (2, 6, 3)
    for image in range(2):
        expected = box_iou(a[image].numpy(), b[image].numpy())
        np.testing.assert_allclose(found[image].numpy(), expected, atol=1e-5)


def test_generalised_iou__by_hand() -> None:
    a = torch.tensor([[0.0, 0, 2, 2], [0.0, 0, 1, 1], [0.0, 0, 2, 2]])
    b = torch.tensor([[0.0, 0, 2, 2], [3.0, 0, 4, 1], [1.0, 1, 3, 3]])
    # Equal; apart (union 2 in a hull of 4); overlap 1 of union 7 in a hull of 9.
    expected = torch.tensor([1.0, 0 - 2 / 4, 1 / 7 - 2 / 9])
    torch.testing.assert_close(generalised_iou(a, b), expected)
    torch.testing.assert_close(generalised_iou(a[:, None], b[None]).diagonal(), expected)
