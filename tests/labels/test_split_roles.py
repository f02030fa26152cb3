"""Splits are known by the names that data sets give them."""

import pytest

from wps_sam.labels.split_roles import training_split, validation_split


@pytest.mark.parametrize(
    ("names", "training", "validation"),
    [
        (("train", "val", "test"), "train", "val"),
        (("training", "valid"), "training", "valid"),
        (("validation", "train2017"), "train2017", "validation"),
        (("val2014", "val2017"), None, "val2014"),
        (("test", "rest"), None, None),
        ((), None, None),
    ],
)
def test_roles(names: tuple[str, ...], training: str | None, validation: str | None) -> None:
    assert training_split(names) == training
    assert validation_split(names) == validation
