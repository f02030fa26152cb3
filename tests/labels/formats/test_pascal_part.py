"""PASCAL-Part: files of our own with the oddities of real ones, and the real ones if present."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import loadmat

from labels.formats.pascal_files import Box, write_mat
from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.truth import read_truth
from wps_sam.images.pascal_mat import read_pascal_mat
from wps_sam.labels.formats.pascal_part import PASCAL_PART_LAYOUTS, open_pascal_part
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.layout import LabelSource
from wps_sam.labels.remarks import Skip
from wps_sam.labels.weak_reading import read_weak

FIRST, SECOND, THIRD = "2008_000001", "2008_000002", "2010_000003"

# Masks are boxes: left, top, right, bottom. Image 60 wide, 40 high.
BIRD = (
    "bird",
    (0, 0, 20, 20),
    {
        "head": (0, 0, 10, 10),
        "reye": (4, 4, 6, 6),  # inside the head, as in the real files
        "lwing": (10, 0, 15, 8),
        "rwing": (12, 2, 20, 10),
        "lleg": (2, 12, 4, 18),
        "lfoot": (2, 18, 6, 20),
    },
)
BICYCLE = ("bicycle", (30, 0, 60, 20), {"fwheel": (30, 10, 40, 20), "saddle": (45, 0, 50, 5)})
CAR = ("car", (0, 20, 30, 40), {"wheel_1": (0, 30, 5, 40), "wheel_2": (20, 30, 25, 40)})
TABLE: tuple[str, Box, dict[str, Box]] = ("table", (30, 20, 60, 40), {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Annotations_Part beside VOC2010 with images and lists."""
    folder = tmp_path / "Annotations_Part"
    write_mat(folder / f"{FIRST}.mat", [BIRD, TABLE])
    write_mat(folder / f"{SECOND}.mat", [BICYCLE, CAR])
    write_mat(
        folder / f"{THIRD}.mat", [("boat", (0, 0, 9, 9), {}), ("tvmonitor", (9, 9, 29, 29), {})]
    )
    (folder / f"._{FIRST}.mat").write_bytes(b"junk")
    images, lists = tmp_path / "VOC2010/JPEGImages", tmp_path / "VOC2010/ImageSets/Main"
    for path in (images, lists):
        path.mkdir(parents=True)
    for stem in (FIRST, SECOND, THIRD, "2011_000009"):
        Image.new("RGB", (60, 40)).save(images / f"{stem}.jpg")
    (lists / "train.txt").write_text(f"{SECOND}\n{FIRST}\n2011_000009\n")
    (lists / "val.txt").write_text(f"{THIRD} -1\n\n")
    return tmp_path


def opened(root: Path, **settings_: Any) -> LabelFile:
    return open_pascal_part(
        root / "Annotations_Part", images_dir=root / "VOC2010/JPEGImages", **settings_
    )


def boxes(labels: LabelFile, stem: str) -> dict[str, list[list[float]]]:
    """Xyxy boxes of one image by class name."""
    dataset = read_weak(labels)
    found: dict[str, list[list[float]]] = {}
    for image in dataset.images:
        if image.image_id == stem:
            for index, box in zip(image.class_index, image.boxes_xyxy.tolist(), strict=True):
                found.setdefault(dataset.class_names[index], []).append(box)
    return found


def test_open_pascal_part__every_raw_part(root: Path) -> None:
    labels = opened(root)
    assert [image.file_name for image in labels.images] == [
        *(f"{FIRST}.jpg", f"{SECOND}.jpg", f"{THIRD}.jpg"),
    ]
    assert {(image.height, image.width) for image in labels.images} == {(40, 60)}
    assert len(labels.categories) == 193
    name, _, parts = BIRD
    assert boxes(labels, FIRST) == {f"{name} {part}": [list(box)] for part, box in parts.items()}
    # Numbered parts are parts of their own, of one class.
    assert boxes(labels, SECOND)["car wheel"] == [[0, 30, 5, 40], [20, 30, 25, 40]]
    assert boxes(labels, THIRD) == {}
    records = [annotation.record for annotation in labels.annotations()]
    assert records[-1] == f"wheel_2 of object 2 (car) of {SECOND}.mat"
    assert list(labels.skipped) == [
        Skip(
            f"object 2 (table) of {FIRST}.mat",
            "object of a class that the class table leaves out",
            on_purpose=True,
        ),
        Skip(
            f"object 1 (boat) of {THIRD}.mat",
            "object of a class that the class table leaves out",
            on_purpose=True,
        ),
        Skip(
            f"object 2 (tvmonitor) of {THIRD}.mat",
            "object without labelled parts",
            on_purpose=True,
        ),
    ]


def test_open_pascal_part__merged_classes(root: Path) -> None:
    labels = opened(root, class_table=58)
    assert boxes(labels, FIRST) == {
        "bird head": [[0, 0, 10, 10]],  # with the eye in it
        "bird wing": [[10, 0, 15, 8], [12, 2, 20, 10]],
        "bird leg": [[2, 12, 6, 20]],  # leg and foot
        "table": [[30, 20, 60, 40]],
    }
    # The body is the saddle and all that no part covers: the whole frame's extent.
    assert boxes(labels, SECOND)["bicycle body"] == [[30, 0, 60, 20]]
    assert boxes(labels, THIRD) == {
        "boat": [[0, 0, 9, 9]],
        "tvmonitor frame": [[9, 9, 29, 29]],
    }


def test_open_pascal_part__one_box_a_class(root: Path) -> None:
    labels = opened(root, class_table=58, per_class=True)
    assert boxes(labels, FIRST)["bird wing"] == [[10, 0, 20, 10]]
    assert boxes(labels, SECOND)["car wheel"] == [[0, 30, 25, 40]]


def test_open_pascal_part__truth(root: Path) -> None:
    truth = read_truth(opened(root, class_table=58))
    bird = truth.parts(0)
    name_map = np.array(["-", *truth.class_names])[bird.label_map(57)]
    assert name_map[5, 5] == "bird head"
    assert name_map[3, 13] == "bird wing"
    assert name_map[19, 3] == "bird leg"
    assert name_map[30, 40] == "table"
    assert name_map[19, 19] == "-"
    bicycle = truth.parts(1).label_map(57)
    body = truth.class_names.index("bicycle body") + 1
    # 30 x 20 less the wheel; the saddle belongs to it.
    assert (bicycle == body).sum() == 600 - 100


def test_open_pascal_part__ignored_parts(root: Path) -> None:
    labels = opened(root, class_table=108)
    assert boxes(labels, FIRST)["bird head"] == [[0, 0, 10, 10]]
    assert read_weak(labels).skip_counts()["iscrowd: one region around many parts"] == 1
    ignored = read_truth(labels).parts(0).ignore_mask()
    assert ignored is not None
    assert ignored.sum() == 4  # the eye
    assert ignored[4:6, 4:6].all()


def test_open_pascal_part__smaller_part_on_top(root: Path) -> None:
    truth = read_truth(opened(root))
    label_map = truth.parts(0).label_map(193)
    assert truth.class_names[label_map[5, 5] - 1] == "bird reye"
    assert truth.class_names[label_map[8, 8] - 1] == "bird head"


def test_open_pascal_part__list(root: Path) -> None:
    labels = opened(root, image_list=root / "VOC2010/ImageSets/Main/train.txt")
    assert [image.image_id for image in labels.images] == [SECOND, FIRST]
    assert Skip("image 2011_000009", "image of the list without an annotation file") in (
        labels.skipped
    )
    assert len(boxes(labels, FIRST)) == 6
    assert read_truth(labels.choose([1])).parts(0).class_index.size == 6


def test_open_pascal_part__bad_list(root: Path) -> None:
    (root / "list.txt").write_text("a\nb\n")
    with pytest.raises(
        DataError, match=r"list\.txt names 2 images, none of which has a \.mat file"
    ):
        opened(root, image_list=root / "list.txt")
    (root / "list.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DataError, match=r"list\.txt cannot be read: .*It needs one image a line"):
        opened(root, image_list=root / "list.txt")
    with pytest.raises(
        DataError, match=r"VOC2010 has no \.mat file\. Name the folder Annotations_P"
    ):
        open_pascal_part(root / "VOC2010")


def test_open_pascal_part__list_that_is_no_path(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"image_list is 5; expected the path of a text file"):
        opened(root, image_list=5)


def test_open_pascal_part__part_that_the_table_lacks(root: Path) -> None:
    write_mat(
        root / "Annotations_Part" / f"{FIRST}.mat",
        [("bird", (0, 0, 9, 9), {"crest_1": (0, 0, 2, 2)})],
    )
    with pytest.raises(
        DataError,
        match=rf"{FIRST}\.mat: object 1 \(bird\) of {FIRST}\.mat has the part 'crest_1', which the "
        r"class table pascal_part_58\.yaml does not mention\. Add 'crest' to a class of bird",
    ):
        opened(root, class_table=58)


def test_open_pascal_part__part_without_a_pixel(root: Path) -> None:
    parts = {"head": (0, 0, 9, 9), "reye": (0, 0, 0, 0)}
    write_mat(root / "Annotations_Part" / f"{FIRST}.mat", [("bird", (0, 0, 9, 9), parts)])
    labels = opened(root)
    assert labels.skipped[0] == Skip(
        f"reye of object 1 (bird) of {FIRST}.mat", "part without a pixel"
    )
    assert boxes(labels, FIRST) == {"bird head": [[0, 0, 9, 9]]}


def test_open_pascal_part__image_without_objects(root: Path) -> None:
    write_mat(root / "Annotations_Part" / f"{FIRST}.mat", [])
    labels = opened(root)
    assert labels.images[0].height is None
    assert labels.image_hw(labels.images[0]) == (40, 60)
    assert read_truth(labels).parts(0).runs == ()


def locate(path: Path, split: str | None = None) -> LabelSource | None:
    found = (layout.find(path, split) for layout in PASCAL_PART_LAYOUTS)
    return next((source for source in found if source is not None), None)


@pytest.mark.parametrize("voc", ["VOC2010", "VOCdevkit/VOC2012", "."])
def test_layout__raw_release(root: Path, voc: str) -> None:
    if voc == ".":
        for name in ("JPEGImages", "ImageSets"):
            (root / "VOC2010" / name).rename(root / name)
    elif voc != "VOC2010":
        (root / "VOCdevkit").mkdir()
        (root / "VOC2010").rename(root / voc)
    expected = LabelSource(
        "pascal_part",
        root / "Annotations_Part",
        root / voc / "JPEGImages",
        {"image_list": str(root / voc / "ImageSets/Main/val.txt")},
    )
    assert locate(root, "val") == expected
    assert locate(root / "Annotations_Part", "val") == expected
    assert locate(root, "test") is None
    with pytest.raises(DataError, match=r"has the splits train, val\. Choose one with --split"):
        locate(root)


def test_layout__flat_folder(tmp_path: Path) -> None:
    write_mat(tmp_path / "a.mat", [BIRD])
    assert locate(tmp_path) is None
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg")
    assert locate(tmp_path) == LabelSource("pascal_part", tmp_path, tmp_path)
    assert locate(tmp_path, "val") is None
    (tmp_path / "a.mat").write_bytes(b"another kind of .mat")
    assert locate(tmp_path) is None


def test_layout__a_damaged_file_or_missing_photograph_is_named(tmp_path: Path) -> None:
    for name in "abcdefg":
        write_mat(tmp_path / f"{name}.mat", [BIRD])
    *_, sound = sorted(set(tmp_path.glob("*.mat")) - {next(tmp_path.glob("*.mat"))})
    Image.new("RGB", (60, 40)).save(sound.with_suffix(".jpg"))  # not the first in any order
    assert locate(tmp_path) == LabelSource("pascal_part", tmp_path, tmp_path)
    labels = open_pascal_part(tmp_path)
    with pytest.raises(DataError, match=r"a\.jpg\) is missing"):
        labels.find_image(labels.images[0])
    for path in tmp_path.glob("*.mat"):
        if path != sound:
            path.write_bytes(b"damaged")
    assert locate(tmp_path) == LabelSource("pascal_part", tmp_path, tmp_path)
    with pytest.raises(DataError, match=r"a\.mat"):
        open_pascal_part(tmp_path)


def test_layout__processed_release(tmp_path: Path) -> None:
    for split in ("train", "val"):
        (tmp_path / "JPEGImages" / split).mkdir(parents=True)
        (tmp_path / "annotations" / split).mkdir(parents=True)
        (tmp_path / "annotations" / f"{split}_whole").mkdir()
        (tmp_path / "annotations" / split / f"{split}.json").write_text("{}")
        Image.new("L", (3, 3)).save(tmp_path / "annotations" / split / "a.png")
    labels = tmp_path / "annotations/val/val.json"
    assert locate(tmp_path, "val") == LabelSource(
        "part_image_net", labels, tmp_path / "JPEGImages" / "val"
    )


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_open_pascal_part__any_bytes(tmp_path: Path, data: st.DataObject) -> None:
    path = write_mat(tmp_path / "a.mat", [BIRD])
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    try:
        labels = open_pascal_part(tmp_path, class_table=58)
        read_weak(labels)
        read_truth(labels).parts(0)
    except DataError as error:
        assert str(tmp_path) in str(error)  # noqa: PT017  # some damage does not show


SHARED = Path(os.environ.get("WPS_SAM_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
REAL = SHARED / "pascal_part_examples"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not here: WPS_SAM_SHARED_DATA")
def test_open_pascal_part__real_files() -> None:
    source = locate(REAL)
    assert source == LabelSource("pascal_part", REAL, REAL)
    raw = open_pascal_part(REAL)
    assert len(raw.images) == 18
    # Read and counted once more with scipy.
    parts: Counter[str] = Counter()
    for path in REAL.glob("*.mat"):
        expected = loadmat(path)["anno"][0, 0]["objects"].reshape(-1)
        for item, found in zip(expected, read_pascal_mat(path), strict=True):
            parts[str(item["class"][0])] += item["parts"].size
            for part, found_part in zip(item["parts"].reshape(-1), found.parts, strict=True):
                assert found_part.name == part["part_name"][0]
                np.testing.assert_array_equal(found_part.mask, part["mask"])
    assert sum(parts.values()) == sum(1 for _ in raw.annotations()) == 398
    assert parts["person"] == 226
    # A boat, a table and seven chairs, which never have parts; and a screen that has none.
    reasons = Counter(skip.reason for skip in raw.skipped)
    assert reasons == {
        "object of a class that the class table leaves out": 9,
        "object without labelled parts": 1,
    }
    for image in raw.images:  # masks have their photograph's size
        with Image.open(raw.find_image(image)) as photograph:
            assert (image.width, image.height) == photograph.size


@pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not here: WPS_SAM_SHARED_DATA")
def test_open_pascal_part__real_truth_and_boxes_agree() -> None:
    labels = open_pascal_part(REAL, class_table=116)
    weak, truth = read_weak(labels), read_truth(labels)
    for index, image in enumerate(weak.images):
        parts = truth.parts(index)
        np.testing.assert_array_equal(parts.class_index, image.class_index)
        for runs, box in zip(parts.runs, image.boxes_xyxy, strict=True):
            flat = np.repeat(np.arange(len(runs)) % 2, runs)
            mask = flat.reshape(image.width, image.height).T
            rows, columns = np.nonzero(mask)
            tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_array_equal(box, tight)
