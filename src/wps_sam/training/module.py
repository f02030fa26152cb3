"""The Lightning module: prompter, criterion and optimiser. SAM is not in here."""

from typing import Any

import lightning as L
import torch
from torch import Tensor

from wps_sam.errors import TrainingError
from wps_sam.prompter.global_batch import images_of_step
from wps_sam.prompter.interface import Criterion, Losses, Prompter
from wps_sam.training.data import Batch
from wps_sam.training.recipes import OptimiserConfig
from wps_sam.training.schedule import warmup_cosine


class PrompterModule(L.LightningModule):
    """Trains a prompter; its state dict holds the prompter's weights only."""

    def __init__(
        self,
        prompter: Prompter,
        criterion: Criterion,
        optimiser: OptimiserConfig,
        *,
        total_steps: int,
        seed: int,
        has_val_loss: bool = True,
    ) -> None:
        """Wire the parts.

        Args:
            prompter: learns.
            criterion: its loss.
            optimiser: settings.
            total_steps: real number of optimiser steps in the run; the cosine ends there.
            seed: of the run; dropout in epoch e depends on (seed, e) only.
            has_val_loss: whether validation labels can be compared with what is learnt; points
                cannot where boxes are.
        """
        super().__init__()
        self.prompter = prompter
        self.criterion = criterion
        self.optimiser = optimiser
        self.total_steps = total_steps
        self.seed = seed
        self.has_val_loss = has_val_loss

    def on_train_epoch_start(self) -> None:
        """Make dropout a function of (seed, epoch): a resumed run draws what it would have.

        Processes that share a batch draw differently, as its images would in one process.
        """
        own = self.global_rank << 53  # above all that seed and epoch make
        torch.manual_seed(self.seed * 1_000_003 + self.current_epoch + own)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one batch, or of this process's share of it."""
        losses = self.criterion(self.prompter(batch.features), batch.targets)
        self._refuse_divergence(losses)
        size = images_of_step(len(batch.targets), self.device)
        for name, value in {"loss": losses.total, **losses.terms}.items():
            self.log(
                f"train/{name}",
                value,
                on_step=False,
                on_epoch=True,
                batch_size=size,
                sync_dist=True,
            )
        return losses.total

    def _refuse_divergence(self, losses: Losses) -> None:
        """Stop before weights that are no numbers are saved over good ones."""
        if bool(torch.isfinite(losses.total)):
            return
        terms = ", ".join(f"{name} {float(value):g}" for name, value in losses.terms.items())
        raise TrainingError(
            f"The loss is {float(losses.total.detach()):g} in epoch {self.current_epoch + 1}, step "
            f"{self.global_step + 1} ({terms}); expected a finite number. Start a new run with a "
            f"smaller --learning-rate than {self.optimiser.learning_rate:g}. The model folder "
            "holds the best weights before."
        )

    def validation_step(self, batch: Batch, batch_index: int) -> Any:
        """Output of one batch, for the callbacks that score it; its loss, if any, is logged."""
        output = self.prompter(batch.features)
        if self.has_val_loss:
            loss = self.criterion(output, batch.targets).total
            size = len(batch.targets)
            self.log("val/loss", loss, on_epoch=True, batch_size=size, sync_dist=True)
        return {"output": output}

    def configure_optimizers(self) -> Any:
        """Adam or AdamW with warm-up and cosine, stepped every optimiser step."""
        kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        optimiser = kinds[self.optimiser.kind](
            self.prompter.parameters(),
            lr=self.optimiser.learning_rate,
            weight_decay=self.optimiser.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser,
            lambda step: warmup_cosine(step, self.optimiser.warmup_steps, self.total_steps),
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }
