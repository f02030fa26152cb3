"""Two workers fill the cache with the bytes of one process."""

from functools import partial
from pathlib import Path

import pytest

from cluster.conftest import dies_once, files_below
from wps_sam.cli.encoder import EncoderRuntime, open_encoder
from wps_sam.cluster import session
from wps_sam.cluster.embedding import EmbedWorker, embed_on_ray
from wps_sam.cluster.listing import list_anywhere
from wps_sam.embeddings.build import EmbedReport, embed_images
from wps_sam.embeddings.encoder import ImageEncoder
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.images.reading import list_images
from wps_sam.sam.frozen import FrozenSam


def in_one_process(photos: Path, sam: FrozenSam, encoder: ImageEncoder, root: Path) -> EmbedReport:
    cache = EmbeddingCache(root, Fingerprint.of(sam))
    images = [ImageToEmbed(file.path, file.name) for file in list_images([photos])]
    return embed_images(cache, encoder, images)


@pytest.mark.parametrize("embedded", [False, True])
def test_embed__same_bytes_as_one_process_also_when_a_worker_is_killed(
    embedded: bool,
    cluster: None,
    photos: Path,
    toy_sam: FrozenSam,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "_BLOCKS_A_WORKER", 2)  # three images a block
    expected = in_one_process(photos, toy_sam, toy_sam, tmp_path / "alone")
    worker = dies_once(EmbedWorker, tmp_path / "died", "work", after=embedded)
    cache = EmbeddingCache(tmp_path / "shared", Fingerprint.of(toy_sam))
    images = list_anywhere([str(photos)])
    steps: list[int] = []
    report = embed_on_ray(cache, toy_sam, images, on_progress=steps.append, worker=worker)
    assert (tmp_path / "died").exists()
    assert len(list((tmp_path / "workers").iterdir())) >= 2
    assert sum(steps) == 10
    assert report.failures == expected.failures
    assert [name for name, _ in report.failures] == ["5 broken.jpg"]
    assert report.embedded + report.reused == expected.embedded + expected.reused == 9
    assert files_below(tmp_path / "shared") == files_below(tmp_path / "alone")


@pytest.mark.parametrize("runtime", ["pytorch-bf16", "openvino-bf16"])
def test_embed__workers_make_their_own_encoder(
    cluster: None, photos: Path, toy_sam: FrozenSam, tmp_path: Path, runtime: EncoderRuntime
) -> None:
    encoder = open_encoder(runtime, toy_sam)
    expected = in_one_process(photos, toy_sam, encoder, tmp_path / "alone")
    cache = EmbeddingCache(tmp_path / "shared", Fingerprint.of(toy_sam))
    images = list_anywhere([str(photos)])
    make_encoder = partial(open_encoder, runtime)
    report = embed_on_ray(cache, toy_sam, images, make_encoder=make_encoder)
    assert (report.embedded, report.failures) == (expected.embedded, expected.failures)
    found, alone = files_below(tmp_path / "shared"), files_below(tmp_path / "alone")
    assert found.keys() == alone.keys()
    if runtime == "pytorch-bf16":
        assert found == alone
    one_process = EmbeddingCache(tmp_path / "alone", cache.fingerprint)
    exact = EmbeddingCache(tmp_path / "exact", cache.fingerprint)
    for key in embed_images(exact, toy_sam, list(expected.keys)).keys.values():
        features, others, exacts = (
            folder.read(key).float() for folder in (cache, one_process, exact)
        )
        # OpenVINO may round otherwise in another process; 8 bits of a number are kept.
        assert (features - others).norm() / others.norm() < 2**-8
        assert 0 < (features - exacts).norm() / exacts.norm() < 2**-5
