"""What data.yaml and folders say, and every way they can be unsound."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labels.formats.mutations import mutated_text
from wps_sam.errors import DataError
from wps_sam.labels.formats.yolo_set import MOVED, read_set
from wps_sam.labels.formats.yolo_yaml import CLEANED_NAME

Write = Callable[[str], Path]
BOX = "0 0.5 0.5 0.1 0.1\n"

SOUND = """\
path: .
train: images/train
val: [images/val]
nc: 2
names: {0: door, 1: wheel}
kpt_shape: [4, 3]
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a data.yaml beside images/train and images/val."""
    for split in ("train", "val"):
        (tmp_path / "images" / split).mkdir(parents=True)

    def write_yaml(text: str) -> Path:
        path = tmp_path / "data.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_yaml


def names(path: Path) -> list[tuple[int, str]]:
    return [(c.category_id, c.name) for c in read_set(path).categories]


def test_sound(write: Write, tmp_path: Path) -> None:
    found = read_set(write(SOUND))
    assert [(c.category_id, c.name) for c in found.categories] == [(0, "door"), (1, "wheel")]
    assert found.sources == {
        "train": [tmp_path / "images/train"],
        "val": [tmp_path / "images/val"],
    }
    assert found.kpt_shape == (4, 3)
    assert found.notes == []
    assert read_set(tmp_path).path == tmp_path / "data.yaml"


def test_words_of_yaml_are_names(write: Write) -> None:
    assert names(write("train: images\nnames: [on, 010, null, 1.50]")) == [
        *((0, "on"), (1, "010"), (2, "null"), (3, "1.50"))
    ]


def test_numbers_need_not_be_dense(write: Write) -> None:
    assert names(write("train: images\nnames: {11: wheel, 2: door}")) == [
        (2, "door"),
        (11, "wheel"),
    ]


def test_stray_comma_is_taken_off(write: Write) -> None:
    # As in one version of carparts-seg.yaml, whose list is written with dashes.
    found = read_set(write("train: images\nnames:\n  - bumper\n  - back_door,\n  - ' hood '\n"))
    assert [c.name for c in found.categories] == ["bumper", "back_door", "hood"]
    assert [(note.record, note.text) for note in found.notes] == [
        ("class 1 'back_door,'", CLEANED_NAME),
        ("class 2 ' hood '", CLEANED_NAME),
    ]


def test_valid_is_val(write: Write) -> None:
    found = read_set(write("train: images/train\nvalid: images/val\nnames: [a]"))
    assert list(found.sources) == ["train", "val"]
    assert found.sources_of("valid") == found.sources_of("val") == found.sources["val"]


def test_moved_folder_is_found(write: Write, tmp_path: Path) -> None:
    # Roboflow's folder is one too high; `path` is of another machine.
    found = read_set(write("path: /content/set\ntrain: ../images/train\nnames: [a]"))
    assert [folder.resolve() for folder in found.sources["train"]] == [tmp_path / "images/train"]
    assert [(n.record, n.text) for n in found.notes] == [
        ("path '/content/set'", MOVED),
        ("train '../images/train'", MOVED),
    ]


def test_split_has_to_be_chosen(write: Write) -> None:
    found = read_set(write(SOUND))
    with pytest.raises(DataError, match=r"has the splits train, val. Choose one with --split"):
        found.sources_of(None)
    with pytest.raises(DataError, match=r"has only the splits train, val; split 'test' was ask"):
        found.sources_of("test")
    assert read_set(write("train: images\nnames: [a]")).sources_of(None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [a", r"data\.yaml is broken YAML: .*line 1.* Correct the file"),
        ("[" * 1000, r"is broken YAML"),
        ("- a", r"holds no mapping; expected a YOLO file with `train`, `val` and `names`"),
        ("", r"holds no mapping"),
        ("[1]: 2", r"is broken YAML|holds no mapping"),
        ("train: images", r"has no class names; expected `names: \[door, wheel\]` or"),
        ("train: images\nnames: door", r"has no class names"),
        ("train: images\nnames: []", r"has no class names"),
        ("train: images\nnc: 3\nnames: [a]", r"nc is '3', but there are 1 names. Correct one"),
        ("train: images\nnc: [3]\nnames: [a]", r"nc is a list"),
        ("train: images\nnames: [a, [b]]", r"class 1 has no name; expected a word in `names`"),
        ("train: images\nnames: {0: {}}", r"class 0 has no name"),
        ("train: images\nnames: [a, ',']", r"class 1 has no name"),
        ("train: images\nnames: {a: b}", r"'a' in `names` is no class number; expected 0, 1, 2"),
        ("train: images\nnames: {0: a, 00: b}", r"a number in `names` occurs twice"),
        ("train: images\nnames: [a, a]", r"categories 0 and 1 are both named 'a'"),
        ("names: [a]", r"has none of train, val, valid, validation, test, only \['names'\]"),
        ("train: {a: b}\nnames: [a]", r"train is a dict; expected a folder of images, a list"),
        ("train: [[a]]\nnames: [a]", r"train is a list; expected a folder"),
        ("train: images\nnames: [a]\nkpt_shape: 4", r"kpt_shape is '4'; expected \[number of k"),
        ("train: images\nnames: [a]\nkpt_shape: [4, 5]", r"kpt_shape is a list; expected"),
        ("train: images\nnames: [a]\nkpt_shape: [x, 3]", r"kpt_shape is a list; expected"),
    ],
)
def test_unsound(write: Write, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_set(write(text))


def test_missing_folder_matters_only_where_it_is_needed(write: Write) -> None:
    found = read_set(write("train: images/train\ntest: nowhere\nnames: [a]"))
    assert found.sources_of("train")
    with pytest.raises(DataError, match=r"test: there is no 'nowhere'. Tried: .*nowhere. Correct"):
        found.sources_of("test")


def test_read_set__no_names(tmp_path: Path) -> None:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    (tmp_path / "labels" / "a.txt").write_text(BOX)
    with pytest.raises(DataError, match=r"has YOLO labels but no class names. Put a classes\.t"):
        read_set(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated_text(SOUND) | st.text())
def test_any_yaml_is_read_or_refused(write: Write, text: str) -> None:
    path = write("")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        found = read_set(path)
    except DataError as error:
        message = str(error)
    else:
        message = f"{path} has {len(found.categories)} classes"
        assert found.categories
        assert found.sources
    assert "data.yaml" in message
