"""Validation while training: box agreement always, mask mIoU where the truth has masks.

Agreement chooses the best weights and stops the run. mIoU is only reported: nothing in training
reads it, so no mask can reach the model.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping

from wps_sam.prompter.interface import PartPrompts, Prompter
from wps_sam.prompter.teacher import Supervision
from wps_sam.prompter.token_reading import places_of_tokens, points_of_tokens
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.agreement import BoxAgreement
from wps_sam.training.data import Batch
from wps_sam.training.module import PrompterModule

AGREEMENT = "val/box_agreement"


class AgreementValidation(L.Callback):
    """Logs `val/box_agreement` after each validation pass."""

    def __init__(self, sam: FrozenSam, supervision: Supervision, score_threshold: float) -> None:
        """Score with the threshold that prediction will use."""
        self.sam = sam
        self.supervision = supervision
        self.score_threshold = score_threshold
        self._running = BoxAgreement(supervision)

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin anew."""
        self._running = BoxAgreement(self.supervision)

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count one batch."""
        if not isinstance(pl_module, PrompterModule):
            raise TypeError("AgreementValidation goes with PrompterModule")
        prompter = pl_module.prompter
        selected = prompter.select(outputs["output"], self.sam, self.score_threshold)
        for prompts, targets in zip(selected, batch.targets, strict=True):
            self._running.add(self._as_labelled(prompts, prompter), targets)

    def _as_labelled(self, prompts: PartPrompts, prompter: Prompter) -> PartPrompts:
        """Where tokens may stand for points, put what they stand for in the box's place."""
        if self.supervision == "box" or prompter.emits_boxes or not len(prompts):
            return prompts
        tokens = torch.stack(prompts.tokens)
        if self.supervision == "mixed":
            return replace(prompts, boxes_xyxy=places_of_tokens(self.sam, tokens))
        return replace(prompts, boxes_xyxy=points_of_tokens(self.sam, tokens).repeat(1, 2))

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Publish the score for checkpoints, early stopping and logs."""
        pl_module.log(AGREEMENT, self._running.score(), sync_dist=True)


class StopWhenFlat(EarlyStopping):
    """Ends the run when box agreement has not risen for some validations.

    It waits until the first part is found: a set-prediction prompter calls everything no part for
    its first hundreds of steps, and that is no reason to stop.
    """

    def __init__(self, patience: int, settled_after: int = 0) -> None:
        """Allow `patience` validations without a rise, of those after epoch `settled_after`."""
        self.settled_after = settled_after
        # Left to itself, Lightning would count at the end of training epochs, past the guard below.
        super().__init__(AGREEMENT, mode="max", patience=patience, check_on_train_epoch_end=False)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Count this validation, if there is an agreement to speak of."""
        if trainer.current_epoch < self.settled_after:  # what is to be learnt will still change
            return
        if float(trainer.callback_metrics[AGREEMENT]) > 0:
            super().on_validation_end(trainer, pl_module)


class MaskValidation(L.Callback):
    """Logs mask metrics at a few validation passes, spread evenly before the end of the run."""

    def __init__(
        self, measure: Callable[[], Mapping[str, float]], times: int, validations: int
    ) -> None:
        """Spread the measurements; the one at the end is left to the caller.

        Args:
            measure: decodes the validation images with the present weights and scores the masks.
            times: how often in the run, its end included: `times` - 1 are made here.
            validations: how many validation passes the run will have.
        """
        self.measure = measure
        self.at = {max(1, round(validations * (i + 1) / times)) for i in range(times - 1)}
        self.latest: dict[str, float] = {}

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Measure if it is time."""
        every = trainer.check_val_every_n_epoch or 1
        self.latest = {}
        if (trainer.current_epoch + 1) // every in self.at and not trainer.sanity_checking:
            self.latest = {f"val/{name}": value for name, value in self.measure().items()}
            for logger in trainer.loggers:
                logger.log_metrics(self.latest, trainer.global_step)
