"""Formats by name."""

from pathlib import Path

import numpy as np
import pytest

from wps_sam.errors import ConfigError
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.writers import DEFAULT_FORMATS, FORMATS, Outcome, choose_formats


def test_coco_is_always_on() -> None:
    assert choose_formats(["overlay", "overlay"]) == ["coco", "overlay"]
    assert choose_formats([]) == ["coco"]
    assert choose_formats(DEFAULT_FORMATS) == ["coco", "semantic", "overlay"]


def test_unknown_format_lists_the_choices() -> None:
    with pytest.raises(ConfigError, match="--format 'png' is unknown; choose from coco, semantic"):
        choose_formats(["semantic", "png"])


@pytest.mark.parametrize(
    ("name", "files"),
    [("coco", []), ("semantic", ["semantic/s/a.b.png"]), ("overlay", ["overlays/s/a.b.jpg"])],
)
def test_files(prediction: PartPrediction, tmp_path: Path, name: str, files: list[str]) -> None:
    FORMATS[name](Outcome("s/a.b", np.zeros((60, 80, 3), np.uint8), prediction), tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")]
    assert found == files
