"""What the C allocator does with the large buffers that contents pass through."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of the GNU C library
_LARGE_BYTES = 128 * 1024


def give_large_blocks_back() -> None:
    """Makes free blocks of 128 KiB and more go back to the system at once.

    Left to itself, the GNU allocator raises that limit with the first large block that is freed, to 32 MiB in the end,
    and from then on keeps what many threads have freed: after twenty uploads at once, some 90 MB more than it needs.
    Does nothing where the C library is another one.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    mallopt(_M_TRIM_THRESHOLD, _LARGE_BYTES)
