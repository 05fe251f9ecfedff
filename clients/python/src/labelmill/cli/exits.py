"""What the process tells scripts: exit codes, by kind of failure."""

from __future__ import annotations

from enum import IntEnum

from labelmill import errors
from labelmill.errors import Code, LabelmillError


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    DENIED = 4
    UNAVAILABLE = 5
    PRECONDITION = 6
    BROKEN = 7
    INTERRUPTED = 130


EPILOG = (
    "Exit codes: 0 done; 1 some items failed, or the server is at fault; 2 wrong usage or request; 3 not found; "
    "4 not allowed or no valid key; 5 no server, busy or too slow; 6 not in a state that allows it; "
    "7 what was to be verified is not intact; 130 interrupted."
)
_BY_CODE = {
    Code.INVALID_ARGUMENT: Exit.USAGE,
    Code.OUT_OF_RANGE: Exit.USAGE,
    Code.NOT_FOUND: Exit.NOT_FOUND,
    Code.PERMISSION_DENIED: Exit.DENIED,
    Code.UNAUTHENTICATED: Exit.DENIED,
    Code.UNAVAILABLE: Exit.UNAVAILABLE,
    Code.DEADLINE_EXCEEDED: Exit.UNAVAILABLE,
    Code.RESOURCE_EXHAUSTED: Exit.UNAVAILABLE,
    Code.FAILED_PRECONDITION: Exit.PRECONDITION,
    Code.ALREADY_EXISTS: Exit.PRECONDITION,
    Code.ABORTED: Exit.PRECONDITION,
}
_HINTS: dict[type[LabelmillError], str] = {
    errors.Unavailable: "Is it running? `labelmill up` starts one here; LABELMILL_ADDRESS says where it is.",
    errors.Unauthenticated: "LABELMILL_API_KEY holds the key; on the machine of `labelmill up` none is needed.",
}


def exit_code(error: LabelmillError) -> Exit:
    """The exit code that tells of an error."""
    return _BY_CODE.get(error.code, Exit.FAILED)


def hint(error: LabelmillError) -> str:
    """What to try; may be empty."""
    return _HINTS.get(type(error), "")
