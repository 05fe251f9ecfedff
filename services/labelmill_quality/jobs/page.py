"""Makes the page of a report."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill_quality.page.contents import FeaturePage


def render_page(project: str, features: Sequence[FeaturePage]) -> bytes:
    """The page, UTF-8."""
    from labelmill_quality.adapters.report_page import render

    return render(project, features)
