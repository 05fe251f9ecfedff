"""The page of an evaluation, made with Jinja2: figures on top, then the texts that leak, marked.

Everything that comes from the sample is escaped, and the page loads nothing from anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from labelmill_anonymization.evaluation.counts import Column
from labelmill_anonymization.evaluation.evaluation import Evaluation
from labelmill_anonymization.evaluation.figures import TypeFigures
from labelmill_anonymization.evaluation.marks import Piece, pieces, worst_first
from labelmill_anonymization.evaluation.running import Measured

_MAX_TEXTS = 500
_MAX_CHARACTERS = 1_000_000


class EvaluationPage:
    """See `evaluation.page.ReportPage`."""

    def __init__(self) -> None:
        self._template = Environment(
            loader=PackageLoader("labelmill_anonymization", "adapters"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        ).get_template("evaluation_page.html.jinja")

    def render(self, measured: Measured, titles: Sequence[str]) -> str:
        """See the port."""
        comparison = measured.comparison
        evaluations = [comparison.first, *([comparison.second] if comparison.second is not None else [])]
        leaking, left_out = _texts(measured)
        return self._template.render(
            titles=titles,
            evaluations=evaluations,
            overall=[evaluation.overall for evaluation in evaluations],
            rows=_rows(evaluations),
            differences=[d for d in comparison.differences if not d.entity_type],
            texts=leaking,
            left_out=left_out,
            failed=len(measured.failures),
            column=Column,
        )


def _rows(evaluations: Sequence[Evaluation]) -> list[tuple[str, list[TypeFigures | None]]]:
    """(type, its figures under each policy), the types that leak most first."""
    by_type = [{figures.entity_type: figures for figures in evaluation.types} for evaluation in evaluations]
    names = {name for figures in by_type for name in figures}

    def leaks(name: str) -> int:
        return max(figures[name].counts[Column.LEAKED_CHARACTERS] for figures in by_type if name in figures)

    return [(name, [figures.get(name) for figures in by_type]) for name in sorted(names, key=lambda n: (-leaks(n), n))]


def _texts(measured: Measured) -> tuple[list[dict[str, Any]], int]:
    """The texts with a leak, worst first, each with its pieces under each policy; and how many had no room."""
    outcomes = [measured.first, *([measured.second] if measured.second is not None else [])]
    worst = worst_first(measured.documents, outcomes)
    shown: list[dict[str, Any]] = []
    characters = 0
    for index, leaked in worst[:_MAX_TEXTS]:
        document = measured.documents[index]
        characters += len(document.text) * len(outcomes)
        if shown and characters > _MAX_CHARACTERS:
            break
        columns: list[list[Piece]] = [pieces(document, some[index]) for some in outcomes]
        shown.append({"id": document.document_id or f"text {index + 1}", "leaked": leaked, "columns": columns})
    return shown, len(worst) - len(shown)
