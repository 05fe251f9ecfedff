"""Answers that are no single classes, as they are kept -> how alike those of several labelers are."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from labelmill.type.v1 import annotation_pb2
from labelmill_quality.convert.annotations import statements
from labelmill_quality.features import FEATURES
from labelmill_quality.features.kind import Answer
from labelmill_quality.live.judged import Compare


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
    """How answers of a kind are compared; None for single classes, which are not, and for relations."""
    if kind not in FEATURES:
        return None
    alike = FEATURES[kind].likeness

    def compare(answers: Sequence[Sequence[str]]) -> float:
        """The mean over pairs."""
        said = [_answer(each) for each in answers]
        return float(np.mean([alike(one, other) for one, other in combinations(said, 2)]))

    return compare


def _answer(values: Sequence[str]) -> Answer:
    found = statements(decoded(value) for value in values)
    return (*found.instances, *found.responses)
