"""A consensus with a classifier as a message."""

from __future__ import annotations

from labelmill.quality.v1 import classifier_service_pb2 as pb
from labelmill_quality.aggregation import crowdlab, with_classifier
from labelmill_quality.aggregation.beside_classifier import Judged
from labelmill_quality.labels import LabelTable

_METHODS = {
    pb.ScoreWithClassifierRequest.METHOD_UNSPECIFIED: with_classifier.NAME,
    pb.ScoreWithClassifierRequest.METHOD_EXPERT: with_classifier.NAME,
    pb.ScoreWithClassifierRequest.METHOD_CROWDLAB: crowdlab.NAME,
}


def method_name(method: pb.ScoreWithClassifierRequest.Method.ValueType) -> str:
    """The domain's name of a method."""
    return _METHODS[method]


def method_number(name: str) -> pb.ScoreWithClassifierRequest.Method.ValueType:
    """The contract's number of a method."""
    crowd = name == crowdlab.NAME
    return pb.ScoreWithClassifierRequest.METHOD_CROWDLAB if crowd else pb.ScoreWithClassifierRequest.METHOD_EXPERT


def label_scores(table: LabelTable, judged: Judged) -> list[pb.LabelScore]:
    """Every label and how likely it is right."""
    codes = (table.item_codes, table.labeler_codes, table.class_codes, judged.label_probabilities(table))
    return [
        pb.LabelScore(
            item=table.items[item],
            labeler=table.labelers[labeler],
            class_name=table.classes[said],
            probability=probability,
        )
        for item, labeler, said, probability in zip(*(column.tolist() for column in codes), strict=True)
    ]


def trust(value: with_classifier.ClassifierTrust | None) -> pb.ClassifierTrust | None:
    """How the classifier was read."""
    return None if value is None else pb.ClassifierTrust(temperature=value.temperature, noise=value.noise)
