"""`wps-sam embed` from photographs to the cache."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from wps_sam.cli.main import main

TOY_SAM = Path(__file__).parent.parent / "goldens" / "sam_vit_toy.safetensors"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three photographs, one in a sub-folder."""
    for index, name in enumerate(("a.jpg", "b.png", "more/a.jpg")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(index).integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(noise).save(path)
    return tmp_path / "photos"


def embed(*words: str | Path) -> int:
    return main(["embed", *map(str, words), "--sam", str(TOY_SAM), "--device", "cpu"])


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Both streams in one line."""
    out, err = capsys.readouterr()
    return " ".join((out + err).split())


def test_embed__second_run_reuses(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    assert embed(photos, "--cache", cache) == 0
    assert "3 images embedded; 0 already in the cache" in printed(capsys)
    stored = {path: path.stat().st_mtime_ns for path in cache.rglob("*.safetensors")}
    assert len(stored) == 3
    assert embed(photos / "b.png", photos / "more", "--cache", cache, "--batch-size", "2") == 0
    assert "0 images embedded; 2 already in the cache" in printed(capsys)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.safetensors")} == stored


def test_embed__cache_of_the_environment(photos: Path, tmp_path: Path) -> None:
    assert embed(photos) == 0
    assert len(list((tmp_path / "embedding-cache").rglob("*.safetensors"))) == 3


def test_embed__broken_images_are_listed_and_the_others_kept(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (photos / "a.jpg").read_bytes()
    (photos / "[red]cut.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "no photograph.jpg").write_bytes(b"hello")
    assert embed(photos, "--cache", tmp_path / "cache") == 1
    text = printed(capsys)
    assert "3 images embedded; 0 already in the cache; 2 unreadable" in text
    assert "failed [red]cut.jpg: Image " in text
    assert "is damaged: " in text
    assert "failed no photograph.jpg: Image " in text
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 3


def test_embed__half_written_embedding_is_replaced_and_said(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    assert embed(photos / "b.png", "--cache", cache) == 0
    (path,) = cache.rglob("*.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    capsys.readouterr()
    assert embed(photos, "--cache", cache) == 0
    text = printed(capsys)
    assert "3 images embedded" in text
    assert "1 damaged cache files replaced (b.png)" in text
    assert path.read_bytes() == whole


def test_embed__cache_cannot_be_made(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert embed(photos, "--cache", tmp_path / "file") == 1
    text = printed(capsys)
    assert "cannot be made: Not a directory. Choose another folder with --cache" in text


def test_embed__nothing_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert embed(tmp_path / "gone") == 1
    assert "gone does not exist" in printed(capsys)


def test_embed__each_encoder_has_a_cache_of_its_own(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    for runtime in ("openvino-bf16", "pytorch-bf16", "pytorch"):
        assert embed(photos, "--cache", cache, "--encoder", runtime) == 0
        assert "3 images embedded; 0 already in the cache" in printed(capsys)
    stored: dict[str, dict[str, Path]] = {}
    for path in cache.rglob("*.safetensors"):
        stored.setdefault(path.name, {})[path.parents[1].name] = path
    assert len(stored) == 3
    for paths in stored.values():
        found = [load_file(path)["features"].float() for path in paths.values()]
        assert len(found) == 3
        for one, other in combinations(found, 2):
            assert 0 < (one - other).norm() / other.norm() < 0.1


def test_embed__workers_of_a_cluster_compute_in_openvino_on_cpus_only(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--encoder", "openvino-bf16", "--ray", "local", "--device", "cuda"]
    assert main(["embed", str(photos), "--sam", str(TOY_SAM), *words]) == 1
    assert "computes on the CPU, found --device cuda. Take --device cpu or" in printed(capsys)


def test_embed__no_batch(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert embed(photos, "--batch-size", "0") == 1
    assert "--batch-size is 0; give 1 or more." in printed(capsys)
