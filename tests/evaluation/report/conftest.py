"""A report of two predictions and an oracle, and a browser to open it in."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from wps_sam.evaluation.comparison import compare
from wps_sam.evaluation.evaluate import evaluate_predictions
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.evaluation.report.write import write_report
from wps_sam.evaluation.truth import open_truth

if TYPE_CHECKING:
    from evaluation.conftest import Mask, Scene

HW = (40, 60)
NAMES = ("wheel", "door", "a_name_that_is_much_longer_than_any_telephone_is_wide_" + 40 * "x")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: opens pages in Chromium; run with -m browser")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests that need an installed browser to those who ask for them."""
    if config.option.markexpr:
        return
    chosen = [item for item in items if item.get_closest_marker("browser") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def filled(top: int, left: int, bottom: int, right: int) -> Mask:
    """A filled box, bottom and right exclusive."""
    mask = np.zeros(HW, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


@dataclass(frozen=True)
class WrittenReport:
    """A report and its text."""

    path: Path
    text: str


@pytest.fixture
def compared(tmp_path: Path, scene: Scene) -> WrittenReport:
    """Three images; A misses the wheel and invents a door, B is right, the oracle finds half.

    The third image has only a part of a long name, which all find.
    """
    folders = {name: tmp_path / name for name in ("first", "second", "oracle")}
    scenes = {}
    for name, folder in folders.items():
        folder.mkdir()
        scenes[name] = type(scene)(folder, NAMES)
        for image in ("0.png", "1.png", "2.png"):
            scenes[name].image(image, HW, with_file=name == "first")
    truth = scenes["first"]
    for image in ("0.png", "1.png"):
        truth.true(image, "wheel", filled(5, 5, 25, 25))
        scenes["first"].predict(image, "door", filled(5, 30, 20, 40))
        scenes["second"].predict(image, "wheel", filled(5, 5, 25, 25))
        scenes["oracle"].predict(image, "wheel", filled(5, 5, 25, 15))
    truth.true("2.png", NAMES[2], filled(0, 0, 10, 10))
    for one in scenes.values():
        one.predict("2.png", NAMES[2], filled(0, 0, 10, 10))
    opened = open_truth(truth.truth_path)
    first, second, oracle = (
        read_predictions(scenes[name].predictions_path) for name in ("first", "second", "oracle")
    )
    scores = evaluate_predictions(first, opened), evaluate_predictions(second, opened)
    path = write_report(
        tmp_path / "report.html",
        scores[0],
        opened,
        first,
        title="Two runs",
        curve=[
            {"step": 1, "loss": 2.0, "val_miou": 0.1},
            {"step": 2, "loss": 1.0, "val_miou": 0.2},
        ],
        oracle=oracle,
        second=(second, scores[1]),
        comparison=compare(*scores),
        names=("run <1>", "run 2"),
    )
    return WrittenReport(path, path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Browser:
    """Chromium without a window."""

    program: str
    profile: Path

    def open(self, page: Path, *flags: str, patience_s: int) -> tuple[str, list[str]]:
        """Open a page; return the flags' output and what the page wrote to the console.

        The page's clock jumps from timer to timer and stands still while it computes, so patience
        costs time only while the page has something to do.
        """
        budget = f"--virtual-time-budget={1000 * patience_s}"
        profile = f"--user-data-dir={self.profile}"
        command = [self.program, *FLAGS, budget, profile, *flags, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """The installed Chromium; a failure where there is none, as these tests were asked for."""
    named = os.environ.get("WPS_SAM_BROWSER")
    found = [path for name in (named, *BROWSERS) if name and (path := shutil.which(name))]
    if not found:
        pytest.fail(
            "No Chromium found. Install one (apt install chromium), or name one in WPS_SAM_BROWSER."
        )
    return Browser(found[0], tmp_path / "profile")
