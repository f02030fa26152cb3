"""Fill the embedding cache with the workers of a Ray cluster."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from wps_sam.cluster.session import choose_kind, copies_on_cpu, work_on, worker_bytes
from wps_sam.cluster.worker import BlockWorker, Outcome
from wps_sam.embeddings.build import EmbedReport, embed_images
from wps_sam.embeddings.encoder import ImageEncoder
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.extra_packages import RAY, extra_package
from wps_sam.inference.sources import ImageToPredict
from wps_sam.sam.frozen import FrozenSam

MakeEncoder = Callable[[FrozenSam], ImageEncoder]
"""A function of a module, as a worker finds it by its name, or a `partial` of one."""


def the_sam_itself(sam: FrozenSam) -> ImageEncoder:
    """Encode with PyTorch."""
    return sam


class EmbedWorker(BlockWorker):
    """Has an encoder and the cache; does what `embed_images` does."""

    def __init__(
        self,
        sam: Any,
        make_encoder: MakeEncoder,
        root: str,
        fingerprint: Fingerprint,
        kind: str,
        batch_size: int | None,
        attempts: Any,
    ) -> None:
        """Get the SAM, an object reference, and open the cache, a folder that all machines see."""
        super().__init__(attempts)
        if kind == "cpu":
            torch.set_num_threads(1)  # as many workers as cores; also fixes the order of sums
        self.encoder = make_encoder(self._ray.get(sam).to(kind))
        self.cache = EmbeddingCache(Path(root), fingerprint)
        self.batch_size = batch_size

    def work(
        self, records: Sequence[dict[str, Any]], images: Sequence[ImageToPredict]
    ) -> list[Outcome]:
        """Embed images that are not in the cache."""
        outcomes, there = [], []
        for image in images:
            if image.path is None:
                outcomes.append(Outcome(int(image.image_id), "failed", image.problem))
            else:
                there.append(ImageToEmbed(image.path, str(image.image_id)))
        report = embed_images(self.cache, self.encoder, there, batch_size=self.batch_size)
        failed = {name: Outcome(int(name), "failed", reason) for name, reason in report.failures}
        outcomes += failed.values()
        states = dict.fromkeys(report.repaired, "damaged") | dict.fromkeys(report.found, "ready")
        return outcomes + [
            Outcome(int(image.name), states.get(image.name, "missing"))
            for image in there
            if image.name not in failed
        ]


def embed_on_ray(
    cache: EmbeddingCache,
    sam: FrozenSam,
    images: Sequence[ImageToPredict],
    *,
    make_encoder: MakeEncoder = the_sam_itself,
    device: str = "auto",
    batch_size: int | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
    worker: type[EmbedWorker] = EmbedWorker,
) -> EmbedReport:
    """Make sure that every image has an embedding, as `embed_images` does.

    Every worker reads an image before it can know whether the cache has it. What was embedded by a
    worker just before it was killed counts as reused, as the next one finds it in the cache.

    Args:
        cache: Where features go; all machines must see its folder under the same name.
        sam: It is sent to the workers.
        images: Here or elsewhere (`listing.find_anywhere`).
        make_encoder: Makes of the SAM, on the worker's device, what encodes there.
        device: `auto`, `cpu` or `cuda`.
        batch_size: Images an encoder call; None is 8 on a GPU, else 1.
        on_progress: Told the number of images just finished with.
        worker: What works.

    Returns:
        Counts, names and failures in the order of the images; `keys` stays empty.

    Raises:
        ConfigError: The cluster has no such device.
        ClusterError: A worker cannot go on.
    """
    kind = choose_kind(device)
    arguments = {
        "sam": extra_package("ray", RAY).put(*copies_on_cpu(sam)),
        "make_encoder": make_encoder,
        "root": str(cache.folder.parent.absolute()),
        "fingerprint": cache.fingerprint,
        "kind": kind,
        "batch_size": batch_size,
    }
    report = EmbedReport()
    problems: dict[int, tuple[str, str]] = {}
    memory = worker_bytes(sam)
    for row in work_on(list(enumerate(images)), worker, arguments, kind, memory):
        name = images[row["position"]].name
        if row["state"] == "failed":
            problems[row["position"]] = (name, row["reason"])
        elif row["state"] == "ready":
            report.found.append(name)
        else:
            report.embedded += 1
            if row["state"] == "damaged":
                report.repaired.append(name)
        on_progress(1)
    report.failures = [problem for _, problem in sorted(problems.items())]
    return report
