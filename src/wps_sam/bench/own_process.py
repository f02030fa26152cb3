"""A process of its own, whose memory is nobody else's."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Self, TypeVar

from wps_sam.errors import PredictionError

Result = TypeVar("Result")

_STATUS = Path("/proc/self/status")


class OwnProcess:
    """A fresh process that does one thing after the other; leave it as a context, or close it."""

    def __init__(self) -> None:
        """Start it."""
        # Spawned, not forked: a copy of this process would begin with this process's memory.
        # Ctrl-C is for the process that waits, which then ends this one.
        self._pool = ProcessPoolExecutor(
            max_workers=1,
            mp_context=get_context("spawn"),
            initializer=signal.signal,
            initargs=(signal.SIGINT, signal.SIG_IGN),
        )
        self._number = self.do(os.getpid)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *failure: object) -> None:
        """End the process."""
        self.close()

    def close(self) -> None:
        """End the process, in the middle of its work if it has some."""
        with contextlib.suppress(OSError):  # it has ended by itself
            os.kill(self._number, signal.SIGTERM)
        self._pool.shutdown()

    def do(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Run a function there and wait for it.

        Args:
            work: A function of a module, found there again by its name.
            *arguments: Of the function; must be such as `multiprocessing` can send.

        Returns:
            What the function returns.

        Raises:
            PredictionError: The process was ended from outside.
            Exception: Whatever the function raises.
        """
        try:
            return self._pool.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            raise PredictionError(
                "The process that measures was ended from outside before it was done, most likely "
                "because the machine has too little memory. Close other programs, or take smaller "
                "images."
            ) from error


def peak_memory() -> int | None:
    """Largest resident memory of this process so far.

    Returns:
        Bytes; None where the system does not say (Windows).
    """
    if (from_linux := _peak_by_status(_STATUS)) is not None:
        return from_linux
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _peak_by_status(status: Path) -> int | None:
    """Bytes that Linux names in /proc; None if it does not.

    Linux's `ru_maxrss` begins at the peak of the process that started this one; VmHWM does not.
    """
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("VmHWM:")]
    return int(found[0][1]) * 1024 if found else None
