"""Train a prompter: settings and data in, a model folder out. This file only wires."""

import logging
import math
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from rich.console import Console
from rich.markup import escape

from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.prompter.build import build_criterion, build_prompter, emits_boxes, tokens_of
from wps_sam.prompter.interface import Prompter
from wps_sam.prompter.pseudo_boxes import labelled_by_points, pseudo_labels
from wps_sam.prompter.store import ModelInfo, save_model
from wps_sam.prompter.teacher import check_prompts, learnt_targets, teacher_targets
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.data import EmbeddedImages, training_loader, validation_loader
from wps_sam.training.job import (
    LabelledFeatures,
    TrainingJob,
    check_validation_labels,
    fit_tokens,
    model_info,
    run_settings,
)
from wps_sam.training.module import PrompterModule
from wps_sam.training.processes import Processes, first_process_first, processes_here
from wps_sam.training.progress import RunProgress
from wps_sam.training.recipes import Recipe
from wps_sam.training.run_folder import ModelFolder, RunLog, last_checkpoint, open_run
from wps_sam.training.self_training import SelfTraining, correction_epochs
from wps_sam.training.validation import (
    AGREEMENT,
    AgreementValidation,
    MaskValidation,
    StopWhenFlat,
)

_LIGHTNING_ADVICE = (
    ".*LeafSpec.*",  # inside Lightning itself
    ".*smaller than the logging interval.*",  # small data sets are the usual case here
    ".*could not find the monitored key.*",  # not every epoch is validated
    ".*exists and is not empty.*",  # that is what resuming means
    ".*have no `val_dataloader`.*",
    ".*Grad strides do not match.*",  # of one small parameter
    ".*does not have many workers.*",  # features are memory-mapped; workers would only copy
)
MaskMeasure = Callable[[Prompter], Mapping[str, float]]


def check_learnable(job: TrainingJob, sam: FrozenSam, labels: WeakDataset) -> None:
    """Refuse labels that the recipe cannot learn; needs no embedding, so it can be asked first.

    Raises:
        ConfigError: names the first such image.
    """
    check_prompts(labels, job.supervision, "--supervision")
    criterion = build_criterion(job.recipe.criterion, job.recipe.prompter, sam)
    for image in labels.images:
        criterion.check(teacher_targets(sam, image, job.supervision), image.file_name)


def with_learnt_boxes(
    job: TrainingJob, sam: FrozenSam, cache: EmbeddingCache, data: LabelledFeatures
) -> LabelledFeatures:
    """Where the labels are points and the prompter emits boxes, let SAM make a box of each point.

    Returns:
        The data with `learnt`; the same data where it has that, or needs none.
    """
    if data.learnt is not None or job.supervision == "box" or not emits_boxes(job.recipe.prompter):
        return data
    learnt = pseudo_labels(
        sam, data.labels, job.supervision, lambda position: cache.read(data.keys[position])
    )
    return replace(data, learnt=learnt)


def join_targets(
    job: TrainingJob, sam: FrozenSam, cache: EmbeddingCache, data: LabelledFeatures
) -> EmbeddedImages:
    """Let the teacher encode what is learnt, or the labels; the image encoder is not needed."""
    if data.learnt is not None:
        targets = [learnt_targets(sam, image) for image in data.learnt.images]
    else:
        tokens = tokens_of(job.recipe.prompter)
        images = data.labels.images
        targets = [teacher_targets(sam, image, job.supervision, tokens) for image in images]
    return EmbeddedImages(cache, data.keys, targets)


def join_views(
    job: TrainingJob, sam: FrozenSam, cache: EmbeddingCache, views: Sequence[LabelledFeatures]
) -> EmbeddedImages:
    """Put all views of all images into one data set: all images in their first view come first."""
    learnt = [with_learnt_boxes(job, sam, cache, view) for view in views]
    joined = [join_targets(job, sam, cache, view) for view in learnt]
    return EmbeddedImages(
        cache,
        [key for view in joined for key in view.keys],
        [targets for view in joined for targets in view.targets],
    )


def fit(
    job: TrainingJob,
    sam: FrozenSam,
    sam_source: str,
    cache: EmbeddingCache,
    train: Sequence[LabelledFeatures],
    val: LabelledFeatures | None,
    run: Path,
    *,
    console: Console,
    resume: bool = False,
    measure_masks: MaskMeasure | None = None,
    mask_validations: int = 0,
) -> None:
    """Train and leave the best weights in `run`.

    Args:
        job: settings.
        sam: teacher, and decoder for validation; not changed.
        sam_source: what `load_sam` was given, kept for prediction.
        cache: holds the features of all images.
        train: learnt from: the same images in one or more views, as they are first.
        val: chooses the best weights by box agreement; without it the last weights are kept.
        run: folder to write.
        console: where progress goes.
        resume: go on from `run/checkpoints/last.ckpt`.
        measure_masks: scores a prompter's masks on the validation images, for the log only.
        mask_validations: how many times to do that, the end of the run included, which is the
            caller's: here all but one are spread over the run.

    Raises:
        ConfigError: labels do not fit the recipe, or `run` is taken.
        DataError: `val` has other classes than `train`.
        CheckpointError: `resume` without a usable checkpoint.
    """
    here = processes_here()
    here.share_of_batch(job.recipe.batch_size)  # refuses what cannot be shared
    if not here.is_first:
        console = Console(quiet=True)
    plain = train[0]
    job = fit_tokens(job, plain.labels)
    criterion = build_criterion(job.recipe.criterion, job.recipe.prompter, sam)
    images, val_images = _check_and_join(job, sam, cache, train, val)
    with first_process_first():
        checkpoint = last_checkpoint(run) if resume else None
        if here.is_first:
            checkpoint = open_run(run, run_settings(job, sam, train, val), resume=resume)
    L.seed_everything(job.seed, verbose=False)
    prompter = build_prompter(job.recipe.prompter, len(plain.labels.class_names), sam)
    if checkpoint is None:  # else they are in there
        _choose_prompts(prompter, sam, images, plain.labels, console)
    total_steps = math.ceil(len(plain.labels.images) / job.recipe.batch_size) * job.recipe.epochs
    module = PrompterModule(
        prompter,
        criterion,
        job.recipe.optimiser,
        total_steps=total_steps,
        seed=job.seed,
        has_val_loss=not (prompter.emits_boxes and _has_points(val_images)),
    )
    info = model_info(job, sam, sam_source, plain.labels)
    every = validation_interval(job.recipe)
    masks = None
    if measure_masks is not None and val is not None and mask_validations > 1:
        masks = MaskValidation(
            lambda: measure_masks(module.prompter), mask_validations, job.recipe.epochs // every
        )
    corrected_after = frozenset[int]()
    if prompter.emits_boxes and _has_points(images):
        corrected_after = correction_epochs(job.recipe.epochs, job.recipe.box_corrections)
    settled_after = max(corrected_after, default=0)
    callbacks = _callbacks(job, sam, masks, run, settled_after, has_val=val is not None)
    callbacks += [
        SelfTraining(images, sam, corrected_after, console),
        ModelFolder(lambda: _save_once(here, run, module, info), settled_after),
        RunProgress(console, total_steps),
    ]
    trainer = _trainer(job, run, callbacks, every, here)
    loader = training_loader(images, job.recipe.batch_size, job.seed, len(train), here)
    val_loader = None if val_images is None else validation_loader(val_images, 8)
    _fit_from(trainer, module, loader, val_loader, checkpoint)


def _save_once(here: Processes, run: Path, module: PrompterModule, info: ModelInfo) -> None:
    """Write the model folder, in the process that writes."""
    if here.is_first:
        save_model(run, module.prompter, info)


def _has_points(images: EmbeddedImages | None) -> bool:
    """Whether any part is labelled with points."""
    return images is not None and any(
        bool(labelled_by_points(target).any()) for target in images.targets
    )


def _choose_prompts(
    prompter: Prompter,
    sam: FrozenSam,
    images: EmbeddedImages,
    labels: WeakDataset,
    console: Console,
) -> None:
    """Let the prompter try SAM's prompts on the labelled parts, and say what it chose."""
    targets = images.targets[: len(labels.images)]  # the images as they are, without other views
    with console.status("trying prompts on labelled parts"):
        clicked = prompter.choose_prompts(
            sam, targets, lambda position: images.cache.read(images.keys[position])
        )
    if clicked:
        names = ", ".join(labels.class_names[index] for index in clicked)
        console.print(escape(f"prompted with points inside their box too: {names}"), soft_wrap=True)


def _check_and_join(
    job: TrainingJob,
    sam: FrozenSam,
    cache: EmbeddingCache,
    train: Sequence[LabelledFeatures],
    val: LabelledFeatures | None,
) -> tuple[EmbeddedImages, EmbeddedImages | None]:
    """Give every image its targets, and refuse data that cannot be learnt or validated on."""
    plain = train[0].labels
    if not plain.images:
        raise ConfigError(f"{plain.source}: no image to train on is left. Check --holdout.")
    check_learnable(job, sam, plain)
    images = join_views(job, sam, cache, train)
    if val is None:
        return images, None
    check_validation_labels(plain, val.labels)
    check_learnable(job, sam, val.labels)
    return images, join_targets(job, sam, cache, val)


def validation_interval(recipe: Recipe) -> int:
    """Epochs between validations: the largest divisor of the run's epochs within the recipe's.

    A divisor, so that the last epoch, where the learning rate has come down, is validated.
    """
    limit = min(recipe.validate_every_epochs, recipe.epochs)
    return next(n for n in range(limit, 0, -1) if recipe.epochs % n == 0)


def _callbacks(
    job: TrainingJob,
    sam: FrozenSam,
    masks: MaskValidation | None,
    run: Path,
    settled_after: int,
    *,
    has_val: bool,
) -> list[Callback]:
    """Scores first, then what reads them."""
    checkpoints = run / "checkpoints"
    found: list[Callback] = []
    if has_val:
        found.append(AgreementValidation(sam, job.supervision, job.recipe.score_threshold))
        if masks is not None:
            found.append(masks)
        patience = job.recipe.patience_epochs // validation_interval(job.recipe)
        found.append(StopWhenFlat(max(1, patience), settled_after))
    found.append(RunLog(run / "metrics.jsonl", masks))
    if has_val:
        found.append(_checkpoint(checkpoints, "best", AGREEMENT, 1))
    every = validation_interval(job.recipe)
    found.append(_checkpoint(checkpoints, "last", None, every))  # what --resume reads
    return found


def _checkpoint(folder: Path, name: str, monitor: str | None, every: int) -> ModelCheckpoint:
    """Keep one checkpoint, replaced when `monitor` rises, or every so many epochs without it."""
    return ModelCheckpoint(
        dirpath=folder,
        filename=name,
        monitor=monitor,
        mode="max",
        every_n_epochs=every,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def _trainer(
    job: TrainingJob, run: Path, callbacks: list[Callback], every: int, here: Processes
) -> L.Trainer:
    # Lightning's hardware report, advertisement and advice are not for users of this program.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    limit = job.recipe.optimiser.gradient_norm_limit
    # Left to itself, Lightning asks SLURM again, and starts processes or refuses to go on.
    started = LightningEnvironment() if here.count == 1 else TorchElasticEnvironment()
    return L.Trainer(
        accelerator=job.accelerator,
        devices=here.a_machine,
        num_nodes=here.count // here.a_machine,
        strategy="auto" if here.count == 1 else "ddp",
        plugins=[started],
        use_distributed_sampler=False,  # training_loader shares out; all validate on everything
        precision=job.precision,  # type: ignore[arg-type]  # a Literal of Lightning's own
        max_epochs=job.recipe.epochs,
        check_val_every_n_epoch=every,
        num_sanity_val_steps=0,
        gradient_clip_val=limit if math.isfinite(limit) else None,
        callbacks=callbacks,
        logger=[CSVLogger(run / "logs", "csv"), TensorBoardLogger(run / "logs", "tensorboard")],
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10,
        deterministic=job.accelerator == "cpu",
    )


def _fit_from(
    trainer: L.Trainer,
    module: PrompterModule,
    train_loader: Any,
    val_loader: Any,
    checkpoint: Path | None,
) -> None:
    """Run the loop; a checkpoint that cannot be read is named."""
    if checkpoint is not None:
        try:
            torch.load(checkpoint, weights_only=True, map_location="cpu")
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
            best = checkpoint.with_name("best.ckpt")
            remedy = f"Copy {best} over it to go on from the best epoch, or start"
            raise CheckpointError(
                f"{checkpoint}: cannot be read ({(str(error) or 'it is empty').splitlines()[0]}). "
                f"{remedy if best.exists() else 'Start'} a new run in another folder."
            ) from error
    with warnings.catch_warnings():
        for message in _LIGHTNING_ADVICE:
            warnings.filterwarnings("ignore", message=message)
        try:
            trainer.fit(
                module,
                train_loader,
                val_loader,
                ckpt_path=None if checkpoint is None else str(checkpoint),
                weights_only=True,
            )
        except SystemExit as stopped:  # Lightning's answer to Ctrl-C
            if trainer.interrupted:
                raise KeyboardInterrupt("go on with --resume") from stopped
            raise
