"""YOLO data sets on disk, and the same boxes read and written by labelformat."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelformat.formats.yolov8 import YOLOv8ObjectDetectionInput, YOLOv8ObjectDetectionOutput
from labelformat.model.bounding_box import BoundingBoxFormat
from PIL import Image

from labels.formats.labelformat_input import HEIGHT, WIDTH, Written, boxes
from labels.formats.mutations import mutated_text
from wps_sam.errors import DataError
from wps_sam.evaluation.runs import runs_area
from wps_sam.evaluation.truth import read_truth
from wps_sam.labels.formats.yolo import (
    CONFIDENCE,
    LISTED_TWICE,
    NO_IMAGE,
    NO_LABELS,
    YOLO_LAYOUTS,
    open_yolo,
    yolo_splits,
)
from wps_sam.labels.layout import LabelSource
from wps_sam.labels.weak_reading import read_weak

Make = Callable[[Mapping[str, str]], Path]

YAML = "train: images/train\nval: images/val\nnames: [door, wheel]\n"
BOX = "1 0.5 0.25 0.2 0.5"  # left 32, top 0, right 48, bottom 20


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write files by name; those ending in .png become images of 40 x 80 (height x width)."""

    def write(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith(".png"):
                Image.new("RGB", (WIDTH, HEIGHT)).save(path)
            else:
                path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def find(data: Path, split: str | None = None) -> LabelSource | None:
    sources = (layout.find(data, split) for layout in YOLO_LAYOUTS)
    return next((source for source in sources if source is not None), None)


def test_boxes_outlines_and_empty_files(make: Make) -> None:
    root = make(
        {
            "data.yaml": YAML,
            "images/train/b.png": "",
            "labels/train/b.txt": "",
            "images/train/a.png": "",
            "labels/train/a.txt": f"{BOX}\n\n0 0.25 0.5 1 0.5 1 1\n",
            "images/train/c.png": "",
            "labels/train/d.txt": BOX,
            "images/val/e.png": "",
        }
    )
    labels = open_yolo(root / "data.yaml", split="train")
    assert [(i.image_id, i.file_name) for i in labels.images] == [
        *((0, "a.png"), (1, "b.png"), (2, "c.png"))
    ]
    weak = read_weak(labels)
    assert weak.class_names == ("door", "wheel")
    assert weak.category_ids == (0, 1)
    assert weak.images[0].class_index.tolist() == [1, 0]
    np.testing.assert_allclose(
        weak.images[0].boxes_xyxy, [[32, 0, 48, 20], [20, 20, 80, 40]], atol=1e-5
    )
    assert [len(image.class_index) for image in weak.images] == [2, 0, 0]
    assert [(s.record, s.reason) for s in weak.skipped] == [("labels/train/d.txt", NO_IMAGE)]
    assert [(n.record, n.text) for n in weak.notes] == [("c.png", NO_LABELS)]
    assert weak.images[0].path.is_file()


def test_outlines_are_truth(make: Make) -> None:
    # The right half of the image: 40 x 40 pixels.
    root = make(
        {
            "data.yaml": YAML,
            "images/train/a.png": "",
            "labels/train/a.txt": "0 0.5 0 1 0 1 1 0.5 1",
        }
    )
    truth = read_truth(open_yolo(root, split="train"))
    assert truth.images[0].hw == (HEIGHT, WIDTH)
    assert [runs_area(runs) for runs in truth.parts(0).runs] == [1600]


def test_keypoints_are_points(make: Make) -> None:
    root = make(
        {
            "data.yaml": "train: images\nnames: [door]\nkpt_shape: [2, 3]",
            "images/a.png": "",
            "labels/a.txt": "0 0.5 0.5 1 1 0.25 0.5 2 0 0 0",
        }
    )
    annotation = next(open_yolo(root).annotations())
    assert annotation.points == [[20, 20]]
    assert annotation.bbox == [0, 0, 80, 40]
    assert annotation.record == "line 1 of labels/a.txt"


def test_confidence_is_noted_once_however_often_labels_are_read(make: Make) -> None:
    root = make(
        {
            "classes.txt": "door\nwheel\n",
            "images/a.png": "",
            "labels/a.txt": f"{BOX}\n{BOX} 0.9\n{BOX} 0.8\n",
        }
    )
    labels = open_yolo(root)
    assert labels.notes == []
    for _ in range(2):
        assert len(list(labels.annotations())) == 3
        assert [(n.record, n.text) for n in labels.notes] == [
            ("line 2 of labels/a.txt", CONFIDENCE),
            ("line 3 of labels/a.txt", CONFIDENCE),
        ]


def test_image_header_is_read_only_with_parts(make: Make) -> None:
    root = make(
        {
            "classes.txt": "door\nwheel",
            "images/a.png": "",
            "labels/a.txt": BOX,
            "images/b.jpg": "no image",
            "labels/b.txt": "",
        }
    )
    assert len(list(open_yolo(root).annotations())) == 1


def test_several_folders(make: Make) -> None:
    root = make(
        {
            "data.yaml": "train: [one/images, two/images]\nnames: [door, wheel]",
            "one/images/a.png": "",
            "one/labels/a.txt": BOX,
            "two/images/sub/a.png": "",
            "two/labels/sub/a.txt": BOX,
        }
    )
    labels = open_yolo(root)
    assert [image.file_name for image in labels.images] == [
        "one/images/a.png",
        "two/images/sub/a.png",
    ]
    assert len(list(labels.annotations())) == 2
    with pytest.raises(DataError, match=r"--images can replace only a single folder. Correct"):
        open_yolo(root, images_dir=root)


def test_list_of_images(make: Make) -> None:
    root = make(
        {
            "data.yaml": "train: lists/train.txt\nnames: [door, wheel]",
            "lists/train.txt": "../images/a.png\nimages/sub/b.png\n\nimages/a.png\nimages/x.png\n",
            "images/a.png": "",
            "labels/a.txt": BOX,
            "images/sub/b.png": "",
            "labels/sub/b.txt": BOX,
            "labels/of_another_split.txt": BOX,
        }
    )
    labels = open_yolo(root)
    assert len(list(labels.annotations())) == 2
    assert labels.skipped == []
    assert (labels.notes[0].record, labels.notes[0].text) == ("a.png", LISTED_TWICE)
    # x.png is in neither folder; it is looked for when it is needed.
    with pytest.raises(DataError, match=r"x\.png\) is missing. Tried: .*x\.png. Put it there, or"):
        read_weak(labels)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"train\.txt lists no image; expected the path of an image in each line"),
        ("images/a.png\n..\n", r"train\.txt: line 2 is '\.\.'; expected the path of an image"),
    ],
)
def test_unsound_list(make: Make, text: str, message: str) -> None:
    root = make(
        {"data.yaml": "train: train.txt\nnames: [a]", "train.txt": text, "images/a.png": ""}
    )
    with pytest.raises(DataError, match=message):
        open_yolo(root)


def test_images_elsewhere(make: Make) -> None:
    root = make(
        {
            "data.yaml": "train: images\nnames: [door, wheel]",
            "labels/a.txt": BOX,
            "photos/a.png": "",
        }
    )
    labels = open_yolo(root, images_dir=root / "photos")
    assert [image.file_name for image in labels.images] == ["a.png"]
    assert labels.find_image(labels.images[0]) == root / "photos" / "a.png"
    assert len(list(labels.annotations())) == 1


def test_label_files_beside_the_images(make: Make) -> None:
    # labelImg in YOLO mode.
    root = make({"classes.txt": "door\nwheel", "a.png": "", "a.txt": BOX, ".b.txt": "x"})
    labels = open_yolo(root)
    assert len(list(labels.annotations())) == 1
    assert labels.skipped == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 0.5 0.5 0.1 0.1", r"data\.yaml: line 2 of labels/a\.txt: class 2 is not in the list"),
        ("0 320 0.5 0.1 0.1", r"line 2 of labels/a\.txt: 320 looks like pixels.*by the height\.$"),
        ("0 0.5 0.5", r"line 2 of labels/a\.txt: found 2 numbers behind the class"),
    ],
)
def test_unsound_line(make: Make, line: str, message: str) -> None:
    root = make(
        {
            "data.yaml": "train: images\nnames: [door, wheel]",
            "images/a.png": "",
            "labels/a.txt": f"{BOX}\n{line}\n",
        }
    )
    with pytest.raises(DataError, match=message):
        read_weak(open_yolo(root))


def test_no_label_file_at_all(make: Make) -> None:
    root = make({"data.yaml": "train: images\nnames: [a]", "images/a.png": ""})
    with pytest.raises(DataError, match=r"none of its 1 images has a label file; expected for"):
        open_yolo(root)


def test_two_images_share_a_label_file(make: Make) -> None:
    root = make(
        {
            "data.yaml": "train: images\nnames: [a, b]",
            "images/a.png": "",
            "images/a.jpg": "",
            "labels/a.txt": BOX,
        }
    )
    with pytest.raises(DataError, match=r"images a\.jpg and a\.png share the label file labels/a"):
        open_yolo(root)


def test_layouts(make: Make, tmp_path: Path) -> None:
    root = make(
        {
            "valid/images/a.png": "",
            "valid/labels/a.txt": BOX,
            "train/images/b.png": "",
            "train/labels/b.txt": BOX,
            "classes.txt": "door\nwheel",
        }
    )
    assert yolo_splits(root) == ("train", "val")
    assert find(root) == LabelSource("yolo", root)
    expected = LabelSource("yolo", root, settings={"split": "val"})
    assert find(root, "val") == find(root, "valid") == expected
    with pytest.raises(DataError, match=r"has only the splits train, val; split 'test' was"):
        find(root, "test")
    with pytest.raises(DataError, match=r"has the splits train, val. Choose one with --split"):
        open_yolo(root)
    assert [i.file_name for i in open_yolo(root, split="valid").images] == ["a.png"]

    file = make({"data.yaml": "train: train/images\nnames: [a, b]"}) / "data.yaml"
    assert find(root) == find(file) == LabelSource("yolo", file)
    assert find(file, "train") == LabelSource("yolo", file, settings={"split": "train"})
    assert find(root / "classes.txt") is None
    assert find(root / "train" / "images") is None
    (tmp_path / "other.yaml").write_text("a: b")
    assert find(tmp_path / "other.yaml") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.tuples(boxes(), st.integers(0, 1)), min_size=1, max_size=5))
def test_labelformat_writes_and_reads_the_same(
    make: Make, parts: list[tuple[list[float], int]]
) -> None:
    root = make({"images/a.png": ""})
    file = root / "data.yaml"
    written = Written([box for box, _ in parts], [number for _, number in parts])
    YOLOv8ObjectDetectionOutput(file, "train").save(written)
    weak = read_weak(open_yolo(file, split="train"))
    assert weak.class_names == ("door", "wheel")
    assert weak.images[0].class_index.tolist() == [number for _, number in parts]
    np.testing.assert_allclose(
        weak.images[0].boxes_xyxy, [box for box, _ in parts], rtol=1e-6, atol=1e-5
    )
    (theirs,) = YOLOv8ObjectDetectionInput(file, "train").get_labels()
    ours = [annotation.bbox for annotation in open_yolo(file).annotations()]
    np.testing.assert_allclose(
        ours, [part.box.to_format(BoundingBoxFormat.XYWH) for part in theirs.objects], atol=1e-9
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated_text(f"{BOX}\n0 0.25 0.5 1 0.5 1 1\n") | st.text(), st.booleans())
def test_any_label_file_is_read_or_refused(make: Make, text: str, has_points: bool) -> None:
    points = "kpt_shape: [1, 2]" if has_points else ""
    root = make({"data.yaml": f"train: images\nnames: [a, b]\n{points}", "images/a.png": ""})
    (root / "labels").mkdir(exist_ok=True)
    (root / "labels" / "a.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        message = str(read_weak(open_yolo(root)).source)
    except DataError as error:
        message = str(error)
    assert "data.yaml" in message or "a.txt" in message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_any_list_is_read_or_refused(make: Make, text: str) -> None:
    root = make({"data.yaml": "train: train.txt\nnames: [a, b]", "labels/a.txt": BOX})
    (root / "train.txt").write_bytes(("images/a.png\n" + text).encode("utf-8", "surrogatepass"))
    try:
        message = str(read_weak(open_yolo(root)).source)
    except DataError as error:
        message = str(error)
    assert "data.yaml" in message or "train.txt" in message
