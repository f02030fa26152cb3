"""Validation while training: box agreement always, mask mIoU where the truth has masks.

Agreement chooses the best weights and stops the run. mIoU is only reported: nothing in training
reads it, so no mask can reach the model.
"""

from collections.abc import Callable, Mapping
from typing import Any

import lightning as L

from wps_sam.prompter.teacher import Supervision
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
        selected = pl_module.prompter.select(outputs["output"], self.sam, self.score_threshold)
        for prompts, targets in zip(selected, batch.targets, strict=True):
            self._running.add(prompts, targets)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Publish the score for checkpoints, early stopping and logs."""
        pl_module.log(AGREEMENT, self._running.score())


class MaskValidation(L.Callback):
    """Logs mask metrics at a few validation passes, the last one always among them."""

    def __init__(
        self, measure: Callable[[], Mapping[str, float]], times: int, validations: int
    ) -> None:
        """Spread the measurements evenly.

        Args:
            measure: decodes the validation images with the present weights and scores the masks.
            times: how often in the run; 0 means never.
            validations: how many validation passes the run will have.
        """
        self.measure = measure
        self.at = {round(validations * (i + 1) / times) for i in range(times)}
        self.validations_every = 1
        self.latest: dict[str, float] = {}

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Measure if it is time."""
        every = trainer.check_val_every_n_epoch or 1
        self.latest = {}
        if (trainer.current_epoch + 1) // every in self.at and not trainer.sanity_checking:
            self.latest = {f"val/{name}": value for name, value in self.measure().items()}
