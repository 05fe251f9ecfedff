"""Short constructors for ontologies and annotations.

ontology = labels.ontology(labels.single_choice_feature("sentiment", ["negative", "neutral", "positive"]))
annotation = labels.single_choice("sentiment", "positive")
"""

from __future__ import annotations

from collections.abc import Iterable

from labelmill.type.v1 import annotation_pb2, geometry_pb2, ontology_pb2


def ontology(*features: ontology_pb2.Feature) -> ontology_pb2.Ontology:
    """An ontology of features."""
    return ontology_pb2.Ontology(features=features)


def single_choice_feature(
    feature: str, class_names: Iterable[str], *, required: bool = True, instructions: str = ""
) -> ontology_pb2.Feature:
    """A question with exactly one answer."""
    return _choice(ontology_pb2.Feature.KIND_SINGLE_CHOICE, feature, class_names, required, instructions)


def multiple_choice_feature(
    feature: str, class_names: Iterable[str], *, required: bool = True, instructions: str = ""
) -> ontology_pb2.Feature:
    """A question with any number of answers."""
    return _choice(ontology_pb2.Feature.KIND_MULTIPLE_CHOICE, feature, class_names, required, instructions)


def ordinal_feature(
    feature: str, class_names: Iterable[str], *, required: bool = True, instructions: str = ""
) -> ontology_pb2.Feature:
    """A question with one answer of an ordered list, lowest first."""
    return _choice(ontology_pb2.Feature.KIND_ORDINAL, feature, class_names, required, instructions)


def single_choice(feature: str, class_name: str, *, asset: str = "") -> annotation_pb2.Annotation:
    """The answer to a single-choice question."""
    return _classified(feature, annotation_pb2.Classification(single=class_name), asset)


def multiple_choice(feature: str, class_names: Iterable[str], *, asset: str = "") -> annotation_pb2.Annotation:
    """The answer to a multiple-choice question; no class is an answer, too."""
    chosen = annotation_pb2.ClassNames(class_names=class_names)
    return _classified(feature, annotation_pb2.Classification(multiple=chosen), asset)


def ordinal(feature: str, class_name: str, *, asset: str = "") -> annotation_pb2.Annotation:
    """The answer to a question with ordered classes."""
    return _classified(feature, annotation_pb2.Classification(ordinal=class_name), asset)


def free_text(feature: str, text: str, *, asset: str = "") -> annotation_pb2.Annotation:
    """A written answer."""
    return _classified(feature, annotation_pb2.Classification(text=text), asset)


def number(feature: str, value: float, *, asset: str = "") -> annotation_pb2.Annotation:
    """A number as an answer."""
    return _classified(feature, annotation_pb2.Classification(number=value), asset)


def text_span(feature: str, class_name: str, start: int, end: int, *, asset: str = "") -> annotation_pb2.Annotation:
    """A stretch of text, in Unicode code points, `end` exclusive."""
    span = geometry_pb2.TextSpan(start=start, end=end)
    return annotation_pb2.Annotation(feature=feature, class_name=class_name, text_span=span, asset=asset)


def class_of(annotation: annotation_pb2.Annotation) -> str:
    """The class that a single-choice or ordinal answer names, or that a shape has; empty for other answers."""
    answer = annotation.classification
    return answer.single or answer.ordinal or annotation.class_name


def _classified(feature: str, answer: annotation_pb2.Classification, asset: str) -> annotation_pb2.Annotation:
    return annotation_pb2.Annotation(feature=feature, classification=answer, asset=asset)


def _choice(
    kind: ontology_pb2.Feature.Kind.ValueType,
    feature: str,
    class_names: Iterable[str],
    required: bool,
    instructions: str,
) -> ontology_pb2.Feature:
    classes = [ontology_pb2.ClassDefinition(class_name=name) for name in class_names]
    return ontology_pb2.Feature(
        feature_name=feature, kind=kind, classes=classes, required=required, instructions=instructions
    )
