"""`wps-sam predict`: photographs in, named part masks out."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from wps_sam import __version__
from wps_sam.cli.console import console
from wps_sam.cli.write_remarks import print_remarks
from wps_sam.errors import ConfigError
from wps_sam.files import write_atomically
from wps_sam.inference.bulk import BulkJob, PredictReport, predict_images
from wps_sam.inference.interface import Segmenter
from wps_sam.inference.journal import CLASSES_FILE, PredictionJournal
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import (
    Found,
    ImageToPredict,
    Selection,
    find_images,
    unlisted_images,
)
from wps_sam.inference.writers import DEFAULT_FORMATS, choose_formats, write_other_tools

_EXPORTED = (".onnx", ".xml")


def predict(
    run: Path,
    source: list[str],
    *,
    out: Path,
    format: list[str] = DEFAULT_FORMATS,
    score_threshold: float | None = None,
    limit: int | None = None,
    images: Path | None = None,
    split: str | None = None,
    holdout: int | None = None,
    sam: str | None = None,
    device: str = "auto",
    ray: str | None = None,
) -> int:
    """Cut photographs into named part masks.

    Args:
        run: model folder that `wps-sam train` made, or a file that `wps-sam export` wrote
        source: images, folders or globs; or one label file, data set folder or dataset.yaml; with
            --ray also URLs, lists of URLs (.txt, .parquet) and WebDataset's .tar files
        out: folder for predictions.json, classes.json and the pictures
        format: what to write: coco (always), semantic, overlay, yolo, labelme, cvat, label_studio
        score_threshold: least score of a part, 0 to 1 (default: the run's)
        limit: only the first so many images
        images: folder of the images of the labels, if not beside them
        split: which split of a data set
        holdout: only every N-th image of the labels, as training with --holdout N leaves out
        sam: name or checkpoint of the SAM, if the run's own is not where it was
        device: auto, cpu, cuda or mps
        ray: predict on a Ray cluster: local starts one here, else its address, such as auto
    """
    formats = choose_formats(format)
    selection = Selection(images, split, holdout)
    found, by_labels = _find(ray, source, selection, limit)
    if by_labels and limit is None and not selection.given() and Path(source[0]).is_dir():
        _note_unlisted_images(Path(source[0]), found)
    segmenter = _load(run, sam, device, ray)
    threshold = segmenter.threshold_of(score_threshold)
    prepare_folder(out, segmenter.class_names)
    settings = _settings(segmenter, threshold, formats)
    categories = list(zip(segmenter.category_ids, segmenter.class_names, strict=True))
    with PredictionJournal(out, settings, categories) as journal, progress_bar() as bar:
        task = bar.add_task("predicting", total=len(found))
        job = BulkJob(segmenter, journal, out, formats, threshold, segmenter.images_a_call)
        report = _predict(ray, device, job, found, lambda done: bar.advance(task, done))
        written = None
        if report.predicted + report.reused:
            info = {"failed": [name for name, _ in report.failures]}
            written = journal.finish(found, info, keep=bool(report.failures))
    _print_report(report, len(found), written)
    if written is not None:
        print_remarks(write_other_tools(written, found, formats))
    return 1 if report.failures else 0


def _load(run: Path, sam: str | None, device: str, ray: str | None) -> Segmenter:
    """Load a run, or an exported file, for which nothing is left to choose."""
    if run.suffix not in _EXPORTED or run.is_dir():
        return PartSegmenter.load(run, sam=sam, device=device if ray is None else "cpu")
    given = {"--ray": ray, "--sam": sam, "--device": None if device in ("auto", "cpu") else device}
    for option, value in given.items():
        if value is not None:
            raise ConfigError(
                f"{run} is an exported file, with its own SAM and for the CPU: found {option} "
                f"{value} beside it. Leave it out, or give the run's folder."
            )
    from wps_sam.export.exported import ExportedSegmenter

    return ExportedSegmenter.load(run)


def _find(ray: str | None, source: list[str], selection: Selection, limit: int | None) -> Found:
    """Find what to predict; with a cluster, elsewhere too."""
    if ray is None:
        return find_images(source, selection, limit=limit)
    from wps_sam.cluster.listing import find_anywhere

    return find_anywhere(source, selection, limit=limit)


def _predict(
    ray: str | None,
    device: str,
    job: BulkJob,
    images: Sequence[ImageToPredict],
    on_progress: Callable[[int], None],
) -> PredictReport:
    """Predict here, or with the workers of a cluster."""
    if ray is None:
        return predict_images(job, images, on_progress)
    from wps_sam.cluster.prediction import predict_on_ray
    from wps_sam.cluster.session import ray_cluster

    with ray_cluster(ray):
        return predict_on_ray(job, images, on_progress, device=device)


def _settings(
    segmenter: Segmenter, score_threshold: float, formats: Sequence[str]
) -> dict[str, Any]:
    """Everything that decides what is written, for predictions.json and for going on later."""
    return {
        "made_by": f"wps-sam {__version__}",
        "model": segmenter.fingerprint,
        "sam": segmenter.sam_name,
        "sam_fingerprint": segmenter.sam_fingerprint,
        "score_threshold": score_threshold,
        "formats": list(formats),
    }


def prepare_folder(out: Path, class_names: tuple[str, ...]) -> None:
    """Make the output folder and write classes.json.

    Raises:
        ConfigError: There is a file where the folder should be, or it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--out {out} cannot be made: {error.strerror}. Choose another folder."
        ) from error
    content = json.dumps(list(class_names), indent=1, ensure_ascii=False) + "\n"
    write_atomically(out / CLASSES_FILE, content.encode())


def progress_bar() -> Progress:
    """A bar with counts and the time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("images"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def _note_unlisted_images(folder: Path, listed: Sequence[ImageToPredict]) -> None:
    """Say so if a folder's labels decide what is cut and leave photographs out."""
    others = unlisted_images(folder, listed)
    if others:
        console.print(
            escape(
                f"note: {folder} holds labels, so only their {len(listed)} images are cut; "
                f"{len(others)} other images there are not, such as {others[0]}. Name the "
                "images or a pattern to cut them all."
            ),
            soft_wrap=True,
        )


def _print_report(report: PredictReport, total: int, written: Path | None) -> None:
    """Print counts, then the failures."""
    counts = [f"{report.predicted} images predicted, {report.parts} parts"]
    if report.reused:
        counts.append(f"{report.reused} images taken over from the interrupted run")
    if report.dropped_empty:
        counts.append(f"{report.dropped_empty} parts without a pixel left out")
    console.print(escape("; ".join(counts) + "."))
    if written is not None:
        console.print(escape(f"Wrote {written}"))
    if not report.failures:
        return
    table = Table(title=f"{len(report.failures)} of {total} images failed")
    table.add_column("file", overflow="fold")
    table.add_column("reason", overflow="fold")
    for name, reason in report.failures:
        table.add_row(escape(name), escape(reason))
    console.print(table)
    if written is None:
        console.print("No image could be predicted; an older predictions.json is left as it was.")
    else:
        console.print("Mend these and run the same command again: only they are predicted.")
