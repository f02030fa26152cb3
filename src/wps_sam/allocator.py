"""How the C library handles memory that was freed."""

import ctypes
import platform

# Of <malloc.h>.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3

_KEPT = 1 << 30
_MOST_BEFORE_2_35 = 32 << 20
"""The largest threshold that older versions take."""


def keep_freed_memory() -> bool:
    """Let this process keep what it freed, for the next time it is wanted.

    By default glibc hands large blocks back to the system at once. Each layer of a network asks
    for such blocks anew, and the system fills every page of them with zeros first: a fifth to a
    third of the time of MobileSAM's encoder (docs/performance.md). Blocks of up to a gigabyte are
    kept (32 MB before glibc 2.35; 64 MB in other threads than the first), so memory falls less
    after a peak.

    It holds for the whole process, so it is for programs, not for libraries, to decide: the
    command calls it first of all.

    Returns:
        Whether the C library was told; only glibc can be.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # Trimming is only turned off once large blocks come from the heap: by itself it would make
    # every one of them a block of the system's for good.
    for largest in (_KEPT, _MOST_BEFORE_2_35):
        if mallopt(_MMAP_THRESHOLD, largest):
            return bool(mallopt(_TRIM_THRESHOLD, _KEPT))
    return False
