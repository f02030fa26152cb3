"""When boxes are corrected; that they are, and survive a resumed run, is in test_fit."""

import pytest

from wps_sam.training.self_training import correction_epochs


@pytest.mark.parametrize(
    ("epochs", "corrections", "expected"),
    [
        (60, 2, {15, 30}),
        (60, 1, {30}),
        (7, 3, {1, 2, 3}),
        (3, 2, {1}),  # a quarter of the run is less than an epoch
        (1, 2, set()),
        (60, 0, set()),
    ],
)
def test_correction_epochs__in_the_first_half(
    epochs: int, corrections: int, expected: set[int]
) -> None:
    assert correction_epochs(epochs, corrections) == expected
