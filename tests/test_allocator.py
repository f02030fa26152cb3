"""What was freed is kept: pages that the system must supply anew are counted."""

import platform
import subprocess
import sys

import pytest

from wps_sam.allocator import keep_freed_memory

# Fills 40 MB ten times; prints how many pages the system had to supply from the third time on.
FILL = """
import resource
{first}
for turn in range(10):
    if turn == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * ({pages} * 4096)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 10_000


def pages_supplied(first: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FILL.format(first=first, pages=PAGES)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_pages_of_freed_blocks_are_not_asked_for_again() -> None:
    call = "from wps_sam.allocator import keep_freed_memory; assert keep_freed_memory()"
    assert pages_supplied(first="") > 7 * PAGES
    assert pages_supplied(first=call) < PAGES / 10


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
