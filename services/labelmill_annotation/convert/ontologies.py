"""labelmill.type.v1.Ontology -> domain."""

from __future__ import annotations

from labelmill.type.v1 import ontology_pb2
from labelmill_annotation.ontology import Feature, Ontology
from labelmill_annotation.statements import FeatureKind


def ontology(message: ontology_pb2.Ontology) -> Ontology:
    """The ontology that rules look at."""
    return Ontology(tuple(_feature(feature) for feature in message.features))


def payload(message: ontology_pb2.Ontology) -> bytes:
    """As it is kept; equal ontologies are equal bytes."""
    return message.SerializeToString(deterministic=True)


def from_payload(kept: bytes) -> Ontology:
    """The ontology that rules look at, from what is kept."""
    return ontology(ontology_pb2.Ontology.FromString(kept))


def _feature(message: ontology_pb2.Feature) -> Feature:
    return Feature(
        name=message.feature_name,
        kind=FeatureKind(message.kind),
        classes=tuple(definition.class_name for definition in message.classes),
        required=message.required,
        attributes=tuple(_feature(attribute) for attribute in message.attributes),
    )
