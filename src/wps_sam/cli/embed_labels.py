"""Embeddings of labelled images, and of views of them, for training."""

from collections.abc import Sequence
from dataclasses import replace

from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.cli.embed import embed_with_progress
from wps_sam.embeddings.encoder import ImageEncoder
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.errors import DataError
from wps_sam.images.reading import content_hash
from wps_sam.labels.sides import unpaired_sides
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.training.job import LabelledFeatures
from wps_sam.views.labels import mirror_classes, view_labels
from wps_sam.views.view import PLAIN, View, view_number


def embed_labels(
    store: EmbeddingCache, encoder: ImageEncoder, labels: WeakDataset
) -> LabelledFeatures:
    """Embed the images of a label file.

    Raises:
        DataError: Some cannot be read; the message names them.
    """
    (plain,) = _embed(store, encoder, labels, [(labels, [PLAIN] * len(labels.images))])
    return plain


def embed_views(
    store: EmbeddingCache,
    encoder: ImageEncoder,
    plain: LabelledFeatures,
    extra_views: int,
    left_right: Sequence[tuple[str, str]] | None,
) -> list[LabelledFeatures]:
    """Embed views of labelled images.

    Args:
        store: Where features go.
        encoder: Makes them.
        plain: The images as they are.
        extra_views: How many views of each image.
        left_right: Pairs of classes that a mirror swaps, as the user wrote them; None goes by the
            names.

    Returns:
        One entry a view, each with its own labels.

    Raises:
        DataError: Some images cannot be read; the message names them.
    """
    if extra_views == 0:
        return []
    labels = plain.learnt or plain.labels
    mirrored_class = mirror_classes(labels, left_right)
    if mirrored_class is None:
        names = ", ".join(unpaired_sides(labels.class_names)[:3])
        console.print(
            escape(
                f"note: no view is mirrored, as left or right of {names} has no partner among the "
                "classes; pairs can be named under left_right in dataset.yaml"
            ),
            soft_wrap=True,
        )
    sets = []
    for number in range(1, extra_views + 1):
        views = [
            view_number(number, content_hash(image.path), may_mirror=mirrored_class is not None)
            for image in labels.images
        ]
        seen = [
            view_labels(image, view, mirrored_class)
            for image, view in zip(labels.images, views, strict=True)
        ]
        sets.append((replace(labels, images=tuple(seen)), views))
    console.print(f"views of the training images, {extra_views} each:")
    found = _embed(store, encoder, labels, sets)
    return [replace(view, learnt=view.labels if plain.learnt else None) for view in found]


def _embed(
    store: EmbeddingCache,
    encoder: ImageEncoder,
    labels: WeakDataset,
    sets: Sequence[tuple[WeakDataset, Sequence[View]]],
) -> list[LabelledFeatures]:
    """Embed the images of some labels in one or more views; each set is a view of all of them."""
    images = [
        [
            ImageToEmbed(image.path, image.file_name, (image.height, image.width), view)
            for image, view in zip(labels.images, views, strict=True)
        ]
        for _, views in sets
    ]
    # All views of a photograph one after another: it is then opened once.
    every = [image for views in zip(*images, strict=True) for image in views]
    report = embed_with_progress(store, encoder, every)
    if report.failures:
        listed = "\n".join(f"  {name}: {reason}" for name, reason in report.failures[:10])
        raise DataError(
            f"{labels.source}: {len(report.failures)} of {len(every)} images cannot be used:\n"
            f"{listed}\nMend them or take them out of the label file; the other embeddings are "
            "kept, so the next run starts at once."
        )
    return [
        LabelledFeatures(seen, [report.keys[image] for image in one_view])
        for (seen, _), one_view in zip(sets, images, strict=True)
    ]
