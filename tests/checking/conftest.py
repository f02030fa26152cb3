"""Empty data sets for tests to fill."""

from collections.abc import Callable
from pathlib import Path

import pytest

from checking.data_sets import DataSet


@pytest.fixture
def new_set(tmp_path: Path) -> Callable[[str], DataSet]:
    """Make an empty data set in a folder of this name."""
    return lambda name: DataSet(tmp_path / name)


@pytest.fixture
def data_set(tmp_path: Path) -> DataSet:
    """An empty data set."""
    return DataSet(tmp_path / "set")
