"""Whatever is sent to be scored, in every mode: scores in range, or a refusal with its reason; never a fault."""

from __future__ import annotations

import math

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from labelmill.quality.v1 import benchmark_service_pb2 as pb
from labelmill.quality.v1 import scoring_pb2 as scoring
from labelmill.type.v1 import annotation_pb2
from labelmill_quality.convert.annotations import annotation
from labelmill_quality.jobs.scoring import score_annotations
from labelmill_quality.shapes.answers import (
    Answer,
    FreeText,
    MultipleChoice,
    Number,
    OrdinalChoice,
    SingleChoice,
)
from labelmill_quality.shapes.instance import Instance, Response
from labelmill_quality.shapes.values import Relation
from labelmill_runtime.errors import InvalidArgument
from tests.quality import drawing
from tests.quality.drawing import unhurried

names = st.sampled_from(["a", "b", ""])
items = st.sampled_from(["x", "x", "y"])
answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(SingleChoice, st.sampled_from("ab")),
    st.builds(OrdinalChoice, st.sampled_from("ab")),
    st.builds(MultipleChoice, st.frozensets(st.sampled_from("abc"))),
    st.builds(FreeText, st.text(max_size=5)),
    st.builds(Number, st.floats(-1e300, 1e300)),
)
attributes = st.lists(st.tuples(st.sampled_from(["iscrowd", "area", "colour"]), answers), max_size=2).map(tuple)
relations = st.builds(Relation, names, names)
shapes = st.one_of(drawing.any_shape, drawing.polygons, relations)
instances = st.builds(
    Instance,
    item=items,
    labeler=st.just(""),
    feature=st.sampled_from(["one", "one", "two"]),
    class_name=names,
    shape=shapes,
    attributes=attributes,
    confidence=st.none() | st.floats(0, 1),
    local_id=names,
    create_ms=st.none() | st.integers(0, 10**12),
)
responses = st.builds(Response, item=items, labeler=st.just(""), feature=st.sampled_from(["one", "q"]), answer=answers)
messages = st.one_of(instances, responses).map(annotation)
options = st.builds(
    scoring.ScoringOptions,
    mode=st.sampled_from(scoring.MatchingMode.values()),
    threshold=st.sampled_from([0, 0.01, 1]),
    class_aware=st.booleans(),
    box_measure=st.sampled_from(scoring.BoxMeasure.values()),
    stretch_measure=st.sampled_from(scoring.StretchMeasure.values()),
    window_ms=st.sampled_from([0, 1, 10**9]),
    minimum_count=st.integers(0, 3),
    bootstrap_count=st.just(50),
    include_subclasses=st.booleans(),
    drift=st.none() | st.just(scoring.DriftOptions(baseline_count=1)),
)


def question(message: annotation_pb2.Annotation) -> object:
    """Gold answers each question about an item once; shapes may be the same."""
    if message.HasField("classification"):
        return message.asset, message.feature
    return id(message)


def estimates(answer: pb.ScoreAnnotationsResponse) -> list[tuple[str, float]]:
    """Every number with its name."""
    found = []
    for group in answer.groups:
        for field, value in group.figures.ListFields():
            if hasattr(value, "method") and value.HasField("value"):
                found.append((field.name, value.value))
    for precision in answer.average_precisions:
        found += [(f.figure_name, f.value.value) for f in precision.figures if f.value.HasField("value")]
    return found


@settings(unhurried, max_examples=150)
@given(
    st.lists(messages, min_size=2, max_size=8), st.lists(messages, min_size=2, max_size=8, unique_by=question), options
)
def test_annotations_are_scored_or_refused(
    said: list[annotation_pb2.Annotation], gold: list[annotation_pb2.Annotation], how: scoring.ScoringOptions
) -> None:
    for number, message in enumerate(said):
        message.provenance.human.labeler = f"l{number % 2}"
    request = pb.ScoreAnnotationsRequest(annotations=said, gold=scoring.GoldSet(annotations=gold), options=how)
    try:
        answer = pb.ScoreAnnotationsResponse.FromString(score_annotations(request.SerializeToString()))
    except InvalidArgument as refusal:
        event(refusal.reason)
        assert refusal.fields  # noqa: PT017 - a refusal is one of two good outcomes
        return
    event(f"{len(answer.scores)} scores")
    assert all(0 <= score.score <= 1 + 1e-9 for score in (*answer.scores, *answer.item_scores))
    for name, value in estimates(answer):
        assert math.isfinite(value), name
        assert "error" in name or 0 <= value <= 1 + 1e-9, name


@pytest.mark.parametrize("mode", scoring.MatchingMode.values())
def test_nothing_at_all_scores_as_nothing(mode: scoring.MatchingMode.ValueType) -> None:
    request = pb.ScoreAnnotationsRequest(options=scoring.ScoringOptions(mode=mode))
    answer = pb.ScoreAnnotationsResponse.FromString(score_annotations(request.SerializeToString()))
    assert (len(answer.scores), len(answer.groups), len(answer.average_precisions)) == (0, 0, 0)
