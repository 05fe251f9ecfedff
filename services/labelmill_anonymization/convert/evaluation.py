"""Samples and figures, to and from the contract."""

from __future__ import annotations

from collections.abc import Iterable

from labelmill.anonymization.v1 import evaluation_service_pb2 as service
from labelmill_anonymization.evaluation.counts import Column
from labelmill_anonymization.evaluation.evaluation import Difference, Evaluation
from labelmill_anonymization.evaluation.figures import Certainty, Scores, TypeFigures
from labelmill_anonymization.evaluation.intervals import Estimate
from labelmill_anonymization.evaluation.running import Measured
from labelmill_anonymization.evaluation.sample import Document, Span
from labelmill_runtime.status import to_status

_LISTED_FAILURES = 100
_DEFAULTS = Certainty()


def documents_from_proto(sample: Iterable[service.AnnotatedText]) -> list[Document]:
    """The texts as they came, with the caller's names of types."""
    return [
        Document(
            text.document_id, text.text, tuple(Span(g.entity_type, g.span.start, g.span.end) for g in text.gold_spans)
        )
        for text in sample
    ]


def certainty_from_proto(options: service.EvaluationOptions) -> Certainty:
    """How intervals are made."""
    return Certainty(
        confidence=options.confidence_level or _DEFAULTS.confidence,
        resamples=options.resamples or _DEFAULTS.resamples,
        seed=options.seed,
    )


def report_to_proto(measured: Measured, page_html: str) -> service.EvaluationReport:
    """Everything that was measured."""
    comparison = measured.comparison
    report = service.EvaluationReport(
        evaluation=_evaluation(comparison.first),
        differences=[_difference(difference) for difference in comparison.differences],
        failures=[
            service.FailedText(document_id=failed.document_id, status=to_status(failed.error))
            for failed in measured.failures[:_LISTED_FAILURES]
        ],
        failed_count=len(measured.failures),
        page_html=page_html,
    )
    if comparison.second is not None:
        report.against.CopyFrom(_evaluation(comparison.second))
    return report


def _evaluation(evaluation: Evaluation) -> service.Evaluation:
    return service.Evaluation(
        overall=_type_figures(evaluation.overall),
        types=[_type_figures(figures) for figures in evaluation.types],
        document_count=evaluation.documents,
        documents_with_leak=estimate_to_proto(evaluation.documents_with_leak),
    )


def _type_figures(figures: TypeFigures) -> service.TypeFigures:
    return service.TypeFigures(
        entity_type=figures.entity_type,
        gold_count=figures.counts[Column.GOLD],
        found_count=figures.counts[Column.FOUND],
        exact_count=figures.counts[Column.EXACT],
        overlap_count=figures.counts[Column.OVERLAP],
        gold_characters=figures.counts[Column.GOLD_CHARACTERS],
        leaked_characters=figures.counts[Column.LEAKED_CHARACTERS],
        exact=_scores(figures.exact),
        overlap=_scores(figures.overlap),
        characters=_scores(figures.characters),
        leaked_share=estimate_to_proto(figures.leaked),
    )


def _scores(scores: Scores) -> service.Scores:
    return service.Scores(
        precision=estimate_to_proto(scores.precision),
        recall=estimate_to_proto(scores.recall),
        f1=estimate_to_proto(scores.f1),
        f2=estimate_to_proto(scores.f2),
    )


def estimate_to_proto(estimate: Estimate) -> service.Estimate:
    """A figure with its interval."""
    return service.Estimate(value=estimate.value, low=estimate.low, high=estimate.high)


def _difference(difference: Difference) -> service.FigureDifference:
    return service.FigureDifference(
        figure=difference.figure,
        entity_type=difference.entity_type,
        difference=estimate_to_proto(difference.difference),
        certain=difference.is_certain,
    )
