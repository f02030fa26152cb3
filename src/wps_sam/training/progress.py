"""A progress line for the whole run: steps done, time left, loss, agreement."""

from typing import Any

import lightning as L
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from wps_sam.training.validation import AGREEMENT


class RunProgress(L.Callback):
    """One bar over all steps of the run; plain lines where the output is no terminal."""

    def __init__(self, console: Console, total_steps: int) -> None:
        """Report on `console`."""
        self.console = console
        self.total_steps = total_steps
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.fields[note]}"),
            console=console,
        )
        self.task = self.bar.add_task("training", total=total_steps, note="")
        self._lines = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the bar."""
        if self.console.is_terminal:
            self.bar.start()
        self.bar.update(self.task, completed=trainer.global_step)

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move on."""
        self.bar.update(self.task, completed=trainer.global_step)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Say loss and agreement."""
        metrics = trainer.callback_metrics
        note = f"loss {float(metrics['train/loss']):.3f}"
        if AGREEMENT in metrics:
            note += f"  box agreement {float(metrics[AGREEMENT]):.3f}"
        self.bar.update(self.task, note=note)
        if self.console.is_terminal:
            return
        twentieth = trainer.global_step * 20 // max(1, self.total_steps)
        if twentieth > self._lines:  # at most twenty lines in a log file
            self._lines = twentieth
            self.console.print(f"step {trainer.global_step}/{self.total_steps}  {note}")

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Leave the last state on screen."""
        self.bar.stop()
