"""The first repeated value is found, and values that merely share a hash are not taken for it."""

from hypothesis import given
from hypothesis import strategies as st

from wps_sam.labels.repeats import first_repeat


def test_first_repeat__the_one_that_comes_twice_first() -> None:
    values = ["a", "b", "c", "b", "a"]
    assert first_repeat(lambda: values) == "b"


def test_first_repeat__none() -> None:
    assert first_repeat(lambda: iter(())) is None
    assert first_repeat(lambda: ["1", 1, (1, None), (1, "")]) is None


def test_first_repeat__equal_hashes_are_no_repeat() -> None:
    # Python gives -1 and -2 one hash.
    assert hash(-1) == hash(-2)
    assert first_repeat(lambda: [-1, -2, 5]) is None
    assert first_repeat(lambda: [-1, -2, -1]) == -1


@given(st.lists(st.integers(0, 20) | st.text(max_size=2)))
def test_first_repeat__as_a_plain_search(values: list[int | str]) -> None:
    expected = next((v for i, v in enumerate(values) if v in values[:i]), None)
    assert first_repeat(lambda: values) == expected
