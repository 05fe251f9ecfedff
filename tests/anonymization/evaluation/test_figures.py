"""The figures against ones computed by hand, and what is said where there is nothing to say."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from labelmill_anonymization.errors import SampleSpanInvalid
from labelmill_anonymization.evaluation.counts import Column, count
from labelmill_anonymization.evaluation.evaluation import Difference, compare
from labelmill_anonymization.evaluation.figures import Certainty
from labelmill_anonymization.evaluation.intervals import Estimate, percentiles, resampled_totals, share
from labelmill_anonymization.evaluation.outcome import Outcome
from labelmill_anonymization.evaluation.sample import Document, Span, mapped

CERTAINTY = Certainty(resamples=200)


def document(text: str, *gold: Span, ignored: Sequence[Span] = ()) -> Document:
    return Document("one", text, gold, tuple(ignored))


def outcome(length: int, *found: Span, kept: Sequence[Span] = ()) -> Outcome:
    hidden = np.zeros(length, np.bool_)
    for span in found:
        hidden[span.start : span.end] = True
    return Outcome((*found, *kept), hidden)


#        0123456789012345678901234567890
TEXT = "Ann Lee of Rome met Bob Ray, 42"
GOLD = (Span("PERSON", 0, 7), Span("LOCATION", 11, 15), Span("PERSON", 20, 27), Span("AGE", 29, 31))
FOUND = (Span("PERSON", 0, 7), Span("PERSON", 11, 15), Span("PERSON", 20, 23), Span("PERSON", 16, 19))


def test_figures_of_a_text_counted_by_hand() -> None:
    comparison = compare([document(TEXT, *GOLD)], [outcome(len(TEXT), *FOUND)], None, CERTAINTY)
    figures = {one.entity_type: one for one in comparison.first.types}
    person, place, age = figures["PERSON"], figures["LOCATION"], figures["AGE"]
    assert (person.counts[Column.GOLD], person.counts[Column.FOUND]) == (2, 4)
    assert (person.counts[Column.EXACT], person.counts[Column.OVERLAP]) == (1, 2)
    assert (person.exact.precision.value, person.exact.recall.value) == (1 / 4, 1 / 2)
    assert person.exact.f1.value == pytest.approx(2 * 1 / (2 + 4))
    assert person.overlap.f2.value == pytest.approx(5 * 2 / (4 * 2 + 4))
    # Of "Ann Lee" and "Bob Ray" the last four characters are not covered; Rome is, as a PERSON.
    assert person.leaked.value == 4 / 14
    assert person.characters.precision.value == (7 + 4 + 3) / (7 + 4 + 3 + 3)
    assert (place.overlap.recall.value, place.leaked.value, place.characters.recall.value) == (0.0, 0.0, 1.0)
    assert place.overlap.precision.value is None
    assert age.leaked.value == 1.0
    overall = comparison.first.overall
    assert overall.counts[Column.GOLD_CHARACTERS] == 20
    assert overall.leaked.value == 6 / 20
    assert overall.characters.precision.value == 14 / 17
    assert overall.exact.f2.value == pytest.approx(5 * 1 / (4 * 4 + 4))


def test_what_is_kept_is_found_and_leaks_nevertheless() -> None:
    gold = Span("PERSON", 0, 3)
    figures = compare([document("Ann", gold)], [outcome(3, kept=[gold])], None, CERTAINTY).first.overall
    assert (figures.exact.recall.value, figures.characters.recall.value, figures.leaked.value) == (1.0, 1.0, 1.0)


def test_characters_in_two_marked_spans_count_once() -> None:
    nested = document("Ann Lee", Span("PERSON", 0, 7), Span("TITLE", 0, 3))
    figures = compare([nested], [outcome(7)], None, CERTAINTY).first
    assert figures.overall.counts[Column.GOLD_CHARACTERS] == 7
    assert [one.counts[Column.LEAKED_CHARACTERS] for one in figures.types] == [7, 3]


def test_findings_in_spans_that_were_left_out_count_neither_way() -> None:
    sample = mapped([Document("one", "Ann is 42", (Span("AGE", 7, 9),))], {"AGE": ""})
    figures = compare(sample, [outcome(9, Span("AGE", 7, 9))], None, CERTAINTY).first.overall
    assert (figures.counts[Column.GOLD], figures.counts[Column.FOUND], figures.counts[Column.FOUND_CHARACTERS]) == (
        0,
        0,
        0,
    )


def test_a_finding_that_reaches_out_of_a_span_that_was_left_out_counts_with_the_rest() -> None:
    sample = [document("Ann is 42", ignored=[Span("AGE", 7, 9)])]
    counted = count(sample, [outcome(9, Span("AGE", 4, 9))], ["AGE"])[0, 0]
    assert (counted[Column.FOUND], counted[Column.FOUND_CHARACTERS]) == (1, 3)


def test_known_names_of_types_are_ours_unless_the_caller_says_otherwise() -> None:
    sample = [Document("one", "Rome", (Span("GPE", 0, 4),))]
    assert mapped(sample, {})[0].gold == (Span("LOCATION", 0, 4),)
    assert mapped(sample, {"GPE": "NRP"})[0].gold == (Span("NRP", 0, 4),)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (3, 5), (2, 1)])
def test_a_marked_span_must_lie_in_its_text(start: int, end: int) -> None:
    with pytest.raises(SampleSpanInvalid) as caught:
        mapped([Document("a", "fine", ()), Document("b", "text", (Span("AGE", start, end),))], {})
    assert list(caught.value.fields) == ["sample[1].gold_spans[0].span"]


def test_nothing_found_and_nothing_marked_is_undefined_not_zero() -> None:
    figures = compare([document("nothing")], [outcome(7)], None, CERTAINTY).first.overall
    for scores in (figures.exact, figures.overlap, figures.characters):
        assert {scores.precision, scores.recall, scores.f1, scores.f2} == {Estimate(None)}
    assert figures.leaked == Estimate(None)


def test_nothing_found_of_what_is_marked_is_zero_and_its_precision_undefined() -> None:
    figures = compare([document("Ann", Span("PERSON", 0, 3))], [outcome(3)], None, CERTAINTY).first.overall
    for scores in (figures.exact, figures.overlap, figures.characters):
        assert (scores.precision.value, scores.recall.value, scores.f1.value, scores.f2.value) == (None, 0, 0, 0)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    # Newcombe (1998), table I, method 3: the score interval without continuity correction.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_of_shares_are_wilsons(part: int, whole: int, low: float, high: float) -> None:
    estimate = share(part, whole, 0.95)
    assert estimate.low == pytest.approx(low, abs=5e-5)
    assert estimate.high == pytest.approx(high, abs=5e-5)


def test_the_bootstrap_draws_whole_documents_and_the_same_ones_for_the_same_seed() -> None:
    counts = np.arange(20, dtype=np.int64).reshape(10, 1, 2)  # column 1 is column 0 plus one in every document
    totals = resampled_totals(counts, 100, 7)
    assert totals.shape == (100, 1, 2)
    assert np.array_equal(totals[..., 1] - totals[..., 0], np.full((100, 1), 10.0))
    assert np.array_equal(totals, resampled_totals(counts, 100, 7))
    assert not np.array_equal(totals, resampled_totals(counts, 100, 8))


def test_few_documents_have_no_bootstrap_interval() -> None:
    assert resampled_totals(np.ones((9, 1, 2), dtype=np.int64), 100, 7).shape == (0, 1, 2)
    assert percentiles(0.5, np.empty(0), 0.95) == Estimate(0.5)


def test_the_bootstrap_interval_covers_as_often_as_it_says() -> None:
    draw, covered = np.random.default_rng(1), 0
    for trial in range(200):
        gold = draw.integers(1, 10, size=80)
        hit = draw.binomial(gold, 0.7)
        counts = np.stack([hit, gold], axis=1)[:, None, :].astype(np.int64)
        totals = resampled_totals(counts, 200, trial)[:, 0]
        estimate = percentiles(hit.sum() / gold.sum(), totals[:, 0] / totals[:, 1], 0.9)
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 0.7 <= estimate.high
    assert 0.83 <= covered / 200 <= 0.96  # 0.9 but for chance, and the small-sample bias of percentiles


def test_replicates_without_a_value_are_left_out() -> None:
    assert percentiles(0.5, np.array([math.nan, 0.5, 0.5]), 0.95) == Estimate(0.5, 0.5, 0.5)
    assert percentiles(0.5, np.array([math.nan]), 0.95) == Estimate(0.5)


def test_where_every_document_says_the_same_the_bootstrap_has_no_interval() -> None:
    sample = [document("Ann", Span("PERSON", 0, 3)) for _ in range(20)]
    evaluation = compare(sample, [outcome(3, Span("PERSON", 0, 3)) for _ in sample], None, CERTAINTY).first
    assert evaluation.overall.leaked == Estimate(0.0)
    assert evaluation.documents_with_leak.high == pytest.approx(0.1611, abs=5e-5)


def differences_of(
    first: Sequence[Outcome], second: Sequence[Outcome], sample: Sequence[Document]
) -> dict[str, Difference]:
    return {d.figure: d for d in compare(sample, first, second, CERTAINTY).differences if not d.entity_type}


def test_a_policy_compared_with_itself_differs_by_exactly_nothing() -> None:
    sample = [document("Ann Lee", Span("PERSON", 0, 7)) for _ in range(20)]
    found = [outcome(7, Span("PERSON", 0, 3 + i % 5)) for i in range(20)]
    for difference in differences_of(found, found, sample).values():
        assert difference.difference == Estimate(0.0, 0.0, 0.0)
        assert not difference.is_certain


def test_a_policy_that_hides_more_in_every_text_certainly_leaks_less() -> None:
    sample = [document("Ann Lee", Span("PERSON", 0, 7)) for _ in range(20)]
    half = [outcome(7, Span("PERSON", 0, i % 3)) for i in range(20)]
    whole = [outcome(7, Span("PERSON", 0, 7)) for _ in range(20)]
    leaked = differences_of(half, whole, sample)["leaked_share"]
    assert leaked.difference.value is not None
    assert leaked.difference.value < -0.5
    assert leaked.is_certain
