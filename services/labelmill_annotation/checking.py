"""Whether annotations fit the ontology and the asset. Pure.

Problems carry the request field that they are about: `items[3].annotations[0].classification.single`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from labelmill_annotation import geometry
from labelmill_annotation.errors import AnnotationsRefused
from labelmill_annotation.ontology import Feature, Ontology
from labelmill_annotation.problems import ANNOTATION_INVALID, NOT_IN_ONTOLOGY, SPAN_OUTSIDE_TEXT, Problem
from labelmill_annotation.statements import (
    Answer,
    AssetFacts,
    Box,
    FeatureKind,
    Keypoints,
    Mask,
    Polygon,
    Polyline,
    Relation,
    Statement,
    TextSpan,
    TimeSegment,
    kind_of,
)

MAX_PAYLOAD_BYTES = 768 * 1024
"""One annotation as a line of JSON must fit into a message of 4 MiB."""

_SUM_TOLERANCE = 1e-3
_VALUE_FIELDS = {
    FeatureKind.BOX: "box",
    FeatureKind.POLYGON: "polygon",
    FeatureKind.POLYLINE: "polyline",
    FeatureKind.KEYPOINTS: "keypoints",
    FeatureKind.MASK: "mask",
    FeatureKind.TEXT_SPAN: "text_span",
    FeatureKind.RELATION: "relation",
    FeatureKind.TIME_SEGMENT: "time_segment",
}
_ANSWER_FIELDS = {
    FeatureKind.SINGLE_CHOICE: "single",
    FeatureKind.MULTIPLE_CHOICE: "multiple.class_names",
    FeatureKind.ORDINAL: "ordinal",
}


def require_fit(
    statements: Sequence[Statement], ontology: Ontology, facts: AssetFacts, asset_name: str, path: str
) -> None:
    """Refuses annotations that do not fit.

    Args:
        statements: The whole set of one submission.
        ontology: What can be said.
        facts: What is known of the asset.
        asset_name: The asset's resource name.
        path: The request field that holds the annotations, such as `items[3].annotations`.

    Raises:
        AnnotationsRefused: NOT_IN_ONTOLOGY, SPAN_OUTSIDE_TEXT or ANNOTATION_INVALID.
    """
    problems = list(_problems(statements, ontology, facts, asset_name, path))
    if problems:
        raise AnnotationsRefused(problems)


def _problems(
    statements: Sequence[Statement], ontology: Ontology, facts: AssetFacts, asset_name: str, path: str
) -> Iterator[Problem]:
    for index, statement in enumerate(statements):
        here = f"{path}[{index}]"
        if statement.asset and statement.asset != asset_name:
            yield Problem(ANNOTATION_INVALID, f"{here}.asset", "is another asset than the task's")
        if len(statement.payload) > MAX_PAYLOAD_BYTES:
            yield Problem(ANNOTATION_INVALID, here, f"is larger than {MAX_PAYLOAD_BYTES} bytes")
        feature = ontology.by_name.get(statement.feature)
        if feature is None:
            yield Problem(NOT_IN_ONTOLOGY, f"{here}.feature", "is not a feature of the ontology")
            continue
        yield from _value(statement, feature, facts, here)
        yield from _attributes(statement, feature, here)
    yield from _as_a_set(statements, ontology, path)


def _as_a_set(statements: Sequence[Statement], ontology: Ontology, path: str) -> Iterator[Problem]:
    given = Counter(statement.feature for statement in statements)
    for name in ontology.required:
        if name not in given:
            yield Problem(ANNOTATION_INVALID, path, f"must hold an annotation of the feature {name}")
    local_ids = Counter(statement.local_id for statement in statements if statement.local_id)
    answered: set[str] = set()
    for index, statement in enumerate(statements):
        here = f"{path}[{index}]"
        if local_ids[statement.local_id] > 1:
            yield Problem(ANNOTATION_INVALID, f"{here}.local_id", "is used twice")
        if isinstance(statement.value, Answer):
            if statement.feature in answered:
                yield Problem(ANNOTATION_INVALID, f"{here}.feature", "is answered twice")
            answered.add(statement.feature)
        if isinstance(statement.value, Relation):
            yield from _relation(statement, local_ids, here)


def _relation(statement: Statement, local_ids: Counter[str], path: str) -> Iterator[Problem]:
    assert isinstance(statement.value, Relation)
    ends = {"from_local_id": statement.value.from_local_id, "to_local_id": statement.value.to_local_id}
    for field, local_id in ends.items():
        if local_id not in local_ids or local_id == statement.local_id:
            what = "must be the local_id of another annotation of the submission"
            yield Problem(ANNOTATION_INVALID, f"{path}.relation.{field}", what)


def _value(statement: Statement, feature: Feature, facts: AssetFacts, path: str) -> Iterator[Problem]:
    value, kind = statement.value, kind_of(statement.value)
    if kind is not feature.kind:
        what = f"must be what the feature asks for: {feature.kind.name}"
        yield Problem(ANNOTATION_INVALID, f"{path}.{_VALUE_FIELDS.get(kind, 'classification')}", what)
        return
    if isinstance(value, Answer):
        if statement.class_name:
            yield Problem(ANNOTATION_INVALID, f"{path}.class_name", "must be empty for a classification")
        yield from _answer(value, feature, f"{path}.classification")
        return
    yield from _class_name(statement, feature, path)
    here = f"{path}.{_VALUE_FIELDS[kind]}"
    match value:
        case TextSpan():
            yield from _span(value, facts, here)
        case TimeSegment():
            yield from _segment(value, facts, here)
        case Box() | Polygon() | Polyline() | Keypoints() | Mask():
            yield from _shape(value, feature, facts, here)


def _class_name(statement: Statement, feature: Feature, path: str) -> Iterator[Problem]:
    here = f"{path}.class_name"
    if feature.kind is FeatureKind.KEYPOINTS or not feature.classes:
        if statement.class_name:
            yield Problem(NOT_IN_ONTOLOGY, here, "must be empty: the feature's annotations have no class")
    elif statement.class_name not in feature.class_set:
        yield Problem(NOT_IN_ONTOLOGY, here, "is not a class of the feature")


def _answer(answer: Answer, feature: Feature, path: str) -> Iterator[Problem]:
    for class_name in answer.class_names:
        if class_name not in feature.class_set:
            field = _ANSWER_FIELDS[answer.kind]
            yield Problem(NOT_IN_ONTOLOGY, f"{path}.{field}", "is not a class of the feature")
            break
    if answer.distribution:
        yield from _distribution(answer, feature, f"{path}.distribution")


def _distribution(answer: Answer, feature: Feature, path: str) -> Iterator[Problem]:
    class_names = [class_name for class_name, _ in answer.distribution]
    if not feature.class_set.issuperset(class_names):
        yield Problem(NOT_IN_ONTOLOGY, path, "names a class that the feature does not have")
    elif len(set(class_names)) < len(class_names):
        yield Problem(ANNOTATION_INVALID, path, "names a class twice")
    elif answer.kind is not FeatureKind.MULTIPLE_CHOICE:
        total = math.fsum(probability for _, probability in answer.distribution)
        if abs(total - 1) > _SUM_TOLERANCE:
            yield Problem(ANNOTATION_INVALID, path, "must sum to 1")


def _attributes(statement: Statement, feature: Feature, path: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, (name, answer) in enumerate(statement.attributes):
        here = f"{path}.attributes[{index}]"
        attribute = feature.attributes_by_name.get(name)
        if attribute is None:
            yield Problem(NOT_IN_ONTOLOGY, f"{here}.feature", "is not an attribute of the feature")
        elif answer.kind is not attribute.kind:
            what = f"must be what the attribute asks for: {attribute.kind.name}"
            yield Problem(ANNOTATION_INVALID, f"{here}.answer", what)
        elif name in seen:
            yield Problem(ANNOTATION_INVALID, f"{here}.feature", "is answered twice")
        else:
            yield from _answer(answer, attribute, f"{here}.answer")
        seen.add(name)
    for attribute in feature.attributes:
        if attribute.required and attribute.name not in seen:
            what = f"must hold an answer to {attribute.name}"
            yield Problem(ANNOTATION_INVALID, f"{path}.attributes", what)


def _span(span: TextSpan, facts: AssetFacts, path: str) -> Iterator[Problem]:
    if facts.text_length is None:
        yield Problem(ANNOTATION_INVALID, path, "marks text, but the asset is not text")
    elif not 0 <= span.start < span.end:
        yield Problem(ANNOTATION_INVALID, f"{path}.end", "must be greater than start")
    elif span.end > facts.text_length:
        what = f"must not exceed the text's length of {facts.text_length} code points"
        yield Problem(SPAN_OUTSIDE_TEXT, f"{path}.end", what)


def _segment(segment: TimeSegment, facts: AssetFacts, path: str) -> Iterator[Problem]:
    if facts.text_length is not None or facts.image_size is not None:
        yield Problem(ANNOTATION_INVALID, path, "marks time, but the asset is not a recording")
    elif not 0 <= segment.start_ms < segment.end_ms:
        yield Problem(ANNOTATION_INVALID, f"{path}.end_ms", "must be greater than start_ms")


def _shape(
    shape: Box | Polygon | Polyline | Keypoints | Mask, feature: Feature, facts: AssetFacts, path: str
) -> Iterator[Problem]:
    if facts.text_length is not None:
        yield Problem(ANNOTATION_INVALID, path, "marks pixels, but the asset is text")
        return
    if facts.image_size is not None and shape.size != facts.image_size:
        yield Problem(ANNOTATION_INVALID, f"{path}.image_size", "is not the size of the image")
        return
    if isinstance(shape, Keypoints) and feature.classes:
        for index, keypoint in enumerate(shape.keypoints):
            if keypoint.name not in feature.class_set:
                here = f"{path}.keypoints[{index}].keypoint_name"
                yield Problem(NOT_IN_ONTOLOGY, here, "is not a keypoint of the feature")
    for below, what in geometry.violations(shape):
        yield Problem(ANNOTATION_INVALID, f"{path}.{below}" if below else path, what)
