"""Export from a run folder to a checked file."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from wps_sam.errors import ConfigError
from wps_sam.export.bfloat16 import Bfloat16Decoding, bfloat16_encoder
from wps_sam.export.check_pictures import drawn_pictures, own_files, read_pictures
from wps_sam.export.cost import PrecisionCost, check_shapes, measure_cost
from wps_sam.export.graph import PartGraph
from wps_sam.export.graph_file import GraphFile
from wps_sam.export.metadata import describe
from wps_sam.export.onnx_file import OnnxFile, write_onnx
from wps_sam.export.openvino_file import OpenvinoFile, write_openvino
from wps_sam.export.parity import Agreement, check_picture
from wps_sam.export.pieces import EncoderWriter, write_pieces
from wps_sam.export.quantised import quantised_encoder
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.images.reading import ImageFile
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.store import load_info
from wps_sam.sam.frozen import FrozenSam

FileFormat = Literal["onnx", "openvino"]
Precision = Literal["32", "bf16", "int8"]

_SUFFIX = {"onnx": ".onnx", "openvino": ".xml"}
_PACKAGES = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
}
_MOST_CALIBRATED = 32
_MOST_COMPARED = 32
_ENOUGH_FOR_BOTH = 16


@dataclass(frozen=True)
class ExportReport:
    """What was exported.

    Attributes:
        files: What was written, the file to load first.
        agreements: One for each picture that a file of 32 bits was checked on.
        cost: Of fewer bits; None with 32.
    """

    files: tuple[Path, ...]
    agreements: tuple[Agreement, ...]
    cost: PrecisionCost | None


def export_run(
    run: Path,
    out: Path,
    file_format: FileFormat,
    *,
    score_threshold: float | None = None,
    check_images: Path | None = None,
    sam: str | None = None,
    precision: Precision = "32",
    calibrate: Path | None = None,
) -> ExportReport:
    """Write a run as one file, check it against the model, and only then put it in its place.

    Args:
        run: Model folder that `wps-sam train` made.
        out: Ends in `.onnx`, or in `.xml` for OpenVINO; its folder is made if it is not there.
        file_format: What to write.
        score_threshold: Least score of a part; None takes the run's.
        check_images: Folder of photographs to check the file on; None takes drawn pictures.
        sam: Name or checkpoint of the SAM, if the run's own is not where it was.
        precision: `32`, or `bf16` or `int8` for an OpenVINO file whose encoder computes in bfloat16
            or in 8 bits, and whose mask decoder in bfloat16.
        calibrate: For `bf16` and `int8`: folder of photographs. On up to 32 of them it is measured
            what the precision costs, and on others the ranges of 8 bits (on the same, where there
            are only a few).

    Returns:
        The files and how well they agree with the model.

    Raises:
        ExportError: The file does not compute what the model does; nothing is left of it.
        ConfigError: A package is missing, `out` cannot be written, or a setting means nothing.
        CheckpointError: The run is missing or damaged, or belongs to another SAM.
        DataError: A picture to check on cannot be read.
    """
    _check_out(out, file_format)
    _check_precision(precision, file_format, calibrate, check_images)
    for name in (*_PACKAGES[file_format], *(["nncf"] if precision == "int8" else [])):
        extra_package(name, EXPORT)
    photographs = None if calibrate is None else _Photographs.of(calibrate)
    pictures = drawn_pictures()
    if check_images is not None:
        pictures = read_pictures(own_files("--check-images", check_images))
    segmenter = PartSegmenter.load(run, sam=sam, device="cpu")
    _check_sam(segmenter.sam)
    threshold = segmenter.threshold_of(score_threshold)
    with _folder_aside(out) as aside:
        staged = aside / out.name
        metadata = {**describe(segmenter, load_info(run), threshold), "precision": precision}
        agreements: tuple[Agreement, ...] = ()
        cost = None
        if photographs is None:
            graph = PartGraph(segmenter, threshold).eval()
            file = _write(graph, staged, file_format, metadata)
            agreements = tuple(
                check_picture(segmenter, file, picture, threshold) for picture in pictures
            )
        else:
            graph = PartGraph(segmenter, threshold, Bfloat16Decoding(segmenter.sam)).eval()
            file = _write_with_fewer_bits(
                graph, staged, metadata, _ENCODERS[precision](photographs.to_calibrate)
            )
            check_shapes(segmenter, file, drawn_pictures())
            cost = measure_cost(segmenter, file, read_pictures(photographs.to_compare), threshold)
        del file  # a file that is in use cannot be renamed everywhere
        beside = sorted(path for path in aside.iterdir() if path != staged)
        moved = [path.replace(out.parent / path.name) for path in (*beside, staged)]
    return ExportReport((moved[-1], *moved[:-1]), agreements, cost)


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


def _write_with_fewer_bits(
    graph: PartGraph, path: Path, metadata: dict[str, str], write_encoder: EncoderWriter
) -> GraphFile:
    """Write the OpenVINO format with such an encoder, and load what was written."""
    write_pieces(graph, path, metadata, write_encoder)
    return OpenvinoFile(path)


_ENCODERS: dict[str, Callable[[Sequence[ImageFile]], EncoderWriter]] = {
    "int8": lambda photographs: quantised_encoder(photographs),
    "bf16": lambda photographs: bfloat16_encoder,
}
"""Precision -> what writes the encoder, given photographs to measure ranges on."""


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


def _check_sam(sam: FrozenSam) -> None:
    """Refuse SAMs whose decoder cannot be traced."""
    if sam.feature_dim != sam.embed_dim:
        raise ConfigError(
            f"A run on {sam.name} cannot be exported yet: its mask decoder also looks at finer "
            "features, which export has not learnt to write. Train on mobile_sam, a RepViT-SAM or "
            "a SAM ViT to export."
        )


def _check_precision(
    precision: str, file_format: FileFormat, calibrate: Path | None, check_images: Path | None
) -> None:
    """Refuse settings that do not go together."""
    if precision == "32":
        if calibrate is not None:
            raise ConfigError(
                "--calibrate belongs to --precision int8 and bf16; found --precision 32. Leave it "
                "out."
            )
        return
    if file_format != "openvino":
        raise ConfigError(
            f"--precision {precision} is written for OpenVINO only, found --format {file_format}: "
            "ONNX Runtime gains nothing from it on a CPU (docs/performance.md). Add --format "
            "openvino, with an --out that ends in .xml."
        )
    if calibrate is None:
        raise ConfigError(
            f"--precision {precision} needs photographs such as the model is meant for, to measure "
            "on them what it costs: --calibrate FOLDER."
        )
    if check_images is not None:
        raise ConfigError(
            f"--check-images belongs to --precision 32: a file of {precision} is compared with the "
            "model on photographs of --calibrate. Leave it out."
        )


@dataclass(frozen=True)
class _Photographs:
    """Files to measure ranges on, and others to compare on."""

    to_calibrate: Sequence[ImageFile]
    to_compare: Sequence[ImageFile]

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Share a folder's photographs, evenly spread; a few serve for both."""
        files = own_files("--calibrate", folder)
        if len(files) < _ENOUGH_FOR_BOTH:
            return cls(files, files)
        return cls(_spread(files[::2], _MOST_CALIBRATED), _spread(files[1::2], _MOST_COMPARED))


def _spread(files: Sequence[ImageFile], most: int) -> Sequence[ImageFile]:
    """At most so many files, at equal distances."""
    count = min(most, len(files))
    return [files[place * len(files) // count] for place in range(count)]


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
