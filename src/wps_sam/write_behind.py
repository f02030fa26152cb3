"""Write on another thread while the next is computed."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class WriteBehind:
    """Runs writes one after another, in the order they came, and keeps few of them in memory."""

    def __init__(self, most_waiting: int, most_waiting_bytes: int | None = None) -> None:
        """Take how many writes may wait, and how many bytes in all; None is any."""
        self._most_waiting = most_waiting
        self._most_waiting_bytes = most_waiting_bytes
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._under_way: deque[tuple[int, Future[None]]] = deque()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what was begun, after an error too: it was paid for. The first error counts."""
        with self._thread:
            while self._under_way:
                if kind is None:
                    self._wait()
                else:
                    self._under_way.popleft()[1].exception()

    def submit(self, write: Callable[[], None], in_memory: int = 0) -> None:
        """Begin a write that holds so many bytes; waits where too much would lie in memory.

        Raises:
            Exception: Whatever an earlier write raised.
        """
        self._under_way.append((in_memory, self._thread.submit(write)))
        while self._too_much():
            self._wait()

    def _too_much(self) -> bool:
        if len(self._under_way) > self._most_waiting:
            return True
        waiting = sum(size for size, _ in self._under_way)
        return self._most_waiting_bytes is not None and waiting > self._most_waiting_bytes

    def _wait(self) -> None:
        self._under_way.popleft()[1].result()
