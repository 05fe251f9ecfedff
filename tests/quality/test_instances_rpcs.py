"""AggregateAnnotations, its stream, and ComputeInstanceAgreement over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.quality.v1 import instances_service_pb2 as pb
from labelmill.type.v1 import annotation_pb2, geometry_pb2
from labelmill_quality.convert.annotations import annotation
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Relation, Shape, TextSpan
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.drawing import box, polygon
from tests.quality.fakes import FakeAnnotations
from tests.quality.simulated_labelers import Faults, drawing
from tests.quality.test_instance_fusion import disk

pytestmark = pytest.mark.asyncio(loop_scope="module")

Options, Ask = pb.AggregationOptions, pb.ComputeInstanceAgreementRequest


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    folder: Path = tmp_path_factory.mktemp("instances")
    async with AsyncExitStack() as stack:
        yield await serve(RuntimeSettings(data_dir=folder, port=0, drain_seconds=2.0), FakeAnnotations(), stack)


def said(
    item: str, labeler: str, shape: Shape, class_name: str = "car", feature: str = "vehicle", local_id: str = ""
) -> annotation_pb2.Annotation:
    message = annotation(Instance(item, "", feature, class_name, shape, local_id=local_id))
    message.provenance.human.labeler = labeler
    return message


THREE = [
    said("i", "anna", box(10, 10, 40, 20)),
    said("i", "ben", box(12, 10, 40, 20)),
    said("i", "cleo", box(11, 13, 40, 20)),
]


def messages(instances: Iterable[Instance]) -> list[annotation_pb2.Annotation]:
    answers = []
    for instance in instances:
        message = annotation(instance)
        if instance.labeler:
            message.provenance.human.labeler = instance.labeler
        answers.append(message)
    return answers


async def test_boxes_of_three_labelers_become_one(mill: Mill) -> None:
    answer = await mill.as_("manager").instances.aggregate_annotations(
        pb.AggregateAnnotationsRequest(annotations=THREE)
    )
    (found,) = answer.instances
    value = found.annotation
    assert (value.asset, value.feature, value.class_name, value.local_id) == ("i", "vehicle", "car", "vehicle-1")
    assert 10 <= value.box.left_px <= 12
    assert 10 <= value.box.top_px <= 13
    assert value.box.image_size == geometry_pb2.ImageSize(width_px=100, height_px=80)
    assert (value.provenance.consensus.method, value.provenance.consensus.annotation_count) == ("instance_consensus", 3)
    assert not value.HasField("confidence")  # nothing calibrated it
    assert found.existence > 0.9
    assert (found.accepted, list(found.member_indices), found.viewer_count) == (True, [0, 1, 2], 3)
    assert [spread.coordinate for spread in found.spreads] == ["left_px", "top_px", "right_px", "bottom_px"]
    assert all(0 < spread.standard_deviation < 5 for spread in found.spreads)


async def test_a_features_summary_says_how_and_how_good_the_labelers_are(mill: Mill) -> None:
    drawn = drawing([Faults(1), Faults(2, bias=(3, 0, 3, 0)), Faults(2, sensitivity=0.6)], items=60)
    answer = await mill.as_("manager").instances.aggregate_annotations(
        pb.AggregateAnnotationsRequest(
            annotations=messages(drawn.instances),
            views=[pb.AssetView(asset=item, labelers=[labeler]) for item, labeler in drawn.views],
        )
    )
    (summary,) = answer.features
    assert (summary.feature, summary.instance_count) == ("vehicle", len(answer.instances))
    assert summary.accepted_count == sum(found.accepted for found in answer.instances)
    assert (summary.existence_method, summary.geometry_method) == (
        "existence_poisson_em/1",
        "box_leave_one_out_variances",
    )
    assert summary.class_method.startswith("auto/")
    assert summary.class_note  # what it mixed
    assert (summary.calibrated, summary.threshold) == (False, pytest.approx(0.4))
    anna, ben, cleo = summary.labelers
    assert [labeler.labeler for labeler in (anna, ben, cleo)] == ["labeler-0", "labeler-1", "labeler-2"]
    assert anna.view_count == 60
    assert cleo.sensitivity.lower < 0.6 < cleo.sensitivity.upper
    assert anna.sensitivity.value > cleo.sensitivity.value + 0.2
    left = next(error for error in ben.geometry if error.coordinate == "left_px")
    assert left.bias.lower < 3 < left.bias.upper
    assert left.standard_deviation.value == pytest.approx(2, rel=0.25)
    assert not anna.pixel_sensitivity.HasField("value")
    assert anna.pixel_sensitivity.undefined_reason


async def test_with_gold_existence_is_calibrated_and_becomes_the_confidence(mill: Mill) -> None:
    drawn = drawing([Faults(), Faults(false_per_item=2)], items=40, seed=2)
    known = {f"image-{number:05d}" for number in range(0, 40, 2)}
    answer = await mill.as_("manager").instances.aggregate_annotations(
        pb.AggregateAnnotationsRequest(
            annotations=messages(drawn.instances),
            gold=pb.InstanceGold(
                annotations=messages(truth for truth in drawn.truths if truth.item in known), assets=sorted(known)
            ),
        )
    )
    assert answer.features[0].calibrated
    assert answer.features[0].judged_count >= 20
    for found in answer.instances:
        assert found.annotation.confidence == found.existence
        if found.annotation.asset in known:
            assert found.existence in {0, 1}


async def test_a_stream_gives_what_one_call_gives(mill: Mill) -> None:
    drawn = drawing([Faults(1), Faults(2), Faults(3)], items=90, objects=8)
    annotations = messages(drawn.instances)
    views = [pb.AssetView(asset=item, labelers=[labeler]) for item, labeler in drawn.views]

    def requests() -> Iterator[pb.StreamAggregateAnnotationsRequest]:
        yield pb.StreamAggregateAnnotationsRequest(header=pb.StreamAggregateAnnotationsRequest.Header())
        for start in range(0, len(annotations), 300):
            batch = pb.StreamAggregateAnnotationsRequest.Batch(annotations=annotations[start : start + 300])
            yield pb.StreamAggregateAnnotationsRequest(batch=batch)
        yield pb.StreamAggregateAnnotationsRequest(batch=pb.StreamAggregateAnnotationsRequest.Batch(views=views))

    client = mill.as_("manager").instances
    answers = [answer async for answer in client.stream_aggregate_annotations(requests())]
    whole = await client.aggregate_annotations(pb.AggregateAnnotationsRequest(annotations=annotations, views=views))
    assert [found for answer in answers for found in answer.batch.instances] == list(whole.instances)
    assert [answer.feature for answer in answers if answer.HasField("feature")] == list(whole.features)
    assert len(answers) > 2


async def test_a_stream_of_nothing_ends_with_nothing(mill: Mill) -> None:
    header = pb.StreamAggregateAnnotationsRequest(header=pb.StreamAggregateAnnotationsRequest.Header())
    stream = mill.as_("manager").instances.stream_aggregate_annotations([header])
    assert [answer async for answer in stream] == []


@pytest.mark.parametrize("place", [0, 1])
async def test_the_header_comes_first_and_once(mill: Mill, place: int) -> None:
    header = pb.StreamAggregateAnnotationsRequest(header=pb.StreamAggregateAnnotationsRequest.Header())
    batch = pb.StreamAggregateAnnotationsRequest(batch=pb.StreamAggregateAnnotationsRequest.Batch(annotations=THREE))
    sent = [batch, header] if place == 0 else [header, header]
    with pytest.raises(errors.InvalidArgument) as raised:
        _ = [answer async for answer in mill.as_("manager").instances.stream_aggregate_annotations(sent)]
    assert raised.value.reason == "STREAM_SEQUENCE"


async def test_an_error_in_a_stream_names_the_annotation_by_its_place_in_the_whole(mill: Mill) -> None:
    bad = said("i", "anna", polygon([(0, 0), (1, 1), (2, 2)]))
    batches = [
        pb.StreamAggregateAnnotationsRequest.Batch(annotations=THREE),
        pb.StreamAggregateAnnotationsRequest.Batch(annotations=[bad]),
    ]
    sent = [
        pb.StreamAggregateAnnotationsRequest(header=pb.StreamAggregateAnnotationsRequest.Header()),
        *(pb.StreamAggregateAnnotationsRequest(batch=batch) for batch in batches),
    ]
    with pytest.raises(errors.InvalidArgument) as raised:
        _ = [answer async for answer in mill.as_("manager").instances.stream_aggregate_annotations(sent)]
    assert raised.value.metadata["field"] == "batch.annotations[3].polygon"


async def test_the_mode_of_cvat_takes_a_member_and_its_score(mill: Mill) -> None:
    answer = await mill.as_("manager").instances.aggregate_annotations(
        pb.AggregateAnnotationsRequest(annotations=THREE, options=Options(mode=Options.MODE_CVAT))
    )
    (found,) = answer.instances
    assert found.annotation.box.left_px in {10, 11, 12}
    assert found.annotation.provenance.consensus.method == "cvat_merge"
    assert answer.features[0].labelers == []


async def test_spans_masks_and_relations_are_aggregated_side_by_side(mill: Mill) -> None:
    sent = []
    for labeler in ("anna", "ben", "cleo"):
        sent += [
            said("text", labeler, TextSpan(0, 5), "person", "name", "a"),
            said("text", labeler, TextSpan(10, 15 + (labeler == "cleo")), "town", "name", "b"),
            said("text", labeler, Relation("a", "b"), "lives_in", "fact"),
            said("image", labeler, disk(40, 40, 12 + (labeler == "ben")), "cell", "cells"),
        ]
    answer = await mill.as_("manager").instances.aggregate_annotations(pb.AggregateAnnotationsRequest(annotations=sent))
    cells, first, second, fact = answer.instances
    assert [summary.feature for summary in answer.features] == ["cells", "name", "fact"]
    assert cells.annotation.WhichOneof("value") == "mask"
    assert sum(cells.annotation.mask.counts) == 8000
    spans = [(found.annotation.text_span.start, found.annotation.text_span.end) for found in (first, second)]
    assert spans == [(0, 5), (10, 15)]
    assert (first.annotation.class_name, second.annotation.class_name) == ("person", "town")
    assert {share.class_name for share in first.class_distribution} <= {"person", "town"}
    relation = fact.annotation.relation
    assert (relation.from_local_id, relation.to_local_id) == (first.annotation.local_id, second.annotation.local_id)
    assert (fact.accepted, fact.viewer_count) == (True, 3)
    labeler = answer.features[0].labelers[0]
    assert 0.8 < labeler.pixel_sensitivity.value <= 1


async def test_a_polygon_that_crosses_itself_is_reported(mill: Mill) -> None:
    bow = said("i", "ben", polygon([(10, 10), (40, 40), (40, 10), (10, 40)]))
    square = said("i", "anna", polygon([(10, 10), (40, 10), (40, 40), (10, 40)]))
    answer = await mill.as_("manager").instances.aggregate_annotations(
        pb.AggregateAnnotationsRequest(annotations=[square, bow])
    )
    assert list(answer.features[0].repaired_indices) == [1]


def without_labeler() -> annotation_pb2.Annotation:
    message = said("i", "anna", box(0, 0, 5, 5))
    message.ClearField("provenance")
    return message


def not_a_number() -> annotation_pb2.Annotation:
    message = said("i", "anna", box(0, 0, 5, 5))
    message.box.left_px = float("nan")
    return message


def about_the_whole_asset() -> annotation_pb2.Annotation:
    message = said("i", "anna", box(0, 0, 5, 5))
    message.classification.single = "yes"
    return message


def empty_mask() -> annotation_pb2.Annotation:
    message = said("i", "anna", box(0, 0, 5, 5))
    message.mask.counts.append(8000)
    message.mask.image_size.CopyFrom(geometry_pb2.ImageSize(width_px=100, height_px=80))
    return message


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ([without_labeler()], "NO_LABELER"),
        ([said("", "anna", box(0, 0, 5, 5))], "NO_ASSET"),
        ([not_a_number()], "INVALID_ARGUMENT"),
        ([about_the_whole_asset()], "CLASSIFICATION_NOT_EXPECTED"),
        ([empty_mask()], "INVALID_ANNOTATION"),
        ([THREE[0], said("i", "ben", TextSpan(0, 4))], "MIXED_SHAPES"),
        ([], "INVALID_ARGUMENT"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_reason(
    mill: Mill, sent: list[annotation_pb2.Annotation], reason: str
) -> None:
    with pytest.raises(errors.InvalidArgument) as raised:
        await mill.as_("manager").instances.aggregate_annotations(pb.AggregateAnnotationsRequest(annotations=sent))
    if reason != "INVALID_ARGUMENT":
        assert raised.value.reason == reason


@pytest.mark.parametrize(
    "statistic",
    [
        Ask.STATISTIC_UNSPECIFIED,
        Ask.STATISTIC_ALPHA_CLASSES,
        Ask.STATISTIC_ALPHA_LINE,
        Ask.STATISTIC_ALPHA_LINE_COVERED,
    ],
)
async def test_agreement_on_spans_has_a_value_an_interval_and_a_source(mill: Mill, statistic: int) -> None:
    sent = []
    for item in range(12):
        for labeler in ("anna", "ben"):
            for start in (item, 30 + item * 2):
                end = start + 6 + (labeler == "ben" and item % 3 == 0)
                name = "town" if start < 12 or (labeler == "ben" and item == 4) else "person"
                sent.append(said(f"text-{item}", labeler, TextSpan(start, end), name, "name"))
    request = Ask(annotations=sent, statistic=statistic, bootstrap_count=200)  # type: ignore[arg-type]
    answer = await mill.as_("reviewer").instances.compute_instance_agreement(request)
    assert 0.5 < answer.agreement.value < 1
    assert answer.agreement.lower <= answer.agreement.value <= answer.agreement.upper
    assert answer.agreement.method.startswith("krippendorff_alpha_")
    assert answer.unit_count > 0


async def test_gamma_of_spans_is_one_for_the_same_marks_and_less_for_others(mill: Mill) -> None:
    def sent(shift: int) -> list[annotation_pb2.Annotation]:
        return [
            said(f"text-{item}", labeler, TextSpan(start + (labeler == "ben") * shift, start + 8), "town", "name")
            for item in range(4)
            for labeler in ("anna", "ben")
            for start in (5 + item, 60 - item)
        ]

    answers = []
    for shift in (0, 4):
        request = Ask(annotations=sent(shift), statistic=Ask.STATISTIC_GAMMA, bootstrap_count=100)
        answers.append((await mill.as_("reviewer").instances.compute_instance_agreement(request)).agreement)
    assert (answers[0].value, answers[0].method, answers[0].sample_count) == (pytest.approx(1), "gamma", 4)
    assert 0 < answers[1].value < 0.95


async def test_agreement_is_about_one_feature_and_lines_hold_no_boxes(mill: Mill) -> None:
    client = mill.as_("manager").instances
    with pytest.raises(errors.InvalidArgument) as raised:
        await client.compute_instance_agreement(
            Ask(annotations=[THREE[0], said("i", "ben", box(0, 0, 4, 4), feature="other")])
        )
    assert raised.value.reason == "SEVERAL_FEATURES"
    with pytest.raises(errors.InvalidArgument) as raised:
        await client.compute_instance_agreement(Ask(annotations=THREE, statistic=Ask.STATISTIC_ALPHA_LINE))
    assert raised.value.reason == "WRONG_SHAPES"


async def test_labelers_may_not_ask(mill: Mill) -> None:
    with pytest.raises(errors.PermissionDenied):
        await mill.as_("annotator").instances.aggregate_annotations(pb.AggregateAnnotationsRequest(annotations=THREE))
