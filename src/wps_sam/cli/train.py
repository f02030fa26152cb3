"""`wps-sam train`: weak labels in, a model folder out."""

import json
from pathlib import Path
from typing import Literal

import torch
from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.cli.embed_labels import embed_labels, embed_views
from wps_sam.cli.encoder import EncoderRuntime, named_encoder, open_cache, open_encoder
from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.mask_validation import mask_measure
from wps_sam.cli.point_notes import note_pseudo_boxes, note_thinned_points
from wps_sam.cli.remark_lines import remark_lines
from wps_sam.cli.training_places import training_places
from wps_sam.errors import ConfigError
from wps_sam.files import write_atomically
from wps_sam.inference.device import pick_device
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.remarks import first_records
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.labels.weak_reading import read_weak
from wps_sam.prompter.build import emits_boxes
from wps_sam.prompter.store import load_info, load_prompter
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.fit import MaskMeasure, check_learnable, fit, with_learnt_boxes
from wps_sam.training.job import TrainingJob, check_validation_labels
from wps_sam.training.precision import Precision, choose_precision
from wps_sam.training.processes import (
    Processes,
    first_process_first,
    join_processes,
    processes_here,
)
from wps_sam.training.recipes import get_recipe
from wps_sam.training.run_folder import recorded_settings, refuse_used_folder


def train(
    data: Path,
    *,
    out: Path,
    val: Path | None = None,
    recipe: Literal["paper", "strong"] = "strong",
    supervision: Literal["box", "point", "mixed"] | None = None,
    sam: str = "mobile_sam",
    epochs: int | None = None,
    seed: int = 0,
    resume: bool = False,
    holdout: int | None = None,
    images: Path | None = None,
    val_images: Path | None = None,
    split: str | None = None,
    val_split: str | None = None,
    keep_groups: bool = False,
    classes: Path | None = None,
    cache: Path | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    num_queries: int | None = None,
    views: int | None = None,
    mask_validations: int = 1,
    device: str = "auto",
    precision: Precision = "auto",
    encoder: EncoderRuntime | None = None,
) -> int:
    """Learn to find named parts from boxes, points or both; no mask is learnt from.

    Args:
        data: label file, data set folder or dataset.yaml with part boxes or points
        out: run folder to make
        val: labels to validate on; box agreement with them chooses the best weights (default: the
            data set's split val, if it has one and --split is not given)
        recipe: paper = the published method; strong = dense prompter for small data sets
        supervision: box = each part's box; point = its points, or nothing of its box but the
            centre; mixed = its box, or its points where it has none (default: what dataset.yaml
            says, else box)
        sam: name or checkpoint of the SAM to use
        epochs: passes over the data (default: the recipe's)
        seed: of weights, order and dropout
        resume: go on with the run in --out
        holdout: keep every N-th image out of training and validate on those
        images: folder of the images, if not beside the labels
        val_images: folder of the validation images (default: that of --images)
        split: which split of the data set to train on (default with a dataset.yaml: train,
            and val to validate on)
        val_split: which split of the folder --val (default: val, where --split is given)
        keep_groups: one label an annotation even if it has several polygons
        classes: class map file: which classes to learn, merge and rename
        cache: folder of the embedding cache
        batch_size: images a step, of all processes (default: the recipe's)
        learning_rate: peak learning rate (default: the recipe's)
        num_queries: most parts an image can have (paper recipe)
        views: how many views (mirrored, cropped, recoloured) of each image to learn from beside the
            image itself (strong recipe; default: the recipe's, fewer for many images)
        mask_validations: how often to report mask mIoU where the validation labels have masks:
            1 = at the end, more = also on the way, 0 = never
        device: auto, cpu, cuda or mps
        precision: auto = bf16 where this machine is faster in it, else 32 bit; with --resume, what
            the run began with
        encoder: pytorch; or, faster on GPUs and CPUs that compute in bf16 and with a cache of its
            own, pytorch-bf16; or, faster still on such CPUs, openvino-bf16, which needs
            wps-sam[export] (default: pytorch; with --resume, what the run began with)
    """
    if not 0 <= seed < 2**32:
        raise ConfigError(f"--seed is {seed}; give a number from 0 to 4294967295.")
    chosen = get_recipe(
        recipe,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        num_queries=num_queries,
        views=views,
    )
    here = processes_here()
    here.share_of_batch(chosen.batch_size)  # refuses what cannot be shared
    console.quiet = not here.is_first
    if not resume:
        refuse_used_folder(out)
    training_place, val_place = training_places(
        LabelPlace(data, images, split, None, keep_groups, classes),
        val=val,
        val_images=val_images or images,
        val_split=val_split,
        holdout=holdout,
    )
    opened = training_place.open()
    supervision = supervision or opened.supervision or "box"
    labels, val_labels = _read_labels(opened, val_place)

    begun = recorded_settings(out) if resume else {}
    if encoder is None:
        encoder = named_encoder(begun.get("encoder", "pytorch"))
    place = _training_device(device)
    join_processes(here, place)
    model = load_sam(sam, device=place)
    runtime = open_encoder(encoder, model)
    job = TrainingJob(
        chosen.for_images(len(labels.images)),
        supervision,
        seed,
        _precision(precision, place.type, here, begun.get("precision")),
        place.type,
        encoder,
    )
    _note_fewer_views(job.recipe.extra_views, chosen.extra_views)
    for given in (labels, val_labels):
        if given is not None:
            check_learnable(job, model, given)
            note_thinned_points(given, supervision)
    if emits_boxes(chosen.prompter):
        note_pseudo_boxes(labels, supervision)
    store = open_cache(cache, encoder, model)
    with first_process_first():  # it embeds; the others find everything in the cache
        validation = None if val_labels is None else embed_labels(store, runtime, val_labels)
        plain = with_learnt_boxes(job, model, store, embed_labels(store, runtime, labels))
        extra_views, left_right = job.recipe.extra_views, opened.left_right
        seen = [plain, *embed_views(store, runtime, plain, extra_views, left_right)]
    measure = None
    if val_place is not None and validation is not None and mask_validations > 0:
        exact = open_cache(cache, "pytorch", model)  # as prediction encodes
        scored = validation
        if encoder != "pytorch":
            with first_process_first():
                scored = embed_labels(exact, model, validation.labels)
        measure = mask_measure(val_place, model, exact, scored, chosen.score_threshold, supervision)
    fit(
        job,
        model,
        sam,
        store,
        seen,
        validation,
        out,
        console=console,
        resume=resume,
        measure_masks=measure,
        mask_validations=mask_validations,
    )
    if measure is not None and here.is_first:
        _measure_kept_weights(out, model, measure)
    console.print(
        escape(f"Model: {out}. Next: wps-sam predict {out} PHOTOGRAPHS --out DIR"), soft_wrap=True
    )
    return 0


def _precision(wanted: Precision, device: str, here: Processes, begun: object) -> str:
    """The number type, said where it was not the user who chose bf16.

    Args:
        wanted: Of the command line.
        device: `cpu`, `cuda` or `mps`.
        here: The processes that train together.
        begun: What the run that is resumed has recorded, if there is one.
    """
    if wanted != "auto":
        return wanted
    if begun in ("32-true", "bf16-mixed"):
        console.print(f"note: going on in {begun}, as the run began")
        return str(begun)
    chosen = choose_precision(wanted, device, here)
    if chosen != "32-true":
        console.print(f"note: training in {chosen}; --precision 32-true trains in 32 bit")
    return chosen


def _note_fewer_views(planned: int, usual: int) -> None:
    """Say so where a large data set gets fewer views than the recipe makes."""
    if planned < usual:
        console.print(
            f"note: {planned} views of each training image in place of {usual}, as there are many "
            f"images; --views {usual} makes all"
        )


def _training_device(wanted: str) -> torch.device:
    """The device, without a number: of several processes each takes the GPU of its own number."""
    place = pick_device(wanted)
    if place.index not in (None, 0):
        raise ConfigError(
            f"--device {wanted!r}: training takes the first GPU that it sees. Set "
            f"CUDA_VISIBLE_DEVICES={place.index} and use --device cuda."
        )
    return torch.device(place.type)


def _read_labels(
    training: LabelFile, validation: LabelPlace | None
) -> tuple[WeakDataset, WeakDataset | None]:
    """Read the labels, say what was understood, and refuse a pair that does not go together."""
    labels = read_weak(training, keep_groups=training.keep_groups)
    val_labels = None
    if validation is not None and validation.holdout is not None:
        labels, val_labels = labels.split_every(validation.holdout)
    elif validation is not None:
        val_labels = validation.weak_labels()
    _describe("training", labels)
    if val_labels is not None:
        _describe("validation", val_labels)
        check_validation_labels(labels, val_labels)
        _note_shared_images(labels, val_labels)
    return labels, val_labels


def _measure_kept_weights(run: Path, sam: FrozenSam, measure: MaskMeasure) -> None:
    """Score the masks of the model that the run leaves, and keep the scores beside it."""
    scores = dict(measure(load_prompter(run, sam, load_info(run))))
    write_atomically(run / "validation.json", (json.dumps(scores, indent=1) + "\n").encode())
    shown = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
    console.print(escape(f"validation masks: {shown} (reported only; masks are not learnt from)"))


def _note_shared_images(training: WeakDataset, validation: WeakDataset) -> None:
    """Say so if the score will be measured on images that were learnt from."""
    learnt = {image.path for image in training.images}
    shared = [image.file_name for image in validation.images if image.path in learnt]
    if shared:
        console.print(
            escape(
                f"note: {len(shared)} validation images are also trained on, such as {shared[0]}; "
                "their score says little about other images"
            ),
            soft_wrap=True,
        )


def _describe(role: str, labels: WeakDataset) -> None:
    parts = sum(len(image.class_index) for image in labels.images)
    console.print(
        escape(
            f"{role}: {len(labels.images)} images, {parts} parts, "
            f"{len(labels.class_names)} classes from {labels.source}"
        ),
        soft_wrap=True,
    )
    with_points = sum(int(image.has_points.sum()) for image in labels.images)
    if with_points:
        without_box = parts - sum(int(image.has_box.sum()) for image in labels.images)
        console.print(f"  {with_points} parts have points, {without_box} have no box")
    first = first_records(labels.skipped, labels.notes)
    for line in remark_lines(labels.skip_counts(), labels.note_counts(), first):
        console.print(escape(f"  {line}"), soft_wrap=True)
