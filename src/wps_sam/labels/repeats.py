"""Find a value that occurs twice among very many, in 8 bytes a value."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import numpy as np

Value = TypeVar("Value", bound=Hashable)


def first_repeat(values: Callable[[], Iterable[Value]]) -> Value | None:
    """Find the first value that was there before.

    Args:
        values: Gives all values, none of them None, each time it is asked.

    Returns:
        The value; None if all are different.
    """
    hashes = np.sort(np.fromiter(map(hash, values()), np.int64))
    suspects = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    seen: set[Value] = set()
    for value in values() if suspects else ():
        if value in seen:
            return value
        if hash(value) in suspects:
            seen.add(value)
    return None
