"""The package from outside: a quick import, public names, and tests that need nothing else."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import wps_sam

SLOW = ("torch", "transformers", "lightning", "supervision", "cv2", "matplotlib", "scipy", "rich")


def loaded_by(code: str) -> list[str]:
    """Which of the slow packages a fresh interpreter has loaded after running some code."""
    report = f"\nimport sys; print([name for name in {SLOW!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code + report], capture_output=True, text=True, check=True
    )
    found: list[str] = re.findall(r"'(\w+)'", done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "code",
    ["import wps_sam", "from wps_sam.cli.main import main; main(['--help'])"],
    ids=["import", "help"],
)
def test_import__loads_nothing_slow(code: str) -> None:
    assert loaded_by(code) == []


def test_loaded_by__would_notice() -> None:
    assert loaded_by("import scipy") == ["scipy"]


def test_version() -> None:
    assert wps_sam.__version__ == version("wps-sam")


def test_public_names__are_all_there() -> None:
    for name in wps_sam.__all__:
        assert getattr(wps_sam, name) is not None
    from wps_sam.inference.segmenter import PartSegmenter

    assert wps_sam.PartSegmenter is PartSegmenter


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'wps_sam' has no attribute 'PartSegmentor'"):
        wps_sam.PartSegmentor  # noqa: B018  # asking for it is the test


FORBIDDEN = {
    "a file outside the repository": r"\.\./shared|/home/|expanduser",
    "the network": r"(?:import|from) (?:requests|urllib|http|httpx|socket|huggingface_hub)\b",
    "a model hub": r"(?:snapshot_download|hf_hub_download)\(",
}


def test_tests__need_neither_network_nor_files_outside() -> None:
    here = Path(__file__)
    offenders = [
        f"{path.relative_to(here.parent)} uses {what}"
        for path in sorted(here.parent.rglob("*.py"))
        if path != here
        for what, pattern in FORBIDDEN.items()
        if re.search(pattern, path.read_text(encoding="utf-8"))
    ]
    assert offenders == []
