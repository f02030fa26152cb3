"""Batches for training: cached features beside teacher targets. No photograph is opened here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.prompter.interface import PartTargets
from wps_sam.training.processes import ALONE, Processes


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

    def read_ahead(self, indices: Sequence[int]) -> None:
        """Have the disk fetch what will be asked for next."""
        self.cache.read_ahead(self.keys[index] for index in indices)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.keys)

    def __getitem__(self, index: int) -> Item:
        """Features (256, 64, 64) float16, targets, and the index itself.

        Of features with further channels for the mask decoder, only those that a prompter reads,
        which are as many as its tokens have, leave the disk.
        """
        targets = self.targets[index]
        return self.cache.read(self.keys[index])[: targets.tokens.shape[2]], targets, index


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


class SharedBatches(Sampler[list[int]]):
    """The batches of an epoch, and of each batch the share of one process.

    The batches do not depend on how many processes share them.
    """

    def __init__(
        self,
        order: EpochShuffle,
        batch_size: int,
        here: Processes,
        announce: Callable[[Sequence[int]], None],
    ) -> None:
        """Cut `order` into batches of `batch_size` images in all; the last one may be smaller.

        `announce` is told each share while the one before it is worked on.
        """
        self.sampler = order  # where Lightning looks for what wants to know the epoch
        self.batch_size = batch_size
        self.here = here
        self.announce = announce

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.sampler) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """Positions in the data set; none where the last batch has fewer images than processes."""
        order = list(self.sampler)
        shares = [
            order[start : start + self.batch_size][self.here.rank :: self.here.count]
            for start in range(0, len(order), self.batch_size)
        ]
        if shares:
            self.announce(shares[0])
        for share, following in zip(shares, [*shares[1:], None], strict=True):
            if following is not None:
                self.announce(following)
            yield share


def collate(items: Sequence[Item]) -> Batch:
    """Stack features as float32; targets stay a list, as images differ in parts."""
    features, targets, index = zip(*items, strict=True)
    return Batch(torch.stack(features).float(), list(targets), list(index))


def training_loader(
    images: EmbeddedImages,
    batch_size: int,
    seed: int,
    views: int = 1,
    here: Processes = ALONE,
) -> DataLoader[Batch]:
    """Shuffled batches; the last one of an epoch may be smaller.

    Args:
        images: All images in their first view, then all in their second, and so on.
        batch_size: Images a step, of all processes.
        seed: Of order and views.
        views: How many views there are of each image.
        here: Whose share of each batch to load; a share may be empty.
    """
    order = EpochShuffle(len(images) // views, seed, views)

    def collate_share(items: Sequence[Item]) -> Batch:
        if items:
            return collate(items)
        features, _, _ = images[0]
        return Batch(features.new_zeros(0, *features.shape).float(), [], [])

    return DataLoader(
        images,  # type: ignore[arg-type]  # the collate function changes the item type
        batch_sampler=SharedBatches(order, batch_size, here, images.read_ahead),
        collate_fn=collate_share,
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
