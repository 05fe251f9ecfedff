"""Answers that are no single classes, as they are kept -> how alike those of several labelers are."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import combinations

from labelmill.type.v1 import annotation_pb2
from labelmill_quality.live.judged import Compare
from labelmill_quality.live.state import CHOICES


def encoded(annotation: annotation_pb2.Annotation) -> str:
    """What an annotation says, as text: without names, provenance and times."""
    kept = annotation_pb2.Annotation()
    kept.CopyFrom(annotation)
    for field in ("name", "asset", "task", "provenance", "ontology_version", "version", "create_time", "withdrawn"):
        kept.ClearField(field)
    return base64.b64encode(kept.SerializeToString(deterministic=True)).decode()


def decoded(value: str) -> annotation_pb2.Annotation:
    """The annotation again."""
    return annotation_pb2.Annotation.FromString(base64.b64decode(value))


def likeness(kind: int) -> Compare | None:
    """How answers of a kind are compared; None for single classes, which are not."""
    return None if kind in CHOICES else _equal


def _equal(answers: Sequence[Sequence[str]]) -> float:
    """The share of pairs of labelers that said the very same."""
    pairs = list(combinations(answers, 2))
    return sum(first == second for first, second in pairs) / len(pairs)
