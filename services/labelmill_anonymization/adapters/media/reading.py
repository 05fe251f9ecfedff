"""What goes wrong while a format is read is the content's fault, and its parser's words stay here: they may quote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labelmill_anonymization.errors import ContentMalformed
from labelmill_runtime.errors import LabelmillError


@contextmanager
def reading(problem: str) -> Iterator[None]:
    """Raises ContentMalformed with a fixed text in place of whatever a parser raises."""
    try:
        yield
    except (LabelmillError, MemoryError):
        raise
    except Exception:
        raise ContentMalformed(problem) from None
