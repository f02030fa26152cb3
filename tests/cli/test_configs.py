"""The configurations of the paper's runs: the command takes them, and their numbers are its."""

from pathlib import Path

import pytest
from PIL import Image

from labels.formats.pascal_files import write_mat
from wps_sam.cli.parser import build_parser
from wps_sam.cli.train import train
from wps_sam.labels.open import open_weak_labels, split_names
from wps_sam.prompter.query.config import QueryCriterionConfig, QueryPrompterConfig
from wps_sam.sam.build import SAM_NAMES
from wps_sam.training.recipes import get_recipe

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("data", ["partimagenet", "pascal_part"])
@pytest.mark.parametrize("supervision", ["box", "point"])
def test_config__paper(data: str, supervision: str) -> None:
    file = CONFIGS / f"{data}_{supervision}.yaml"
    parser = build_parser("train", train)
    given = parser.parse_args(["DATA", "--val", "DATA", "--out", "RUN", "--config", str(file)])
    assert (given.recipe, given.supervision) == ("paper", supervision)
    assert given.sam == "sam_vit_b"  # tables 2 and 3: ViT-B
    assert given.sam in SAM_NAMES
    assert (given.split, given.val_split) == ("train", "val")
    recipe = get_recipe(
        given.recipe,
        epochs=given.epochs,
        batch_size=given.batch_size,
        learning_rate=given.learning_rate,
        num_queries=given.num_queries,
    )
    # Section 4.1, "Implementation details", and section 4.3, "Number of queries".
    assert (recipe.epochs, recipe.batch_size) == (150, 8)
    assert (recipe.optimiser.kind, recipe.optimiser.learning_rate) == ("adam", 1e-4)
    assert isinstance(recipe.prompter, QueryPrompterConfig)
    assert (recipe.prompter.encoder_layers, recipe.prompter.decoder_layers) == (6, 6)
    assert recipe.prompter.num_queries == (25 if data == "partimagenet" else 100)
    assert recipe.criterion == QueryCriterionConfig(
        match_class=10.0, match_token=1.0, loss_class=5.0, loss_token=20.0
    )


def test_pascal_part_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = tmp_path / "VOC2010" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (tmp_path / "VOC2010" / "JPEGImages").mkdir()
    for split, stem in (("train", "2008_000001"), ("val", "2008_000002")):
        parts = {"head": (0, 0, 9, 9), "leye": (2, 2, 4, 4)}
        write_mat(tmp_path / "Annotations_Part" / f"{stem}.mat", [("cat", (0, 0, 9, 20), parts)])
        Image.new("RGB", (60, 40)).save(tmp_path / "VOC2010" / "JPEGImages" / f"{stem}.jpg")
        (lists / f"{split}.txt").write_text(stem)
    (tmp_path / "dataset.yaml").write_text((CONFIGS / "pascal_part_dataset.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    assert split_names(tmp_path) == ("train", "val")
    for split, stem in (("train", "2008_000001"), ("val", "2008_000002")):
        labels = open_weak_labels(tmp_path, split=split)
        (image,) = labels.images
        assert image.image_id == stem
        assert [labels.class_names[index] for index in image.class_index] == ["cat head"]
        assert image.boxes_xyxy.tolist() == [[0, 0, 9, 9]]
