"""`wps-sam bench`: what predicting costs on this machine, against the plain path."""

import json
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from wps_sam.bench.path_process import RunToMeasure
from wps_sam.bench.report import TOTAL, BenchReport
from wps_sam.bench.run import BenchJob, run_bench
from wps_sam.cli.console import console
from wps_sam.cli.predict import progress_bar
from wps_sam.errors import ConfigError
from wps_sam.files import write_atomically
from wps_sam.inference.sources import find_images

_MEGABYTE = 1e6


def bench(
    run: Path,
    source: list[str],
    *,
    limit: int = 8,
    repeats: int = 3,
    device: str = "auto",
    out: Path | None = None,
    sam: str | None = None,
) -> int:
    """Measure what predicting costs on this machine, stage by stage, against the plain path.

    Args:
        run: model folder that `wps-sam train` made
        source: images, folders or globs; or one label file, data set folder or dataset.yaml
        limit: only the first so many images
        repeats: how often each image is cut by each path
        device: auto, cpu, cuda or mps
        out: JSON file to write the numbers to
        sam: name or checkpoint of the SAM, if the run's own is not where it was
    """
    if out is not None:
        _prepare(out)
    images = tuple(find_images(source, limit=limit).images)
    job = BenchJob(RunToMeasure(run, sam, device), images, repeats)
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=len(images) * (repeats + 2))
        report = run_bench(job, lambda done: bar.advance(task, done))
    _print_table(report)
    _print_agreement(report)
    if out is not None:
        write_atomically(out, (json.dumps(report.to_json(), indent=1) + "\n").encode())
        console.print(escape(f"Wrote {out}"), soft_wrap=True)
    return 0


def _prepare(out: Path) -> None:
    """Refuse a place that cannot be written to, before minutes go into measuring.

    Raises:
        ConfigError: It is a folder, or its folder cannot be made.
    """
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder; expected the name of a JSON file to write.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--out {out} cannot be written: {error.strerror}. Choose another folder."
        ) from error


def _print_table(report: BenchReport) -> None:
    """Stages, then what a user waits for, then memory."""
    machine = report.machine
    load = f", load {machine['load_before']} before" if "load_before" in machine else ""
    console.print(
        f"{report.images} images, {report.repeats} times each; {report.sam} on {report.device}, "
        f"{machine['cores']} cores, {machine['torch_threads']} threads{load}",
        soft_wrap=True,
    )
    table = Table(caption="medians over all turns; of the ratio also the smallest and the largest")
    table.add_column("seconds an image", overflow="fold")
    for heading in ("ours", "plain path", "plain / ours"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cost in report.costs:
        if cost.stage == TOTAL:
            table.add_section()
        table.add_row(
            cost.stage,
            f"{cost.ours.median:.4f}",
            f"{cost.plain.median:.4f}",
            f"{cost.times.median:.2f} ({cost.times.min:.2f} to {cost.times.max:.2f})",
        )
    total = report.costs[-1]
    table.add_row(
        "images a second",
        f"{1 / total.ours.median:.3g}",
        f"{1 / total.plain.median:.3g}",
        "as above",
    )
    table.add_section()
    ours, plain = report.ours_alone, report.plain_alone
    table.add_row(
        "images a second, alone",
        f"{ours.images_per_second:.3g}",
        f"{plain.images_per_second:.3g}",
        "not in turns",
    )
    if ours.peak_bytes is not None and plain.peak_bytes is not None:
        table.add_row(
            "peak memory, alone, MB",
            f"{ours.peak_bytes / _MEGABYTE:,.0f}",
            f"{plain.peak_bytes / _MEGABYTE:,.0f}",
            f"{plain.peak_bytes / ours.peak_bytes:.2f}",
        )
    console.print(table)


def _print_agreement(report: BenchReport) -> None:
    """Whether both paths found the same."""
    found = report.agreement
    console.print(
        f"The label maps of both paths agree in {found.equal_share:.4%} of {found.pixels:,} "
        f"pixels. Of {found.parts} parts {found.equal_parts} are equal to the pixel and "
        f"{found.differing_parts} are not; {found.only_ours} only ours found, "
        f"{found.only_plain} only the plain path.",
        soft_wrap=True,
    )
    if not found.parts:
        console.print(
            "note: the run finds no part in any of these images, so that nothing was decoded. "
            "Name images with parts."
        )
