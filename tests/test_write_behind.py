"""Writes on another thread."""

from collections.abc import Callable
from threading import Event, current_thread

import pytest

from wps_sam.write_behind import WriteBehind


def test_write_behind__in_order_on_one_other_thread() -> None:
    written: list[int] = []
    threads = set()

    def write(what: int) -> None:
        written.append(what)
        threads.add(current_thread())

    with WriteBehind(2) as writer:
        for what in range(10):
            writer.submit(lambda what=what: write(what))  # type: ignore[misc]
    assert written == list(range(10))
    assert len(threads) == 1
    assert current_thread() not in threads


@pytest.mark.parametrize(
    ("most_waiting", "most_bytes", "goes_on"),
    [(2, None, 2), (9, 100, 2), (9, 149, 2), (9, 150, 3), (9, 10, 0)],
)
def test_write_behind__waits_where_too_much_is_in_memory(
    most_waiting: int, most_bytes: int | None, goes_on: int
) -> None:
    """Writes of 50 bytes each that do not end: so many are taken without waiting for the first."""
    may_end = Event()
    waited = []

    class Watched(WriteBehind):
        def _wait(self) -> None:
            waited.append(len(self._under_way))
            may_end.set()
            super()._wait()

    def end() -> None:
        may_end.wait(30)

    with Watched(most_waiting, most_bytes) as writer:
        while not waited:
            writer.submit(end, 50)
    assert waited[0] == goes_on + 1


def run(writer: WriteBehind, *writes: Callable[[], None]) -> None:
    with writer:
        for write in writes:
            writer.submit(write)


def fail() -> None:
    raise OSError("disk full")


def test_write_behind__what_was_begun_is_finished_after_an_error() -> None:
    written: list[int] = []

    def compute(writer: WriteBehind) -> None:
        with writer:
            writer.submit(lambda: written.append(1))
            writer.submit(fail)
            writer.submit(lambda: written.append(2))
            raise KeyError("first")

    with pytest.raises(KeyError, match="first"):
        compute(WriteBehind(9))
    assert written == [1, 2]


def test_write_behind__an_error_of_a_write_is_raised_by_a_later_one() -> None:
    written: list[int] = []
    later = [lambda what=what: written.append(what) for what in range(9)]
    with pytest.raises(OSError, match="disk full"):
        run(WriteBehind(1), fail, *later)
    assert written == [0]


def test_write_behind__an_error_of_the_last_write_is_raised_at_the_end() -> None:
    with pytest.raises(OSError, match="disk full"):
        run(WriteBehind(1), lambda: None, fail)
