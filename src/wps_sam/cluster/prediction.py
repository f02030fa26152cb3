"""Predict with the workers of a Ray cluster."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch

from wps_sam import __version__
from wps_sam.cluster.session import choose_kind, copies_on_cpu, work_on, worker_bytes
from wps_sam.cluster.shards import ShardFolder, name_of_block, part_row
from wps_sam.cluster.worker import BlockWorker, Outcome
from wps_sam.errors import ConfigError
from wps_sam.extra_packages import RAY, extra_package
from wps_sam.inference.bulk import BulkJob, PredictReport, predict_images
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict
from wps_sam.prompter.interface import Prompter
from wps_sam.sam.frozen import FrozenSam


class PredictWorker(BlockWorker):
    """Has a segmenter; does what `predict_images` does, and writes a shard a block."""

    def __init__(
        self,
        segmenter: Any,
        kind: str,
        out: str,
        formats: Sequence[str],
        score_threshold: float | None,
        settings: Mapping[str, Any],
        attempts: Any,
    ) -> None:
        """Get the segmenter, an object reference; `out` is a folder that all machines see."""
        super().__init__(attempts)
        if kind == "cpu":
            torch.set_num_threads(1)  # as many workers as cores; also fixes the order of sums
        here: PartSegmenter = self._ray.get(segmenter)
        self.segmenter = PartSegmenter(
            here.sam.to(kind),
            here.prompter,
            class_names=here.class_names,
            category_ids=here.category_ids,
            score_threshold=here.score_threshold,
        )
        self.out = Path(out)
        self.shards = ShardFolder(self.out, settings)
        self.formats = formats
        self.score_threshold = score_threshold

    def work(
        self, records: Sequence[dict[str, Any]], images: Sequence[ImageToPredict]
    ) -> list[Outcome]:
        """Predict images, write their pictures, then their shard."""
        categories = list(zip(self.segmenter.category_ids, self.segmenter.class_names, strict=True))
        with (
            TemporaryDirectory(prefix="wps-sam-") as folder,
            PredictionJournal(Path(folder), {}, categories) as journal,
        ):
            job = BulkJob(
                self.segmenter,
                journal,
                self.out,
                self.formats,
                self.score_threshold,
                self.segmenter.images_a_call,
            )
            report = predict_images(job, images)
            found = json.loads(journal.finish(images, {}, keep=False).read_text("utf-8"))
        position_of = {record["name"]: record["position"] for record in records}
        failed = [Outcome(position_of[name], "failed", text) for name, text in report.failures]
        return failed + self._write(records, found, report.dropped_empty)

    def found(self, records: Sequence[dict[str, Any]]) -> list[Outcome]:
        """What the shard of this block says, if it was written; not what failed and why."""
        position_of = {record["name"]: record["position"] for record in records}
        rows = self.shards.images_of(name_of_block(records))
        return [Outcome(position_of[row["name"]], "done", parts=row["parts"]) for row in rows]

    def _write(
        self, records: Sequence[dict[str, Any]], found: Mapping[str, Any], dropped_empty: int
    ) -> list[Outcome]:
        """Write the images of a `predictions.json` as a shard."""
        record_of = {record["position"]: record for record in records}
        class_of = dict(zip(self.segmenter.category_ids, self.segmenter.class_names, strict=True))
        rows: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in found["images"]}
        for annotation in found["annotations"]:
            of_image = rows[annotation["image_id"]]
            name = record_of[annotation["image_id"]]["name"]
            class_name = class_of[annotation["category_id"]]
            of_image.append(part_row(name, len(of_image), annotation, class_name))
        images = [
            {
                "name": image["file_name"],
                "stamp": record_of[image["id"]]["stamp"],
                "height": image["height"],
                "width": image["width"],
                "parts": len(rows[image["id"]]),
            }
            for image in found["images"]
        ]
        if images:
            parts = [row for of_image in rows.values() for row in of_image]
            self.shards.write(name_of_block(records), images, parts)
        outcomes = [Outcome(position, "done", parts=len(of)) for position, of in rows.items()]
        if outcomes:  # counted for the block, not for each image
            outcomes[0] = outcomes[0]._replace(dropped_empty=dropped_empty)
        return outcomes


def predict_on_ray(
    job: BulkJob,
    images: Sequence[ImageToPredict],
    on_progress: Callable[[int], None] = lambda done: None,
    *,
    device: str = "auto",
    worker: type[PredictWorker] = PredictWorker,
) -> PredictReport:
    """Predict images and write each one's files, as `predict_images` does.

    Images that have their row in a shard of this model and these settings are left out. In the end
    the journal has all that the shards have of the images.

    Args:
        job: Model, places and settings; all machines must see the folder under the same name.
        images: Here or elsewhere (`listing.find_anywhere`).
        on_progress: Told the number of images just finished with.
        device: `auto`, `cpu` or `cuda`.
        worker: What works.

    Returns:
        Counts, and failures in the order of the images.

    Raises:
        ConfigError: The cluster has no such device, or the segmenter is an exported file.
        ClusterError: A worker cannot go on.
    """
    if not isinstance(job.segmenter, PartSegmenter):
        raise ConfigError(
            "--ray needs the folder of a run: an exported file stays in the process that opened "
            "it. Leave --ray out, or name the run that the file was made of."
        )
    settings = _settings(job)
    shards = ShardFolder(job.out, settings)
    done = shards.done(images)
    waiting = [(at, image) for at, image in enumerate(images) if image.name not in done]
    report = PredictReport(reused=len(images) - len(waiting))
    on_progress(report.reused)
    problems: dict[int, tuple[str, str]] = {}
    if waiting:
        kind = choose_kind(device)
        arguments = {
            "segmenter": extra_package("ray", RAY).put(_on_cpu(job.segmenter)),
            "kind": kind,
            "out": str(job.out.absolute()),
            "formats": list(job.formats),
            "score_threshold": job.score_threshold,
            "settings": settings,
        }
        memory = worker_bytes(job.segmenter.sam, job.segmenter.prompter)
        for row in work_on(waiting, worker, arguments, kind, memory):
            if row["state"] == "failed":
                problems[row["position"]] = (images[row["position"]].name, row["reason"])
            else:
                report.predicted += 1
                report.parts += row["parts"]
                report.dropped_empty += row["dropped_empty"]
            on_progress(1)
    report.failures = [problem for _, problem in sorted(problems.items())]
    failed = {name for name, _ in report.failures}
    new = {image.name for _, image in waiting} - failed
    # What failed may have an old row, of when its file was not missing.
    _fill_journal(job.journal, [i for i in images if i.name not in failed], shards, new)
    return report


def _on_cpu(segmenter: PartSegmenter) -> PartSegmenter:
    """A segmenter as it can be sent to any machine; the caller's stays on its device."""
    sam, prompter = copies_on_cpu(segmenter.sam, segmenter.prompter)
    if sam is segmenter.sam:
        return segmenter
    return PartSegmenter(
        cast(FrozenSam, sam),
        cast(Prompter, prompter),
        class_names=segmenter.class_names,
        category_ids=segmenter.category_ids,
        score_threshold=segmenter.score_threshold,
    )


def _settings(job: BulkJob) -> dict[str, Any]:
    """All that decides what is in a shard."""
    segmenter = job.segmenter
    return {
        "made_by": f"wps-sam {__version__}",
        "model": segmenter.fingerprint,
        "score_threshold": segmenter.threshold_of(job.score_threshold),
        "formats": list(job.formats),
        "categories": list(zip(segmenter.category_ids, segmenter.class_names, strict=True)),
    }


def _fill_journal(
    journal: PredictionJournal,
    images: Sequence[ImageToPredict],
    shards: ShardFolder,
    new: set[str],
) -> None:
    """Hand on what the shards have of the images and the journal has not, or not as it is now."""
    image_of = {image.name: image for image in images}
    for name, parts in shards.predictions():
        image = image_of.get(name)
        if image is not None and (name in new or not journal.has(image)):
            journal.add(image, parts)
