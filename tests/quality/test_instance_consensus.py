"""Annotations of several labelers as objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_quality.errors import InvalidAnnotation, MixedShapes, TooManyInstances
from labelmill_quality.instances import consensus, cvat_merge
from labelmill_quality.instances.aggregate import MergedFeature, Plan, RelatedFeature, aggregate
from labelmill_quality.instances.consensus import ConsensusObject, FeatureConsensus, Options
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.answers import FreeText, MultipleChoice, Number, SingleChoice
from labelmill_quality.shapes.instance import Attributes, Instance
from labelmill_quality.shapes.values import ImageSize, Mask, Relation, Shape, TextSpan
from tests.quality.drawing import box, polygon
from tests.quality.simulated_labelers import Faults, drawing, edges


def said(
    *rows: tuple[str, str, str, Shape], attributes: Sequence[Attributes] = (), feature: str = "thing"
) -> list[Instance]:
    """Instances from (item, labeler, class, shape)."""
    given = attributes or [()] * len(rows)
    return [
        Instance(item, labeler, feature, name, shape, answers, index=index, local_id=f"{labeler}{index}")
        for index, ((item, labeler, name, shape), answers) in enumerate(zip(rows, given, strict=True))
    ]


def objects(
    instances: Sequence[Instance], views: Sequence[tuple[str, str]] = (), options: Options | None = None
) -> list[ConsensusObject]:
    (outcome,) = aggregate(instances, views, Plan(options or Options()))
    assert isinstance(outcome, FeatureConsensus)
    return list(outcome.objects)


def test_fused_boxes_are_nearer_to_the_truth_than_every_labelers() -> None:
    drawn = drawing([Faults(1.5), Faults(2.5, bias=(4, 0, 4, 0)), Faults(5)], items=60, seed=1)
    by_index = {instance.index: instance for instance in drawn.instances}
    truth = {}
    for instance in drawn.truths:
        truth.setdefault(instance.item, []).append(edges(instance.shape))
    errors: dict[str, list[float]] = {"ours": [], "labeler-0": [], "labeler-1": [], "labeler-2": []}
    for found in drawn.consensus().objects:
        if len(found.members) < 3:
            continue
        nearest = min(truth[found.item], key=lambda true: np.abs(true - edges(found.shape)).sum())
        errors["ours"].append(float(np.abs(edges(found.shape) - nearest).mean()))
        for member in found.members:
            errors[by_index[member].labeler].append(float(np.abs(edges(by_index[member].shape) - nearest).mean()))
    means = {name: np.mean(values) for name, values in errors.items()}
    assert means["ours"] < min(means[f"labeler-{place}"] for place in range(3))


def test_labelers_who_draw_nothing_vote_against_what_others_drew() -> None:
    drawn = said(("i", "anna", "car", box(10, 10, 20, 20)), ("j", "ben", "car", box(10, 10, 20, 20)))
    alone = objects(drawn)
    disputed = objects(drawn, [("i", "ben"), ("i", "cleo"), ("i", "dora")])
    assert alone[0].existence > 0.5
    assert (disputed[0].existence, disputed[0].seen_by) < (alone[0].existence, 5)
    assert disputed[0].seen_by == 4


def test_different_classes_are_one_object_where_the_geometry_says_so() -> None:
    drawn = said(
        ("i", "anna", "car", box(10, 10, 40, 20)),
        ("i", "ben", "bus", box(11, 10, 40, 20)),
        ("i", "cleo", "car", box(10, 11, 40, 20)),
    )
    (found,) = objects(drawn)
    assert (found.class_name, len(found.members)) == ("car", 3)
    assert sum(share for _, share in found.class_shares) == pytest.approx(1)
    assert len(objects(drawn, options=Options(class_penalty=1.0))) == 2


@given(st.permutations(["labeler-0", "labeler-1", "labeler-2"]), st.integers(0, 50))
@settings(max_examples=12, deadline=None)
def test_renaming_labelers_changes_nothing(names: list[str], seed: int) -> None:
    drawn = drawing([Faults(), Faults(4), Faults(2, sensitivity=0.6)], items=4, seed=seed)
    renamed = dict(zip(["labeler-0", "labeler-1", "labeler-2"], names, strict=True))
    other = [replace(instance, labeler=renamed[instance.labeler]) for instance in drawn.instances]
    views = [(item, renamed[labeler]) for item, labeler in drawn.views]
    ours, theirs = drawn.consensus().objects, objects(other, views)
    assert [found.members for found in ours] == [found.members for found in theirs]
    assert [found.existence for found in ours] == pytest.approx([found.existence for found in theirs], abs=1e-6)
    assert np.array([edges(found.shape) for found in ours]) == pytest.approx(
        np.array([edges(found.shape) for found in theirs]), abs=1e-4
    )
    assert [found.class_name for found in ours] == [found.class_name for found in theirs]


@given(st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_the_order_of_annotations_changes_nothing(random: st.DataObject) -> None:
    drawn = drawing([Faults(), Faults(4)], items=5, seed=7)
    shuffled = list(drawn.instances)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    ours, theirs = drawn.consensus().objects, objects(shuffled, drawn.views)
    assert [(found.members, found.existence, edges(found.shape).tolist()) for found in ours] == [
        (found.members, found.existence, edges(found.shape).tolist()) for found in theirs
    ]


def test_one_labelers_shapes_are_kept_as_they_are() -> None:
    drawn = said(("i", "anna", "car", box(10, 10, 20, 20)), ("i", "anna", "car", box(10, 10, 20, 20)))
    found = objects(drawn)
    assert [one.shape for one in found] == [drawn[0].shape, drawn[1].shape]
    assert all(np.isnan(one.spreads).all() for one in found)


def test_gold_anchors_existence_and_class_and_calibrates() -> None:
    drawn = drawing([Faults(), Faults(false_per_item=3.0)], items=40, seed=3)
    known = {f"image-{number:05d}" for number in range(0, 40, 2)}
    told = drawn.consensus(known=known)
    blind = drawn.consensus()
    assert (told.calibration is not None, blind.calibration is None) == (True, True)
    judged = [found for found in told.objects if found.item in known]
    assert {found.existence for found in judged} == {0.0, 1.0}

    def wrong(result: FeatureConsensus) -> float:
        """Mean squared error of existence on the items whose gold was not told."""
        errors = []
        for found in result.objects:
            true = [truth.shape for truth in drawn.truths if truth.item == found.item]
            if found.item not in known:
                real = bool(true) and similarities([found.shape], true).max() > 0.4
                errors.append((found.existence - real) ** 2)
        return float(np.mean(errors))

    assert wrong(told) < wrong(blind)


def test_items_that_gold_says_are_empty_make_what_is_drawn_on_them_spurious() -> None:
    drawn = said(("i", "anna", "car", box(10, 10, 20, 20)), ("j", "anna", "car", box(10, 10, 20, 20)))
    (outcome,) = aggregate(drawn, [], Plan(), gold_items=frozenset({"i"}))
    assert isinstance(outcome, FeatureConsensus)
    assert outcome.objects[0].existence == 0
    assert not outcome.objects[0].accepted


def test_attributes_are_aggregated_inside_objects() -> None:
    shape = box(10, 10, 20, 20)
    red, blue, right, wrong = SingleChoice("red"), SingleChoice("blue"), FreeText("AB 12"), FreeText("XB 92")
    answers: list[Attributes] = [
        (("colour", red), ("doors", Number(4)), ("plate", right), ("seen", MultipleChoice(frozenset("xy")))),
        (("colour", red), ("doors", Number(2)), ("plate", right), ("seen", MultipleChoice(frozenset("x")))),
        (("colour", blue), ("doors", Number(4)), ("plate", wrong), ("seen", MultipleChoice(frozenset("z")))),
    ]
    (found,) = objects(said(*[("i", who, "car", shape) for who in ("anna", "ben", "cleo")], attributes=answers))
    merged = dict(found.attributes)
    colour, seen = merged["colour"], merged["seen"]
    assert isinstance(colour, SingleChoice)
    assert isinstance(seen, MultipleChoice)
    assert colour.class_name == "red"
    assert (merged["doors"], merged["plate"]) == (Number(4.0), FreeText("AB 12"))
    assert seen.class_names == frozenset("x")


def test_relations_join_objects_and_are_voted_on_by_those_who_drew_both_ends() -> None:
    rows = [("i", who, "x", TextSpan(start, start + 4)) for who in ("anna", "ben", "cleo") for start in (0, 10, 20)]
    spans = said(*rows)
    ends = {(span.labeler, span.shape.start): span.local_id for span in spans if isinstance(span.shape, TextSpan)}
    related = [("anna", 0, 10), ("ben", 0, 10), ("cleo", 0, 10), ("cleo", 10, 20)]
    relations = [
        Instance("i", who, "rel", "next", Relation(ends[who, one], ends[who, other]), index=9 + place)
        for place, (who, one, other) in enumerate(related)
    ]
    lost = Instance("i", "ben", "rel", "next", Relation("nowhere", ends["ben", 10]), index=13)
    spans_found, outcome = aggregate([*spans, *relations, lost], [], Plan())
    assert isinstance(spans_found, FeatureConsensus)
    assert isinstance(outcome, RelatedFeature)
    first, second = outcome.relations.relations
    assert (first.from_object, first.to_object, first.members, first.possible) == ("thing-1", "thing-2", (9, 10, 11), 3)
    assert first.existence > 0.9 > second.existence
    assert list(outcome.relations.unresolved) == [13]
    assert outcome.accepted[0]


def test_shapes_of_several_kinds_are_refused_and_the_field_is_named() -> None:
    drawn = said(("i", "anna", "x", box(0, 0, 5, 5)), ("i", "ben", "x", polygon([(0, 0), (5, 0), (5, 5)])))
    with pytest.raises(MixedShapes) as raised:
        objects(drawn)
    assert raised.value.metadata["field"] == "annotations[1]"


def test_masks_of_different_sizes_on_one_item_are_refused() -> None:
    shapes = [
        Mask(np.array([3, 4, 5], np.uint32), ImageSize(4, 3)),
        Mask(np.array([3, 4, 3], np.uint32), ImageSize(5, 2)),
    ]
    with pytest.raises(InvalidAnnotation):
        objects(said(("i", "anna", "x", shapes[0]), ("i", "ben", "x", shapes[1])))


def test_too_many_shapes_on_one_item_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consensus, "MOST_INSTANCES", 3)
    with pytest.raises(TooManyInstances):
        objects(said(*[("i", "anna", "x", TextSpan(place, place + 1)) for place in range(4)]))


def test_a_pile_of_a_thousand_spans_in_one_place_is_clustered_in_bearable_time() -> None:
    rows = [("i", f"labeler-{place % 5}", "x", TextSpan(place % 7, 20 + place % 11)) for place in range(1000)]
    found = objects(said(*rows))
    assert sum(len(one.members) for one in found) == 1000
    assert max(len(one.members) for one in found) <= 5


class TestLikeCvat:
    """`intersect_merge.py` of CVAT, by hand."""

    ROWS = (
        ("i", "anna", "car", box(0, 0, 10, 10)),
        ("i", "ben", "car", box(1, 0, 10, 10)),
        ("i", "cleo", "car", box(3, 0, 10, 10)),
        ("i", "cleo", "car", box(50, 50, 10, 10)),
    )

    def merged(self, *, threshold: float | None = None, quorum: float = 0.5) -> MergedFeature:
        plan = Plan(Options(threshold=threshold), like_cvat=True, quorum=quorum)
        (outcome,) = aggregate(said(*self.ROWS), [], plan)
        assert isinstance(outcome, MergedFeature)
        return outcome

    def test_the_member_nearest_to_the_mean_box_stands_for_its_cluster_with_votes_times_similarity(self) -> None:
        (found,) = self.merged().objects
        assert found.shape == box(1, 0, 10, 10)  # the mean box begins at 4/3
        assert found.members == (0, 1, 2)
        assert found.existence == pytest.approx(3 / 3 * (90 / 110 + 1 + 80 / 120) / 3)

    def test_clusters_are_complete_link(self) -> None:
        """anna and cleo are 70 / 130 = 0.54 alike: at 0.6 they are not one object, though both are like ben."""
        (found,) = self.merged(threshold=0.6).objects
        assert found.members == (0, 1)
        assert found.existence == pytest.approx(2 / 3 * (90 / 110 + 1) / 2)

    def test_the_quorum_is_rounded_up(self) -> None:
        assert len(self.merged(quorum=1 / 3).objects) == 2
        assert len(self.merged(quorum=0.34).objects) == 1
        five = said(*[("i", f"l{place}", "car", box(place / 10, 0, 10, 10)) for place in range(4)])
        assert cvat_merge.merge(five, 5, quorum=0.7)  # 5 x 0.7 -> 4
        assert not cvat_merge.merge(five[:3], 5, quorum=0.7)

    def test_different_labels_never_merge(self) -> None:
        drawn = said(("i", "anna", "car", box(0, 0, 10, 10)), ("i", "ben", "bus", box(0, 0, 10, 10)))
        assert [len(found.members) for found in cvat_merge.merge(drawn, 2)] == [1, 1]


def test_gold_shows_a_shift_that_all_labelers_share() -> None:
    shifted = Faults(1, bias=(6, 0, 6, 0))
    drawn = drawing([shifted, shifted, shifted], items=40, seed=4)
    known = {f"image-{number:05d}" for number in range(0, 40, 2)}
    told, blind = drawn.consensus(known=known), drawn.consensus()
    assert told.fused.labelers[0].bias == pytest.approx([6, 6, 6], abs=0.5)
    assert blind.fused.labelers[0].bias == pytest.approx([0, 0, 0], abs=0.5)
    before, after = (np.array([edges(found.shape)[0] for found in result.objects]) for result in (blind, told))
    assert np.median(before - after) == pytest.approx(6, abs=0.5)


def test_shapes_whose_sizes_no_number_could_hold_are_refused() -> None:
    for shape in (box(1e300, 0, 1e300, 4), TextSpan(2**62, 2**62 + 5)):
        with pytest.raises(InvalidAnnotation) as raised:
            objects(said(("i", "anna", "x", shape), ("i", "ben", "x", shape)))
        assert raised.value.metadata["field"] == "annotations[0]"
