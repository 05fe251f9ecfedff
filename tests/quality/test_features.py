"""Features whose answers are no single classes: how they are compared, what is inferred, and their reports."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill import labels
from labelmill.quality.v1 import resources_pb2 as pb
from labelmill.quality.v1 import service_pb2 as calls
from labelmill.type.v1 import annotation_pb2, geometry_pb2
from labelmill.type.v1.ontology_pb2 import Feature
from labelmill_quality.features import FEATURES
from labelmill_quality.features.kind import Answer, Answers
from labelmill_quality.features.scored import Evidence, score
from labelmill_quality.ports import Statement
from labelmill_quality.shapes.answers import FreeText, MultipleChoice, Number
from labelmill_quality.shapes.instance import Instance, Response
from labelmill_quality.shapes.values import Box, ImageSize
from tests.quality.conftest import Mill
from tests.quality.fakes import FakeAnnotations
from tests.quality.test_project_rpcs import PARENT, fill, scored
from tests.quality.test_report_page import outline, page_of

SIZE = ImageSize(200, 100)
MULTIPLE, TEXT, NUMBER, BOX = 2, 4, 5, 6


def respond(answer: MultipleChoice | FreeText | Number) -> Answer:
    return (Response("i", "l", "f", answer),)


def box(left: float, class_name: str = "car", width: float = 20.0) -> Instance:
    return Instance("i", "l", "f", class_name, Box(left, 10.0, width, 20.0, 0.0, SIZE))


numbers = st.floats(-1e6, 1e6).map(lambda value: respond(Number(value)))
texts = st.text(max_size=12).map(lambda value: respond(FreeText(value)))
choices = st.frozensets(st.sampled_from(["a", "b", "c"])).map(lambda value: respond(MultipleChoice(value)))
boxes = st.lists(st.builds(box, st.floats(0, 150), st.sampled_from(["car", "bus"])), max_size=4).map(tuple)
KINDS = [(MULTIPLE, choices), (TEXT, texts), (NUMBER, numbers), (BOX, boxes)]


@pytest.mark.parametrize(("kind", "answers"), KINDS)
def test_likeness_is_symmetric_in_the_unit_interval_and_one_for_equals(
    kind: int, answers: st.SearchStrategy[Answer]
) -> None:
    likeness: Callable[[Answer, Answer], float] = FEATURES[kind].likeness

    @settings(max_examples=60, deadline=None)
    @given(answers, answers)
    def holds(one: Answer, other: Answer) -> None:
        alike = likeness(one, other)
        assert 0 <= alike <= 1
        assert alike == pytest.approx(likeness(other, one), abs=1e-9)
        assert likeness(one, one) == pytest.approx(1, abs=1e-9)

    holds()


def test_likeness_has_known_values() -> None:
    likeness = {kind: FEATURES[kind].likeness for kind in (MULTIPLE, TEXT, NUMBER, BOX)}
    a, ab = (respond(MultipleChoice(frozenset(classes))) for classes in ("a", "ab"))
    assert likeness[MULTIPLE](a, ab) == 0.5
    assert likeness[TEXT](respond(FreeText("kitten")), respond(FreeText("sitting"))) == pytest.approx(1 - 3 / 7)
    assert likeness[NUMBER](respond(Number(9)), respond(Number(10))) == pytest.approx(0.9)
    assert likeness[NUMBER](respond(Number(-3)), respond(Number(3))) == 0
    assert likeness[BOX]((box(0), box(100)), (box(0),)) == 0.5
    assert likeness[BOX]((box(0),), (box(0, "bus"),)) == 0
    assert likeness[BOX]((), ()) == 1


def answers_of(by: dict[str, dict[str, Answer]]) -> Evidence:
    return Evidence(by, {}, {}, dict.fromkeys(by, 0))


def test_perfect_agreement_is_one_in_every_figure() -> None:
    by = {f"i{n}": {who: respond(Number(float(n))) for who in ("anna", "ben")} for n in range(5)}
    found = score(FEATURES[NUMBER], answers_of(by), replicates=100, seed=0)
    assert found.alpha.value == 1.0
    assert [each.with_others.value for each in found.labelers] == [1.0, 1.0]
    assert found.disagreement.tolist() == [0.0] * 5
    assert [each[0].answer for each in found.inferred.answers.values()] == [Number(float(n)) for n in range(5)]  # type: ignore[union-attr]


def test_one_labeler_alone_agrees_with_nobody() -> None:
    by = {"i0": {"anna": respond(FreeText("yes"))}}
    found = score(FEATURES[TEXT], answers_of(by), replicates=100, seed=0)
    assert (found.alpha.value, found.labelers[0].with_others.value, found.benchmark_likeness.value) == (None,) * 3
    assert found.alpha.undefined_reason
    assert found.inferred.answers["i0"][0].answer == FreeText("yes")  # type: ignore[union-attr]


def test_chosen_classes_are_inferred_one_by_one() -> None:
    yes, both, none = (respond(MultipleChoice(frozenset(classes))) for classes in ("a", "ab", ""))
    by: Answers = {
        **{f"i{n}": {"anna": yes, "ben": yes, "cleo": both} for n in range(6)},
        **{f"j{n}": {"anna": none, "ben": none, "cleo": none} for n in range(6)},
    }
    found = FEATURES[MULTIPLE].infer(by)
    assert found.answers["i0"][0].answer == MultipleChoice(frozenset("a"))  # type: ignore[union-attr]
    assert found.answers["j0"][0].answer == MultipleChoice(frozenset())  # type: ignore[union-attr]
    assert found.method == "dawid_skene_by_class"


def placed(item: str, labeler: str, *lefts: float) -> Answer:
    return tuple(
        Instance(item, labeler, "boxes", "car", Box(left, 10.0, 20.0, 20.0, 0.0, SIZE), index=n)
        for n, left in enumerate(lefts)
    )


def test_shapes_that_most_draw_become_objects() -> None:
    generator = np.random.default_rng(1)
    by: dict[str, dict[str, Answer]] = {}
    for n in range(12):
        item = f"i{n:02d}"
        by[item] = {who: placed(item, who, 20 + float(generator.normal()), 120) for who in ("anna", "ben")}
        by[item]["cleo"] = placed(item, "cleo", 21, *([70.0] if n == 0 else []))
    found = score(FEATURES[BOX], answers_of(by), replicates=100, seed=0)
    assert {len(shapes) for shapes in found.inferred.answers.values()} == {2}
    anna, _, cleo = found.labelers
    assert anna.with_others.value is not None
    assert cleo.with_others.value is not None
    assert anna.with_others.value > cleo.with_others.value
    assert found.inferred.method == "instance_consensus"
    assert found.disagreement[0] == max(found.disagreement)


# Over the wire.


def said(item: int, labeler: str, *annotations: annotation_pb2.Annotation) -> list[Statement]:
    asset = f"{PARENT}/assets/a{item:05d}"
    statements = []
    for annotation in annotations:
        annotation.asset = asset
        annotation.provenance.human.labeler = labeler
        statements.append(Statement(asset, labeler, 86_400_000 * (20_000 + item), annotation.SerializeToString()))
    return statements


def drawn(left: float) -> annotation_pb2.Annotation:
    size = geometry_pb2.ImageSize(width_px=200, height_px=100)
    shape = geometry_pb2.Box(left_px=left, top_px=10, width_px=20, height_px=20, image_size=size)
    return annotation_pb2.Annotation(feature="boxes", class_name="car", box=shape)


def fill_others(source: FakeAnnotations) -> None:
    source.other_kinds = {
        "boxes": Feature.KIND_BOX,
        "stars": Feature.KIND_NUMBER,
        "summary": Feature.KIND_FREE_TEXT,
        "topics": Feature.KIND_MULTIPLE_CHOICE,
        "unused": Feature.KIND_MASK,
    }
    for feature in source.other_kinds:
        source.said[feature] = []
    for item in range(4):
        for who, shift in (("anna", 0.0), ("ben", 1.0), ("cleo", 9.0)):
            source.seen.append((f"{PARENT}/assets/a{item:05d}", who))
            if not (item == 3 and who == "cleo"):
                source.said["boxes"] += said(item, who, drawn(20 + shift), drawn(100 + shift))
            source.said["stars"] += said(item, who, labels.number("stars", item + shift))
            text = "rain in the north" + (" east" if who == "cleo" else "")
            source.said["summary"] += said(item, who, labels.free_text("summary", text))
            source.said["topics"] += said(item, who, labels.multiple_choice("topics", ["a", "b"][: 1 + (item % 2)]))
    gold = labels.number("stars", 1.0)
    source.gold_said["stars"] = {f"{PARENT}/assets/a00001": (gold.SerializeToString(),)}


async def labels_of(mill: Mill, report: pb.QualityReport) -> list[pb.ConsensusLabel]:
    request = calls.ListConsensusLabelsRequest(parent=report.name)
    return [label async for label in mill.quality.list_consensus_labels(request)]


async def test_numbers_are_scored_and_inferred(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill_others(mill.source)
    report = await scored(mill, feature="stars")
    assert (report.feature_kind, report.label_count, report.item_count) == (Feature.KIND_NUMBER, 12, 4)
    assert report.alpha.method == "krippendorff_alpha_interval"
    assert (report.benchmark_accuracy.method, report.benchmark_accuracy.sample_count) == ("mean_likeness_with_gold", 3)
    anna, _, cleo = report.labelers
    assert anna.benchmark_accuracy.value == 1.0
    assert cleo.consensus_agreement.value < anna.consensus_agreement.value
    assert not report.classes
    assert "labeler_model" in report.consensus_note
    kept = await labels_of(mill, report)
    assert [len(label.annotations) for label in kept] == [1] * 4
    assert kept[0].annotations[0].classification.WhichOneof("answer") == "number"
    assert [(label.class_name, len(label.distribution)) for label in kept] == [("", 0)] * 4
    assert kept[0].disagreement > 0


async def test_who_saw_an_item_and_drew_nothing_has_answered(mill: Mill) -> None:
    fill_others(mill.source)
    report = await scored(mill, feature="boxes")
    assert (report.label_count, report.item_count) == (12, 4)
    assert report.alpha.method == "krippendorff_alpha_shapes"
    kept = await labels_of(mill, report)
    assert all(annotation.HasField("box") for label in kept for annotation in label.annotations)
    assert kept[3].disagreement > kept[0].disagreement
    filtered = await scored(mill, feature="boxes", annotation_filter='batch = "b-1"')
    assert filtered.label_count == 11


async def test_texts_and_multiple_choices_are_scored(mill: Mill) -> None:
    fill_others(mill.source)
    summary = await scored(mill, feature="summary")
    assert {label.annotations[0].classification.text for label in await labels_of(mill, summary)} == {
        "rain in the north"
    }
    topics = await scored(mill, feature="topics")
    assert (topics.alpha.value, topics.alpha.method) == (1.0, "krippendorff_alpha_jaccard")
    chosen = [list(label.annotations[0].classification.multiple.class_names) for label in await labels_of(mill, topics)]
    assert chosen == [["a"], ["a", "b"], ["a"], ["a", "b"]]


async def test_all_features_get_a_report_each_and_one_page(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.source)
    fill_others(mill.source)
    together = await scored(mill, feature="")
    assert together.feature == ""
    parts = [
        await mill.quality.get_quality_report(calls.GetQualityReportRequest(name=name))
        for name in together.feature_reports
    ]
    assert [part.feature for part in parts] == ["sentiment", "boxes", "stars", "summary", "topics"]
    listing = calls.ListQualityReportsRequest(parent=PARENT, page_size=1)
    assert next(iter((await mill.quality.list_quality_reports.page(listing)).quality_reports)).name == together.name
    page = await page_of(mill, together.name)
    outline(page)
    for part in parts:
        assert f'id="f-{part.feature}"' in page
    assert "rain in the north east" not in page  # the answers themselves are no content of items
