"""What was freed is kept: pages that the system must supply anew are counted."""

import ctypes
import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from wps_sam.allocator import keep_freed_memory

MMAP, TRIM = -3, -1  # of <malloc.h>

# Fills 40 MB ten times; prints how many pages the system had to supply from the third time on.
FILL = """
import resource
{first}
for turn in range(10):
    if turn == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * (40 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_supplied(first: str) -> int:
    own = ("MALLOC_", "GLIBC_TUNABLES")  # what a user may have set already
    done = subprocess.run(
        [sys.executable, "-c", FILL.format(first=first)],
        env={name: text for name, text in os.environ.items() if not name.startswith(own)},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_pages_of_freed_blocks_are_not_asked_for_again() -> None:
    call = "from wps_sam.allocator import keep_freed_memory; assert keep_freed_memory()"
    assert pages_supplied(first=call) < pages_supplied(first="") / 10


@pytest.mark.parametrize(
    ("largest", "expected", "told"),
    [
        (1 << 30, [(MMAP, 1 << 30), (TRIM, 1 << 30)], True),
        (32 << 20, [(MMAP, 1 << 30), (MMAP, 32 << 20), (TRIM, 1 << 30)], True),  # before 2.35
        (0, [(MMAP, 1 << 30), (MMAP, 32 << 20)], False),
    ],
)
def test_older_versions_take_smaller_thresholds(
    monkeypatch: pytest.MonkeyPatch, largest: int, expected: list[tuple[int, int]], told: bool
) -> None:
    calls = []

    def mallopt(parameter: int, value: int) -> int:
        calls.append((parameter, value))
        return int(parameter == TRIM or value <= largest)

    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.31"))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    assert keep_freed_memory() == told
    assert calls == expected


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
