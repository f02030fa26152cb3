"""Position codes and their inverse."""

import torch

from wps_sam.sam.position import nearest_position, position_code


def test_nearest_position__round_trip_everywhere() -> None:
    torch.manual_seed(0)
    frequencies = torch.randn(2, 128)
    positions = torch.cat([torch.rand(500, 2), torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])])
    found = nearest_position(position_code(positions, frequencies), frequencies)
    assert (found - positions).abs().max() < 1e-5


def test_nearest_position__stays_in_the_frame() -> None:
    torch.manual_seed(0)
    frequencies = torch.randn(2, 128)
    found = nearest_position(torch.randn(100, 256) * 10, frequencies)
    assert ((found >= 0) & (found <= 1)).all()


def test_position_code__sines_then_cosines() -> None:
    frequencies = torch.tensor([[0.25], [0.0]])
    # x = 1 is +1 after SAM's mapping to -1..1, a quarter turn at this frequency.
    found = position_code(torch.tensor([1.0, 0.5]), frequencies)
    assert torch.allclose(found, torch.tensor([1.0, 0.0]), atol=1e-6)
