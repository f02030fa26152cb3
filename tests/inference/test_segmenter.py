"""From an image to parts in its own pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from wps_sam.errors import CheckpointError, ConfigError, DataError
from wps_sam.inference import decoding
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.sam.frozen import FrozenSam

if TYPE_CHECKING:
    from inference.conftest import BoxSam

GOLDENS = Path(__file__).parent.parent / "goldens"
BuildSegmenter = Callable[..., PartSegmenter]


def white(height: int, width: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.full((height, width, 3), 255, np.uint8)


def box_mask(hw: tuple[int, int], x0: int, y0: int, x1: int, y1: int) -> Any:
    mask = np.zeros(hw, bool)
    mask[y0:y1, x0:x1] = True
    return mask


def differing_pixels(found: Any, expected: Any) -> int:
    """Interpolation rounds the four corners of a filled box off."""
    return int((found != expected).sum())


def test_predict__wide_image_in_its_own_pixels(segmenter: PartSegmenter) -> None:
    found = segmenter.predict(white(100, 200))
    # 1.28 SAM pixels a pixel: (64, 32, 192, 96) is (50, 25, 150, 75).
    assert differing_pixels(found.masks[0], box_mask((100, 200), 50, 25, 150, 75)) <= 4
    assert np.array_equal(found.boxes_xyxy[0], [50, 25, 150, 75])
    assert list(found.class_index) == [1, 2]
    assert found.labels == ["door", "lamp"]
    assert found.scores == pytest.approx([0.9, 0.4])


def test_predict__high_image_in_its_own_pixels(
    box_sam: BoxSam, build_segmenter: BuildSegmenter
) -> None:
    found = build_segmenter(box_sam, [((32.0, 64.0, 96.0, 192.0), 0, 1.0)]).predict(white(200, 100))
    assert differing_pixels(found.masks[0], box_mask((200, 100), 25, 50, 75, 150)) <= 4
    assert np.array_equal(found.boxes_xyxy[0], [25, 50, 75, 150])


@pytest.mark.parametrize("emits_boxes", [False, True])
def test_predict__masks_near_the_boxes_of_a_prompter_that_emits_them(
    segmenter: PartSegmenter, monkeypatch: pytest.MonkeyPatch, emits_boxes: bool
) -> None:
    prompter = segmenter.prompter
    monkeypatch.setattr(type(prompter), "emits_boxes", emits_boxes)
    # The tokens are those of (64, 32, 192, 96); this is what the prompter says they stand for.
    said = torch.tensor([[64.0, 32.0, 80.0, 48.0], [96.0, 48.0, 128.0, 80.0]])
    select = prompter.select
    monkeypatch.setattr(
        prompter,
        "select",
        lambda *given: [replace(parts, boxes_xyxy=said[: len(parts)]) for parts in select(*given)],
    )
    found = segmenter.predict(white(256, 256))
    # 16 pixels, a quarter more is within the next cell, and one cell besides: up to (112, 80).
    expected = (64, 32, 112, 80) if emits_boxes else (64, 32, 192, 96)
    assert found.boxes_xyxy[0] == pytest.approx(expected, abs=2)


def test_predict__small_part_is_on_top(segmenter: PartSegmenter) -> None:
    semantic = segmenter.predict(white(100, 200)).semantic
    assert semantic[50, 90] == 3
    assert semantic[50, 140] == 2
    assert semantic[10, 10] == 0


def test_predict__nothing_found(segmenter: PartSegmenter) -> None:
    found = segmenter.predict(np.zeros((100, 200, 3), np.uint8))
    assert found.masks.shape == (0, 100, 200)
    assert not found.semantic.any()
    assert found.dropped_empty == 0


def test_predict__empty_masks_are_dropped_and_counted(
    box_sam: BoxSam, build_segmenter: BuildSegmenter
) -> None:
    parts = [
        ((300.0, 300.0, 310.0, 310.0), 0, 0.9),
        ((64.0, 32.0, 192.0, 96.0), 1, 0.8),
        ((0.0, 200.0, 256.0, 256.0), 2, 0.7),  # in the padding of a wide image
    ]
    found = build_segmenter(box_sam, parts).predict(white(100, 200))
    assert found.labels == ["door"]
    assert found.dropped_empty == 2
    assert found.scores == pytest.approx([0.8])
    assert found.masks[0, 50, 100]
    assert np.array_equal(found.boxes_xyxy, [[50, 25, 150, 75]])


def test_predict__score_threshold(segmenter: PartSegmenter) -> None:
    assert len(segmenter.predict(white(20, 20), score_threshold=0.5)) == 1
    assert len(segmenter.predict(white(20, 20), score_threshold=0)) == 2
    with pytest.raises(ConfigError, match=r"must be from 0 to 1; found 1\.5"):
        segmenter.predict(white(20, 20), score_threshold=1.5)
    with pytest.raises(ConfigError, match="found nan"):
        segmenter.predict(white(20, 20), score_threshold=float("nan"))


def test_batch_is_the_same_as_one_by_one(box_sam: BoxSam, segmenter: PartSegmenter) -> None:
    images = [white(100, 200), np.zeros((30, 30, 3), np.uint8), white(90, 40)]
    together = segmenter.predict_batch(images)
    assert box_sam.decode_calls == 1
    for image, found in zip(images, together, strict=True):
        alone = segmenter.predict(image)
        assert np.array_equal(found.masks, alone.masks)
        assert np.array_equal(found.class_index, alone.class_index)
        assert np.array_equal(found.scores, alone.scores)
    assert [len(found) for found in together] == [2, 0, 2]
    assert segmenter.predict_batch([]) == []


def test_batch_is_the_same_as_one_by_one__real_networks(run_folder: Path) -> None:
    segmenter = PartSegmenter.load(run_folder, device="cpu")
    noise = np.random.default_rng(0).integers(0, 256, (2, 90, 120, 3), np.uint8)
    images = [noise[0], noise[1][:50, :40]]
    for image, found in zip(images, segmenter.predict_batch(images), strict=True):
        alone = segmenter.predict(image)
        assert len(found) == len(alone) > 0
        assert (found.masks != alone.masks).mean() < 1e-3  # sums in another order
        assert found.scores == pytest.approx(alone.scores, abs=1e-5)


def test_predict_many__takes_images_as_their_turn_comes(segmenter: PartSegmenter) -> None:
    taken = []

    def images() -> Any:
        for size in (10, 20, 30):
            taken.append(size)
            yield white(size, size)

    results = segmenter.predict_many(images(), batch_size=2)
    assert next(results).original_hw == (10, 10)
    assert taken == [10, 20]
    assert [found.original_hw for found in results] == [(20, 20), (30, 30)]
    with pytest.raises(ConfigError, match="batch_size must be 1 or more; found 0"):
        next(segmenter.predict_many([], batch_size=0))


def test_predict_features__same_as_from_the_image(segmenter: PartSegmenter) -> None:
    image = white(100, 200)
    features = segmenter.sam.encode(segmenter.sam.preprocess([image]))[0].half()
    found = segmenter.predict_features(features, (100, 200))
    assert np.array_equal(found.masks, segmenter.predict(image).masks)
    with pytest.raises(ConfigError, match=r"shape \(1, 8, 16, 16\), expected \(8, 16, 16\)"):
        segmenter.predict_features(features[None], (100, 200))


@pytest.mark.parametrize("hw", [(1, 1), (1, 3), (3, 5000), (5000, 1)], ids=str)
def test_predict__odd_sizes(
    box_sam: BoxSam, build_segmenter: BuildSegmenter, hw: tuple[int, int]
) -> None:
    found = build_segmenter(box_sam, [((0.0, 0.0, 256.0, 256.0), 0, 1.0)]).predict(white(*hw))
    assert found.masks.shape == (1, *hw)
    assert found.masks.all()
    assert np.array_equal(found.boxes_xyxy[0], [0, 0, hw[1], hw[0]])


def test_predict__masks_that_would_not_fit_into_memory(
    segmenter: PartSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MOST_MASK_BYTES", 40_000)
    assert len(segmenter.predict(white(100, 200))) == 2
    with pytest.raises(
        DataError, match=r"2 parts in an image of 100 x 201 .* Raise the score threshold"
    ):
        segmenter.predict(white(100, 201))


def test_predict__path_array_and_pillow_agree(segmenter: PartSegmenter, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(white(50, 80)).save(path)
    by_path = segmenter.predict(path).masks
    assert by_path.any()
    for other in (str(path), Image.open(path), white(50, 80), white(80, 50).swapaxes(0, 1)):
        assert np.array_equal(segmenter.predict(other).masks, by_path)


def test_predict__pillow_modes(segmenter: PartSegmenter) -> None:
    assert len(segmenter.predict(Image.new("RGBA", (40, 30), (0, 0, 0, 0)))) == 2  # on white
    assert len(segmenter.predict(Image.new("L", (40, 30), 255))) == 2
    with pytest.raises(DataError, match="mode I;16, which has more than 8 bits"):
        segmenter.predict(Image.new("I;16", (40, 30)))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((10, 10), np.uint8), r"Image 0 is an array of shape \(10, 10\)"),
        (np.zeros((3, 10, 10), np.uint8), r"Channels come last"),
        (np.zeros((10, 10, 3)), "dtype float64; expected"),
        (np.zeros((0, 10, 3), np.uint8), "at least one pixel"),
        (7, "Image 0 is a int; expected a path"),
    ],
    ids=["grey", "channels first", "float", "no pixels", "number"],
)
def test_predict__refuses(segmenter: PartSegmenter, image: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        segmenter.predict(image)


def test_load__everything_from_the_run(run_folder: Path) -> None:
    segmenter = PartSegmenter.load(run_folder, device="cpu")
    assert segmenter.class_names == ("wheel", "door [left]")
    assert segmenter.category_ids == (4, 8)
    assert segmenter.score_threshold == 0.25
    assert not segmenter.prompter.training


def test_load__sam_in_memory_or_by_path(run_folder: Path, toy_sam: FrozenSam) -> None:
    assert PartSegmenter.load(run_folder, sam=toy_sam).sam is toy_sam
    by_path = PartSegmenter.load(run_folder, sam=GOLDENS / "sam_vit_toy.safetensors", device="cpu")
    assert by_path.sam.fingerprint == toy_sam.fingerprint


def test_load__another_sam(run_folder: Path, box_sam: BoxSam) -> None:
    with pytest.raises(CheckpointError, match="fingerprint"):
        PartSegmenter.load(run_folder, sam=box_sam)


def test_load__sam_is_not_where_it_was(run_folder: Path) -> None:
    config = run_folder / "config.json"
    config.write_text(config.read_text().replace("sam_vit_toy", "moved"))
    with pytest.raises(CheckpointError, match=r"config\.json: the SAM .*moved.*--sam"):
        PartSegmenter.load(run_folder, device="cpu")


def test_load__no_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a trained model"):
        PartSegmenter.load(tmp_path)


def test_fingerprint__changes_with_weights_and_names(
    box_sam: BoxSam, build_segmenter: BuildSegmenter, toy_sam: FrozenSam
) -> None:
    first = build_segmenter(box_sam, [])
    assert first.fingerprint == build_segmenter(box_sam, []).fingerprint
    assert first.fingerprint != build_segmenter(toy_sam, []).fingerprint
    renamed = PartSegmenter(box_sam, first.prompter, class_names=("x",), score_threshold=0.1)
    assert first.fingerprint != renamed.fingerprint


def test_category_ids_must_fit(box_sam: BoxSam, segmenter: PartSegmenter) -> None:
    with pytest.raises(ConfigError, match="Found 1 category ids for 2 class names"):
        PartSegmenter(
            box_sam,
            segmenter.prompter,
            class_names=("a", "b"),
            category_ids=(1,),
            score_threshold=0.1,
        )
