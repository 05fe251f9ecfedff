"""What weak supervision needs from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from labelmill_quality.weak_supervision.rules import Prediction, TextItem
from labelmill_runtime.errors import LabelmillError


@dataclass(frozen=True)
class TextPage:
    """Some of a project's texts."""

    items: list[TextItem]
    failed: list[tuple[str, LabelmillError]]
    """Assets whose text could not be read, and why."""
    total: int
    """Assets on all pages, as far as is known."""


class TextSource(Protocol):
    """Knows a project's CLEAN texts: storage. Errors of the peer come as LabelmillError."""

    async def require_filter(self, project: str, filter_text: str) -> None:
        """Raises what is wrong with the filter: INVALID_FILTER."""

    def pages(self, project: str, filter_text: str) -> AsyncIterator[TextPage]:
        """The texts that the filter lets through, page by page."""


class TextModels(Protocol):
    """Asks served models: prelabel. Errors of the peer come as LabelmillError."""

    async def predict(self, model: str, texts: Sequence[str]) -> list[Prediction | LabelmillError]:
        """What a model says of each text, or why it says nothing; raises NotFound for the model."""
