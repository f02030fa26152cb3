"""Folders of LabelMe files, sound and unsound."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from labels.formats.labelme_file import TRIANGLE, Json, content, names, shape, write_file
from labels.formats.mutations import mutated_json, mutated_text, read_or_refuse
from wps_sam.errors import DataError
from wps_sam.evaluation.truth import read_truth
from wps_sam.labels.formats import labelme
from wps_sam.labels.formats.labelme import open_labelme
from wps_sam.labels.formats.named_parts import JOINED_BOX, NO_OUTLINE, ROTATED, ROUND
from wps_sam.labels.remarks import count_notes, count_skips
from wps_sam.labels.weak_reading import read_weak

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file below the folder, with its image; see `write_file`."""
    return partial(write_file, tmp_path)


def test_open_labelme__shapes(write: Write) -> None:
    folder = write(
        content(
            shape("wheel", "polygon", TRIANGLE),
            shape("door", "rectangle", [[50.5, 4], [10, 20.25]]),
            shape("wheel", "point", [[7, 8]]),
        )
    )
    labels = open_labelme(folder)
    wheel, door, point = labels.annotations()
    assert names(labels) == ["door", "wheel"]
    assert wheel.record == "shape 0 of a.json"
    assert (wheel.category_id, door.category_id) == (1, 0)
    assert wheel.segmentation == [[1.5, 2.0, 11.25, 2.0, 1.5, 30.0]]
    # Corners in the other order: left 10, top 4, width 50.5 - 10, height 20.25 - 4.
    assert door.bbox == [10, 4, 40.5, 16.25]
    assert point.points == [[7, 8]]
    assert (point.bbox, point.segmentation) == (None, None)
    (image,) = labels.images
    assert (image.image_id, image.file_name, image.height, image.width) == (0, "a.jpg", 40, 60)
    assert labels.find_image(image) == folder / "a.jpg"
    assert (labels.notes, labels.skipped) == ([], [])


def test_open_labelme__round_rotated_and_mask_become_boxes(write: Write) -> None:
    folder = write(
        content(
            shape("a", "circle", [[20, 10], [23, 14]]),
            shape("b", "rotation", [[10, 0], [20, 10], [10, 20], [0, 10]]),
            shape("c", "rectangle", [[1, 2], [5, 2], [5, 9], [1, 9]]),
            shape("d", "mask", [[3, 4], [8, 9]], mask="iVBORw0KGgo="),
        )
    )
    labels = open_labelme(folder)
    # A circle of radius 5 around (20, 10); the mask's last pixel 8, 9 is inside: 6 pixels a side.
    assert [a.bbox for a in labels.annotations()] == [
        [15, 5, 10, 10],
        [0, 0, 20, 20],
        [1, 2, 4, 7],
        [3, 4, 6, 6],
    ]
    assert [(note.record, note.text) for note in labels.notes] == [
        ("shape 0 of a.json", ROUND),
        ("shape 1 of a.json", ROTATED),
        ("shape 3 of a.json", labelme.MASK_AS_BOX),
    ]


def test_open_labelme__group_is_one_part(write: Write) -> None:
    other = [[30, 2], [40, 2], [30, 30]]
    folder = write(
        content(
            shape("wheel", "polygon", TRIANGLE, group_id=1),
            shape("door", "polygon", TRIANGLE, group_id=1),
            shape("wheel", "polygon", other, group_id=1),
            shape("wheel", "polygon", other),
            shape("wheel", "polygon", other),
            shape("wheel", "point", [[3, 4]], group_id=1),
        )
    )
    labels = open_labelme(folder)
    wheel, *others = labels.annotations()
    assert len(wheel.segmentation) == 2
    assert wheel.points == [[3, 4]]
    assert wheel.record == "shape 0 of a.json"
    assert len(others) == 3
    assert len(read_weak(labels).images[0].boxes_xyxy) == 5
    assert len(read_weak(labels, keep_groups=True).images[0].boxes_xyxy) == 4


def test_open_labelme__boxes_of_a_group_stay_apart(write: Write) -> None:
    folder = write(
        content(
            shape("wheel", "rectangle", [[0, 0], [5, 5]], group_id=0),
            shape("wheel", "rectangle", [[10, 0], [15, 5]], group_id=0),
            shape("wheel", "point", [[2, 2]], group_id=0),
        )
    )
    labels = open_labelme(folder)
    first, second = labels.annotations()
    assert (first.bbox, first.points) == ([0, 0, 5, 5], [[2, 2]])
    assert (second.bbox, second.points) == ([10, 0, 5, 5], None)
    assert count_notes(labels.notes) == {JOINED_BOX: 1}


def test_open_labelme__what_is_left_out_is_counted(write: Write) -> None:
    folder = write(
        content(
            shape("wheel", None, TRIANGLE),
            shape("wheel", "line", [[1, 2], [3, 4]]),
            shape("wheel", "linestrip", [[1, 2], [3, 4], [5, 6]]),
            shape("wheel", "cuboid", [[1, 2], [3, 4]]),
            shape("wheel", "circle", [[1, 2]]),
        )
    )
    labels = open_labelme(folder)
    assert len(list(labels.annotations())) == 1  # without a type it is a polygon
    assert count_skips(labels.skipped) == {
        NO_OUTLINE: 2,
        "shape_type 'cuboid' is not read": 1,
        labelme.TOO_FEW_POINTS: 1,
    }


def test_open_labelme__ignored_region(write: Write) -> None:
    folder = write(
        content(shape("wheel", "polygon", TRIANGLE), shape("__ignore__", "polygon", TRIANGLE))
    )
    labels = open_labelme(folder)
    assert names(labels) == ["wheel"]
    assert [a.is_crowd for a in labels.annotations()] == [False, True]
    parts = read_truth(labels).parts(0)
    assert (len(parts.runs), len(parts.ignored)) == (1, 1)


def test_open_labelme__folders_and_other_files(write: Write, tmp_path: Path) -> None:
    night = content(shape("wheel", "polygon", TRIANGLE), image="..\\pictures\\a.jpg")
    write(night, "night/a.json", image="pictures/a.jpg")
    write(content(image="b.jpg"), "b.json")
    (tmp_path / "._b.json").write_bytes(b"\x00\x05")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "b.json").write_bytes(b"\x00\x05")
    (tmp_path / "settings.json").write_text('{"a": 1}')
    Image.new("RGB", (60, 40)).save(tmp_path / "new.jpg")
    labels = open_labelme(tmp_path)
    assert [image.file_name for image in labels.images] == ["b.jpg", "night/a.jpg"]
    assert labels.find_image(labels.images[0]) == tmp_path / "b.jpg"
    assert labels.find_image(labels.images[1]) == tmp_path / "night/../pictures/a.jpg"
    assert [(skip.record, skip.reason) for skip in labels.skipped] == [
        ("settings.json", labelme.NOT_LABELME),
        ("new.jpg", labelme.NOT_LABELLED),
    ]
    assert [a.record for a in labels.annotations()] == ["shape 0 of night/a.json"]
    chosen = labels.choose([1])
    assert [a.image.index for a in chosen.annotations()] == [0]
    assert chosen.find_image(chosen.images[0]) == tmp_path / "night/../pictures/a.jpg"


def test_open_labelme__images_elsewhere(write: Write, tmp_path: Path) -> None:
    part = shape("w", "polygon", TRIANGLE)
    write(content(part), image="pictures/a.jpg")
    write(content(part), "night/a.json", image="pictures/night/a.jpg")
    write(content(part, image="far/b.jpg"), "b.json", image="pictures/far/b.jpg")
    pictures = tmp_path / "pictures"
    labels = open_labelme(tmp_path, images_dir=pictures)
    assert [labels.find_image(image).relative_to(pictures) for image in labels.images] == [
        *(Path("a.jpg"), Path("far/b.jpg"), Path("night/a.jpg"))
    ]


@pytest.mark.parametrize(("picture", "hint"), [(None, False), ("iVBORw0KGgo=", True)])
def test_open_labelme__missing_image(
    write: Write, tmp_path: Path, picture: str | None, hint: bool
) -> None:
    labels = open_labelme(write(content(shape("w", "polygon", TRIANGLE), imageData=picture)))
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"a\.json: the file of image 0 \(a\.jpg\) is") as error:
        labels.find_image(labels.images[0])
    assert ("(imageData), which is not read: labelme_export_json" in str(error.value)) == hint


def test_open_labelme__size_from_the_image(write: Write) -> None:
    value = content(shape("w", "polygon", TRIANGLE), imageHeight=None)
    del value["imageWidth"]
    labels = open_labelme(write(value))
    assert labels.images[0].height is None
    assert labels.image_hw(labels.images[0]) == (40, 60)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("classes.txt", "wheel\nhood\ndoor\n", ["wheel", "hood", "door"]),
        ("classes.json", '["hood", "wheel", "door"]', ["hood", "wheel", "door"]),
        # As LabelMe's own examples begin.
        (
            "labels.txt",
            "__ignore__\n_background_\nwheel\n\ndoor\n",
            ["_background_", "wheel", "door"],
        ),
    ],
)
def test_open_labelme__list_of_classes(
    write: Write, tmp_path: Path, file: str, text: str, expected: list[str]
) -> None:
    write(content(shape("wheel", "polygon", TRIANGLE), shape("door", "polygon", TRIANGLE)))
    (tmp_path / file).write_text(text)
    assert names(open_labelme(tmp_path)) == expected


def test_open_labelme__list_of_classes_lacks_one(write: Write, tmp_path: Path) -> None:
    write(content(shape("wheel", "polygon", TRIANGLE)))
    (tmp_path / "classes.txt").write_text("door\n")
    message = r"shape 0 of a\.json has label 'wheel', which is not in the list.*\(door\)\. Add it"
    with pytest.raises(DataError, match=message):
        open_labelme(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shapes": {}}, r"a\.json has shapes \{\}; expected a list"),
        ({"shapes": [5]}, r"shape 0 of a\.json has the value 5; expected an object"),
        ({"shapes": [{}]}, r"shape 0 of a\.json has label None; expected a name"),
        ({"shapes": [shape(" ", "polygon", TRIANGLE)]}, r"has label ' '; expected a name"),
        ({"shapes": [shape("w", "polygon", [[1]])]}, r"has in points \[1\]; expected a point"),
        ({"shapes": [{**shape("w", "p", []), "points": None}]}, r"points None; expected a list of"),
        (
            {"shapes": [{**shape("w", "polygon", []), "points": [[1, "2"]]}]},
            r"shape 0 of a\.json has in points '2'; expected a number. Correct or remove",
        ),
        ({"shapes": [shape("w", "polygon", TRIANGLE, group_id=[1])]}, r"has group_id \[1\]"),
        ({"imagePath": None}, r"a\.json has imagePath None; expected a name"),
        ({"imagePath": "photos/"}, r"imagePath 'photos/'; expected the name of an image file"),
        ({"imageHeight": 0}, r"a\.json has imageHeight 0; expected whole pixels, 1 or more"),
        ({"imageWidth": "60"}, r"imageWidth '60'; expected whole pixels"),
        ({"shapes": []}, r"has no part with a label. Label at least one part"),
    ],
)
def test_open_labelme__bad_values(write: Write, change: Json, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_labelme(write({**content(), **change}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a\.json is empty; expected a LabelMe file"),
        ('{"shapes": [', r"a\.json is broken JSON: .*cut off: copy or export it again"),
        ("[" * 200_000, r"a\.json is broken JSON: lists or objects nested too deeply"),
        ("[]", r"has no LabelMe file; expected a LabelMe file"),
        ('{"images": []}', r"has no LabelMe file"),
    ],
    ids=["empty", "cut off", "deep", "list", "coco"],
)
def test_open_labelme__no_labelme(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=message):
        open_labelme(tmp_path)


def test_open_labelme__two_files_for_one_image(write: Write) -> None:
    write(content(shape("w", "polygon", TRIANGLE)))
    folder = write(content(), "copy.json", image="a.jpg")
    with pytest.raises(DataError, match=r"a\.json and copy\.json are both about image a\.jpg"):
        open_labelme(folder)


def test_open_labelme__changed_meanwhile(write: Write, tmp_path: Path) -> None:
    labels = open_labelme(write(content(shape("w", "polygon", TRIANGLE))))
    write(content(shape("new", "polygon", TRIANGLE)))
    with pytest.raises(DataError, match=r"has label 'new', which was not there when"):
        list(labels.annotations())
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DataError, match=r"a\.json has changed since it was opened"):
        list(labels.annotations())


SOUND = content(
    shape("wheel", "polygon", TRIANGLE, group_id=3),
    shape("wheel", "polygon", TRIANGLE, group_id=3),
    shape("door", "rectangle", [[1, 2], [3, 4]]),
    shape("door", "circle", [[9, 9], [12, 13]]),
    shape("hood", "point", [[1, 2]]),
    shape("hood", "mask", [[1, 2], [3, 4]]),
    shape("hood", "rotation", [[10, 0], [20, 10], [10, 20], [0, 10]]),
)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=mutated_json(SOUND))
def test_open_labelme__mutated(tmp_path: Path, value: Any) -> None:
    (tmp_path / "a.json").write_text(json.dumps(value))
    if not (tmp_path / "a.jpg").exists():
        Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg")
    read_or_refuse(lambda: open_labelme(tmp_path), str(tmp_path))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=mutated_text(json.dumps(SOUND)) | st.binary(max_size=20))
def test_open_labelme__mutated_text(tmp_path: Path, text: str | bytes) -> None:
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogatepass")
    (tmp_path / "a.json").write_bytes(text)
    read_or_refuse(lambda: open_labelme(tmp_path), str(tmp_path))
