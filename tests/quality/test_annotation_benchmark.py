"""Annotations of every kind against gold: outcomes, figures, drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_quality.benchmark.drift import designed, watch
from labelmill_quality.benchmark.errors import ImageSizeDiffers, ShapeTooLarge, TooManyShapes
from labelmill_quality.benchmark.gold import Gold
from labelmill_quality.benchmark.groups import Group, grouped
from labelmill_quality.benchmark.judgement import Judgement, Outcome, missed, pair
from labelmill_quality.benchmark.rules import DriftDesign, Mode, Rules
from labelmill_quality.benchmark.scoring import Judged, judge
from labelmill_quality.errors import DuplicateGold, TooManyCells
from labelmill_quality.intervals import wilson
from labelmill_quality.shapes.answers import (
    Answer,
    FreeText,
    MultipleChoice,
    Number,
    OrdinalChoice,
    SingleChoice,
)
from labelmill_quality.shapes.instance import Instance, Response, Statements
from labelmill_quality.shapes.values import ImageSize, Mask, Relation, Shape, TextSpan
from tests.quality import drawing
from tests.quality.drawing import box, polygon, unhurried

RULES = Rules(bootstrap_count=100)
RIGHT, WRONG, SPURIOUS, MISSED = Outcome


def shape(item: str, labeler: str, value: Shape, class_name: str = "cat", **more: object) -> Instance:
    return Instance(item, labeler, "thing", class_name, value, **more)  # type: ignore[arg-type]


def answer(item: str, labeler: str, value: Answer, feature: str = "question") -> Response:
    return Response(item, labeler, feature, value)


def statements(*said: Instance | Response) -> Statements:
    numbered = [replace(one, index=index) for index, one in enumerate(said)]
    return Statements(
        [one for one in numbered if isinstance(one, Instance)], [one for one in numbered if isinstance(one, Response)]
    )


def judged(
    said: Sequence[Instance | Response],
    gold: Sequence[Instance | Response],
    rules: Rules = RULES,
    *,
    asked: Sequence[tuple[str, str]] = (),
    empty: Sequence[str] = (),
) -> Judged:
    known = Gold()
    known.add(statements(*gold), empty, field="gold")
    return judge(statements(*said), known, asked, rules)


def outcomes(found: Judged) -> list[Outcome]:
    return [judgement.verdict.outcome for judgement in found.judgements]


def the_group(found: Judged, rules: Rules = RULES, **wanted: object) -> Group:
    sought = {"labeler": "", "class_name": "", "window_start_ms": None, **wanted}
    groups = [g for g in grouped(found.judgements, rules) if all(getattr(g, k) == v for k, v in sought.items())]
    (group,) = groups
    return group


GOLD = [
    shape("x", "", box(0, 0, 10, 10), "cat"),
    shape("x", "", box(20, 0, 10, 10), "dog"),
    shape("x", "", box(40, 0, 10, 10), "dog"),
]


def test_shapes_are_right_of_another_class_spurious_or_missed() -> None:
    said = [
        shape("x", "anna", box(0, 0, 10, 10), "cat"),
        shape("x", "anna", box(20, 0, 10, 8), "cat"),
        shape("x", "anna", box(60, 0, 10, 10), "cat"),
    ]
    found = judged(said, GOLD)
    told = [(j.verdict.outcome, j.index, j.gold_index, j.verdict.score) for j in found.judgements]
    assert told == [
        (RIGHT, 0, 0, 1.0),
        (WRONG, 1, 1, pytest.approx(0.8)),
        (SPURIOUS, 2, None, 0.0),
        (MISSED, None, 2, 0.0),
    ]
    assert found.item_scores[0].score == pytest.approx(1.8 / 4)
    group = the_group(found)
    assert group.confusion is not None
    assert group.confusion.class_names == ("cat", "dog")
    assert group.confusion.counts.tolist() == [[1, 0, 0], [1, 0, 1], [1, 0, 0]]  # gold cat, dog, nothing
    figures = group.figures
    values = [e.value for e in (figures.accuracy, figures.precision, figures.recall, figures.f1, figures.jaccard)]
    assert values == pytest.approx([1 / 4, 1 / 3, 1 / 3, 1 / 3, 1 / 5])
    assert figures.mean_score.value == pytest.approx(0.9)
    assert (figures.accuracy.lower, figures.accuracy.upper) == pytest.approx(wilson(1, 4))


def test_each_class_and_each_labeler_has_figures() -> None:
    said = [shape("x", who, one.shape, "cat") for who in ("anna", "ben") for one in GOLD]
    found = judged(said, GOLD)
    cat, dog = (the_group(found, class_name=name).figures for name in ("cat", "dog"))
    assert (cat.precision.value, cat.recall.value) == (pytest.approx(1 / 3), 1)
    assert (dog.recall.value, dog.precision.value) == (0, None)
    assert (dog.wrong_count, dog.missed_count) == (4, 0)
    assert cat.accuracy.method == "one_vs_rest_accuracy"
    assert cat.accuracy.value == pytest.approx(2 / 6)
    assert the_group(found, labeler="ben").figures.accuracy.n == 3


def test_one_item_has_no_bootstrap_interval_and_several_have() -> None:
    one = judged([shape("x", "anna", box(0, 0, 10, 10))], GOLD)
    f1 = the_group(one).figures.f1
    assert (f1.value, f1.lower, f1.interval_method) == (pytest.approx(0.5), None, "none: one item")
    gold = [shape(f"i{n}", "", box(0, 0, 10, 10)) for n in range(12)]
    said = [shape(f"i{n}", "anna", box(0, 0, 10, 10 - 9 * (n % 3 == 0))) for n in range(12)]
    f1 = the_group(judged(said, gold)).figures.f1
    assert f1.value == pytest.approx(2 / 3)
    assert f1.lower is not None
    assert f1.upper is not None
    assert f1.lower < f1.value < f1.upper
    assert f1.interval_method == "bootstrap_items_100"


def test_what_rests_on_too_little_is_undefined_and_says_why() -> None:
    group = the_group(judged([shape("x", "anna", box(0, 0, 10, 10))], GOLD), replace(RULES, minimum_count=5))
    assert group.figures.accuracy.value is None
    assert group.figures.f1.undefined_reason == "fewer than 5 observations"
    assert group.figures.mean_error.undefined_reason == "nothing of this kind was judged"


def test_items_without_gold_are_left_out_and_empty_ones_are_not() -> None:
    said = [
        shape("x", "anna", box(0, 0, 10, 10)),
        shape("y", "anna", box(0, 0, 9, 9)),
        shape("z", "ben", box(0, 0, 9, 9)),
    ]
    found = judged(said, GOLD[:1], empty=["y"])
    assert [(j.item, j.verdict.outcome) for j in found.judgements] == [("x", RIGHT), ("y", SPURIOUS)]


def test_who_was_asked_and_said_nothing_missed_everything() -> None:
    found = judged([], [GOLD[0], answer("x", "", SingleChoice("yes"))], asked=[("x", "anna"), ("nowhere", "anna")])
    assert [(j.feature, j.verdict.outcome) for j in found.judgements] == [("question", MISSED), ("thing", MISSED)]


def test_of_two_answers_of_one_labeler_the_last_counts() -> None:
    said = [answer("x", "anna", SingleChoice("no")), answer("x", "anna", SingleChoice("yes"))]
    found = judged(said, [answer("x", "", SingleChoice("yes"))])
    assert [(j.index, j.verdict.outcome) for j in found.judgements] == [(1, RIGHT)]


def test_two_gold_answers_to_one_question_are_refused() -> None:
    with pytest.raises(DuplicateGold) as refused:
        judged([], [answer("x", "", SingleChoice("yes")), answer("x", "", SingleChoice("no"))])
    assert list(refused.value.fields) == ["gold[1]"]


ORDERED = Rules(class_orders={"question": ("bad", "fair", "good")}, number_tolerance=0.5, text_threshold=0.75)


@pytest.mark.parametrize(
    ("said", "gold", "outcome", "score", "error"),
    [
        (SingleChoice("a"), SingleChoice("a"), RIGHT, 1, None),
        (SingleChoice("a"), SingleChoice("b"), WRONG, 0, None),
        (OrdinalChoice("a"), SingleChoice("a"), WRONG, 0, None),
        (OrdinalChoice("good"), OrdinalChoice("fair"), WRONG, 0.5, 1),
        (OrdinalChoice("bad"), OrdinalChoice("good"), WRONG, 0, -2),
        (OrdinalChoice("fair"), OrdinalChoice("fair"), RIGHT, 1, 0),
        (OrdinalChoice("odd"), OrdinalChoice("fair"), WRONG, 0, None),
        (MultipleChoice(frozenset("ab")), MultipleChoice(frozenset("bc")), WRONG, 1 / 3, None),
        (MultipleChoice(frozenset()), MultipleChoice(frozenset()), RIGHT, 1, None),
        (FreeText("hous"), FreeText("house"), RIGHT, 0.8, None),
        (FreeText("hut"), FreeText("house"), WRONG, 0.4, None),
        (Number(2.5), Number(3), RIGHT, 1, -0.5),
        (Number(4), Number(3), WRONG, 0, 1),
    ],
)
def test_every_kind_of_answer_is_compared(
    said: Answer, gold: Answer, outcome: Outcome, score: float, error: float | None
) -> None:
    found = judged([answer("x", "anna", said)], [answer("x", "", gold)], ORDERED)
    verdict = found.judgements[0].verdict
    assert (verdict.outcome, verdict.score, verdict.error) == (outcome, pytest.approx(score), error)


def test_errors_of_ranks_have_a_mean_with_its_sign_and_without() -> None:
    gold = [answer(item, "", OrdinalChoice("fair")) for item in "wxyz"]
    said = [
        answer(item, "anna", OrdinalChoice(name))
        for item, name in zip("wxyz", ["good", "bad", "good", "fair"], strict=True)
    ]
    figures = the_group(judged(said, gold, ORDERED), RULES).figures
    assert (figures.mean_error.value, figures.mean_absolute_error.value) == (0.25, 0.75)


def test_precision_and_recall_of_multiple_choice_count_classes() -> None:
    gold = [answer("x", "", MultipleChoice(frozenset("abc"))), answer("y", "", MultipleChoice(frozenset("a")))]
    said = [answer("x", "anna", MultipleChoice(frozenset("ab"))), answer("y", "anna", MultipleChoice(frozenset("ad")))]
    figures = the_group(judged(said, gold)).figures
    assert (figures.precision.value, figures.recall.value, figures.accuracy.value) == (3 / 4, 3 / 4, 0)
    of_d = the_group(judged(said, gold), class_name="d").figures
    assert (of_d.precision.value, of_d.accuracy.value) == (0, 0.5)


def test_attributes_of_shapes_with_a_partner_are_scored() -> None:
    colour = {"attributes": (("colour", SingleChoice("red")), ("count", Number(2)))}
    gold = [shape("x", "", box(0, 0, 10, 10), **colour), shape("x", "", box(50, 0, 10, 10), **colour)]
    said = [shape("x", "anna", box(0, 0, 10, 10), attributes=(("colour", SingleChoice("blue")),))]
    found = judged(said, gold)
    assert [(j.feature, j.verdict.outcome) for j in found.judgements] == [
        ("thing", RIGHT),
        ("thing.colour", WRONG),
        ("thing.count", MISSED),
        ("thing", MISSED),
    ]


def test_relations_join_what_has_been_matched() -> None:
    def document(labeler: str, ids: tuple[str, str], backwards: bool = False) -> list[Instance]:
        spans = [
            Instance("x", labeler, "name", "", TextSpan(place, place + 4), local_id=local_id)
            for place, local_id in zip((0, 10), ids, strict=True)
        ]
        ends = reversed(ids) if backwards else ids
        return [*spans, Instance("x", labeler, "a_relation", "knows", Relation(*ends))]

    gold = document("", ("one", "two"))
    right, wrong = (judged(document("anna", ("p", "q"), backwards), gold) for backwards in (False, True))
    assert outcomes(right) == [RIGHT, RIGHT, RIGHT]
    assert outcomes(wrong) == [RIGHT, RIGHT, SPURIOUS, MISSED]


def test_masks_of_images_of_different_size_are_refused() -> None:
    small, large = (Mask(np.array([1, n * n - 1], np.uint32), ImageSize(n, n)) for n in (4, 5))
    with pytest.raises(ImageSizeDiffers) as refused:
        judged([shape("x", "anna", large)], [shape("x", "", small)])
    assert list(refused.value.fields) == ["annotations[0]"]


def test_what_is_too_large_to_be_drawn_is_refused() -> None:
    zigzag = shape("x", "reviewer", polygon([(9e6 * (n % 2), n) for n in range(20)]))
    with pytest.raises(ShapeTooLarge) as refused:
        judged([shape("x", "anna", box(0, 0, 9, 9))], [zigzag], replace(RULES, mode=Mode.CVAT))
    assert list(refused.value.fields) == ["gold.annotations[0]"]


def test_too_many_shapes_of_one_item_are_refused() -> None:
    many = [box(0, 0, 1, 1)] * 2001
    with pytest.raises(TooManyShapes):
        judged([shape("x", "anna", one) for one in many], [shape("x", "", one) for one in many])


def test_more_confusion_matrices_than_fit_are_refused() -> None:
    gold = [answer(f"i{n}", "", SingleChoice(f"c{n}")) for n in range(1500)]
    said = [answer(f"i{n}", f"l{n % 10}", SingleChoice("c0")) for n in range(1500)]
    with pytest.raises(TooManyCells):
        grouped(judged(said, gold).judgements, RULES)


def test_windows_of_time_are_those_of_the_labeler() -> None:
    gold = [answer(item, "", SingleChoice("yes")) for item in "xyz"]
    said = [replace(answer(item, "anna", SingleChoice("yes")), create_ms=ms) for item, ms in (("x", 5), ("y", 1500))]
    rules = replace(RULES, window_ms=1000)
    found = judged([*said, answer("z", "anna", SingleChoice("no"))], gold, rules)
    counts = [the_group(found, rules, labeler="anna", window_start_ms=start).figures.right_count for start in (0, 1000)]
    assert counts == [1, 1]
    assert the_group(found, rules, labeler="anna").figures.accuracy.n == 3


@unhurried
@given(st.lists(drawing.boxes, min_size=1, max_size=5))
def test_gold_itself_is_perfect_and_duplicates_cost(boxes: list[Shape]) -> None:
    gold = [shape("x", "", one) for one in boxes]
    perfect = judged([shape("x", "anna", one) for one in boxes], gold)
    assert set(outcomes(perfect)) == {RIGHT}
    assert perfect.item_scores[0].score == pytest.approx(1)
    doubled = judged([shape("x", "anna", one) for one in boxes * 2], gold)
    assert doubled.item_scores[0].score == pytest.approx(0.5)


@unhurried
@given(st.lists(drawing.boxes, max_size=4), st.lists(drawing.boxes, max_size=4), st.randoms(use_true_random=False))
def test_the_order_changes_nothing(left: list[Shape], right: list[Shape], chance) -> None:  # type: ignore[no-untyped-def]
    gold, said = [shape("x", "", one) for one in left], [shape("x", "anna", one) for one in right]
    before = judged(said, gold, empty=["x"])
    after = judged(chance.sample(said, len(said)), chance.sample(gold, len(gold)), empty=["x"])
    assert sorted(outcomes(before)) == sorted(outcomes(after))
    assert [s.score for s in before.item_scores] == pytest.approx([s.score for s in after.item_scores])


def series(rights: Sequence[bool], times: Sequence[int] | None = None) -> list[Judgement]:
    verdicts = [pair("a", "a", 1.0) if right else missed("a") for right in rights]
    return [
        Judgement(f"i{n}", "anna", "question", verdict, n, n, times[n] if times else None)
        for n, verdict in enumerate(verdicts)
    ]


DESIGN = DriftDesign(baseline_count=20, run_length=300)


def test_a_labeler_who_gets_worse_is_noticed_and_a_steady_one_is_not() -> None:
    steady = [n % 10 != 0 for n in range(80)]
    worse = [*steady[:50], *(n % 2 == 0 for n in range(30))]
    assert watch("anna", "question", series(steady), DESIGN).alarm_item is None
    drift = watch("anna", "question", series(worse, [1000 + n for n in range(80)]), DESIGN)
    assert drift.alarm_item is not None
    assert 50 < int(drift.alarm_item[1:]) < 80
    assert drift.alarm_ms == 1000 + int(drift.alarm_item[1:])
    assert len(drift.sums) == 60
    assert drift.chart is not None
    assert (drift.chart.mean, drift.chart.allowance) == (pytest.approx(19 / 22, abs=1e-3), pytest.approx(0.5, abs=0.05))


def test_items_come_in_order_of_time() -> None:
    worse = [True] * 30 + [False] * 10
    backwards = series(worse[::-1], [100 - n for n in range(40)])
    assert watch("anna", "question", backwards, DESIGN).sums == watch("anna", "question", series(worse), DESIGN).sums


def test_too_few_items_say_nothing() -> None:
    drift = watch("anna", "question", series([True] * 20), DESIGN)
    assert (drift.undefined_reason, drift.chart) == ("fewer than 21 items", None)


@pytest.mark.parametrize("share", [0.5, 0.6, 0.9, 1.0])
def test_the_run_lengths_are_those_of_simulated_labelers(share: float) -> None:
    """4,000 runs: the mean of a run length, about as spread as it is long, is known to 1.6 %."""
    chart = designed(np.array([1.0] * int(share * 20) + [0.0] * (20 - int(share * 20))), DESIGN)
    assert chart.run_length_in_control >= DESIGN.run_length
    generator = np.random.default_rng(0)
    for probability, expected in (
        (chart.mean, chart.run_length_in_control),
        (chart.mean - chart.deviation, chart.run_length_shifted),
    ):
        level, runs, alive = np.zeros(4000), np.zeros(4000), np.ones(4000, bool)
        while alive.any():
            right = generator.random(4000) < probability
            level = np.maximum(0, level + (chart.mean - right) / chart.deviation - chart.allowance)
            runs += alive
            alive &= level <= chart.limit
        assert runs.mean() == pytest.approx(expected, rel=0.06)
