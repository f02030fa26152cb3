"""Class maps: what each key does to labels, in which order, and every refusal."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wps_sam.errors import ConfigError
from wps_sam.evaluation.merging import group_classes, merge_counts
from wps_sam.evaluation.truth import read_truth
from wps_sam.labels.class_map import (
    DROPPED,
    IGNORED,
    ClassMap,
    apply_class_map,
    read_class_map,
)
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory, LabelFile, LabelImage
from wps_sam.labels.sides import find_pairs, flip_index
from wps_sam.labels.weak_reading import read_weak

IMAGE = LabelImage(1, "a.jpg", 40, 60, 0)
CATEGORIES = (
    LabelCategory(0, "_background_"),
    LabelCategory(5, "left_mirror", "mirror"),
    LabelCategory(2, "wheel", "running gear"),
    LabelCategory(9, "right_mirror", "mirror"),
    LabelCategory(7, "door", "body"),
)


def no_image(image: LabelImage) -> Path:
    """The path of an image that nobody opens."""
    return Path(image.file_name)


def labels_of(
    categories: tuple[LabelCategory, ...] = CATEGORIES, annotations: tuple[int, ...] | None = None
) -> LabelFile:
    """Labels with one annotation a category, each a square of 4 x 4, or with those given."""
    wanted = [c.category_id for c in categories] if annotations is None else annotations

    def read() -> Iterator[LabelAnnotation]:
        for number, category_id in enumerate(wanted):
            left, right = 5.0 * (number % 10), 5.0 * (number % 10) + 4
            polygon = [left, 0, right, 0, right, 4, left, 4]
            yield LabelAnnotation(
                f"annotation {number}",
                IMAGE,
                category_id,
                [left, 0, 4, 4],
                [polygon],
                None,
                False,
                number,
            )

    return LabelFile(Path("labels.json"), "coco", [IMAGE], categories, read, no_image)


def changed(text: str, labels: LabelFile | None = None) -> LabelFile:
    return apply_class_map(labels or labels_of(), read_class_map(yaml.safe_load(text) or {}))


def classes_of(labels: LabelFile) -> list[tuple[int, str]]:
    return [(c.category_id, c.name) for c in labels.categories if not c.left_out]


def left_out_of(labels: LabelFile) -> dict[str, str]:
    return {c.name: c.left_out for c in labels.categories if c.left_out}


def test_an_empty_map_changes_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    empty.write_text("# nothing\n", encoding="utf-8")
    before = labels_of()
    after = apply_class_map(before, read_class_map(empty))
    assert tuple(after.categories) == CATEGORIES
    assert list(after.annotations()) == list(before.annotations())
    assert after.left_right is None


def test_merged_classes_by_hand() -> None:
    after = changed(
        """
        only: [wheel, left_mirror, right_mirror]
        merge: {mirror: [left_mirror, right_mirror]}
        rename: {wheel: tyre}
        """
    )
    # The mirrors have the id of the first of them in the file and the group of both.
    assert after.categories[:2] == [
        LabelCategory(2, "tyre", "running gear"),
        LabelCategory(5, "mirror", "mirror"),
    ]
    assert left_out_of(after) == {"_background_": DROPPED, "door": DROPPED}
    assert [a.category_id for a in after.annotations()] == [0, 5, 2, 5, 7]
    weak = read_weak(after)
    assert weak.class_names == ("tyre", "mirror")
    assert weak.category_ids == (2, 5)
    assert weak.images[0].class_index.tolist() == [1, 0, 1]
    assert [skip.record for skip in weak.skipped] == ["annotation 0", "annotation 4"]


def test_truth_is_changed_as_weak_labels_are() -> None:
    after = changed("drop: [door]\nignore: [wheel]\nmerge: {left_mirror: m, right_mirror: m}")
    truth = read_truth(after)
    assert truth.class_names == ("m",)
    assert truth.category_ids == (5,)
    parts = truth.parts(0)
    assert parts.class_index.tolist() == [0, 0]
    assert len(parts.ignored) == 1
    assert sum(truth.skip_counts().values()) == 2  # the door and the background
    weak = read_weak(after)
    assert weak.class_names == ("m",)
    assert weak.images[0].class_index.tolist() == [0, 0]
    assert len(weak.skipped) == 3  # and the wheel, which is not learnt either


def test_truth_that_is_kept_apart_is_changed_too() -> None:
    apart = labels_of(annotations=(2, 7))
    after = changed("drop: [door]", replace(labels_of(), truth=lambda: apart))
    assert after.truth is not None
    assert left_out_of(after.truth()) == {"door": DROPPED}
    assert changed("drop: [door]").truth is None


def test_ignored_parts_become_crowd_regions_of_a_category_without_class() -> None:
    after = changed("ignore: [door, wheel]")
    assert left_out_of(after) == {"wheel": IGNORED, "door": IGNORED}
    assert [a.record for a in after.annotations() if a.is_crowd] == ["annotation 2", "annotation 4"]


def test_the_example_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "classes.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    categories = (*CATEGORIES, LabelCategory(8, "window"), LabelCategory(6, "antenna"))
    after = changed(example, labels_of(categories))
    assert classes_of(after) == [(5, "mirror"), (2, "tyre")]
    assert left_out_of(after)["window"] == IGNORED
    assert left_out_of(after)["antenna"] == DROPPED
    assert after.left_right == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("only: [door, wheel]", ["door", "wheel"]),
        ("only: [door, wheel, left_mirror]\norder: [wheel]", ["wheel", "left_mirror", "door"]),
        ("drop: [_background_, wheel]", ["left_mirror", "right_mirror", "door"]),
        (
            "order: [door]\ndrop: [_background_]",
            ["door", "left_mirror", "wheel", "right_mirror"],
        ),
        # The merged class stands where the first of its members stood.
        (
            "only: [right_mirror, wheel, left_mirror]\nmerge: {m: [left_mirror, right_mirror]}",
            ["m", "wheel"],
        ),
        ("drop: [_background_]\nmerge: {right_mirror: door}", ["left_mirror", "wheel", "door"]),
        # A class may be merged into one that exists, and names may be swapped.
        ("drop: [_background_]\nmerge: {door: [wheel]}", ["left_mirror", "door", "right_mirror"]),
        ("only: [wheel, door]\nrename: {wheel: door, door: wheel}", ["door", "wheel"]),
        (
            "only: [left_mirror, right_mirror]\nmerge: {left_mirror: m, right_mirror: m}\n"
            "rename: {m: mirror}\norder: [mirror]",
            ["mirror"],
        ),
    ],
)
def test_which_classes_come_out_and_their_order(text: str, names: list[str]) -> None:
    assert [name for _, name in classes_of(changed(text))] == names


def test_a_group_that_members_do_not_share_is_none() -> None:
    merged = {c.name: c for c in changed("merge: {x: [wheel, door]}").categories}["x"]
    assert merged == LabelCategory(2, "x", "")


def test_a_class_may_take_the_name_of_one_that_is_left_out() -> None:
    after = changed("drop: [wheel]\nrename: {door: wheel}")
    assert (7, "wheel") in classes_of(after)
    assert left_out_of(after) == {"wheel (left out)": DROPPED}
    assert len({c.name for c in after.categories}) == len(after.categories)


def test_left_and_right() -> None:
    assert changed("left_right: none").left_right == ()
    assert changed("left_right: {}").left_right == ()
    assert changed("left_right: {wheel: door}").left_right == (("wheel", "door"),)
    after = changed("rename: {wheel: l}\nleft_right: {l: door}")
    names = [c.name for c in after.categories]
    assert flip_index(names, after.left_right or ()).tolist() == [0, 1, 4, 3, 2]


def test_left_and_right_that_labels_had_already_follow_their_classes() -> None:
    before = replace(labels_of(), left_right=[("left_mirror", "right_mirror"), ("wheel", "door")])
    after = changed("merge: {m: [left_mirror, right_mirror]}\nrename: {door: z}", before)
    assert after.left_right == [("wheel", "z")]
    assert changed("drop: [door, left_mirror]", before).left_right == []


def test_two_maps_one_after_the_other() -> None:
    first = changed("drop: [door]\nignore: [wheel]\nrename: {left_mirror: a}")
    second = changed("only: [right_mirror, a]", first)
    assert classes_of(second) == [(9, "right_mirror"), (5, "a")]
    assert left_out_of(second) == {"_background_": DROPPED, "wheel": IGNORED, "door": DROPPED}
    with pytest.raises(ConfigError, match=r"door, which is no class"):
        changed("only: [door]", first)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", r"c\.yaml is not a mapping, but a list\. Expected keys such as `only: \["),
        ("only: [a", r"c\.yaml is not YAML"),
        (
            "only: [a]\nonyl: [b]",
            r"c\.yaml, line 2: onyl is no key .* left_right\. Did you mean on",
        ),
        (
            "left_mirror: mirror",
            r"left_mirror is no key of a class map; expected one of only, drop",
        ),
        ("only: a", r"c\.yaml, line 1: only is not a list, but 'a'"),
        ("drop:", r"c\.yaml, line 1: drop is not a list, but nothing"),
        ("only: []", r"only has an empty list of classes"),
        ("only: [a]\nonly: [b]", r"names only twice, in line 1 and in line 2"),
        ("order: [a, a]", r"names a twice, in line 1 and in line 1"),
        ("merge: [a]", r"c\.yaml, line 1: merge is not a mapping, but a list"),
        ("merge:\n  x: [a, b]\n  y: [b]", r"names b twice, in line 2 and in line 3\. Each class"),
        ("rename: a", r"rename is not a mapping, but 'a'"),
        ("rename:\n  a: [b]", r"line 2: found a list for a, where a name"),
        ("rename: {a: b, a: c}", r"names a twice"),
        ("left_right: nothing", r"left_right is not a mapping, but 'nothing'\. Expected .*none`"),
        (
            "left_right:\n  a: b\n  b: c",
            r"names b twice, in line 2 and in line 3\. A class has one",
        ),
        ("left_right: {a: a}", r"names a twice, .* A class has one partner"),
        ("only: [a]\ndrop: [b]", r"c\.yaml has both only and drop\..*delete drop, or list"),
        (
            "drop: [a]\nignore: [a]",
            r"c\.yaml, line 1: a stands both in drop and in ignore\. Delete",
        ),
        ("drop: [a]\nmerge: {a: b}", r"a stands both in drop and in merge"),
        ("ignore: [a]\nmerge: {x: [a]}", r"a stands both in ignore and in merge"),
        ("only: [a]\nignore: [a]", r"a stands both in only and in ignore"),
        (
            "only: [a]\nmerge:\n  a: x\n  b: x",
            r"line 4: merge names b, which `only` leaves out\. Add",
        ),
        ("merge: {a: Background}", r"'Background' is the name of what is no part, .* Use drop\."),
        ("rename: {a: _background_}", r"'_background_' is the name of what is no part"),
    ],
)
def test_bad_maps_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_class_map(path)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^Class map .*none\.yaml cannot be read: No such file"):
        read_class_map(tmp_path / "none.yaml")


def test_a_mapping_has_the_title_it_is_given() -> None:
    with pytest.raises(ConfigError, match=r"^Data set file d\.yaml, classes: x is no key"):
        read_class_map({"x": 1}, title="Data set file d.yaml, classes")
    with pytest.raises(ConfigError, match=r"^The class map: x is no key"):
        read_class_map({"x": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "drop: [door]\norder:\n  - weel",
            r"c\.yaml, line 3: order names weel, which is no class\. The classes that come out "
            r"are: _background_, left_mirror, wheel, right_mirror\. Did you mean wheel\?",
        ),
        (
            "only: [weel]",
            r"line 1: only names weel.* of labels\.json are: _background_, left_mirror",
        ),
        ("only: [zzz]", r"right_mirror, door\. Correct the name, or leave it out\."),
        ("drop: [weel]", r"drop names weel"),
        ("ignore: [weel]", r"ignore names weel"),
        ("merge: {weel: x}", r"merge names weel"),
        ("rename: {weel: x}", r"rename names weel, .* The classes after merging are: "),
        ("merge: {wheel: x}\nrename: {wheel: y}", r"line 1: rename names wheel, which is no class"),
        ("only: [wheel]\norder: [door]", r"order names door, .* that come out are: wheel\."),
        ("rename: {wheel: door}", r"line 1: wheel and door would both be called door\. If they"),
        (
            "left_right: {wheel: x}",
            r"^Class map .*c\.yaml: The left/right pairs name .* exist: x\.",
        ),
        (
            "drop: [_background_, left_mirror, right_mirror, wheel, door]",
            r"c\.yaml leaves no class of labels\.json\. Keep at least one of: _background_, left_",
        ),
    ],
)
def test_maps_that_do_not_fit_the_labels(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    class_map = read_class_map(path)
    with pytest.raises(ConfigError, match=message):
        apply_class_map(labels_of(), class_map)


def test_long_lists_of_classes_are_cut() -> None:
    many = tuple(LabelCategory(number, f"c{number}") for number in range(70))
    with pytest.raises(ConfigError, match=r"c58, c59 and 10 more\."):
        changed("only: [z]", labels_of(many))


NAMES = [category.name for category in CATEGORIES[1:]]


@given(
    st.lists(st.sampled_from([5, 2, 9, 7]), min_size=1, max_size=20),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["x", "y", "door"])),
)
def test_counting_merged_classes_is_merging_the_counts(
    category_ids: list[int], merge: dict[str, str]
) -> None:
    before = read_weak(labels_of(CATEGORIES[1:], tuple(category_ids)))
    after = read_weak(
        apply_class_map(labels_of(CATEGORIES[1:], tuple(category_ids)), ClassMap(merge=merge))
    )
    counts = np.zeros((5, 5), np.int64)
    for index in before.images[0].class_index:
        counts[index + 1, index + 1] += 1
    groups = group_classes(before.class_names, merge)
    assert after.class_names == groups.names
    merged = merge_counts(counts, groups)
    found = Counter(after.images[0].class_index.tolist())
    assert [found[i] for i in range(len(groups.names))] == merged.diagonal()[1:].tolist()


@given(st.permutations(NAMES), st.integers(0, 4))
def test_pairs_survive_another_order(names: list[str], count: int) -> None:
    after = apply_class_map(labels_of(), ClassMap(order=tuple(names[:count])))
    out = [c.name for c in after.categories]
    assert out[:count] == names[:count]
    assert sorted(out) == sorted(c.name for c in CATEGORIES)
    index = flip_index(out, find_pairs(out))
    assert index[index].tolist() == list(range(5))


values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
keys = st.sampled_from(["only", "drop", "ignore", "merge", "rename", "order", "left_right", "x"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.dictionaries(keys, values), values, st.binary(max_size=40)))
def test_whatever_stands_in_the_file_is_used_or_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "c.yaml"
    is_raw = isinstance(content, bytes)
    path.write_bytes(content if is_raw else yaml.safe_dump(content).encode())
    message = str(path)
    try:
        apply_class_map(labels_of(), read_class_map(path))
    except ConfigError as error:
        message = str(error)
    assert str(path) in message
