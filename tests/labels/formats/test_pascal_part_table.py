"""Class tables of PASCAL-Part: the presets against the published lists, and unsound files."""

from pathlib import Path

import pytest

from wps_sam.errors import ConfigError
from wps_sam.labels.formats.pascal_part_table import (
    PRESETS,
    canonical_part,
    object_class,
    read_part_table,
)

# Raw short names by class, as the specification of panoptic_parts lists them.
RAW = {
    "aeroplane": "body stern lwing rwing tail engine wheel",
    "bicycle": "fwheel bwheel saddle handlebar chainwheel headlight",
    "bird": "head leye reye beak torso neck lwing rwing lleg lfoot rleg rfoot tail",
    "bottle": "cap body",
    "bus": "frontside leftside rightside backside roofside leftmirror rightmirror fliplate "
    "bliplate door wheel headlight window",
    "cat": "head leye reye lear rear nose torso neck lfleg lfpa rfleg rfpa lbleg lbpa rbleg rbpa "
    "tail",
    "cow": "head leye reye lear rear muzzle lhorn rhorn torso neck lfuleg lflleg rfuleg rflleg "
    "lbuleg lblleg rbuleg rblleg tail",
    "horse": "head leye reye lear rear muzzle torso neck lfuleg lflleg rfuleg rflleg lbuleg "
    "lblleg rbuleg rblleg tail lfho rfho lbho rbho",
    "motorbike": "fwheel bwheel handlebar saddle headlight",
    "person": "head leye reye lear rear lebrow rebrow nose mouth hair torso neck llarm luarm "
    "lhand rlarm ruarm rhand llleg luleg lfoot rlleg ruleg rfoot",
    "pottedplant": "pot plant",
    "train": "head hfrontside hleftside hrightside hbackside hroofside headlight coach cfrontside "
    "cleftside crightside cbackside croofside",
    "tvmonitor": "screen",
}
RAW |= {"car": RAW["bus"], "dog": RAW["cat"] + " muzzle", "sheep": RAW["cow"]}


@pytest.mark.parametrize(
    ("preset", "ids"),
    [
        ("raw", range(1, 194)),  # the paper counts 193
        ("58", range(1, 58)),
        ("57", range(1, 58)),  # the same without counting the background
        ("108", range(1, 108)),
        ("107", range(1, 108)),
        ("116", range(116)),
        ("16", range(1, 54)),
    ],
)
def test_read_part_table__presets(preset: str, ids: range) -> None:
    table = read_part_table(preset)
    assert [category.category_id for category in table.categories] == list(ids)
    for name, parts in RAW.items():
        assert all(table.knows(name, part) for part in parts.split()), name
    whole = {"boat", "chair", "table", "sofa"}
    assert set(table.groups) == set(RAW) | (
        whole if preset in ("57", "58", "107", "108") else set()
    )


@pytest.mark.parametrize(
    ("preset", "names"),
    [
        # Ids as GMNet's code and the MATLAB code that paints the label maps have them.
        (
            "58",
            {
                **{1: "aeroplane body", 4: "aeroplane stern", 7: "bicycle body", 11: "bird torso"},
                **{12: "boat", 17: "bus body", 22: "car body", 24: "cat leg", 25: "cat tail"},
                **{27: "chair", 29: "cow tail", 30: "cow leg", 32: "table", 36: "dog torso"},
                **{39: "horse leg", 42: "motorbike body", 45: "person lower arm", 48: "person upp"},
                **{50: "pottedplant plant", 53: "sheep torso", 54: "sofa", 55: "train"},
                57: "tvmonitor frame",
            },
        ),
        (
            "108",
            {
                **{5: "aeroplane wheel", 9: "bicycle chainwheel", 11: "bird beak", 18: "boat"},
                **{24: "bus plate", 28: "bus window", 29: "car side", 35: "car window"},
                **{44: "cat tail", 45: "chair", 53: "cow tail", 54: "table", 64: "dog muzzle"},
                **{72: "horse hoof", 76: "motorbike headlight", 82: "person hair", 88: "person fo"},
                **{90: "pottedplant plant", 98: "sheep tail", 99: "sofa", 102: "train head roof"},
                **{106: "train coach roof", 107: "tvmonitor screen"},
            },
        ),
        (
            "116",
            {
                **{0: "aeroplane body", 10: "bicycle headlight", 11: "bird wing", 19: "bird foot"},
                **{21: "bottle cap", 29: "bus license plate", 32: "car wheel", 50: "cat ear"},
                **{59: "cow horn", 69: "dog muzzle", 78: "horse hoof", 82: "motorbike headlight"},
                **{91: "person eyebrow", 94: "person lower arm", 96: "person hand"},
                **{98: "pottedplant plant", 107: "sheep horn", 111: "train side"},
                115: "tvmonitor screen",
            },
        ),
    ],
)
def test_read_part_table__published_ids(preset: str, names: dict[int, str]) -> None:
    found = {c.category_id: c.name for c in read_part_table(preset).categories}
    assert {i: found[i][: len(name)] for i, name in names.items()} == names


def test_read_part_table__ignored_parts_of_108() -> None:
    ignored = {
        (name, part)
        for name, groups in read_part_table(108).groups.items()
        for group in groups
        if group.category_id is None
        for part in group.names
    }
    eyes = {(name, eye) for name in ("bird", "cow", "horse", "sheep") for eye in ("leye", "reye")}
    assert ignored == eyes | {
        *(("aeroplane", "tail"), ("bicycle", "headlight"), ("car", "leftmirror")),
        *(("car", "rightmirror"), ("person", "lebrow"), ("person", "rebrow")),
    }


def test_read_part_table__own_file(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "first_id: 5\n"
        "objects:\n"
        "  diningtable: {diningtable: [object]}\n"
        "  bird: {wing: [lwing, rwing], head: [[head, beak]], ignore: [leye]}\n"
    )
    table = read_part_table(path)
    assert [tuple(category[:3]) for category in table.categories] == [
        (5, "diningtable", "diningtable"),
        (6, "bird wing", "bird"),
        (7, "bird head", "bird"),
    ]
    assert table.groups["table"][0].names == ("object",)
    assert [tuple(group) for group in table.groups["bird"]] == [
        (6, ("lwing",), False),
        (6, ("rwing",), False),
        (7, ("head", "beak"), True),
        (None, ("leye",), False),
    ]
    assert table.knows("bird", "beak")
    assert not table.knows("bird", "tail")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("objects: [", r"own\.yaml is not YAML: .*Write it as objects: \{bird:"),
        ("[]", "expected the keys 'objects' and, if wanted, 'first_id'"),
        ("objects: {}", "expected the keys"),
        ("objects:\n  a: {b: [c]}\n  a: {d: [e]}", "has the key a twice, in line 2 and in line 3"),
        ("{objects: {a: {b: [c]}}, clases: 1}", "expected the keys"),
        ("{objects: {a: {b: [c]}}, first_id: x}", "first_id is 'x', no whole number"),
        ("{objects: {a: [b]}}", "object 'a' has no classes"),
        ("{objects: {1: {b: [c]}}}", "object 1 has no classes"),
        ("{objects: {a: {2: [c]}}}", "object a has the class 2, no name"),
        ("{objects: {a: {b: c}}}", "a b is 'c', no list of part names"),
        ("{objects: {a: {b: [1]}}}", r"a b has the entry 1, no part name"),
        ("{objects: {a: {b: [[]]}}}", r"a b has the entry \[\], no part name"),
        ("{objects: {a: {b: [c], d: [[c]]}}}", "a has the part 'c' in two places"),
        ("{objects: {a: {ignore: [c]}}}", "there is no class"),
        ("{objects: {a b: {c: [d]}, a: {b c: [d]}}}", "two classes have one name"),
    ],
)
def test_read_part_table__unsound_file(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_part_table(path)
    assert str(path) in str(caught.value)


def test_read_part_table__unknown_preset() -> None:
    with pytest.raises(
        ConfigError,
        match=r"'201', which is neither a class table .*\(raw, 16, 57, 58, 107, 108, 116\) nor",
    ):
        read_part_table(201)
    assert set(PRESETS) == {"raw", "16", "57", "58", "107", "108", "116"}


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [("wheel_2", "wheel"), ("window_14", "window"), ("lwing", "lwing"), ("part_x", "part_x")],
)
def test_canonical_part(raw: str, canonical: str) -> None:
    assert canonical_part(raw) == canonical


def test_object_class() -> None:
    assert [object_class(name) for name in ("diningtable", "table", "cat")] == [
        *("table", "table", "cat"),
    ]
