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

from wps_sam.embeddings.build import ImageToEmbed, embed_images
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.labels.open import open_weak_labels
from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.fit import fit
from wps_sam.training.job import LabelledFeatures, TrainingJob
from wps_sam.training.recipes import RECIPES

SMALL_QUERY = QueryPrompterConfig(
    num_queries=5, encoder_layers=1, decoder_layers=1, width=32, heads=2, feedforward=32
)
SMALL_DENSE = DensePrompterConfig(width=32, context_layers=1, heads=2, tower_layers=1)


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
        **kwargs: Any,
    ) -> Path:
        data = open_weak_labels(labels)
        images = [ImageToEmbed(i.path, i.file_name, (i.height, i.width)) for i in data.images]
        keys = embed_images(cache, toy_sam, images).keys
        train_labels, val_labels = data.split_every(3)
        chosen = replace(
            RECIPES[recipe],
            prompter=SMALL_QUERY if recipe == "paper" else SMALL_DENSE,
            epochs=epochs,
            batch_size=2,
        )
        fit(
            TrainingJob(chosen, supervision, seed, "32-true", "cpu"),  # type: ignore[arg-type]  # a word
            toy_sam,
            "tests/goldens/sam_vit_toy.safetensors",
            cache,
            LabelledFeatures(train_labels, [keys[i.path] for i in train_labels.images]),
            LabelledFeatures(val_labels, [keys[i.path] for i in val_labels.images])
            if validate
            else None,
            tmp_path / name,
            console=Console(quiet=True),
            **kwargs,
        )
        return tmp_path / name

    return run
