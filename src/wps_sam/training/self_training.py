"""Self-training: boxes that SAM made of points are corrected by the prompter that learns them."""

from collections.abc import Collection, Mapping
from typing import Any

import lightning as L
import torch
from rich.console import Console
from torch import Tensor
from torch.utils.data import Subset

from wps_sam.prompter.box_correction import correct_boxes
from wps_sam.prompter.pseudo_boxes import labelled_by_points
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.data import EmbeddedImages, validation_loader
from wps_sam.training.module import PrompterModule
from wps_sam.training.processes import of_all_processes

LEAST_SCORE = 0.2
"""Answers of the prompter that are less sure than this correct nothing."""

_BATCH = 8


def correction_epochs(epochs: int, corrections: int) -> frozenset[int]:
    """Spread corrections evenly over the first half of a run, whose end is the last.

    Args:
        epochs: Of the run.
        corrections: How many times to correct; fewer, if there are not so many epochs.

    Returns:
        At the end of which epochs, counted from 1.
    """
    planned = (epochs * number // (2 * corrections) for number in range(1, corrections + 1))
    return frozenset(epoch for epoch in planned if epoch > 0)


class SelfTraining(L.Callback):
    """Corrects the boxes to learn, at the end of some epochs (`prompter.box_correction`)."""

    def __init__(
        self,
        images: EmbeddedImages,
        sam: FrozenSam,
        after_epochs: Collection[int],
        console: Console,
    ) -> None:
        """Correct nothing yet.

        Args:
            images: Learnt from; the boxes in here are replaced.
            sam: Encodes prompts, as selecting parts does.
            after_epochs: At the end of which epochs to correct, counted from 1.
            console: Is told how many boxes were changed.
        """
        self.images = images
        self.sam = sam
        self.after_epochs = after_epochs
        self.console = console
        self._corrected: dict[int, Tensor] = {}

    def state_dict(self) -> dict[str, Any]:
        """The boxes as they are now, for a resumed run."""
        return {"corrected": self._corrected}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the boxes of the run so far."""
        self._corrected = dict(state_dict["corrected"])
        for index, boxes in self._corrected.items():
            self.images.learn_boxes(index, boxes)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Correct if it is time."""
        if trainer.current_epoch + 1 not in self.after_epochs:
            return
        if not isinstance(pl_module, PrompterModule):
            raise TypeError("SelfTraining goes with PrompterModule")
        self._correct(pl_module)

    @torch.no_grad()
    def _correct(self, module: PrompterModule) -> None:
        """Ask the weights of now for the parts of every training image.

        Each process asks for its share of the images and gets the others' answers, so that all go
        on with the same boxes.
        """
        prompter = module.prompter
        was_training = prompter.training
        prompter.eval()
        boxes_of: dict[int, Tensor] = {}
        share = self._images_with_points()[module.trainer.global_rank :: module.trainer.world_size]
        for batch in validation_loader(Subset(self.images, share), _BATCH):
            output = prompter(batch.features.to(module.device))
            found = prompter.select(output, self.sam, LEAST_SCORE)
            for index, target, parts in zip(batch.image_index, batch.targets, found, strict=True):
                boxes_of[index] = correct_boxes(target, parts, self.sam.image_side)
        prompter.train(was_training)
        self._learn(of_all_processes(boxes_of))

    def _learn(self, boxes_of: Mapping[int, Tensor]) -> None:
        """Replace boxes (P, 4), SAM frame, of images, and say how many are others than before."""
        changed = total = 0
        for index, boxes in sorted(boxes_of.items()):
            target = self.images.targets[index]
            changed += int((boxes != target.learnt_boxes).any(1).sum())
            total += int(labelled_by_points(target).sum())
            self._corrected[index] = boxes
            self.images.learn_boxes(index, boxes)
        self.console.print(f"boxes made of points: {changed} of {total} corrected, in all views")

    def _images_with_points(self) -> list[int]:
        """The images, in all their views, with a part that is labelled with points."""
        return [
            index
            for index, target in enumerate(self.images.targets)
            if labelled_by_points(target).any()
        ]
