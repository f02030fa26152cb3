"""A data set of six small pictures with two parts each, and a quick training job."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from small_prompters import SMALL_DENSE, SMALL_QUERY
from wps_sam.embeddings.build import embed_images
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.labels.open import open_weak_labels
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.fit import fit, with_learnt_boxes
from wps_sam.training.job import LabelledFeatures, TrainingJob
from wps_sam.training.recipes import RECIPES
from wps_sam.views.labels import mirror_classes, view_labels
from wps_sam.views.view import view_number


def coco(images: int, *, masks: bool) -> dict[str, Any]:
    """Two square parts an image; with or without the polygons of those squares."""
    annotations = []
    for i in range(images):
        for j, (x, y, side) in enumerate(((4 + 2 * i, 6, 16), (30, 20 + i, 12))):
            polygon = [x, y, x + side, y, x + side, y + side, x, y + side]
            record: dict[str, Any] = {
                "id": 2 * i + j,
                "image_id": i,
                "category_id": 7 + j,
                "bbox": [x, y, side, side],
            }
            if masks:
                record["segmentation"] = [polygon]
            annotations.append(record)
    return {
        "images": [
            {"id": i, "file_name": f"{i}.png", "height": 48, "width": 64} for i in range(images)
        ],
        "categories": [{"id": 7, "name": "lid"}, {"id": 8, "name": "knob"}],
        "annotations": annotations,
    }


@pytest.fixture
def label_file(tmp_path: Path) -> Path:
    """Labels with polygons beside six pictures."""
    rng = np.random.default_rng(0)
    for i in range(6):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(
            tmp_path / f"{i}.png"
        )
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(coco(6, masks=True)))
    return path


@pytest.fixture
def cache(tmp_path: Path, toy_sam: FrozenSam) -> EmbeddingCache:
    """An empty embedding cache."""
    return EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))


def embedded(
    cache: EmbeddingCache, sam: FrozenSam, labels: WeakDataset, number: int = 0
) -> LabelledFeatures:
    """Labels and features of one view of each image; 0 is the image as it is."""
    mirrored = mirror_classes(labels, None)
    views = [
        view_number(number, image.file_name, may_mirror=mirrored is not None)
        for image in labels.images
    ]
    seen = [
        view_labels(image, view, mirrored) for image, view in zip(labels.images, views, strict=True)
    ]
    images = [
        ImageToEmbed(image.path, image.file_name, (image.height, image.width), view)
        for image, view in zip(labels.images, views, strict=True)
    ]
    keys = embed_images(cache, sam, images).keys
    return LabelledFeatures(replace(labels, images=tuple(seen)), [keys[image] for image in images])


Train = Callable[..., Path]


@pytest.fixture
def train(tmp_path: Path, toy_sam: FrozenSam, cache: EmbeddingCache, label_file: Path) -> Train:
    """Train a tiny prompter in seconds; every 3rd picture validates."""

    def run(
        name: str,
        labels: Path = label_file,
        *,
        recipe: str = "paper",
        epochs: int = 4,
        supervision: str = "box",
        validate: bool = True,
        seed: int = 0,
        extra_views: int = 0,
        **kwargs: Any,
    ) -> Path:
        train_labels, val_labels = open_weak_labels(labels).split_every(3)
        of_recipe = RECIPES[recipe]
        chosen = replace(
            of_recipe,
            prompter=SMALL_QUERY if recipe == "paper" else SMALL_DENSE,
            epochs=epochs,
            batch_size=2,
            extra_views=extra_views,
        )
        job = TrainingJob(chosen, supervision, seed, "32-true", "cpu")  # type: ignore[arg-type]  # a word
        plain = with_learnt_boxes(job, toy_sam, cache, embedded(cache, toy_sam, train_labels))
        views = [
            embedded(cache, toy_sam, plain.learnt or plain.labels, number)
            for number in range(1, 1 + extra_views)
        ]
        if plain.learnt is not None:
            views = [replace(view, learnt=view.labels) for view in views]
        fit(
            job,
            toy_sam,
            "tests/goldens/sam_vit_toy.safetensors",
            cache,
            [plain, *views],
            embedded(cache, toy_sam, val_labels) if validate else None,
            tmp_path / name,
            console=Console(quiet=True),
            **kwargs,
        )
        return tmp_path / name

    return run
