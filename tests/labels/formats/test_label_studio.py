"""Label Studio exports as its documentation shows them (labelstud.io/guide/export, /tags)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.labels.formats import label_studio, label_studio_results
from wps_sam.labels.formats.label_studio import LABEL_STUDIO_LAYOUTS, open_label_studio
from wps_sam.labels.formats.named_parts import ROTATED, ROUND
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.layout import LabelSource
from wps_sam.labels.remarks import count_notes, count_skips
from wps_sam.labels.weak_reading import read_weak

from .mutations import mutated_json, mutated_text, read_or_refuse

Json = dict[str, Any]
Write = Callable[..., Path]

BOX = {"x": 5, "y": 10, "width": 20, "height": 50, "rotation": 0}
"""Of an image of 60 x 40 (width x height): 3, 4, 12, 20 in pixels."""


def region(kind: str, value: Json, *labels: str, **more: Any) -> Json:
    """A result for an image of 60 x 40 (width x height)."""
    return {
        "original_width": 60,
        "original_height": 40,
        "image_rotation": 0,
        "value": {**value, kind: list(labels)},
        "id": "Dx_aB91ISN",
        "from_name": "label",
        "to_name": "image",
        "type": kind,
        "origin": "manual",
        **more,
    }


def task(*results: Any, task_id: int = 7, image: str = "a.jpg", **more: Any) -> Json:
    annotation = {"id": 1001, "was_cancelled": False, "ground_truth": False, "result": [*results]}
    data = {"image": image, "source": "camera 3"}
    return {"id": task_id, "annotations": [annotation], "predictions": [], "data": data, **more}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an export, with a.jpg and b.jpg in images/ beside it."""
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (60, 40)).save(tmp_path / "images" / name)

    def write_json(*tasks: Any, name: str = "project-1.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(list(tasks)), encoding="utf-8")
        return path

    return write_json


def names(labels: LabelFile) -> list[str]:
    return [category.name for category in labels.categories]


def test_open_label_studio__regions_in_pixels(write: Write, tmp_path: Path) -> None:
    polygon = {"points": [[0, 0], [50, 0], [0, 25]], "closed": True}
    labels = open_label_studio(
        write(
            task(
                region("rectanglelabels", BOX, "wheel"),
                region("polygonlabels", polygon, "door"),
                region("keypointlabels", {"x": 10, "y": 20, "width": 0.5}, "door"),
            ),
            task(task_id=9, image="b.jpg"),
        )
    )
    wheel, door, dot = labels.annotations()
    assert names(labels) == ["door", "wheel"]
    assert wheel.record == "result 0 of task 7 (a.jpg)"
    assert (wheel.category_id, door.category_id) == (1, 0)
    assert wheel.bbox == pytest.approx([3, 4, 12, 20])
    assert door.segmentation == [pytest.approx([0, 0, 30, 0, 0, 10])]
    assert dot.points == [pytest.approx([6, 8])]
    assert [(i.image_id, i.file_name, i.height, i.width) for i in labels.images] == [
        (7, "a.jpg", 40, 60),
        (9, "b.jpg", None, None),
    ]
    assert labels.find_image(labels.images[1]) == tmp_path / "images" / "b.jpg"
    assert [len(i.class_index) for i in read_weak(labels).images] == [3, 0]


def test_open_label_studio__documented_example(write: Write) -> None:
    # The example of labelstud.io/guide/export, "Units of image annotations": 600 x 403 pixels.
    airplane = region(
        "rectanglelabels",
        {"x": 5.33, "y": 23.57, "width": 29.16, "height": 31.26, "rotation": 0},
        "Airplane",
        original_width=600,
        original_height=403,
    )
    (annotation,) = open_label_studio(write(task(airplane))).annotations()
    # Each is percent / 100 x side, worked out by hand.
    assert annotation.bbox == pytest.approx([31.98, 94.9871, 174.96, 125.9778])


def test_open_label_studio__rotated_box(write: Write) -> None:
    # HumanSignal/label-studio issue 2293: in an image of 1000 x 500, the box x 200, y 100, width
    # 300, height 100 turned by 90 degrees covers the box x 100, y 100, width 100, height 300.
    side = {"original_width": 1000, "original_height": 500}
    box = {"x": 20, "y": 20, "width": 30, "height": 20, "rotation": 90}
    ellipse = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 5, "rotation": 90}
    labels = open_label_studio(
        write(
            task(
                region("rectanglelabels", box, "wheel", **side),
                # 100 x 25 pixels around 500, 250; turned, 25 x 100.
                region("ellipselabels", ellipse, "wheel", **side),
            )
        )
    )
    rectangle, round_one = labels.annotations()
    assert rectangle.bbox == pytest.approx([100, 100, 100, 300])
    assert round_one.bbox == pytest.approx([475, 150, 50, 200])
    assert count_notes(labels.notes) == {ROTATED: 1, ROUND: 1}


def test_open_label_studio__separate_controls_and_several_labels(write: Write) -> None:
    shape = region("rectangle", BOX, id="one")
    del shape["value"]["rectangle"]
    labels = open_label_studio(
        write(
            task(
                shape,
                region("labels", BOX, "wheel", id="one"),
                region("labels", {"points": [[0, 0], [50, 0], [0, 25]]}, "wheel", id="two"),
                region("labels", {"x": 1, "y": 2, "width": 0.3}, "wheel", id="three"),
                region("rectanglelabels", BOX, "wheel", "tyre", id="four"),
            )
        )
    )
    found = list(labels.annotations())
    assert [bool(a.bbox) for a in found] == [True, False, False, True, True]
    assert [a.category_id for a in found] == [1, 1, 1, 1, 0]
    assert labels.skipped == []
    assert [(n.record, n.text) for n in labels.notes] == [
        ("result 4 of task 7 (a.jpg)", label_studio_results.SEVERAL_LABELS)
    ]


def test_open_label_studio__what_is_left_out_is_counted(write: Write) -> None:
    brush = region("brushlabels", {"format": "rle", "rle": [0, 1, 2]}, "wheel")
    labels = open_label_studio(
        write(
            task(
                region("rectanglelabels", BOX, "wheel"),
                brush,
                region("choices", {}, "good"),
                region("rectanglelabels", BOX),
                region("rectangle", BOX, id="alone"),
                region("rectanglelabels", BOX, "wheel", image_rotation=90),
            )
        )
    )
    assert len(list(labels.annotations())) == 1
    assert count_skips(labels.skipped) == {
        label_studio_results.NO_LABEL: 2,
        label_studio_results.BRUSH: 1,
        "result of type 'choices' is no region that is read": 1,
        label_studio_results.IMAGE_TURNED: 1,
    }


def test_open_label_studio__several_annotators(write: Write) -> None:
    wheel, door = (region("rectanglelabels", BOX, name) for name in ("wheel", "door"))
    several = task()
    several["annotations"] = [
        {"result": [door, door], "was_cancelled": True},
        {"result": [wheel]},
        {"result": [door]},
    ]
    several["predictions"] = [{"result": [door]}]
    cancelled = task(task_id=8, image="b.jpg")
    cancelled["annotations"][0]["was_cancelled"] = True
    labels = open_label_studio(write(several, cancelled))
    assert names(labels) == ["wheel"]
    assert [image.file_name for image in labels.images] == ["a.jpg"]
    assert [(skip.record, skip.reason) for skip in labels.skipped] == [
        ("prediction 0 of task 7 (a.jpg)", label_studio.PREDICTION),
        ("annotation 0 of task 7 (a.jpg)", label_studio.CANCELLED),
        ("annotation 2 of task 7 (a.jpg)", label_studio.ANOTHER),
        ("annotation 0 of task 8 (b.jpg)", label_studio.CANCELLED),
        ("task 8 (b.jpg)", label_studio.NOT_ANNOTATED),
    ]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/data/upload/1/a.jpg", "a.jpg"),
        ("/data/upload/1/0123abcd-a.jpg", "a.jpg"),
        ("/data/local-files/?d=cars/a.jpg", "a.jpg"),
        ("/data/local-files/?d=images%2Fa.jpg", "a.jpg"),
        ("s3://bucket/cars/a.jpg", "a.jpg"),
        ("https://example.org/cars/a.jpg?token=1#x", "a.jpg"),
        ("C:\\cars\\a.jpg", "a.jpg"),
        ("images/a.jpg", "a.jpg"),
    ],
)
def test_open_label_studio__finds_the_image(
    write: Write, tmp_path: Path, url: str, name: str
) -> None:
    labels = open_label_studio(write(task(region("rectanglelabels", BOX, "w"), image=url)))
    assert labels.images[0].file_name == name
    assert labels.find_image(labels.images[0]) == tmp_path / "images" / "a.jpg"


def test_open_label_studio__upload_prefix_of_the_file_itself(write: Write, tmp_path: Path) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "images" / "0123abcd-a.jpg")
    url = "/data/upload/1/0123abcd-a.jpg"
    labels = open_label_studio(write(task(region("rectanglelabels", BOX, "w"), image=url)))
    assert labels.images[0].file_name == "0123abcd-a.jpg"
    (tmp_path / "images" / "0123abcd-a.jpg").unlink()
    (tmp_path / "images" / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"image 7 \(0123abcd-a\.jpg\) is missing. Tried"):
        labels.find_image(labels.images[0])


def test_open_label_studio__names_below_the_common_folder(write: Write) -> None:
    box = region("rectanglelabels", BOX, "w")
    path = write(
        task(box, image="/data/local-files/?d=x/cars/day/a.jpg"),
        task(box, image="/data/local-files/?d=x/cars/night/a.jpg", task_id=8),
    )
    found = [image.file_name for image in open_label_studio(path).images]
    assert found == ["day/a.jpg", "night/a.jpg"]
    # Below images/ all folders belong to the name, also where all images share one.
    path = write(task(box, image="/data/local-files/?d=images/day/a.jpg"))
    assert open_label_studio(path).images[0].file_name == "day/a.jpg"


def test_open_label_studio__other_key_and_no_size(write: Write) -> None:
    result = region("rectanglelabels", BOX, "w")
    del result["original_width"]
    value = task(result, data={"photo": "a.jpg", "text": "hood", "number": 5})
    del value["id"]
    labels = open_label_studio(write(value))
    assert (labels.images[0].image_id, labels.images[0].height) == (0, None)
    (annotation,) = labels.annotations()
    assert annotation.bbox == pytest.approx([3, 4, 12, 20])  # from the image file's own size


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("classes.txt", "wheel\ndoor\n", ["wheel", "door"]),
        (
            "label_config.xml",
            '<View><RectangleLabels><Label value="wheel"/><Label value="door"/></RectangleLabels>'
            '<PolygonLabels><Label value="wheel"/></PolygonLabels></View>',
            ["wheel", "door"],
        ),
        ("label_config.xml", "<View></View>", ["wheel"]),
    ],
)
def test_open_label_studio__order_of_classes(
    write: Write, tmp_path: Path, file: str, text: str, expected: list[str]
) -> None:
    (tmp_path / file).write_text(text)
    path = write(task(region("rectanglelabels", BOX, "wheel")))
    assert names(open_label_studio(path)) == expected


def test_open_label_studio__broken_label_config(write: Write, tmp_path: Path) -> None:
    (tmp_path / "label_config.xml").write_text("<View>")
    with pytest.raises(DataError, match=r"label_config\.xml is broken XML: .*or remove it"):
        open_label_studio(write(task(region("rectanglelabels", BOX, "wheel"))))


MINIMAL = {"image": "a.jpg", "id": 7, "label": [BOX], "annotator": 1, "annotation_id": 1}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, r"task at position 0 has the value 5; expected an object"),
        (MINIMAL, r"is a JSON-MIN export; expected a Label Studio export.*as \"JSON\""),
        ({"data": {"image": "a.jpg"}, "completions": []}, r"is from Label Studio before 1\.0"),
        ({"a": 1}, r"is no Label Studio export: task 0 has no 'annotations', only \['a'\]"),
        (task(data={"text": "x"}), r"task 7 has data .*; expected one image a task"),
        (task(data={"a": "x.jpg", "b": "y.jpg"}), r"expected one image a task"),
        (task(image="data:image/png;base64,iVBO"), r"has image 'data:image/p.*the URL or path of"),
        (task(image=" /"), r"expected the URL or path"),
        (task(id=[1]), r"task at position 0 has id \[1\]; expected a whole number or text"),
        (
            task(annotations={"a": 1}),
            r"task 7 \(a\.jpg\) has annotations \{'a': 1\}; expected a list",
        ),
        (
            task(annotations=[{}]),
            r"annotation 0 of task 7 \(a\.jpg\) has result None; expected a l",
        ),
        (task(5), r"result 0 of task 7 \(a\.jpg\) has the value 5; expected an object"),
        (task({"value": {}}), r"result 0 of task 7 .* has type None; expected a name"),
        (
            task(region("rectanglelabels", {"x": 1, "y": 2, "width": 3}, "w")),
            r"result 0 of task 7 \(a\.jpg\) has height None; expected a number. Correct or remove",
        ),
        (task(region("rectanglelabels", BOX, "")), r"has in rectanglelabels ''; expected a name"),
        (task(region("polygonlabels", {"points": 1}, "w")), r"has points 1; expected a list of p"),
        (
            task(region("rectanglelabels", BOX, "w", original_width=0)),
            r"has original_width 0; expected whole pixels, 1 or more",
        ),
        (
            task(
                region("rectanglelabels", BOX, "w"),
                region("rectanglelabels", BOX, "w", original_width=80),
            ),
            r"result 1 of .* height and width \(40, 80\); expected \(40, 60\), as of the results",
        ),
        (task(), r"has no part with a label"),
        (task(annotations=[]), r"none of its 1 tasks has an annotation"),
        (
            task(annotations=[], predictions=[{"result": []}]),
            r"none of its 1 tasks has an annotation.*Predictions are no labels: accept them",
        ),
    ],
)
def test_open_label_studio__bad_values(write: Write, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_label_studio(write(value))


def test_open_label_studio__repeated(write: Write) -> None:
    box = region("rectanglelabels", BOX, "w")
    with pytest.raises(DataError, match=r"task id 7 occurs twice, for a\.jpg and b\.jpg"):
        open_label_studio(write(task(box), task(box, image="b.jpg")))
    with pytest.raises(DataError, match=r"task 7 \(a\.jpg\) and task 8 \(a\.jpg\) are both about"):
        open_label_studio(write(task(box), task(box, task_id=8)))


def test_open_label_studio__changed_meanwhile(write: Write) -> None:
    box = region("rectanglelabels", BOX, "w")
    labels = open_label_studio(write(task(box)))
    write(task(box), task(box, task_id=8, image="b.jpg"))
    with pytest.raises(DataError, match=r"has changed since it was opened: 2 tasks instead of 1"):
        list(labels.annotations())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"is empty; expected a Label Studio export"),
        ("{}", r"holds a JSON dict; expected a Label Studio export"),
        ("[]", r"none of its 0 tasks"),
        ("[{", r"is broken JSON"),
    ],
)
def test_open_label_studio__no_export(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        open_label_studio(path)


def find(path: Path, split: str | None = None) -> LabelSource | None:
    found = (layout.find(path, split) for layout in LABEL_STUDIO_LAYOUTS)
    return next((source for source in found if source is not None), None)


def test_layouts(write: Write, tmp_path: Path) -> None:
    train = write(task(region("rectanglelabels", BOX, "wheel")), name="train.json")
    (tmp_path / "coco.json").write_text('{"images": [], "annotations": []}')
    (tmp_path / "results.json").write_text('[{"image_id": 1, "category_id": 2}]')
    assert find(train) == find(tmp_path) == LabelSource("label_studio", train)
    val = write(task(region("rectanglelabels", BOX, "door")), name="val.json")
    sources = [find(tmp_path, split) for split in ("train", "val")]
    opened = [open_label_studio(s.path, **s.settings) for s in sources if s is not None]
    assert [labels.path for labels in opened] == [train, val]
    assert [names(labels) for labels in opened] == [["door", "wheel"]] * 2
    assert find(tmp_path, "test") is None
    with pytest.raises(DataError, match=r"several Label Studio exports: train\.json, val\.json"):
        find(tmp_path)
    with pytest.raises(DataError, match=r"is one file, so split 'val' cannot be chosen"):
        find(train, "val")
    assert find(tmp_path / "coco.json") is None
    assert find(tmp_path / "results.json") is None


SOUND = [
    task(
        region("rectanglelabels", {**BOX, "rotation": 30}, "wheel"),
        region("rectanglelabels", BOX, "wheel"),
        region("polygonlabels", {"points": [[0, 0], [50, 0], [0, 25]]}, "door"),
        region("keypointlabels", {"x": 10, "y": 20, "width": 0.5}, "door"),
        region("ellipselabels", {"x": 50, "y": 50, "radiusX": 10, "radiusY": 5}, "door"),
        region("labels", BOX, "wheel", id="one"),
    ),
    task(task_id=9, image="/data/upload/1/0123abcd-b.jpg"),
]


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=mutated_json(SOUND))
def test_open_label_studio__mutated(write: Write, tmp_path: Path, value: Any) -> None:
    path = tmp_path / "project-1.json"
    path.write_text(json.dumps(value))
    read_or_refuse(lambda: open_label_studio(path), str(path), str(tmp_path / "images"))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=mutated_text(json.dumps(SOUND)) | st.binary(max_size=20))
def test_open_label_studio__mutated_text(write: Write, tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "project-1.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    read_or_refuse(lambda: open_label_studio(path), str(path), str(tmp_path / "images"))
