"""What can be said about an asset: features, their classes and attributes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from labelmill_annotation.errors import OntologyInvalid
from labelmill_annotation.statements import FeatureKind

CHOICES = frozenset({FeatureKind.SINGLE_CHOICE, FeatureKind.MULTIPLE_CHOICE, FeatureKind.ORDINAL})
QUESTIONS = CHOICES | {FeatureKind.FREE_TEXT, FeatureKind.NUMBER}
"""Kinds that are answered about the whole asset (or shape); the others are drawn or marked."""

_MOST_FIELDS = 20


@dataclass(frozen=True)
class Feature:
    """One tool or question.

    The classes of a keypoints feature are the names of its keypoints; those of other shapes are what the shape can be.
    """

    name: str
    kind: FeatureKind
    classes: tuple[str, ...] = ()
    required: bool = False
    attributes: tuple[Feature, ...] = ()

    @cached_property
    def class_set(self) -> frozenset[str]:
        """The classes, for look-ups."""
        return frozenset(self.classes)

    @cached_property
    def attributes_by_name(self) -> dict[str, Feature]:
        """The attributes, for look-ups."""
        return {attribute.name: attribute for attribute in self.attributes}


@dataclass(frozen=True)
class Ontology:
    """The features of a project."""

    features: tuple[Feature, ...]

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """The features, for look-ups."""
        return {feature.name: feature for feature in self.features}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the features that a submission must hold."""
        return tuple(feature.name for feature in self.features if feature.required)


def require_valid(ontology: Ontology, path: str) -> None:
    """Refuses an ontology that contradicts itself.

    Raises:
        OntologyInvalid: ONTOLOGY_INVALID with the field paths below `path`.
    """
    found = dict(_violations(ontology.features, f"{path}.features"))
    if not ontology.features:
        found[f"{path}.features"] = "must have at least one feature"
    if found:
        raise OntologyInvalid(dict(list(found.items())[:_MOST_FIELDS]))


def _violations(features: Sequence[Feature], path: str) -> Iterator[tuple[str, str]]:
    names = Counter(feature.name for feature in features)
    for index, feature in enumerate(features):
        here = f"{path}[{index}]"
        if names[feature.name] > 1:
            yield f"{here}.feature_name", "is used twice"
        yield from _class_violations(feature, here)
        for number, attribute in enumerate(feature.attributes):
            if attribute.kind not in QUESTIONS:
                yield f"{here}.attributes[{number}].kind", "must be a choice, free text or a number"
            if attribute.attributes:
                yield f"{here}.attributes[{number}].attributes", "cannot be nested further"
        yield from _violations([_without_attributes(a) for a in feature.attributes], f"{here}.attributes")


def _class_violations(feature: Feature, path: str) -> Iterator[tuple[str, str]]:
    if feature.kind in CHOICES and not feature.classes:
        yield f"{path}.classes", "must have at least one class"
    if feature.kind is FeatureKind.ORDINAL and len(feature.classes) == 1:
        yield f"{path}.classes", "must have at least two classes to be in order"
    if feature.kind in QUESTIONS - CHOICES and feature.classes:
        yield f"{path}.classes", "must be empty for free text and numbers"
    if len(feature.class_set) < len(feature.classes):
        yield f"{path}.classes", "must have different names"


def _without_attributes(feature: Feature) -> Feature:
    return Feature(feature.name, feature.kind, feature.classes, feature.required)
