"""`wps-sam export`: a run as one file for ONNX Runtime or OpenVINO."""

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from wps_sam.cli.console import console
from wps_sam.export.cost import PrecisionCost
from wps_sam.export.parity import Agreement
from wps_sam.export.run import FileFormat, Precision, export_run

_MEGABYTE = 1e6


def export(
    run: Path,
    *,
    out: Path,
    format: FileFormat = "onnx",
    score_threshold: float | None = None,
    check_images: Path | None = None,
    sam: str | None = None,
    precision: Precision = "32",
    calibrate: Path | None = None,
) -> int:
    """Write a run as one file that finds parts without PyTorch, checked against the model.

    Args:
        run: model folder that `wps-sam train` made
        out: file to write, NAME.onnx, or NAME.xml for openvino (its weights are in NAME.bin)
        format: onnx or openvino
        score_threshold: least score of a part in the file, 0 to 1 (default: the run's)
        check_images: folder of photographs to check the file on (default: three drawn pictures)
        sam: name or checkpoint of the SAM, if the run's own is not where it was
        precision: 32; or bf16 or int8, in which the encoder then computes, and the mask decoder in
            bf16 (openvino only)
        calibrate: for bf16 and int8, folder of photographs to measure on what it costs
    """
    with console.status("writing and checking; this takes some minutes"):
        report = export_run(
            run,
            out,
            format,
            score_threshold=score_threshold,
            check_images=check_images,
            sam=sam,
            precision=precision,
            calibrate=calibrate,
        )
    if report.agreements:
        _print_agreements(report.agreements)
    if report.cost is not None:
        _print_cost(report.cost)
    for path in report.files:
        console.print(escape(f"Wrote {path} ({path.stat().st_size / _MEGABYTE:.1f} MB)"))
    return 0


def _print_cost(cost: PrecisionCost) -> None:
    """What fewer bits cost, on photographs."""
    console.print(
        f"File against model on {cost.photographs} photographs, the model's masks taken as truth: "
        f"mIoU {cost.miou:.3f}, {cost.pixel_agreement:.2%} of all pixels the same; parts "
        f"{cost.file_parts} and {cost.parts}; seconds {cost.file_seconds:.2f} and "
        f"{cost.seconds:.2f} on this machine.",
        soft_wrap=True,
    )


def _print_agreements(agreements: Sequence[Agreement]) -> None:
    """One row for each picture that was checked."""
    table = Table(title="file against model: largest differences")
    table.add_column("picture", overflow="fold")
    for heading in ("size", "from score", "parts", "scores", "masks", "boxes"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in agreements:
        height, width = row.original_hw
        table.add_row(
            escape(row.name),
            f"{width} x {height}",
            f"{row.score_threshold:.2f}",
            f"{row.parts}",
            f"{row.score_gap:.0e}",
            f"{row.pixel_gap:.3%}",
            f"{row.box_gap:g} px",
        )
    console.print(table)
    if borderline := sum(row.borderline for row in agreements):
        console.print(f"{borderline} parts are at the threshold, and only one of both finds them.")
    if not any(row.parts for row in agreements):
        console.print(
            "note: the model finds no part in any of these pictures, so that nothing but that was "
            "checked. Name a folder of photographs with parts: --check-images FOLDER."
        )
