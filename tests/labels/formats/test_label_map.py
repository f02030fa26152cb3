"""Label maps: what their values mean, and which boxes come of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from labels.formats.mutations import mutated_json
from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.truth import read_truth
from wps_sam.labels.formats.label_map import LABEL_MAP_LAYOUTS, open_label_map
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.layout import LabelSource
from wps_sam.labels.remarks import Skip
from wps_sam.labels.weak_reading import read_weak

# 8-connected: the two 1s at the left touch by a corner; the 1 at the right stands alone.
PIXELS = [
    [1, 0, 0, 0, 0, 1],
    [0, 1, 0, 2, 2, 0],
    [0, 0, 0, 2, 2, 0],
]
BOXES = {(0, 1): [[0, 0, 2, 2], [5, 0, 6, 1]], (0, 2): [[3, 1, 5, 3]]}
NAMES = ["wheel", "door"]


def write_map(root: Path, name: str, pixels: ArrayLike, dtype: type = np.uint8) -> None:
    """maps/<name>.png with a photograph of its size, images/<name>.jpg."""
    array: NDArray[Any] = np.asarray(pixels, dtype)
    for folder in ("maps", "images"):
        (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(root / "maps" / f"{name}.png")
    Image.new("RGB", array.shape[::-1]).save(root / "images" / f"{name}.jpg")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two images; the second has no part."""
    write_map(tmp_path, "a", PIXELS)
    write_map(tmp_path, "sub/b", np.zeros((4, 5)))
    return tmp_path


def boxes(labels: LabelFile) -> dict[tuple[int, int], list[list[float]]]:
    """Xyxy boxes by position of the image and category id."""
    found: dict[tuple[int, int], list[list[float]]] = {}
    dataset = read_weak(labels)
    for position, image in enumerate(dataset.images):
        for class_index, box in zip(image.class_index, image.boxes_xyxy.tolist(), strict=True):
            found.setdefault((position, dataset.category_ids[class_index]), []).append(box)
    return found


def test_open_label_map__a_box_for_each_piece(root: Path) -> None:
    labels = open_label_map(root / "maps", names=NAMES)
    assert [(c.category_id, c.name) for c in labels.categories] == [(1, "wheel"), (2, "door")]
    assert [image.file_name for image in labels.images] == ["a.jpg", "sub/b.jpg"]
    assert [(image.height, image.width) for image in labels.images] == [(3, 6), (4, 5)]
    assert labels.find_image(labels.images[1]) == root / "images" / "sub" / "b.jpg"
    assert boxes(labels) == BOXES
    records = [annotation.record for annotation in labels.annotations()]
    assert records[1] == "piece 2 of value 1 (wheel) of a.png"


def test_open_label_map__a_box_for_each_class(root: Path) -> None:
    labels = open_label_map(root / "maps", names=NAMES, per_class=True)
    assert boxes(labels) == {(0, 1): [[0, 0, 6, 2]], (0, 2): [[3, 1, 5, 3]]}


def test_open_label_map__truth_has_the_same_pixels(root: Path) -> None:
    for per_class, count in ((False, 3), (True, 2)):
        truth = read_truth(open_label_map(root / "maps", names=NAMES, per_class=per_class))
        parts = truth.parts(0)
        assert len(parts.runs) == count
        np.testing.assert_array_equal(parts.label_map(2), PIXELS)
        assert truth.parts(1).runs == ()
        assert truth.class_names == ("wheel", "door")


def test_open_label_map__piece_that_does_not_fill_its_box(tmp_path: Path) -> None:
    pixels = [[0, 0, 1], [0, 1, 0], [1, 0, 2]]
    write_map(tmp_path, "a", pixels)
    labels = open_label_map(tmp_path / "maps", names=NAMES)
    assert boxes(labels) == {(0, 1): [[0, 0, 3, 3]], (0, 2): [[2, 2, 3, 3]]}
    np.testing.assert_array_equal(read_truth(labels).parts(0).label_map(2), pixels)


def test_open_label_map__chosen_images(root: Path) -> None:
    labels = open_label_map(root / "maps", names=NAMES).choose([1, 0])
    assert boxes(labels) == {(1, value): found for (_, value), found in BOXES.items()}
    assert labels.find_image(labels.images[1]) == root / "images" / "a.jpg"
    np.testing.assert_array_equal(read_truth(labels).parts(1).label_map(2), PIXELS)


def test_open_label_map__sixteen_bits_and_ignored_pixels(tmp_path: Path) -> None:
    # As ADE20KPart234 has it: no background, classes from 0, 65535 ignored.
    write_map(tmp_path, "a", [[65535, 0, 0], [65535, 65535, 233]], np.uint16)
    labels = open_label_map(
        tmp_path / "maps", names={0: "person arm", 233: "light shade"}, background=None,
        ignore=[65535],
    )  # fmt: skip
    assert boxes(labels) == {(0, 0): [[1, 0, 3, 1]], (0, 233): [[2, 1, 3, 2]]}
    assert read_weak(labels).skip_counts() == {"iscrowd: one region around many parts": 1}
    parts = read_truth(labels).parts(0)
    ignored = parts.ignore_mask()
    assert ignored is not None
    assert ignored.tolist() == [[True, False, False], [True, True, False]]
    assert parts.label_map(2).tolist() == [[0, 1, 1], [0, 0, 2]]


@pytest.mark.parametrize(
    ("names", "background", "ignore", "expected"),
    [
        (["a", "b"], 0, [], {1: "a", 2: "b"}),
        (["a", "b"], None, [], {0: "a", 1: "b"}),
        (["a", "b"], None, [255], {0: "a", 1: "b"}),
        (["a", "b", "c"], 1, [0], {2: "a", 3: "b", 4: "c"}),
        (["a", "b"], 40, [], {0: "a", 1: "b"}),
        (["_background_", "a"], 0, [], {1: "a"}),
        (["a", "b", "background"], 0, [], {0: "a", 1: "b"}),
        ({7: "b", 3: "a"}, 0, [], {3: "a", 7: "b"}),
        ({"7": "b", "3": " a "}, 0, [], {3: "a", 7: "b"}),
        ({0: "a", 1: "__background__"}, 0, [], {0: "a"}),
        ({1: "a", 2: "b"}, 0, [2], {1: "a"}),
    ],
)
def test_open_label_map__values(
    root: Path, names: Any, background: int | None, ignore: list[int], expected: dict[int, str]
) -> None:
    labels = open_label_map(root / "maps", names=names, background=background, ignore=ignore)
    assert {c.category_id: c.name for c in labels.categories} == expected


def test_open_label_map__background_by_name_is_noted(root: Path) -> None:
    labels = open_label_map(root / "maps", names=["background", "wheel", "door"])
    assert boxes(labels) == BOXES
    (note,) = labels.notes
    assert note.record == "value 0 'background'"
    assert note.text == "stands for background and becomes no class"


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        (
            {"names": {0: "head", 1: "tail"}},
            "calls value 0 'head', but 0 is also set to be the back",
        ),
        ({"names": {"x": "head"}}, "names has the value 'x'; expected a whole number"),
        ({"names": {1: None}}, "names has the name None; expected a word"),
        ({"names": {-1: "head"}}, "names has the value -1; expected"),
        ({"names": 3}, "names is '3'; expected a list of names"),
        ({"names": []}, "names names no part"),
        ({"names": ["a"], "background": "x"}, "background has the value 'x'; expected"),
        ({"names": ["a"], "ignore": 255}, r"ignore is 255; expected a list of values"),
        ({"names": ["a"], "ignore": [None]}, "ignore has the value None; expected"),
    ],
)
def test_open_label_map__unsound_settings(
    root: Path, settings_: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        open_label_map(root / "maps", **settings_)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("classes.json", '["wheel", "door"]'),
        ("classes.json", '{"1": "wheel", "2": "door"}'),
        ("maps/classes.json", '["_background_", "wheel", "door"]'),
        ("classes.txt", "wheel\ndoor\n"),
        ("classes.txt", "\ufeffwheel\r\ndoor\r\n\r\n"),
        ("maps/classes.txt", "background\nwheel\ndoor"),
    ],
)
def test_open_label_map__class_file(root: Path, file: str, content: str) -> None:
    (root / file).write_text(content, encoding="utf-8", newline="")
    assert boxes(open_label_map(root / "maps")) == BOXES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"classes\.json cannot be read: .*Write a list of names in UTF-8"),
        ("[1]", r"classes\.json is no list of names; expected"),
        ('{"1": 1}', r"Class file \S*classes\.json has the name 1; expected a word"),
        ('{"0": "head", "1": "tail"}', r"classes\.json calls value 0 'head'"),
        ("3", r"classes\.json is '3'; expected a list of names"),
        ('["a", "a"]', r"classes\.json has 'a' 2 times; results are matched by name"),
        ('{"1": "a", "2": "a"}', r"maps: categories 1 and 2 are both named 'a'"),
        ('["wheel", "", "door"]', r"classes\.json: name 2 is empty, but classes are counted"),
        ('{"1": "a", "01": "b"}', r"classes\.json names value 1 twice: 'a' and 'b'\. Remove one"),
        ('{"1": "a", "1": "b"}', r"classes\.json has the key '1' 2 times; each value has one name"),
        (
            '{"' + "1" * 5000 + '": "a"}',
            r"the value '1+\.\.\.1+'; expected a whole number from 0 to",
        ),
        ("[" + "1" * 5000 + "]", r"classes\.json cannot be read: .*digits"),
        ('{"65536": "a"}', r"the value '65536'; expected a whole number from 0 to 65535\."),
    ],
    ids=lambda value: value[:30],
)
def test_open_label_map__bad_class_file(root: Path, content: str, message: str) -> None:
    (root / "classes.json").write_text(content)
    with pytest.raises(DataError, match=message):
        open_label_map(root / "maps")


def test_open_label_map__an_empty_line_moves_no_class(root: Path) -> None:
    (root / "classes.txt").write_text("wheel\n\ndoor\n")
    with pytest.raises(DataError, match=r"classes\.txt: name 2 is empty"):
        open_label_map(root / "maps")


def test_open_label_map__no_class_file(root: Path) -> None:
    with pytest.raises(DataError, match=r"what the values mean is not said; looked for classes\.t"):
        open_label_map(root / "maps")


def test_open_label_map__value_without_a_name(root: Path) -> None:
    labels = open_label_map(root / "maps", names=["wheel"])
    with pytest.raises(
        DataError,
        match=r"maps/a\.png has the value 2 in 4 pixels, which has no name; named are \[1\], "
        r"background is \[0\], ignored is \[\]\. Name it in classes\.json",
    ):
        read_weak(labels)


def test_open_label_map__other_size_than_the_image(root: Path) -> None:
    Image.new("RGB", (6, 4)).save(root / "images" / "a.jpg")
    with pytest.raises(
        DataError,
        match=r"a\.png is 3 x 6 \(height x width\), but its image \S*a\.jpg is 4 x 6\. Ex",
    ):
        open_label_map(root / "maps", names=NAMES)


def test_open_label_map__made_on_the_photograph_as_stored(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", (6, 3)).save(root / "images" / "a.jpg", exif=exif)
    assert boxes(open_label_map(root / "maps", names=NAMES)) == BOXES
    Image.new("RGB", (3, 6)).save(root / "images" / "a.jpg", exif=exif)
    assert boxes(open_label_map(root / "maps", names=NAMES)) == BOXES
    Image.new("RGB", (3, 6)).save(root / "images" / "a.jpg")
    with pytest.raises(DataError, match=r"is 3 x 6 .* is 6 x 3"):
        open_label_map(root / "maps", names=NAMES)


def test_open_label_map__map_changes_after_opening(root: Path) -> None:
    labels = open_label_map(root / "maps", names=NAMES)
    truth = read_truth(labels)
    write_map(root, "a", np.zeros((4, 6)))
    with pytest.raises(DataError, match=r"a\.png is 4 x 6 .*, but its image a\.jpg is 3 x 6"):
        read_weak(labels)
    with pytest.raises(
        DataError, match=r"the masks in \S*a\.png are 4 x 6 .* but the image is 3 x"
    ):
        truth.parts(0)


def test_open_label_map__images_and_maps_that_do_not_match(root: Path) -> None:
    Image.new("RGB", (6, 3)).save(root / "images" / "c.jpg")
    (root / "maps" / "._a.png").write_bytes(b"junk")
    labels = open_label_map(root / "maps", names=NAMES)
    assert labels.skipped == [
        Skip("image c.jpg", "image without a label map, so nothing is known about its parts")
    ]
    Image.new("RGB", (6, 3)).save(root / "images" / "a.bmp")
    with pytest.raises(DataError, match=r"the images a\.bmp and a\.jpg would share one map"):
        open_label_map(root / "maps", names=NAMES)
    for name in ("a.bmp", "a.jpg"):
        (root / "images" / name).unlink()
    with pytest.raises(
        DataError, match=r"1 of 2 maps have no image, such as a\.png; looked for a "
    ):
        open_label_map(root / "maps", names=NAMES)


def test_open_label_map__photographs_beside_the_maps(tmp_path: Path) -> None:
    Image.fromarray(np.array(PIXELS, np.uint8)).save(tmp_path / "a.png")
    Image.new("RGB", (6, 3)).save(tmp_path / "a.jpg")
    assert boxes(open_label_map(tmp_path, names=NAMES)) == BOXES
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match="no PNG is there"):
        open_label_map(tmp_path, names=NAMES)
    with pytest.raises(DataError, match="nowhere is no folder"):
        open_label_map(tmp_path / "nowhere", names=NAMES)


def find(path: Path, split: str | None = None) -> LabelSource | None:
    """The first layout that fits."""
    found = (layout.find(path, split) for layout in LABEL_MAP_LAYOUTS)
    return next((source for source in found if source is not None), None)


def test_layout__output_of_predict(root: Path) -> None:
    (root / "maps").rename(root / "semantic")
    assert find(root) is None
    (root / "classes.json").write_text(json.dumps(NAMES))
    source = find(root)
    assert source == LabelSource("label_map", root / "semantic", root / "images")
    assert boxes(open_label_map(source.path, images_dir=source.images_dir)) == BOXES
    assert find(root, "val") is None


def test_layout__splits(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_map(tmp_path / split, "a", PIXELS)
        for old, new in (("maps", "labels"), ("images", "images")):
            (tmp_path / new).mkdir(exist_ok=True)
            (tmp_path / split / old).rename(tmp_path / new / split)
    (tmp_path / "classes.txt").write_text("wheel\ndoor")
    source = find(tmp_path, "val")
    expected = LabelSource("label_map", tmp_path / "labels" / "val", tmp_path / "images" / "val")
    assert source == expected
    assert boxes(open_label_map(source.path, images_dir=source.images_dir)) == BOXES
    assert boxes(open_label_map(source.path)) == BOXES
    with pytest.raises(DataError, match=r"has the splits train, val\. Choose one with --split"):
        find(tmp_path)
    assert find(tmp_path, "test") is None


@pytest.mark.parametrize("names", [("a/x", "b/x"), ("2020/01/x", "2021/02/y"), ("x", "a/x")])
def test_layout__sub_folders_are_part_of_the_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    """What `data convert` writes for photographs in folders has their names."""
    for name in names:
        write_map(tmp_path, name, PIXELS)
    (tmp_path / "maps").rename(tmp_path / "masks")
    (tmp_path / "classes.json").write_text(json.dumps(NAMES))
    source = find(tmp_path)
    assert source == LabelSource("label_map", tmp_path / "masks", tmp_path / "images")
    labels = open_label_map(source.path, images_dir=source.images_dir)
    assert sorted(image.file_name for image in labels.images) == sorted(f"{n}.jpg" for n in names)
    assert find(tmp_path, "train") is None


def test_layout__only_names_of_splits_are_splits(tmp_path: Path) -> None:
    for name in ("training/x", "validation/y"):
        write_map(tmp_path, name, PIXELS)
    (tmp_path / "maps").rename(tmp_path / "masks")
    (tmp_path / "classes.json").write_text(json.dumps(NAMES))
    with pytest.raises(DataError, match=r"has the splits training, validation\. Choose one"):
        find(tmp_path)
    chosen = LabelSource(
        "label_map", tmp_path / "masks" / "validation", tmp_path / "images" / "validation"
    )
    assert find(tmp_path, "validation") == find(tmp_path, "val") == chosen
    write_map(tmp_path, "more/z", PIXELS)
    (tmp_path / "maps" / "more").rename(tmp_path / "masks" / "more")
    assert find(tmp_path) == LabelSource("label_map", tmp_path / "masks", tmp_path / "images")


def test_layout__ending_in_capitals(root: Path) -> None:
    (root / "maps").rename(root / "masks")
    for png in (root / "masks").glob("*.png"):
        png.rename(png.with_suffix(".PNG"))
    (root / "classes.json").write_text(json.dumps(NAMES))
    source = find(root)
    assert source == LabelSource("label_map", root / "masks", root / "images")
    assert boxes(open_label_map(source.path, images_dir=source.images_dir)) == BOXES


def test_layout__a_damaged_map_is_named(root: Path) -> None:
    (root / "maps").rename(root / "masks")
    first = min((root / "masks").iterdir())
    write_map(root / "more", "z", PIXELS)
    (root / "more/maps/z.png").rename(root / "masks/z.png")
    (root / "more/images/z.jpg").rename(root / "images/z.jpg")
    (root / "classes.json").write_text(json.dumps(NAMES))
    first.write_bytes(b"damaged")
    source = find(root)
    assert source is not None
    with pytest.raises(DataError, match=rf"masks/{first.name}"):
        open_label_map(source.path, images_dir=source.images_dir)


@pytest.mark.parametrize(("dtype", "ignored"), [(np.uint8, 255), (np.uint16, 65535)])
def test_layout__ov_parts(tmp_path: Path, dtype: type, ignored: int) -> None:
    write_map(tmp_path, "val/a", np.full((3, 4), ignored), dtype)
    (tmp_path / "maps").rename(tmp_path / "annotations_detectron2_part")
    folder = tmp_path / "annotations_detectron2_part" / "val"
    (folder / "._a.png").write_bytes(b"junk")
    assert find(tmp_path, "val") == LabelSource(
        "label_map", folder, tmp_path / "images" / "val", {"background": None, "ignore": [ignored]}
    )


def test_layout__other_folders(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("wheel")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 1 1")
    assert find(tmp_path) is None
    Image.new("RGB", (6, 3)).save(tmp_path / "labels" / "a.png")  # a photograph, not a map
    assert find(tmp_path) is None
    assert find(tmp_path / "classes.txt") is None


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(classes=mutated_json({"1": "wheel", "2": "door"}) | mutated_json(NAMES), edit=st.data())
def test_open_label_map__any_file(tmp_path: Path, classes: Any, edit: st.DataObject) -> None:
    write_map(tmp_path, "a", PIXELS)
    path = tmp_path / "maps" / "a.png"
    content = bytearray(path.read_bytes())
    if edit.draw(st.booleans()):
        content[edit.draw(st.integers(0, len(content) - 1))] = edit.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    (tmp_path / "classes.json").write_text(json.dumps(classes))
    try:
        labels = open_label_map(tmp_path / "maps")
        read_weak(labels)
        truth = read_truth(labels)
        truth.parts(0)
    except DataError as error:
        assert str(tmp_path) in str(error)  # noqa: PT017  # a sound pair is fine too
