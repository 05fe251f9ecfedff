"""Short constructors."""

import pytest

import labelmill
from labelmill import labels, names
from labelmill.type.v1 import ontology_pb2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (names.project("demo"), "projects/demo"),
        (names.project("projects/demo"), "projects/demo"),
        (names.asset("demo", "a1"), "projects/demo/assets/a1"),
        (names.asset("projects/demo", "projects/demo/assets/a1"), "projects/demo/assets/a1"),
        (names.policy("demo", "p"), "projects/demo/policies/p"),
        (names.quality_report("demo", "r"), "projects/demo/qualityReports/r"),
        (names.training_job("demo", "j"), "projects/demo/trainingJobs/j"),
        (names.model_version("demo", "m", 3), "projects/demo/models/m/versions/3"),
        (names.encoder("minilm"), "encoders/minilm"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert name == expected


def test_names_are_taken_apart() -> None:
    assert names.project_of("projects/demo/assets/a1") == "demo"
    assert names.last("projects/demo/assets/a1") == "a1"
    with pytest.raises(ValueError, match="encoders/x"):
        names.project_of("encoders/x")


def test_answers_name_their_class() -> None:
    assert labels.class_of(labels.single_choice("sentiment", "positive")) == "positive"
    assert labels.class_of(labels.ordinal("stars", "3")) == "3"
    assert labels.class_of(labels.text_span("entity", "city", 3, 9)) == "city"
    assert labels.class_of(labels.free_text("note", "fine")) == ""
    assert list(labels.multiple_choice("tags", ["a", "b"]).classification.multiple.class_names) == ["a", "b"]
    assert labels.number("stars", 3).classification.number == 3


def test_an_ontology_keeps_the_order_of_its_classes() -> None:
    ontology = labels.ontology(labels.ordinal_feature("stars", ["1", "2", "3"], required=False))
    feature = ontology.features[0]
    assert feature.kind == ontology_pb2.Feature.KIND_ORDINAL
    assert [c.class_name for c in feature.classes] == ["1", "2", "3"]
    assert not feature.required


def test_the_package_shows_what_it_exports() -> None:
    assert set(dir(labelmill)) == set(labelmill.__all__)
    for name in labelmill.__all__:
        assert getattr(labelmill, name) is not None
    with pytest.raises(AttributeError):
        _ = labelmill.absent
