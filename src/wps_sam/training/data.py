"""Batches for training: cached features beside teacher targets. No photograph is opened here."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.prompter.interface import PartTargets


class Batch(NamedTuple):
    """B images.

    Attributes:
        features: (B, 256, 64, 64) float32.
        targets: B entries.
        image_index: B positions in the data set.
    """

    features: Tensor
    targets: list[PartTargets]
    image_index: list[int]


Item = tuple[Tensor, PartTargets, int]
"""Features (256, h, w) float16, targets, and the position in the data set of one image."""


class EmbeddedImages(Dataset[Item]):
    """Features (memory-mapped) and targets (in memory, a few kB an image) of each image."""

    def __init__(
        self, cache: EmbeddingCache, keys: Sequence[str], targets: Sequence[PartTargets]
    ) -> None:
        """Join cache keys with targets; both have one entry an image."""
        if len(keys) != len(targets):
            raise ValueError(f"{len(keys)} keys for {len(targets)} targets")
        self.cache = cache
        self.keys = keys
        self.targets = list(targets)

    def learn_boxes(self, index: int, boxes_xyxy: Tensor) -> None:
        """Replace what is learnt of the parts of one image: (P, 4) float32, SAM frame."""
        self.targets[index] = replace(self.targets[index], pseudo_xyxy=boxes_xyxy)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.keys)

    def __getitem__(self, index: int) -> Item:
        """Features (256, 64, 64) float16, targets, and the index itself."""
        return self.cache.read(self.keys[index]), self.targets[index], index


class EpochShuffle(Sampler[int]):
    """Each image once an epoch, in one of its views.

    Order and views depend on (seed, epoch) alone, so that a resumed run goes on as it would.
    """

    def __init__(self, images: int, seed: int, views: int = 1) -> None:
        """Shuffle `images` images; of each there are `views` views.

        The data set holds all images in their first view, then all in their second, and so on.
        """
        self.images = images
        self.seed = seed
        self.views = views
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Number of images."""
        return self.images

    def __iter__(self) -> Iterator[int]:
        """The epoch's order, as positions in the data set."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.images, generator=generator)
        view = torch.randint(self.views, (self.images,), generator=generator)
        return iter((view * self.images + order).tolist())


def collate(items: Sequence[Item]) -> Batch:
    """Stack features as float32; targets stay a list, as images differ in parts."""
    features, targets, index = zip(*items, strict=True)
    return Batch(torch.stack(features).float(), list(targets), list(index))


def training_loader(
    images: EmbeddedImages, batch_size: int, seed: int, views: int = 1
) -> DataLoader[Batch]:
    """Shuffled batches; the last one of an epoch may be smaller.

    Args:
        images: All images in their first view, then all in their second, and so on.
        batch_size: Images a step.
        seed: Of order and views.
        views: How many views there are of each image.
    """
    return DataLoader(
        images,  # type: ignore[arg-type]  # the collate function changes the item type
        batch_size=batch_size,
        sampler=EpochShuffle(len(images) // views, seed, views),
        collate_fn=collate,
        generator=torch.Generator(),  # keeps the loader off the global random state
    )


def validation_loader(images: Dataset[Item], batch_size: int) -> DataLoader[Batch]:
    """Batches in order."""
    return DataLoader(
        images,  # type: ignore[arg-type]  # the collate function changes the item type
        batch_size=batch_size,
        collate_fn=collate,
        generator=torch.Generator(),
    )
