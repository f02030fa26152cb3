"""Cutting one image stage by stage."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wps_sam.bench.own_path import OwnPath
from wps_sam.bench.plain_path import PlainPath
from wps_sam.bench.stages import STAGES, StageClock, cut_image, open_output
from wps_sam.errors import DataError
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict

CPU = torch.device("cpu")


def test_clock__adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([10.0, 11.5, 20.0, 20.25])
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))
    clock = StageClock(CPU)
    for _ in range(2):
        with clock.stage("encode"):
            pass
    assert clock.seconds == {**dict.fromkeys(STAGES, 0.0), "encode": 1.75}


def test_ours__is_what_predict_finds(
    segmenter: PartSegmenter, images: tuple[ImageToPredict, ...], tmp_path: Path
) -> None:
    clock = StageClock(CPU)
    with open_output(segmenter, tmp_path / "out") as output:
        for image in images:
            found = cut_image(OwnPath(segmenter), image, output, clock)
            assert image.path is not None
            expected = segmenter.predict(image.path)
            assert len(found) == 3
            assert np.array_equal(found.masks, expected.masks)
            assert np.array_equal(found.scores, expected.scores)
            with Image.open(tmp_path / f"out/semantic/{image.stem}.png") as picture:
                assert np.array_equal(np.asarray(picture), expected.semantic)
        written = output.journal.finish(images, {}, keep=False)
    annotations = json.loads(written.read_text())["annotations"]
    assert [row["category_id"] for row in annotations] == [8, 4, 8] * 2
    assert all(seconds > 0 for seconds in clock.seconds.values())


def test_plain__finds_what_ours_finds(
    segmenter: PartSegmenter, images: tuple[ImageToPredict, ...], tmp_path: Path
) -> None:
    with open_output(segmenter, tmp_path / "out") as output:
        for image in images:
            ours, plain = (
                cut_image(kind(segmenter), image, output, StageClock(CPU))
                for kind in (OwnPath, PlainPath)
            )
            assert ours.masks.shape == plain.masks.shape
            assert ours.masks.any(axis=(1, 2)).all()
            assert not ours.masks.all(axis=(1, 2)).any()
            assert (ours.masks == plain.masks).mean() >= 0.999
            assert np.array_equal(ours.class_index, plain.class_index)


def test_prompter_reads_only_its_own_channels(
    segmenter: PartSegmenter,
    images: tuple[ImageToPredict, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    monkeypatch.setattr(type(segmenter.sam), "for_prompter", lambda sam, features: features[:, :9])
    segmenter.prompter.register_forward_pre_hook(lambda prompter, words: seen.append(words[0]))
    with open_output(segmenter, tmp_path / "out") as output:
        cut_image(OwnPath(segmenter), images[0], output, StageClock(CPU))
    assert [features.shape for features in seen] == [(1, 9, 16, 16)]


def test_missing_image(segmenter: PartSegmenter, tmp_path: Path) -> None:
    gone = ImageToPredict(1, "gone.jpg", None, problem="gone.jpg: not found; name its folder.")
    with (
        open_output(segmenter, tmp_path / "out") as output,
        pytest.raises(DataError, match=r"gone\.jpg: not found"),
    ):
        cut_image(OwnPath(segmenter), gone, output, StageClock(CPU))
