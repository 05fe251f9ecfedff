"""What may be logged about an unexpected exception: its type and where it arose, never what it says.

Exception messages quote the data at hand ("could not convert 'Jane Doe'"), so no log line carries one.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath

_FRAMES = 12


def describe(error: BaseException) -> dict[str, object]:
    """Loggable facts: the type, the innermost frames, and the types of the causes."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return {
        "error_type": _type_name(error),
        "error_stack": [f"{_place(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames)],
        "error_causes": _causes(error),
    }


def _causes(error: BaseException) -> list[str]:
    causes: list[str] = []
    seen = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen and len(causes) < _FRAMES:
        seen.add(id(cause))
        causes.append(_type_name(cause))
        cause = cause.__cause__ or cause.__context__
    return causes


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _place(filename: str) -> str:
    return "/".join(PurePath(filename).parts[-2:])
