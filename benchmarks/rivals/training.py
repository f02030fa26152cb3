"""What the rivals share: one plain training loop, and the scores of `wps-sam evaluate`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice

import torch
from torch import Tensor, nn

from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.mask_validation import Predict, image_parts, score_masks
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.truth import Truth
from wps_sam.inference.oracle import oracle_prediction
from wps_sam.labels.weak_labels import WeakImage
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.data import EpochShuffle
from wps_sam.training.job import LabelledFeatures
from wps_sam.training.recipes import OptimiserConfig
from wps_sam.training.schedule import warmup_cosine

_SHOWN_LOSSES = 10


@dataclass(frozen=True)
class SeenImages:
    """N = views x images to learn from: all images in their first view come first.

    Attributes:
        labels: N images with their weak labels.
        keys: N cache keys.
        views: How many views there are of each image.
    """

    labels: Sequence[WeakImage]
    keys: Sequence[str]
    views: int

    @classmethod
    def of(cls, train: Sequence[LabelledFeatures]) -> "SeenImages":
        """Put all views of all images in one row; `train` is what `training.fit.fit` takes.

        Where labels are points, `learnt` must hold boxes (`training.fit.with_learnt_boxes`).
        """
        return cls(
            labels=[image for view in train for image in (view.learnt or view.labels).images],
            keys=[key for view in train for key in view.keys],
            views=len(train),
        )


def train_network(
    network: nn.Module,
    loss_of: Callable[[Tensor, list[int]], Tensor],
    optimiser: OptimiserConfig,
    cache: EmbeddingCache,
    seen: SeenImages,
    *,
    steps: int,
    batch_size: int,
    seed: int,
) -> None:
    """Train for a number of steps; each image once an epoch in one of its views, as `fit` does.

    Args:
        network: Learns, on the device it is on; left in evaluation mode.
        loss_of: Gives the loss of features (B, 256, h, w) float32 and their B positions in `seen`.
        optimiser: Settings; weights are not averaged.
        cache: Holds the features.
        seen: What is learnt from.
        steps: Optimiser steps.
        batch_size: Images a step, B.
        seed: Of order, views and dropout.
    """
    torch.manual_seed(seed)
    device = next(network.parameters()).device
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimiser.kind]
    moved = kind(
        network.parameters(), lr=optimiser.learning_rate, weight_decay=optimiser.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        moved, lambda step: warmup_cosine(step, optimiser.warmup_steps, steps)
    )
    network.train()
    for step, positions in enumerate(_batches(seen, batch_size, seed, steps), start=1):
        features = torch.stack([cache.read(seen.keys[position]) for position in positions])
        loss = loss_of(features.to(device).float(), positions)
        moved.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation
        nn.utils.clip_grad_norm_(
            network.parameters(), optimiser.gradient_norm_limit, error_if_nonfinite=True
        )
        moved.step()
        schedule.step()
        if step % math.ceil(steps / _SHOWN_LOSSES) == 0:
            print(f"step {step} of {steps}: loss {float(loss.detach()):.4f}", flush=True)
    network.eval()


def _batches(seen: SeenImages, batch_size: int, seed: int, steps: int) -> list[list[int]]:
    """Positions in `seen` for each step."""
    order = EpochShuffle(len(seen.labels) // seen.views, seed, seen.views)

    def epoch(number: int) -> list[int]:
        order.set_epoch(number)
        return list(order)

    endless = chain.from_iterable(map(epoch, count()))
    return [list(islice(endless, batch_size)) for _ in range(steps)]


@dataclass(frozen=True)
class Validation:
    """Images to score, with the exact masks that no training sees.

    Attributes:
        truth: The masks.
        cache: Holds the features.
        data: The same images, their weak labels and cache keys.
        oracle: What SAM makes of the true boxes, image by image.
    """

    truth: Truth
    cache: EmbeddingCache
    data: LabelledFeatures
    oracle: Sequence[ImageParts]

    @classmethod
    def read(
        cls, place: LabelPlace, sam: FrozenSam, cache: EmbeddingCache, data: LabelledFeatures
    ) -> "Validation":
        """Read the masks at `place` and let SAM cut the true boxes of the same images (`data`)."""
        names = data.labels.class_names
        oracle = [
            image_parts(oracle_prediction(sam, image, cache.read(key), names, prompt="box"))
            for image, key in zip(data.labels.images, data.keys, strict=True)
        ]
        return cls(place.truth(), cache, data, oracle)


def score(predict: Predict, validation: Validation) -> dict[str, float]:
    """Score predictions by the code of `wps-sam evaluate`, as `cli.mask_validation` does.

    Args:
        predict: `predict_features` of a `PartSegmenter` or of a `PixelHead`.
        validation: The images.

    Returns:
        `miou`, `oracle_miou`, `share_of_oracle` and the others of validation.json.
    """
    data, oracle = validation.data, validation.oracle
    return dict(score_masks(predict, validation.truth, validation.cache, data, oracle))
