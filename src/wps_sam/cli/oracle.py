"""`wps-sam oracle`: what the frozen SAM reaches when it is given the true boxes or points."""

from pathlib import Path
from typing import Literal, NamedTuple

from rich.markup import escape

from wps_sam import __version__
from wps_sam.cli.console import console
from wps_sam.cli.embed import embed_with_progress
from wps_sam.cli.evaluate import evaluate
from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.point_notes import note_thinned_points
from wps_sam.cli.predict import prepare_folder, progress_bar
from wps_sam.cli.remark_lines import remark_lines
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.errors import ConfigError, DataError
from wps_sam.inference.device import pick_device
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.oracle import FeatureSource, encode_live, predict_oracle
from wps_sam.labels.remarks import first_records
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.labels.weak_reading import read_weak
from wps_sam.prompter.teacher import Supervision, check_prompts
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam


def oracle(
    data: Path,
    *,
    out: Path,
    prompt: Literal["box", "point", "mixed"] = "box",
    sam: str = "mobile_sam",
    mask: Literal["single", "best-of-3"] = "single",
    holdout: int | None = None,
    keep_groups: bool = False,
    classes: Path | None = None,
    images: Path | None = None,
    split: str | None = None,
    cache: Path | None = None,
    device: str = "auto",
) -> int:
    """Score the masks that the frozen SAM makes of the labelled boxes or points.

    This is the upper bound of any prompter (table 1 of the paper). Scores are printed and written
    as by `wps-sam evaluate`.

    Args:
        data: labels with masks: a label file, data set folder or dataset.yaml
        out: folder for predictions.json, metrics.json and report.html
        prompt: box = give SAM each part's box; point = its points, or the box's centre where it has
            none; mixed = its box, or its points where it has none
        sam: name or checkpoint of the SAM
        mask: SAM's single mask, or the one it rates best of its three
        holdout: only every N-th image, as training with --holdout N leaves out
        keep_groups: one prompt an annotation even if it has several polygons
        classes: class map file, as given to train
        images: folder of the images, if not beside the labels
        split: which split of a data set
        cache: folder of an embedding cache to read and fill (default: none)
        device: auto, cpu, cuda or mps
    """
    opened = LabelPlace(data, images, split, None, keep_groups, classes).open()
    keep_groups = opened.keep_groups  # a dataset.yaml may set it
    labels = read_weak(opened, keep_groups=keep_groups)
    for line in remark_lines(labels.skip_counts(), {}, first_records(labels.skipped, ())):
        console.print(escape(line), soft_wrap=True)
    if holdout is not None:
        labels = _held_out(labels, holdout)
    check_prompts(labels, prompt, "--prompt")
    note_thinned_points(labels, prompt)
    model = load_sam(sam, device=pick_device(device))
    written = prompt_with_labels(
        model, labels, OraclePrompts(prompt, mask, keep_groups), out, cache
    )
    return evaluate(
        [str(written)],
        data,
        out=out,
        classes=classes,
        keep_groups=keep_groups,
        images=images,
        split=split,
        holdout=holdout,
    )


class OraclePrompts(NamedTuple):
    """What SAM is given, and which of its masks is kept."""

    prompt: Supervision = "box"
    mask: Literal["single", "best-of-3"] = "single"
    keep_groups: bool = False


def prompt_with_labels(
    sam: FrozenSam, labels: WeakDataset, prompts: OraclePrompts, out: Path, cache: Path | None
) -> Path:
    """Let SAM cut out the labelled parts of all images.

    Args:
        sam: Encodes the prompts and decodes the masks.
        labels: The images and their weak labels.
        prompts: What SAM is given; `keep_groups` is only written down.
        out: Folder for predictions.json and classes.json.
        cache: Folder of an embedding cache to read and fill; None encodes each image anew.

    Returns:
        The predictions.json.
    """
    prepare_folder(out, labels.class_names)
    features_of = encode_live(sam) if cache is None else _cached(sam, labels, cache)
    settings = {
        "made_by": f"wps-sam {__version__} oracle",
        "sam": sam.name,
        "sam_fingerprint": sam.fingerprint,
        **prompts._asdict(),
        "features": "computed" if cache is None else "cached as float16",
        "labels": labels.digest(),
    }
    categories = list(zip(labels.category_ids, labels.class_names, strict=True))
    with PredictionJournal(out, settings, categories) as journal, progress_bar() as bar:
        task = bar.add_task("prompting", total=len(labels.images))
        predicted = predict_oracle(
            sam,
            labels,
            features_of,
            journal,
            prompt=prompts.prompt,
            mask=prompts.mask,
            on_progress=lambda done: bar.advance(task, done),
        )
        return journal.finish(predicted, {}, keep=False)


def _held_out(labels: WeakDataset, every: int) -> WeakDataset:
    """Every N-th image of the labels."""
    if not 2 <= every <= len(labels.images):
        raise ConfigError(
            f"--holdout must be from 2 to the number of images, {len(labels.images)}; found "
            f"{every}. Leave it out to use all images."
        )
    return labels.split_every(every)[1]


def _cached(sam: FrozenSam, labels: WeakDataset, folder: Path) -> FeatureSource:
    """Fill a cache with the labelled images, and read features from there."""
    store = EmbeddingCache(folder, Fingerprint.of(sam))
    report = embed_with_progress(store, sam, [_to_embed(image) for image in labels.images])
    if report.failures:
        name, reason = report.failures[0]
        raise DataError(
            f"{labels.source}: {len(report.failures)} of {len(labels.images)} images cannot be "
            f"used; the first is {name}: {reason} Mend them or take them out of the label file."
        )
    return lambda image: store.read(report.keys[_to_embed(image)])


def _to_embed(image: WeakImage) -> ImageToEmbed:
    return ImageToEmbed(image.path, image.file_name, (image.height, image.width))
