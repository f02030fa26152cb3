"""`--ray` on the command line; the cluster itself is left out here."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from wps_sam.cli.main import main
from wps_sam.cluster import embedding, prediction, session
from wps_sam.embeddings.build import EmbedReport
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.inference.bulk import BulkJob, PredictReport, predict_images
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict
from wps_sam.sam.frozen import FrozenSam

pytest.importorskip("fsspec")

TOY_SAM = Path(__file__).parent.parent / "goldens" / "sam_vit_toy.safetensors"


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Clusters that were joined."""
    joined: list[str] = []

    def join(address: str) -> AbstractContextManager[None]:
        joined.append(address)
        return nullcontext()

    monkeypatch.setattr(session, "ray_cluster", join)
    return joined


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    return " ".join((out + err).split())


def test_embed(
    addresses: list[str],
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def embed(
        cache: EmbeddingCache, sam: FrozenSam, images: Sequence[ImageToPredict], **settings: Any
    ) -> EmbedReport:
        assert cache.folder.parent == tmp_path / "cache"
        assert [image.name for image in images] == ["1.png", "list/7.png"]
        assert (settings["device"], settings["batch_size"]) == ("auto", None)
        assert settings["make_encoder"](sam) is sam
        settings["on_progress"](2)
        return EmbedReport(embedded=1, failures=[("7.png", "is broken")])

    monkeypatch.setattr(embedding, "embed_on_ray", embed)
    (photos / "list.txt").write_text("list/7.png")
    sources = [str(photos / "1.png"), str(photos / "list.txt")]
    words = ["--cache", str(tmp_path / "cache"), "--sam", str(TOY_SAM), "--ray", "auto"]
    assert main(["embed", *sources, *words]) == 1
    assert addresses == ["auto"]
    text = printed(capsys)
    assert "1 images embedded; 0 already in the cache; 1 unreadable" in text
    assert "failed 7.png: is broken" in text


def test_predict(
    addresses: list[str],
    photos: Path,
    segmenter: PartSegmenter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def on_ray(
        job: BulkJob,
        images: Sequence[ImageToPredict],
        on_progress: Callable[[int], None],
        *,
        device: str,
    ) -> PredictReport:
        assert device == "cpu"
        return predict_images(job, images, on_progress)

    def load(run: Path, **settings: Any) -> PartSegmenter:
        assert settings["device"] == "cpu"
        return segmenter

    monkeypatch.setattr(prediction, "predict_on_ray", on_ray)
    monkeypatch.setattr(PartSegmenter, "load", load)
    (photos / "list.txt").write_text(f"1.png\n{photos / '2.png'}")
    out = tmp_path / "out"
    command = ["predict", "run", str(photos / "list.txt"), "--out", str(out), "--format", "coco"]
    assert main([*command, "--device", "cpu", "--ray", "local"]) == 0
    assert addresses == ["local"]
    assert "2 images predicted" in printed(capsys)
    assert (out / "predictions.json").exists()
