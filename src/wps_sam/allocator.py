"""How the C library handles memory that was freed."""

import ctypes
import platform

# Of <malloc.h>.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3

_KEPT = 1 << 30


def keep_freed_memory() -> bool:
    """Let this process keep up to a gigabyte that it freed, for the next time it is wanted.

    By default glibc hands large blocks back to the system at once. Each layer of a network asks
    for such blocks anew, and the system fills every page of them with zeros first: a third of the
    time of MobileSAM's encoder (docs/performance.md). The largest amount in use stays what it was.

    It holds for the whole process, so it is for programs, not for libraries, to decide: the
    command calls it first of all.

    Returns:
        Whether the C library was told; only glibc can be.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all([mallopt(_MMAP_THRESHOLD, _KEPT), mallopt(_TRIM_THRESHOLD, _KEPT)])
