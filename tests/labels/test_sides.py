"""Left and right in class names: what is a pair, what is not, and the class after a flip."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.errors import ConfigError
from wps_sam.labels.sides import find_pairs, flip_index, merged_side_names, unpaired_sides

# Raw part names of PASCAL-Part (panoptic_parts' ppp_datasetspec.yaml and part2ind), without the
# numbered ones, and by hand which of them are sides of each other.
CAT = "head leye reye lear rear nose torso neck lfleg lfpa rfleg rfpa lbleg lbpa rbleg rbpa tail"
COW = (
    "head leye reye lear rear muzzle lhorn rhorn torso neck lfuleg lflleg rfuleg rflleg lbuleg "
    "lblleg rbuleg rblleg tail"
)
PERSON = (
    "head leye reye lear rear lebrow rebrow nose mouth hair torso neck llarm luarm lhand rlarm "
    "ruarm rhand llleg luleg lfoot rlleg ruleg rfoot"
)
BIRD = "head leye reye beak torso neck lwing rwing lleg lfoot rleg rfoot tail"
BUS = "frontside leftside rightside backside roofside leftmirror rightmirror fliplate bliplate"
TRAIN = (
    "head hfrontside hleftside hrightside hbackside hroofside cfrontside cleftside crightside "
    "cbackside croofside"
)
PASCAL = {
    "aeroplane": ("body stern lwing rwing tail", "lwing-rwing"),
    "bicycle": ("fwheel bwheel saddle handlebar chainwheel", ""),
    "bird": (BIRD, "leye-reye lwing-rwing lleg-rleg lfoot-rfoot"),
    "bus": (BUS, "leftside-rightside leftmirror-rightmirror"),
    "cat": (CAT, "leye-reye lear-rear lfleg-rfleg lfpa-rfpa lbleg-rbleg lbpa-rbpa"),
    "cow": (
        COW,
        "leye-reye lear-rear lhorn-rhorn lfuleg-rfuleg lflleg-rflleg lbuleg-rbuleg lblleg-rblleg",
    ),
    "horse": ("lfho rfho lbho rbho muzzle", "lfho-rfho lbho-rbho"),
    "person": (
        PERSON,
        "leye-reye lear-rear lebrow-rebrow llarm-rlarm luarm-ruarm lhand-rhand llleg-rlleg "
        "luleg-ruleg lfoot-rfoot",
    ),
    "train": (TRAIN, "hleftside-hrightside cleftside-crightside"),
}


@pytest.mark.parametrize(
    "pair",
    [
        ("left_mirror", "right_mirror"),
        ("mirror left", "mirror right"),
        ("back_left_door", "back_right_door"),
        ("person.left_arm", "person.right_arm"),
        ("car_(automobile):left mirror", "car_(automobile):right mirror"),
        ("mirror (left)", "mirror (right)"),
        ("eye-Left", "eye-RIGHT"),
        ("LeftDoor", "RightDoor"),
        ("frontLeftDoor", "frontRightDoor"),
        ("left", "right"),
        ("left of the right door", "right of the left door"),
        ("l_wing", "r_wing"),
        ("wing_l", "wing_r"),
        ("Wing L", "Wing R"),
        ("LWing", "RWing"),
        ("wingL", "wingR"),
        ("cat l_eye", "cat r_eye"),
        ("leye", "reye"),
        ("Leye", "Reye"),
        ("lear", "rear"),
        ("cat lear", "cat rear"),
        ("cat:lfuleg", "cat:rfuleg"),
        ("leftmirror", "rightmirror"),
        ("train hleftside", "train hrightside"),
    ],
)
def test_find_pairs__found(pair: tuple[str, str]) -> None:
    assert find_pairs(["body", *pair]) == (pair,)
    assert find_pairs([pair[1], "roof", pair[0]]) == (pair,)
    for one in pair:
        assert find_pairs([one, "body"]) == ()


@pytest.mark.parametrize(
    "names",
    [
        ["rear", "roof", "front"],
        ["rear", "left_ear"],
        ["light", "right", "lock", "rock", "lamp", "ramp", "lake", "rake", "lid", "rid"],
        ["leg", "reg", "lace", "race", "lead", "read", "lack", "rack"],
        ["rleg", "lfoot"],
        ["cat lear", "dog rear"],
        ["leftover", "rightover"],
        ["bright side", "bleft side"],
        ["l", "r"],
        ["left_eye", "Right_Eye"],
        ["l_wing", "right_wing", "rwing"],
        ["lear_tip", "rear_tip"],
        ["upright", "upleft"],
        [],
    ],
    ids=" ".join,
)
def test_find_pairs__not_found(names: list[str]) -> None:
    assert find_pairs(names) == ()
    assert merged_side_names(names) == {}


@pytest.mark.parametrize("prefix", ["", "thing ", "thing's ", "thing_"])
@pytest.mark.parametrize("kind", PASCAL)
def test_find_pairs__pascal_part(kind: str, prefix: str) -> None:
    names, pairs = PASCAL[kind]
    expected = [pair.split("-") for pair in pairs.split()]
    found = find_pairs([prefix + name for name in names.split()])
    assert sorted(found) == sorted((prefix + left, prefix + right) for left, right in expected)


CARPARTS_SEG = (
    "back_bumper back_door back_glass back_left_door back_left_light back_light back_right_door "
    "back_right_light front_bumper front_door front_glass front_left_door front_left_light "
    "front_light front_right_door front_right_light hood left_mirror object right_mirror tailgate "
    "trunk wheel"
)


def test_find_pairs__the_carparts_of_ultralytics() -> None:
    names = CARPARTS_SEG.split()
    assert find_pairs(names) == (
        ("back_left_door", "back_right_door"),
        ("back_left_light", "back_right_light"),
        ("front_left_door", "front_right_door"),
        ("front_left_light", "front_right_light"),
        ("left_mirror", "right_mirror"),
    )
    # Indices by hand: 3-6, 4-7, 11-14, 12-15, 17-19.
    by_hand = [0, 1, 2, 6, 7, 5, 3, 4, 8, 9, 10, 14, 15, 13, 11, 12, 16, 19, 18, 17, 20, 21, 22]
    assert flip_index(names, find_pairs(names)).tolist() == by_hand


def test_find_pairs__the_tables_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "classes.md").read_text(encoding="utf-8")
    found, not_found = page.split("| how the side is written |")[1].split("| not found |")
    pairs = re.findall(r"`([^`|]+)` / `([^`|]+)`", found)
    assert len(pairs) == 14
    for pair in pairs:
        assert find_pairs(pair) == (pair,)
        assert merged_side_names(pair)[pair[0]] in found
    for row in not_found.split("\n\n")[0].splitlines()[2:]:
        assert find_pairs(re.findall(r"`([^`]+)`", row.split("|")[1])) == ()


def test_find_pairs__of_names_that_differ_in_capitals_the_first_counts() -> None:
    names = ["left_eye", "Left_eye", "RIGHT_eye", "right_eye"]
    assert find_pairs(names) == (("left_eye", "RIGHT_eye"),)


@pytest.mark.parametrize(
    ("names", "unpaired"),
    [
        (["left_eye", "right_eye", "nose"], []),
        (["left_eye", "nose"], ["left_eye"]),
        (["mirror (right)", "door left", "door right", "LeftLamp"], ["mirror (right)", "LeftLamp"]),
        (["left_eye", "Left_eye", "right_eye"], ["Left_eye"]),
        (["left_eye", "Right_Eye"], ["left_eye", "Right_Eye"]),
        (["left", "body"], ["left"]),
        # Letters and PASCAL's names count in pairs only: any of these may mean something else.
        (["l_wing", "wing_r", "rear", "lfoot", "leftmirror", "l"], []),
        (["leftover", "bright side", "upright"], []),
        ([], []),
    ],
    ids=str,
)
def test_unpaired_sides__by_hand(names: list[str], unpaired: list[str]) -> None:
    assert unpaired_sides(names) == tuple(unpaired)


def test_unpaired_sides__none_among_the_data_sets_of_the_field() -> None:
    assert unpaired_sides(CARPARTS_SEG.split()) == ()
    for names, _ in PASCAL.values():
        assert unpaired_sides(names.split()) == ()


def test_merged_side_names__a_word_counts_without_its_partner_and_a_letter_does_not() -> None:
    assert merged_side_names(["left_ear", "ear"]) == {"left_ear": "ear", "ear": "ear"}
    assert merged_side_names(["l_ear", "ear"]) == {}
    assert merged_side_names(["l_ear", "r_ear", "ear"]) == dict.fromkeys(
        ["l_ear", "r_ear", "ear"], "ear"
    )
    assert merged_side_names(["LeftDoor", "RightDoor"])["LeftDoor"] == "Door"
    assert merged_side_names(["mirror (left)", "mirror (right)"])["mirror (left)"] == "mirror"


def test_merged_side_names__of_pairs_that_are_given() -> None:
    pairs = [("left_eye", "right_eye"), ("lwing", "rwing"), ("left", "right"), ("port", "rear")]
    assert merged_side_names([name for pair in pairs for name in pair], pairs) == {
        "left_eye": "eye",
        "right_eye": "eye",
        "lwing": "wing",
        "rwing": "wing",
        "left": "left or right",
        "right": "left or right",
        "port": "port or rear",
        "rear": "port or rear",
    }
    assert merged_side_names(["left_eye", "right_eye"], []) == {}


def test_flip_index__is_an_index_into_the_classes() -> None:
    index = flip_index(["a", "port", "b", "starboard"], [("starboard", "port")])
    assert index.tolist() == [0, 3, 2, 1]
    assert index.dtype == "int64"
    assert flip_index([], []).shape == (0,)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("a", "x"), ("y", "b")], "do not exist: x, y. The classes are: a, b, c. Correct the"),
        ([("a", "b"), ("a", "c")], "name a more than once. A class has one partner"),
        ([("a", "b"), ("b", "a")], "name a, b more than once"),
        ([("c", "c")], "name c more than once. A class has one partner, and is never its own"),
    ],
)
def test_flip_index__refuses(pairs: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        flip_index(["a", "b", "c"], pairs)


WORDS = "left right Left l r L eye rear lear lwing rwing leftmirror rightmirror Wing _ ( ) 1 ä"
words = st.sampled_from(WORDS.split())
class_lists = st.lists(
    st.one_of(st.text(max_size=8), st.lists(words, max_size=4).map("_".join), words),
    unique=True,
    max_size=30,
)


@given(class_lists)
def test_a_flip_twice_is_no_flip(names: list[str]) -> None:
    pairs = find_pairs(names)
    index = flip_index(names, pairs)
    assert index[index].tolist() == list(range(len(names)))
    assert sorted(index) == list(range(len(names)))
    for left, right in pairs:
        assert index[names.index(left)] == names.index(right)
    assert not {name for pair in pairs for name in pair} & set(unpaired_sides(names))
    # Whatever is swapped is counted as one class where sides are merged.
    merged = merged_side_names(names)
    for left, right in pairs:
        assert merged.get(left) == merged.get(right)
