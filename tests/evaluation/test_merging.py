"""Counting several classes as one."""

import numpy as np
import pytest

from wps_sam.errors import ConfigError
from wps_sam.evaluation.merging import (
    group_classes,
    left_right_rule,
    merge_counts,
    side_partners,
    supercategory_rule,
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["left_mirror", "right_mirror"], {"left_mirror": "mirror", "right_mirror": "mirror"}),
        (
            ["front_left_door", "front_right_door", "back_left_door"],
            {"front_left_door": "front_door", "front_right_door": "front_door"},
        ),
        (["mirror left", "Mirror Right"], {}),
        (["eye-Left", "eye-RIGHT"], {"eye-Left": "eye", "eye-RIGHT": "eye"}),
        (["left_ear", "ear", "tail"], {"left_ear": "ear", "ear": "ear"}),
        (["leftover", "rightover", "bright_light", "light"], {}),
        (["left", "right"], {}),
        (["l_wing", "wing", "r_wing"], {"l_wing": "wing", "wing": "wing", "r_wing": "wing"}),
        (["l_wing", "wing"], {}),
        (["cat lear", "cat rear", "rear"], {"cat lear": "cat ear", "cat rear": "cat ear"}),
    ],
    ids=[
        "pair",
        "inner word",
        "other case",
        "capitals",
        "with bare name",
        "no words",
        "only side",
        "letters",
        "letter alone",
        "glued",
    ],
)
def test_left_right_rule(names: list[str], expected: dict[str, str]) -> None:
    assert left_right_rule(names) == expected


def test_left_right_rule__pairs_that_the_user_wrote() -> None:
    names = ["left_mirror", "right_mirror", "port", "starboard"]
    assert left_right_rule(names, [("port", "starboard")]) == {
        "port": "port or starboard",
        "starboard": "port or starboard",
    }
    assert left_right_rule(names, []) == side_partners(names, []) == {}
    assert side_partners(names, [("port", "starboard")]) == {
        "port": "a side of port or starboard",
        "starboard": "a side of port or starboard",
    }


@pytest.mark.parametrize(
    ("supercategories", "expected"),
    [
        (["car", "car", "dog"], {"a": "car", "b": "car", "c": "dog"}),
        (["car", "car", ""], {"a": "car", "b": "car"}),
        (["car", "car", "None"], {"a": "car", "b": "car"}),
        (["", "", ""], {}),
        (["none", "none", "car"], {}),
        (["car", "bus", "dog"], {}),
        (["a", "b", "c"], {}),
        (["car", "car", "car"], {}),
        # The class c, which has none, is called like the others' supercategory: one group of all.
        (["c", "c", ""], {}),
        (["", "a", ""], {"b": "a"}),
    ],
    ids=[
        "two groups",
        "one without",
        "the word none",
        "none given",
        "none and one",
        "all apart",
        "own names",
        "all in one",
        "all in one by name",
        "under another class",
    ],
)
def test_supercategory_rule(supercategories: list[str], expected: dict[str, str]) -> None:
    assert supercategory_rule(["a", "b", "c"], supercategories) == expected


def test_no_class_has_no_supercategory() -> None:
    assert supercategory_rule([], []) == {}


def test_unknown_classes_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"exist: x, y\. The classes are: a, b\. Correct the names, or leave them"
    ):
        group_classes(["a", "b"], {"y": "z", "x": "z", "a": "z"})


@pytest.mark.parametrize("name", ["background", " Background"])
def test_background_is_no_merged_name(name: str) -> None:
    with pytest.raises(
        ConfigError, match=r"merges b into background, which is .* no part\. Choose another merged"
    ):
        group_classes(["a", "b"], {"a": "c", "b": name})


def test_rules_propose_no_background() -> None:
    assert left_right_rule(["left_background", "right_background"]) == {}
    assert supercategory_rule(["a", "b", "c"], ["Background", "x", "x"]) == {"b": "x", "c": "x"}


def test_merged_counts_by_hand() -> None:
    groups = group_classes(["a", "b", "c"], {"a": "x", "c": "x"})
    assert groups.names == ("x", "b")
    assert groups.members(["a", "b", "c"]) == {"x": ["a", "c"]}
    counts = np.arange(16).reshape(4, 4)
    merged = merge_counts(counts, groups)
    # Rows and columns: background 0, x = 1 and 3, b = 2.
    assert merged.tolist() == [
        [0, 1 + 3, 2],
        [4 + 12, 5 + 7 + 13 + 15, 6 + 14],
        [8, 9 + 11, 10],
    ]
    assert merged.sum() == counts.sum()
    assert counts[0, 1] == 1


def test_side_partners__a_class_without_a_side_is_nobodys_partner() -> None:
    partners = side_partners(("left_mirror", "right_mirror", "mirror", "left_eye", "wheel"))
    assert partners == {
        "left_mirror": "a side of mirror",
        "right_mirror": "a side of mirror",
    }
    groups = group_classes(("left_mirror", "right_mirror", "mirror"), partners).group_index
    assert groups[0] == groups[1] != groups[2]
