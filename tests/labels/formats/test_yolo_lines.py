"""Lines of YOLO label files, worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.errors import DataError
from wps_sam.labels.formats.yolo_lines import YoloLine, parse_line

HW = (40, 80)  # height, width


def test_box() -> None:
    # Centre (40, 10), 16 wide and 20 high: left 32, top 0.
    line = parse_line("3 0.5 0.25 0.2 0.5", {3}, None)
    assert line == YoloLine(3, (0.5, 0.25, 0.2, 0.5), None)
    assert line.bbox(HW) == pytest.approx([32, 0, 16, 20])
    assert line.polygons(HW) is None
    assert line.pixel_points(HW) is None


def test_outline() -> None:
    line = parse_line("0 0.25 0.5 1 0.5 1 1", {0}, None)
    assert line.polygons(HW) == [[20, 20, 80, 20, 80, 40]]
    assert line.bbox(HW) is None
    assert not line.has_confidence


def test_class_written_as_float() -> None:
    assert parse_line("2.0 0.5 0.5 0.1 0.1", {2}, None).class_number == 2


def test_confidence_is_passed_over() -> None:
    box = parse_line("0 0.5 0.25 0.2 0.5 0.93", {0}, None)
    assert box == YoloLine(0, (0.5, 0.25, 0.2, 0.5), None, has_confidence=True)
    outline = parse_line("0 0 0 1 0 1 1 0.93", {0}, None)
    assert outline.outline == [0, 0, 1, 0, 1, 1]
    assert outline.has_confidence


def test_keypoints_with_visibility() -> None:
    # Three points: visible, not labelled, hidden but labelled.
    line = parse_line("0 .5 .5 1 1 0.25 0.5 2 0 0 0 0.5 0.75 1", {0}, (3, 3))
    assert line.pixel_points(HW) == [[20, 20], [40, 30]]
    assert line.bbox(HW) == [0, 0, 80, 40]


def test_keypoints_without_visibility() -> None:
    line = parse_line("0 .5 .5 1 1 0.25 0.5 0 0 -1 0.5 0.9", {0}, (3, 2))
    assert line.points == [(0.25, 0.5)]
    assert line.has_confidence


@pytest.mark.parametrize(
    ("text", "kpt_shape", "message"),
    [
        ("0", None, r"found 0 numbers behind the class; expected 4 for a box"),
        ("0 0.5 0.5 0.1", None, r"found 3 numbers"),
        ("0 0.5 0.5 0.1 x", None, r"'x' is no number; expected only numbers"),
        ("door 0.5 0.5 0.1 0.1", None, r"'door' is no number"),
        ("7 0.5 0.5 0.1 0.1", None, r"class 7 is not in the list of names; add the name or"),
        ("0.5 0.5 0.5 0.1 0.1", None, r"class 0\.5 is not in the list"),
        ("-1 0.5 0.5 0.1 0.1", None, r"class -1 is not in the list"),
        ("nan 0.5 0.5 0.1 0.1", None, r"class nan is not in the list"),
        ("0 320 0.5 0.1 0.1", None, r"320 looks like pixels; expected fractions.*Divide x by"),
        ("0 0 0 1 0 1 1.6", None, r"1\.6 looks like pixels"),
        ("0 .5 .5 1 1 12 0.5 2", (1, 3), r"12 looks like pixels"),
        ("0 .5 .5 1 1", (1, 3), r"found 4 numbers behind the class; expected 7: a box and 1 k"),
    ],
)
def test_unsound(text: str, kpt_shape: tuple[int, int] | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_line(text, {0}, kpt_shape)


def test_a_little_outside_or_not_finite_is_passed_on() -> None:
    assert parse_line("0 1.5 -3 0.1 0.1", {0}, None).box == (1.5, -3, 0.1, 0.1)
    assert parse_line("0 inf 0.5 0.1 0.1", {0}, None).box == (float("inf"), 0.5, 0.1, 0.1)


words = st.one_of(st.floats(-1, 1.5).map(str), st.text("0123456789.-+eE_naif٣", min_size=1))


@given(st.lists(words, min_size=1), st.sampled_from([None, (1, 2), (2, 3)]))
def test_any_words_are_read_or_refused(line: list[str], kpt: tuple[int, int] | None) -> None:
    try:
        parsed = parse_line(" ".join(line), {0, 1}, kpt)
    except DataError:
        return
    assert (parsed.box is None) != (parsed.outline is None)
