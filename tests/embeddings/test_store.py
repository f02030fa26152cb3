"""The embedding cache: identity, damage, atomic writes, flat memory."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache, default_cache_root, embedding_key
from wps_sam.errors import CacheError
from wps_sam.views.view import MIRRORED, PLAIN, View

PRINT = Fingerprint("tiny", "abc", "resize", "float16", 1)
SHA256_OF_ONE = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"


def test_write_then_read__same_numbers_in_half_precision(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, PRINT)
    features = torch.randn(256, 4, 4)
    assert cache.state("key") == "missing"
    cache.write("key", features)
    assert cache.state("key") == "ready"
    assert torch.equal(cache.read("key"), features.half())
    assert not list(cache.folder.rglob("*.tmp*"))


def test_size__two_megabytes_an_image(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, PRINT)
    cache.write("key", torch.zeros(256, 64, 64))
    assert cache.path("key").stat().st_size == pytest.approx(2 * 2**20, rel=0.001)


@pytest.mark.parametrize(
    "other",
    [
        Fingerprint("other", "abc", "resize", "float16", 1),
        Fingerprint("tiny", "abd", "resize", "float16", 1),
        Fingerprint("tiny", "abc", "crop", "float16", 1),
        Fingerprint("tiny", "abc", "resize", "float32", 1),
        Fingerprint("tiny", "abc", "resize", "float16", 2),
    ],
    ids=["name", "weights", "preprocessing", "dtype", "code version"],
)
def test_fingerprint__any_difference_is_another_cache(tmp_path: Path, other: Fingerprint) -> None:
    EmbeddingCache(tmp_path, PRINT).write("key", torch.zeros(1, 1, 1))
    assert EmbeddingCache(tmp_path, other).state("key") == "missing"


def test_fingerprint__edited_file_names_the_field(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, PRINT)
    path = cache.folder / "fingerprint.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "weights": "zzz"}))
    with pytest.raises(CacheError, match=r"fingerprint\.json: weights is 'zzz'.*needs 'abc'"):
        EmbeddingCache(tmp_path, PRINT)
    path.write_text("{")
    with pytest.raises(CacheError, match=r"fingerprint\.json: not readable as JSON.*Delete"):
        EmbeddingCache(tmp_path, PRINT)


def test_read__missing_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match=r"no such embedding. Run `wps-sam embed`"):
        EmbeddingCache(tmp_path, PRINT).read("key")


def test_read_ahead__whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = EmbeddingCache(tmp_path, PRINT)
    cache.write("key", torch.zeros(256, 4, 4))
    asked = []

    def record(descriptor: int, start: int, length: int, advice: int) -> None:
        assert os.path.samestat(os.fstat(descriptor), cache.path("key").stat())
        asked.append((start, length, advice))

    monkeypatch.setattr(os, "posix_fadvise", record)
    cache.read_ahead(["key", "missing"])
    assert asked == [(0, 0, os.POSIX_FADV_WILLNEED)]  # a length of 0 is to the end

    def refuse(*words: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "posix_fadvise", refuse)
    cache.read_ahead(["key"])
    monkeypatch.delattr(os, "posix_fadvise")  # as on macOS and Windows
    cache.read_ahead(["key"])


@pytest.mark.parametrize("kept", [0, 5, 60, 500], ids=["empty", "no header", "half header", "half"])
def test_read__cut_short_is_named(tmp_path: Path, kept: int) -> None:
    cache = EmbeddingCache(tmp_path, PRINT)
    cache.write("key", torch.zeros(256, 4, 4))
    path = cache.path("key")
    path.write_bytes(path.read_bytes()[:kept])
    assert cache.state("key") == "damaged"
    with pytest.raises(CacheError, match=r"key\.safetensors: damaged embedding.*Delete this file"):
        cache.read("key")


def test_key__follows_content_not_name(tmp_path: Path) -> None:
    for name, content in (("a.jpg", b"one"), ("b.jpg", b"one"), ("c.jpg", b"two")):
        (tmp_path / name).write_bytes(content)
    keys = [embedding_key(tmp_path / f"{n}.jpg", (3, 4)) for n in "abc"]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0].endswith("-3x4")
    assert embedding_key(tmp_path / "a.jpg", (4, 3)) != keys[0]


def test_key__of_a_view(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"one")
    plain = embedding_key(tmp_path / "a.jpg", (3, 4))
    # sha256 of "one", by `sha256sum`: what caches from before there were views hold.
    assert plain == f"{SHA256_OF_ONE}-3x4"
    assert embedding_key(tmp_path / "a.jpg", (3, 4), PLAIN) == plain
    assert embedding_key(tmp_path / "a.jpg", (3, 4), MIRRORED) == f"{plain}-{MIRRORED.code()}"
    crop = embedding_key(tmp_path / "a.jpg", (3, 4), View(left=0.5))
    assert crop not in (plain, f"{plain}-{MIRRORED.code()}")


def test_write_then_read__a_view_beside_its_photograph(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"one")
    cache = EmbeddingCache(tmp_path / "cache", PRINT)
    keys = [embedding_key(tmp_path / "a.jpg", (3, 4), view) for view in (PLAIN, MIRRORED)]
    for value, key in enumerate(keys):
        cache.write(key, torch.full((256, 2, 2), float(value)))
    assert [cache.read(key).mean().item() for key in keys] == [0, 1]


def test_default_root__environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WPS_SAM_CACHE", str(tmp_path / "here"))
    assert default_cache_root() == tmp_path / "here"
    monkeypatch.delenv("WPS_SAM_CACHE")
    assert default_cache_root() == Path.home() / ".cache" / "wps-sam" / "embeddings"


WRITER = """
import sys, torch
from pathlib import Path
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
cache = EmbeddingCache(Path(sys.argv[1]), Fingerprint("tiny", "abc", "resize", "float16", 1))
features = torch.arange(256 * 64 * 64, dtype=torch.float32).remainder(2048).reshape(256, 64, 64)
for i in range(10_000):
    cache.write(f"{i:04d}", features)
    print(i, flush=True)
"""


def test_kill__whatever_is_there_is_whole(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    if process.stdout is None:
        raise AssertionError("the writer has no output to wait for")
    for _ in range(5):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    cache = EmbeddingCache(tmp_path, PRINT)
    written = sorted(cache.folder.rglob("[0-9]*.safetensors"))
    assert len(written) >= 5
    expected = torch.arange(256 * 64 * 64).remainder(2048).reshape(256, 64, 64).half()
    for path in written:
        assert torch.equal(cache.read(path.stem), expected)


MEMORY = """
import resource, sys
from pathlib import Path
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
cache = EmbeddingCache(Path(sys.argv[1]), Fingerprint("tiny", "abc", "resize", "float16", 1))
cache.read("0").float().sum()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for i in range(100):
    cache.read(str(i)).float().sum()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_read__memory_stays_flat(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, PRINT)
    for i in range(100):
        cache.write(str(i), torch.zeros(256, 64, 64))
    grown = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert int(grown.stdout) < 50_000  # kB; the hundred files hold 200 MB
