"""When boxes are corrected; that they are, and survive a resumed run, is in test_fit."""

import pytest

from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.data import EmbeddedImages
from wps_sam.training.self_training import SelfTraining


@pytest.mark.parametrize(
    ("epochs", "corrections", "expected"),
    [(60, 2, {15, 30}), (60, 1, {30}), (7, 3, {1, 2, 3}), (3, 2, {1}), (1, 2, {1})],
)
def test_self_training__corrects_in_the_first_half(
    toy_sam: FrozenSam,
    cache: EmbeddingCache,
    epochs: int,
    corrections: int,
    expected: set[int],
) -> None:
    images = EmbeddedImages(cache, [], [])
    assert SelfTraining(images, toy_sam, epochs, corrections).after_epochs == expected
