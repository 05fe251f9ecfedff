"""The decorator of hot loops: compiled by numba, kept on disk where there is a place for it.

numba is heavy: modules of compiled loops (`*_loops.py`) are imported inside the functions that use them, never when the
server starts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compiles a loop at its first call; without the interpreter's lock, so that threads run it side by side.

    The machine code is kept beside the module (or where NUMBA_CACHE_DIR says). In an image that is read-only and has no
    home, numba finds no such place and raises: then the loop is compiled anew in every process, which takes a second.
    """
    try:
        return cast("F", njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast("F", njit(nogil=True)(function))
