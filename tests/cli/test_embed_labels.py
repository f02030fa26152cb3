"""Embeddings of labelled images and of their views: keys, labels, and what is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from wps_sam.cli.embed_labels import embed_labels, embed_views
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache, embedding_key
from wps_sam.errors import DataError
from wps_sam.images.reading import content_hash, read_image
from wps_sam.labels.open import open_weak_labels
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.sam.frozen import FrozenSam
from wps_sam.views.labels import mirror_classes, view_labels
from wps_sam.views.view import MIRRORED, View, view_number

from .conftest import HEIGHT, WIDTH, Coco, printed, write


@pytest.fixture
def store(tmp_path: Path, toy_sam: FrozenSam) -> EmbeddingCache:
    """An empty cache."""
    return EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))


def named(coco: Coco, folder: Path, first: str, second: str) -> WeakDataset:
    """The labels with other class names."""
    for category, name in zip(coco["categories"], (first, second), strict=True):
        category["name"] = name
    return open_weak_labels(write(coco, folder))


def views_of(labels: WeakDataset, number: int, *, may_mirror: bool) -> list[View]:
    """The view of each image."""
    return [
        view_number(number, content_hash(image.path), may_mirror=may_mirror)
        for image in labels.images
    ]


def test_embed_labels__keys_in_the_labels_order(
    data: Path, store: EmbeddingCache, toy_sam: FrozenSam
) -> None:
    labels = open_weak_labels(data)
    found = embed_labels(store, toy_sam, labels)
    assert found.labels is labels
    assert found.keys == [embedding_key(image.path, (HEIGHT, WIDTH)) for image in labels.images]
    assert [store.state(key) for key in found.keys] == ["ready"] * 6


def test_embed_labels__copies_each_have_their_own_labels(
    data: Path, store: EmbeddingCache, toy_sam: FrozenSam
) -> None:
    (data.parent / "1.jpg").write_bytes((data.parent / "0.jpg").read_bytes())
    labels = open_weak_labels(data)
    plain = embed_labels(store, toy_sam, labels)
    (mirrored,) = embed_views(store, toy_sam, plain, 1, [])
    for found in (plain, mirrored):
        assert found.keys[0] == found.keys[1] != found.keys[2]
        boxes = [image.boxes_xyxy.tolist() for image in found.labels.images[:2]]
        assert boxes[0] != boxes[1]


def test_embed_views__labels_and_keys_are_of_the_same_view(
    coco: Coco, tmp_path: Path, store: EmbeddingCache, toy_sam: FrozenSam
) -> None:
    labels = named(coco, tmp_path / "data", "left lid", "right lid")
    swapped = mirror_classes(labels, None)
    assert swapped is not None
    found = embed_views(store, toy_sam, embed_labels(store, toy_sam, labels), 3, None)
    assert len(found) == 3
    for number, one in enumerate(found, 1):
        assert one.learnt is None
        views = views_of(labels, number, may_mirror=True)
        assert views[0].mirrored == (number % 2 == 1)
        for image, view, seen, key in zip(
            labels.images, views, one.labels.images, one.keys, strict=True
        ):
            assert seen.label_bytes() == view_labels(image, view, swapped).label_bytes()
            assert key == embedding_key(image.path, (HEIGHT, WIDTH), view)
            assert store.state(key) == "ready"
    # The first is mirrored; by hand, of the first image's first part, 4 to 20 of 64.
    mirrored = found[0].labels.images[0]
    assert mirrored.boxes_xyxy[0].tolist() == [44, 6, 60, 22]
    assert mirrored.class_index.tolist() == [1, 0]


def test_embed_views__opens_each_photograph_once(
    data: Path, store: EmbeddingCache, toy_sam: FrozenSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = embed_labels(store, toy_sam, open_weak_labels(data))
    opened = []

    def read(path: Path, expected_hw: tuple[int, int] | None) -> npt.NDArray[np.uint8]:
        opened.append(path)
        return read_image(path, expected_hw)

    monkeypatch.setattr("wps_sam.embeddings.view_readers.read_image", read)
    embed_views(store, toy_sam, plain, 3, None)
    assert opened == [image.path for image in plain.labels.images]


def test_embed_views__features_are_of_the_views_pixels(
    coco: Coco, tmp_path: Path, store: EmbeddingCache, toy_sam: FrozenSam
) -> None:
    labels = named(coco, tmp_path / "data", "lid", "knob")
    (mirrored,) = embed_views(store, toy_sam, embed_labels(store, toy_sam, labels), 1, None)
    for image, key in zip(labels.images, mirrored.keys, strict=True):
        with Image.open(image.path) as picture:
            pixels = np.asarray(picture.convert("RGB"))[:, ::-1].copy()
        expected = toy_sam.encode(toy_sam.preprocess([pixels]))[0]
        torch.testing.assert_close(store.read(key).float(), expected, atol=2e-3, rtol=2e-3)


def test_embed_views__none_wanted(
    data: Path, store: EmbeddingCache, toy_sam: FrozenSam, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = embed_labels(store, toy_sam, open_weak_labels(data))
    capsys.readouterr()
    assert embed_views(store, toy_sam, plain, 0, None) == []
    assert len(list(store.folder.rglob("*.safetensors"))) == 6
    assert printed(capsys) == ""


def test_embed_views__learnt_boxes_are_seen_in_the_place_of_labelled_ones(
    data: Path, store: EmbeddingCache, toy_sam: FrozenSam
) -> None:
    # Labelled are boxes, of which only the centre may count; learnt are boxes around that.
    labels = open_weak_labels(data)
    centers = [(i.boxes_xyxy[:, :2] + i.boxes_xyxy[:, 2:]) / 2 for i in labels.images]
    learnt = replace(
        labels,
        images=tuple(
            replace(
                image,
                boxes_xyxy=np.concatenate([center - 2, center + 2], axis=1),
                points_xy=tuple(center[:, None]),
            )
            for image, center in zip(labels.images, centers, strict=True)
        ),
    )
    plain = replace(embed_labels(store, toy_sam, labels), learnt=learnt)
    for number, found in enumerate(embed_views(store, toy_sam, plain, 2, []), 1):
        views = views_of(labels, number, may_mirror=True)
        assert found.learnt is found.labels
        for image, view, seen in zip(learnt.images, views, found.labels.images, strict=True):
            expected = view_labels(image, view, np.array([0, 1]))
            assert seen.label_bytes() == expected.label_bytes()


def test_embed_views__sides_without_a_partner_are_said(
    data: Path,
    store: EmbeddingCache,
    toy_sam: FrozenSam,
    capsys: pytest.CaptureFixture[str],
) -> None:
    labels = open_weak_labels(data)  # classes "lid" and "knob [left]"
    found = embed_views(store, toy_sam, embed_labels(store, toy_sam, labels), 2, None)
    said = printed(capsys)
    assert (
        "note: no view is mirrored, as left or right of knob [left] has no partner among the "
        "classes; pairs can be named under left_right in dataset.yaml" in said
    )
    assert "views of the training images, 2 each:" in said
    for number, one in enumerate(found, 1):
        views = views_of(labels, number, may_mirror=False)
        assert not any(view.mirrored for view in views)
        assert one.keys == [
            embedding_key(image.path, (HEIGHT, WIDTH), view)
            for image, view in zip(labels.images, views, strict=True)
        ]


@pytest.mark.parametrize(
    ("pairs", "classes"), [([("lid", "knob [left]")], [1, 0]), ([], [0, 1])], ids=["pair", "none"]
)
def test_embed_views__pairs_that_are_named(
    data: Path,
    store: EmbeddingCache,
    toy_sam: FrozenSam,
    capsys: pytest.CaptureFixture[str],
    pairs: list[tuple[str, str]],
    classes: list[int],
) -> None:
    labels = open_weak_labels(data)
    (mirrored,) = embed_views(store, toy_sam, embed_labels(store, toy_sam, labels), 1, pairs)
    assert "no view is mirrored" not in printed(capsys)
    assert mirrored.labels.images[0].class_index.tolist() == classes
    assert mirrored.keys[0].endswith(MIRRORED.code())


def test_embed_labels__unreadable_images_are_named(
    data: Path, store: EmbeddingCache, toy_sam: FrozenSam
) -> None:
    labels = open_weak_labels(data)
    whole = (data.parent / "2.jpg").read_bytes()
    (data.parent / "2.jpg").write_bytes(whole[: len(whole) // 2])
    (data.parent / "4.jpg").write_bytes(b"no photograph")
    message = (
        r"labels\.json: 2 of 6 images cannot be used:\n  2\.jpg: Image .*damaged.*\n  4\.jpg: .*\n"
        r"Mend them or take them out of the label file; the other embeddings are kept"
    )
    with pytest.raises(DataError, match=message) as failed:
        embed_labels(store, toy_sam, labels)
    assert "3.jpg" not in str(failed.value)
    assert len(list(store.folder.rglob("*.safetensors"))) == 4


def test_embed_views__an_image_damaged_in_between_is_named(
    data: Path, store: EmbeddingCache, toy_sam: FrozenSam
) -> None:
    plain = embed_labels(store, toy_sam, open_weak_labels(data))
    whole = (data.parent / "2.jpg").read_bytes()
    (data.parent / "2.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"2 of 12 images cannot be used:\n  2\.jpg: .*\n  2\.jpg"):
        embed_views(store, toy_sam, plain, 2, [])
