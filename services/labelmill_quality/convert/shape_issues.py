"""Doubts about shapes as messages."""

from __future__ import annotations

from labelmill.quality.v1 import model_quality_service_pb2 as pb
from labelmill_quality.label_errors.shape_doubts import ShapeIssue, Wrong

_TYPES = {
    Wrong.OVERLOOKED: pb.ShapeIssue.TYPE_OVERLOOKED,
    Wrong.WRONG_CLASS: pb.ShapeIssue.TYPE_WRONG_CLASS,
    Wrong.BADLY_PLACED: pb.ShapeIssue.TYPE_BADLY_PLACED,
}


def shape_issue(issue: ShapeIssue) -> pb.ShapeIssue:
    """One doubt."""
    given, seen = issue.given, issue.seen
    return pb.ShapeIssue(
        asset=seen.item,
        feature=seen.feature,
        type=_TYPES[issue.wrong],
        score=issue.score,
        annotation_index=None if given is None else given.index,
        prediction_index=seen.index,
        class_name="" if given is None else given.class_name,
        suggested_class_name=seen.class_name,
        reason=_reason(issue),
    )


def _reason(issue: ShapeIssue) -> str:
    confidence = 1.0 if issue.seen.confidence is None else issue.seen.confidence
    sees = f'the model sees "{issue.seen.class_name}" with confidence {confidence:.2f}'
    if issue.given is None:
        return f"{sees}, where no annotation is"
    return f'{sees}, at a similarity of {issue.similarity:.2f} with the annotated "{issue.given.class_name}"'
