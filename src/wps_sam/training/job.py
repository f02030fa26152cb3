"""What a training run is made of: the job, its data, and what a resumed run must share with it."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from wps_sam.errors import ConfigError, DataError
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.prompter.store import ModelInfo
from wps_sam.prompter.teacher import Supervision, tokens_per_part
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.recipes import Recipe


@dataclass(frozen=True)
class TrainingJob:
    """All that decides the result of a training run.

    Attributes:
        recipe: what is learnt and how.
        supervision: what the weak labels are.
        seed: of weights, order and dropout.
        precision: Lightning's name, such as `32-true` or `bf16-mixed`.
        accelerator: `cpu`, `cuda` or `mps`.
        encoder: what made the features: `pytorch`, `pytorch-bf16` or `openvino-bf16`.
    """

    recipe: Recipe
    supervision: Supervision
    seed: int
    precision: str
    accelerator: str
    encoder: str = "pytorch"


@dataclass(frozen=True)
class LabelledFeatures:
    """Weak labels whose images all have cached features.

    Attributes:
        labels: the weak labels.
        keys: cache key of each image, in the labels' order.
        learnt: the same parts with boxes to learn, where labels are points and the prompter emits
            boxes (`with_learnt_boxes`); None elsewhere.
    """

    labels: WeakDataset
    keys: Sequence[str]
    learnt: WeakDataset | None = None


def check_validation_labels(train: WeakDataset, val: WeakDataset) -> None:
    """Check that a validation score would mean something.

    Raises:
        ConfigError: `val` has no image.
        DataError: the classes are not the same in the same order, so that class k of one file is
            not class k of the other.
    """
    if not val.images:
        raise ConfigError(
            f"{val.source}: no image to validate on is left. Choose a smaller --holdout, or give "
            "labels with --val."
        )
    if train.class_names == val.class_names:
        return
    missing = [name for name in train.class_names if name not in val.class_names]
    extra = [name for name in val.class_names if name not in train.class_names]
    found = [f"only in training: {', '.join(missing)}"] if missing else []
    found += [f"only in validation: {', '.join(extra)}"] if extra else []
    raise DataError(
        f"{val.source} has other classes than {train.source} ("
        f"{'; '.join(found) or 'the same in another order'}). Both files must list the same "
        "categories in the same order, also those without a part."
    )


def fit_tokens(job: TrainingJob, labels: WeakDataset) -> TrainingJob:
    """Give a prompter that emits tokens as many a part as the labels need.

    Args:
        job: The job.
        labels: What is learnt from.

    Returns:
        The job with that setting; the same job where the prompter emits boxes.
    """
    prompter = job.recipe.prompter
    if not isinstance(prompter, QueryPrompterConfig):  # it emits boxes
        return job
    tokens = tokens_per_part(labels.images, job.supervision)
    recipe = replace(job.recipe, prompter=replace(prompter, tokens_per_part=tokens))
    return replace(job, recipe=recipe)


def run_settings(
    job: TrainingJob,
    sam: FrozenSam,
    train: Sequence[LabelledFeatures],
    val: LabelledFeatures | None,
) -> dict[str, Any]:
    """Everything a resumed run must share with the run it goes on with, as plain YAML values."""
    recipe = asdict(job.recipe)
    recipe["optimiser"]["gradient_norm_limit"] = str(job.recipe.optimiser.gradient_norm_limit)
    if job.supervision == "box":  # there is nothing to correct
        recipe["box_corrections"] = 0
    return {
        "recipe": recipe,
        "supervision": job.supervision,
        "seed": job.seed,
        "precision": job.precision,
        "accelerator": job.accelerator,
        "sam": {"name": sam.name, "fingerprint": sam.fingerprint},
        "encoder": job.encoder,
        "train": _identity(train[0]),
        "views": [_identity_of_view(view) for view in train[1:]],
        "val": None if val is None else _identity(val),
        "class_names": list(train[0].labels.class_names),
    }


def model_info(job: TrainingJob, sam: FrozenSam, sam_source: str, labels: WeakDataset) -> ModelInfo:
    """What prediction must know of the run."""
    return ModelInfo(
        class_names=labels.class_names,
        category_ids=labels.category_ids,
        recipe=job.recipe.name,
        supervision=job.supervision,
        score_threshold=job.recipe.score_threshold,
        sam_source=sam_source,
        sam_fingerprint=sam.fingerprint,
        prompter=job.recipe.prompter,
    )


def _identity(data: LabelledFeatures) -> dict[str, Any]:
    """Name a data set by where it is and by what is in it: pictures, classes, boxes and points."""
    digest = hashlib.sha256()
    for image, key in zip(data.labels.images, data.keys, strict=True):
        digest.update(key.encode())
        digest.update(image.label_bytes())
    return {
        "source": str(data.labels.source),
        "images": len(data.labels.images),
        "sha256": digest.hexdigest(),
    }


def _identity_of_view(view: LabelledFeatures) -> str:
    """Name a view by its pictures and its labels; not by boxes that SAM made of points.

    Those may differ in the last bit on another machine, and follow from pictures and points anyway.
    """
    if view.learnt is None:
        return str(_identity(view)["sha256"])
    return hashlib.sha256("\n".join(view.keys).encode()).hexdigest()
