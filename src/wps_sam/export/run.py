"""Export from a run folder to a checked file."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wps_sam.errors import ConfigError
from wps_sam.export.check_pictures import drawn_pictures, own_pictures
from wps_sam.export.extra_packages import extra_package
from wps_sam.export.graph import PartGraph
from wps_sam.export.graph_file import GraphFile
from wps_sam.export.metadata import describe
from wps_sam.export.onnx_file import OnnxFile, write_onnx
from wps_sam.export.openvino_file import OpenvinoFile, write_openvino
from wps_sam.export.parity import Agreement, check_picture
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.store import load_info

FileFormat = Literal["onnx", "openvino"]

_SUFFIX = {"onnx": ".onnx", "openvino": ".xml"}
_PACKAGES = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
}


@dataclass(frozen=True)
class ExportReport:
    """What was exported.

    Attributes:
        files: What was written, the file to load first.
        agreements: One for each picture that the file was checked on.
    """

    files: tuple[Path, ...]
    agreements: tuple[Agreement, ...]


def export_run(
    run: Path,
    out: Path,
    file_format: FileFormat,
    *,
    score_threshold: float | None = None,
    check_images: Path | None = None,
    sam: str | None = None,
) -> ExportReport:
    """Write a run as one file, check it against the model, and only then put it in its place.

    Args:
        run: Model folder that `wps-sam train` made.
        out: Ends in `.onnx`, or in `.xml` for OpenVINO; its folder is made if it is not there.
        file_format: What to write.
        score_threshold: Least score of a part; None takes the run's.
        check_images: Folder of photographs to check the file on; None takes drawn pictures.
        sam: Name or checkpoint of the SAM, if the run's own is not where it was.

    Returns:
        The files and how well they agree with the model.

    Raises:
        ExportError: The file does not compute what the model does; nothing is left of it.
        ConfigError: A package is missing, `out` cannot be written, or a setting means nothing.
        CheckpointError: The run is missing or damaged, or belongs to another SAM.
        DataError: A picture to check on cannot be read.
    """
    _check_out(out, file_format)
    for name in _PACKAGES[file_format]:
        extra_package(name)
    pictures = drawn_pictures() if check_images is None else own_pictures(check_images)
    segmenter = PartSegmenter.load(run, sam=sam, device="cpu")
    threshold = segmenter.threshold_of(score_threshold)
    with _folder_aside(out) as aside:
        staged = aside / out.name
        metadata = describe(segmenter, load_info(run), threshold)
        file = _write(PartGraph(segmenter, threshold).eval(), staged, file_format, metadata)
        agreements = tuple(
            check_picture(segmenter, file, picture, threshold) for picture in pictures
        )
        del file  # a file that is in use cannot be renamed everywhere
        beside = sorted(path for path in aside.iterdir() if path != staged)
        moved = [path.replace(out.parent / path.name) for path in (*beside, staged)]
    return ExportReport((moved[-1], *moved[:-1]), agreements)


def _write(
    graph: PartGraph, path: Path, file_format: FileFormat, metadata: dict[str, str]
) -> GraphFile:
    """Write one format, and load what was written."""
    if file_format == "onnx":
        write_onnx(graph, path, metadata)
        return OnnxFile(path)
    with tempfile.TemporaryDirectory(dir=path.parent) as between:
        write_onnx(graph, Path(between) / "graph.onnx", {})
        write_openvino(Path(between) / "graph.onnx", path, metadata)
    return OpenvinoFile(path)


def _check_out(out: Path, file_format: FileFormat) -> None:
    """Refuse a name that the runtimes would not know the format of."""
    suffix = _SUFFIX[file_format]
    if out.suffix != suffix:
        raise ConfigError(
            f"--out {out} ends in {out.suffix or 'nothing'!r}, expected {suffix!r} for the format "
            f"{file_format}. Name it {out.with_suffix(suffix)}."
        )
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder; expected the name of a file to write.")


@contextmanager
def _folder_aside(out: Path) -> Iterator[Path]:
    """A folder beside `out`, so that renaming is enough; removed with all that is left in it."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    except OSError as error:
        raise ConfigError(
            f"--out {out} cannot be written: {error.strerror}. Choose another folder."
        ) from error
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)
