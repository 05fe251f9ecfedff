"""What makes a page of figures and marked texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from labelmill_anonymization.evaluation.running import Measured


class ReportPage(Protocol):
    """Makes pages for people; they quote the sample and go to the caller only."""

    def render(self, measured: Measured, titles: Sequence[str]) -> str:
        """A page that needs nothing else; `titles` are those of the policies."""
