"""From a run folder to a checked file; writing the graph itself is replaced by a copy."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wps_sam.errors import CheckpointError, ConfigError, ExportError
from wps_sam.export import check_pictures, parity
from wps_sam.export import run as run_module
from wps_sam.export.bfloat16 import Bfloat16Decoding, bfloat16_encoder
from wps_sam.export.graph import PartGraph
from wps_sam.export.onnx_file import OnnxFile
from wps_sam.export.openvino_file import OpenvinoFile, write_openvino
from wps_sam.export.run import FileFormat, Precision, export_run
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.images.reading import ImageFile
from wps_sam.inference import segmenter as segmenter_module
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.dense.model import DensePrompter
from wps_sam.prompter.store import ModelInfo, save_model

pytestmark = pytest.mark.usefixtures("exact_sizes")


@pytest.fixture
def model(dense_segmenter: PartSegmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run's folder; its SAM has no file, so the one in memory is given for it."""
    monkeypatch.setattr(segmenter_module, "load_sam", lambda *words, **more: dense_segmenter.sam)
    prompter = dense_segmenter.prompter
    assert isinstance(prompter, DensePrompter)
    info = ModelInfo(
        class_names=dense_segmenter.class_names,
        category_ids=dense_segmenter.category_ids,
        recipe="strong",
        supervision="box",
        score_threshold=0.5,
        sam_source="tiny_sam",
        sam_fingerprint=dense_segmenter.sam.fingerprint,
        prompter=prompter.config,
    )
    save_model(tmp_path / "run", prompter, info)
    return tmp_path / "run"


@pytest.fixture
def copied(dense_onnx: Path, monkeypatch: pytest.MonkeyPatch) -> list[PartGraph]:
    """Take the ready file instead of tracing for seconds; collects the graphs that were asked."""
    asked: list[PartGraph] = []

    def copy(graph: PartGraph, path: Path, metadata: Mapping[str, str]) -> None:
        asked.append(graph)
        onnx = extra_package("onnx", EXPORT)
        file = onnx.load(dense_onnx)
        onnx.helper.set_model_props(file, dict(metadata))
        onnx.save(file, path)

    monkeypatch.setattr(run_module, "write_onnx", copy)
    return asked


@pytest.mark.parametrize(
    ("kind", "name", "beside"), [("onnx", "a.onnx", []), ("openvino", "a.xml", ["a.bin"])]
)
def test_export__file_in_its_place_and_nothing_else(
    model: Path,
    copied: list[PartGraph],
    tmp_path: Path,
    kind: FileFormat,
    name: str,
    beside: list[str],
) -> None:
    out = tmp_path / "new" / name
    report = export_run(model, out, kind)
    assert [path.name for path in report.files] == [name, *beside]
    assert sorted(path.name for path in out.parent.iterdir()) == sorted([name, *beside])
    assert [row.name for row in report.agreements] == [
        "drawn landscape",
        "drawn portrait",
        "drawn small",
    ]
    assert all(row.parts for row in report.agreements)
    file = OnnxFile(out) if kind == "onnx" else OpenvinoFile(out)
    about = file.metadata
    assert json.loads(about["class_names"]) == ["lid", "knob [left]", "Räder"]
    assert json.loads(about["category_ids"]) == [4, 5, 9]
    assert (about["recipe"], about["supervision"], about["score_threshold"]) == (
        "strong",
        "box",
        "0.5",
    )
    assert about["sam_fingerprint"] == copied[0].encoder.sam.fingerprint
    assert set(json.loads(about["outputs"])) == {"masks", "class_index", "scores", "boxes"}
    assert about["made_by"].startswith("wps-sam ")


def test_export__that_disagrees_leaves_nothing_and_keeps_the_old_file(
    model: Path,
    copied: list[PartGraph],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "new" / "a.onnx"
    out.parent.mkdir()
    out.write_text("old")
    monkeypatch.setattr(parity, "PIXEL_LIMIT", -1.0)
    with pytest.raises(ExportError, match=r"'drawn landscape' of 96 x 128 pixels: masks .* differ"):
        export_run(model, out, "onnx")
    assert out.read_text() == "old"
    assert list(out.parent.iterdir()) == [out]


def test_export__threshold_of_the_call(
    model: Path, copied: list[PartGraph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "check_picture", stop)
    with pytest.raises(KeyboardInterrupt):
        export_run(model, tmp_path / "new" / "a.onnx", "onnx", score_threshold=0.75)
    assert copied[0].part_finder.find.score_threshold == 0.75
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("onnx", "a.xml", r"a.xml ends in '.xml', expected '.onnx' for .* Name it .*a.onnx"),
        ("openvino", "a", r"a ends in 'nothing', expected '.xml' for the format openvino"),
        ("onnx", "folder.onnx", r"folder.onnx is a folder"),
        ("onnx", "file/a.onnx", r"file/a.onnx cannot be written: .* Choose another folder"),
    ],
    ids=["other suffix", "no suffix", "folder", "below a file"],
)
def test_export__name_that_cannot_be(
    model: Path, tmp_path: Path, kind: FileFormat, name: str, message: str
) -> None:
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=message):
        export_run(model, tmp_path / name, kind)


def test_export__missing_package_is_said_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r"onnxscript.*pip install 'wps-sam\[export\]'"):
        export_run(tmp_path / "no run", tmp_path / "a.onnx", "onnx")


def test_export__no_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a trained model"):
        export_run(tmp_path / "gone", tmp_path / "a.onnx", "onnx")


@pytest.mark.parametrize(
    ("kind", "name", "precision", "calibrate", "message"),
    [
        ("onnx", "a.onnx", "int8", "photos", r"only, found --format onnx: .*ends in .xml"),
        (
            "onnx",
            "a.onnx",
            "bf16",
            "photos",
            r"bf16 .* only, found --format onnx",
        ),
        (
            "openvino",
            "a.xml",
            "int8",
            None,
            r"int8 needs photographs .*--calibrate FOL",
        ),
        ("openvino", "a.xml", "bf16", None, r"bf16 needs photographs"),
        ("openvino", "a.xml", "32", "photos", r"--calibrate belongs to --precision int8 and bf16;"),
        ("openvino", "a.xml", "int8", "gone", r"--calibrate .*gone is not a folder"),
    ],
)
def test_export__precision_and_what_belongs_to_it(
    tmp_path: Path,
    kind: FileFormat,
    name: str,
    precision: Precision,
    calibrate: str | None,
    message: str,
) -> None:
    (tmp_path / "photos").mkdir()
    folder = None if calibrate is None else tmp_path / calibrate
    with pytest.raises(ConfigError, match=message):
        export_run(tmp_path / "run", tmp_path / name, kind, precision=precision, calibrate=folder)


def written_in_full_precision(dense_onnx: Path) -> Callable[..., None]:
    """In the place of `write_pieces`: the file of full precision, which costs nothing."""

    def write(graph: PartGraph, path: Path, metadata: Mapping[str, str], encoder: object) -> None:
        write_openvino(dense_onnx, path, metadata)

    return write


def test_export__8_bits__calibrated_on_some_photographs_and_compared_on_others(
    model: Path, dense_onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        pixels = np.full((96, 128, 3), number, np.uint8)
        pixels[20:60, 30:90] = np.random.default_rng(number).integers(0, 256, (40, 60, 3))
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number:02}.png")
    calibrated: list[int] = []

    def measure_ranges(photographs: Sequence[ImageFile]) -> None:
        calibrated.extend(int(Path(photograph.name).stem) for photograph in photographs)

    monkeypatch.setattr(run_module, "quantised_encoder", measure_ranges)
    monkeypatch.setattr(run_module, "write_pieces", written_in_full_precision(dense_onnx))
    monkeypatch.setattr(run_module, "_MOST_COMPARED", 5)
    report = export_run(
        model,
        tmp_path / "a.xml",
        "openvino",
        precision="int8",
        calibrate=tmp_path / "photos",
    )
    assert calibrated == list(range(0, 20, 2))
    assert report.cost is not None
    assert report.cost.photographs == 5
    assert report.cost.miou > 0.99
    assert report.agreements == ()
    assert OpenvinoFile(tmp_path / "a.xml").metadata["precision"] == "int8"


def test_export__a_sam_with_finer_features_is_refused(
    model: Path, dense_segmenter: PartSegmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense_segmenter.sam, "feature_dim", 64)
    with pytest.raises(ConfigError, match=r"A run on tiny_sam cannot be exported yet: .*finer"):
        export_run(model, tmp_path / "a.onnx", "onnx")


@pytest.fixture
def drawn_photographs(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for picture in check_pictures.drawn_pictures():
        Image.fromarray(picture.image).save(tmp_path / "photos" / f"{picture.name}.png")
    return tmp_path / "photos"


def test_export__a_few_photographs_serve_for_both(
    model: Path,
    dense_onnx: Path,
    drawn_photographs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calibrated: list[ImageFile] = []

    monkeypatch.setattr(run_module, "quantised_encoder", calibrated.extend)
    monkeypatch.setattr(run_module, "write_pieces", written_in_full_precision(dense_onnx))
    report = export_run(
        model, tmp_path / "a.xml", "openvino", precision="int8", calibrate=drawn_photographs
    )
    assert report.cost is not None
    assert len(calibrated) == report.cost.photographs == 3


def test_export__bfloat16(
    model: Path,
    dense_onnx: Path,
    drawn_photographs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = []

    def write(graph: PartGraph, path: Path, metadata: Mapping[str, str], encoder: object) -> None:
        written.append((encoder, type(graph.part_finder.decoding)))
        write_openvino(dense_onnx, path, metadata)

    monkeypatch.setattr(run_module, "write_pieces", write)
    report = export_run(
        model, tmp_path / "a.xml", "openvino", precision="bf16", calibrate=drawn_photographs
    )
    assert written == [(bfloat16_encoder, Bfloat16Decoding)]
    assert report.cost is not None
    assert OpenvinoFile(tmp_path / "a.xml").metadata["precision"] == "bf16"


def test_export__8_bits_are_not_checked_on_other_images(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--check-images belongs to --precision 32"):
        export_run(
            tmp_path / "run",
            tmp_path / "a.xml",
            "openvino",
            precision="int8",
            calibrate=tmp_path,
            check_images=tmp_path,
        )
