"""Erasure: what goes, what stays, and what must not come back. Pure."""

from __future__ import annotations

from labelmill_runtime.errors import FailedPrecondition


class ContentErased(FailedPrecondition):
    """Content that was erased and is not allowed again."""

    def __init__(self) -> None:
        message = "This content was erased; a privacy officer can allow it again (AllowErased)."
        super().__init__("CONTENT_ERASED", message)


class SubjectErased(FailedPrecondition):
    """Content about a data subject whose data was erased."""

    def __init__(self) -> None:
        message = "The data of this subject was erased; a privacy officer can allow them again (AllowErased)."
        super().__init__("SUBJECT_ERASED", message)
