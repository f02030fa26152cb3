"""Label maps and overlays on disk."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.images.palette import class_colors
from wps_sam.inference import pictures
from wps_sam.inference.drawing import draw_overlay
from wps_sam.inference.pictures import save_overlay, save_semantic
from wps_sam.inference.prediction import PartPrediction


def one_part(height: int, width: int) -> PartPrediction:
    return PartPrediction(
        np.ones((1, height, width), bool),
        np.array([0]),
        ("wheel",),
        np.array([0.5], np.float32),
        np.array([[0, 0, width, height]], np.float32),
    )


def test_semantic__indexed_with_the_colours_of_the_report(
    prediction: PartPrediction, tmp_path: Path
) -> None:
    path = save_semantic(prediction, tmp_path / "deep" / "er" / "a.png")
    with Image.open(path) as picture:
        assert picture.mode == "P"
        assert np.array_equal(np.asarray(picture), prediction.semantic)
        rgb = np.asarray(picture.convert("RGB"))
    assert tuple(rgb[0, 0]) == (0, 0, 0)
    color = class_colors(3)[2]
    assert "#" + "".join(f"{channel:02x}" for channel in rgb[25, 25]) == color


def test_semantic__16_bit_beyond_255_classes(prediction: PartPrediction, tmp_path: Path) -> None:
    names = tuple(f"part {i}" for i in range(256))
    many = replace(prediction, class_names=names, class_index=np.array([255, 0, 1]))
    path = save_semantic(many, tmp_path / "a.png")
    with Image.open(path) as picture:
        assert picture.mode == "I;16"
        assert np.array_equal(np.asarray(picture), many.semantic)


def test_overlay__colours_parts_and_leaves_the_rest(prediction: PartPrediction) -> None:
    image = np.full((60, 80, 3), 100, np.uint8)
    overlay = draw_overlay(image, prediction)
    assert overlay.shape == (480, 640, 3)
    assert np.array_equal(overlay[470, 630], [100, 100, 100])
    # Inside the door, away from lamp and text, a mixture of grey and the door's colour.
    door = np.array([int(class_colors(3)[1][i : i + 2], 16) for i in (1, 3, 5)])
    assert np.abs(overlay[390, 100] - (0.45 * door + 0.55 * 100)).max() < 3


def test_overlay__writes_name_and_score_on_a_part() -> None:
    image = np.full((300, 800, 3), 100, np.uint8)
    part = one_part(300, 800)
    changed = np.any(draw_overlay(image, part) != draw_overlay(image, part)[20, 400], axis=2)
    rows, columns = np.nonzero(changed[20:-20, 20:-20])
    assert rows.size > 500
    assert columns.max() - columns.min() > 3 * (rows.max() - rows.min())


@pytest.mark.parametrize(
    ("hw", "expected_hw"),
    [((1, 1), (640, 640)), ((1, 5000), (1, 2048)), ((5000, 1), (2048, 1)), ((4000, 3000), None)],
    ids=str,
)
def test_overlay__size_is_bounded(hw: tuple[int, int], expected_hw: tuple[int, int] | None) -> None:
    overlay = draw_overlay(np.zeros((*hw, 3), np.uint8), one_part(*hw))
    assert overlay.shape[:2] == (expected_hw or (2048, 1536))


def test_overlay__nothing_found(prediction: PartPrediction, tmp_path: Path) -> None:
    none = PartPrediction(
        prediction.masks[:0],
        prediction.class_index[:0],
        prediction.class_names,
        prediction.scores[:0],
        prediction.boxes_xyxy[:0],
    )
    path = save_overlay(none, np.zeros((60, 80, 3), np.uint8), tmp_path / "a.jpg")
    with Image.open(path) as picture:
        assert picture.size == (640, 480)


def test_overlay__another_images_size(prediction: PartPrediction) -> None:
    with pytest.raises(DataError, match=r"found shape \(80, 60, 3\), expected \(60, 80, 3\)"):
        draw_overlay(np.zeros((80, 60, 3), np.uint8), prediction)


def test_save__a_crash_leaves_the_old_file(
    prediction: PartPrediction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_semantic(prediction, tmp_path / "a.png")
    before = path.read_bytes()

    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        pictures.save_semantic(prediction, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_result_type_needs_no_drawing_library() -> None:
    import subprocess

    code = (
        "import sys, wps_sam.inference.prediction; "
        "print([m for m in ('torch', 'supervision', 'matplotlib') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"
