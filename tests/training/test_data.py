"""Batches: each image once an epoch in one of its views, the same when resumed."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.prompter.interface import PartTargets
from wps_sam.training.data import EmbeddedImages, EpochShuffle, training_loader


def order(sampler: EpochShuffle, epoch: int) -> list[int]:
    """Positions of one epoch."""
    sampler.set_epoch(epoch)
    return list(sampler)


@given(st.integers(0, 30), st.integers(1, 6), st.integers(0, 2**31), st.integers(0, 50))
def test_shuffle__each_image_once_in_one_of_its_views(
    images: int, views: int, seed: int, epoch: int
) -> None:
    found = order(EpochShuffle(images, seed, views), epoch)
    assert sorted(position % images for position in found) == list(range(images))
    assert all(0 <= position < images * views for position in found)
    assert len(EpochShuffle(images, seed, views)) == images


def test_shuffle__depends_on_seed_and_epoch_alone() -> None:
    one, two = EpochShuffle(20, 3, 4), EpochShuffle(20, 3, 4)
    for epoch in range(5):
        order(one, epoch)
    assert order(one, 5) == order(two, 5)
    assert order(one, 5) != order(one, 6)
    assert order(one, 5) != order(EpochShuffle(20, 4, 4), 5)


def test_shuffle__all_views_come_in_time() -> None:
    sampler = EpochShuffle(3, 0, 4)
    seen = {position for epoch in range(60) for position in order(sampler, epoch)}
    assert seen == set(range(12))


def test_shuffle__views_are_drawn_anew_for_each_image() -> None:
    views = {position // 50 for position in order(EpochShuffle(50, 0, 3), 0)}
    assert views == {0, 1, 2}


def test_shuffle__one_view_is_the_order_of_runs_before_there_were_views() -> None:
    generator = torch.Generator().manual_seed(7 * 1_000_003 + 2)
    assert order(EpochShuffle(9, 7), 2) == torch.randperm(9, generator=generator).tolist()


@pytest.fixture
def embedded(tmp_path: Path) -> EmbeddedImages:
    """Three images in two views; features and the only box tell the position."""
    cache = EmbeddingCache(tmp_path, Fingerprint("tiny", "abc", "resize", "float16", 1))
    targets = []
    for position in range(6):
        cache.write(f"key{position}", torch.full((256, 2, 2), float(position)))
        box = torch.full((1, 4), float(position))
        targets.append(PartTargets(torch.tensor([0]), torch.zeros(1, 2, 256), box))
    return EmbeddedImages(cache, [f"key{position}" for position in range(6)], targets)


def test_loader__features_and_targets_are_of_the_same_view(embedded: EmbeddedImages) -> None:
    loader = training_loader(embedded, 2, seed=0, views=2)
    batches = list(loader)
    assert [len(batch.targets) for batch in batches] == [2, 1]
    seen = []
    for batch in batches:
        assert batch.features.dtype == torch.float32
        for features, targets, position in zip(*batch, strict=True):
            assert (features == position).all()
            assert (targets.boxes_xyxy == position).all()
            seen.append(position)
    assert sorted(position % 3 for position in seen) == [0, 1, 2]


def test_embedded_images__keys_without_targets(embedded: EmbeddedImages) -> None:
    with pytest.raises(ValueError, match="2 keys for 6 targets"):
        EmbeddedImages(embedded.cache, ["a", "b"], embedded.targets)


def test_loader__asks_the_disk_for_the_next_batch(
    embedded: EmbeddedImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []
    monkeypatch.setattr(embedded.cache, "read_ahead", lambda keys: asked.append(set(keys)))
    batches = list(training_loader(embedded, 2, seed=0, views=2))
    assert asked == [{f"key{i}" for i in batch.image_index} for batch in batches]
