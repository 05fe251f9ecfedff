"""Free text of several labelers as one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from labelmill_quality.errors import RepeatsNotWeighed, TextsTooLong
from labelmill_quality.repeats import Repeats
from labelmill_quality.text_answers import METHODS, aggregate_texts, rover
from labelmill_quality.text_answers.similarity import Pairs, mean_similarity, reliabilities, similarity
from labelmill_quality.text_answers.table import TextTable, make_text_table
from labelmill_quality.text_answers.units import Comparison, Unit

TEXT = """the old mill by the river grinds corn for every farm in the valley and its wheel turns slowly when the summer
is dry but in spring it runs day and night until all sacks are full"""
WORDS = TEXT.split()


def one_item(*texts: str, comparison: Comparison | None = None) -> TextTable:
    return make_text_table(["x"] * len(texts), [f"l{n}" for n in range(len(texts))], texts, comparison=comparison)


def transcripts(
    seed: int = 0, items: int = 60, each: int = 5, labelers: int = 12, worst: float = 0.5
) -> tuple[TextTable, dict[str, list[str]], np.ndarray]:
    """Sentences, each written down by some labelers who drop, add and replace words, each at a rate of their own."""
    generator = np.random.default_rng(seed)
    rates = np.linspace(0.02, worst, labelers)
    truth = {f"i{n:03d}": generator.choice(WORDS, 12).tolist() for n in range(items)}
    found = []
    for item, words in truth.items():
        for labeler in generator.choice(labelers, each, replace=False):
            said: list[str] = []
            for word in words:
                chance = generator.random() / rates[labeler]
                other = str(generator.choice(WORDS))
                said += [other] if chance < 0.5 else [] if chance < 0.75 else [word, other] if chance < 1 else [word]
            found.append((item, f"l{labeler:02d}", " ".join(said)))
    return make_text_table(*zip(*found, strict=True)), truth, rates


def errors(texts: dict[str, str], truth: dict[str, list[str]]) -> float:
    """Words wrong, of all."""
    wrong = sum(Levenshtein.distance(texts[item].split(), words) for item, words in truth.items())
    return wrong / sum(map(len, truth.values()))


def test_rover_mends_each_answer_with_the_others() -> None:
    """No answer is right as a whole; every word is right in two of three."""
    table = one_item("the cat sad on the mat", "the cat sat on a mat", "the bat sat on the mat")
    assert aggregate_texts(table, "rover").texts == ("the cat sat on the mat",)


def test_rover_drops_what_one_added_and_adds_what_one_left_out() -> None:
    table = one_item("one two three four", "one two four", "one two three three four", "zero one two three four")
    assert aggregate_texts(table, "rover").texts == ("one two three four",)


def test_the_medoid_is_an_answer_that_somebody_gave() -> None:
    table = one_item("the cat sad on the mat", "the cat sat on the mat", "the bat sat on  the mat", "nonsense")
    assert aggregate_texts(table, "medoid").texts == ("the cat sat on the mat",)


def test_similarity_is_the_share_of_words_that_need_no_edit() -> None:
    split = Comparison().split
    assert similarity(split("a b c d"), split("a x c")) == pytest.approx(0.5)  # one replaced, one gone, of four
    assert similarity(split("a b"), split("a b")) == 1.0
    assert similarity(split(""), split(" ")) == 1.0
    assert similarity(split("a"), split("")) == 0.0


@pytest.mark.parametrize(
    ("comparison", "equal"),
    [
        (Comparison(), False),
        (Comparison(ignore_case=True), False),
        (Comparison(ignore_case=True, ignore_punctuation=True), False),
        (Comparison(ignore_case=True, ignore_punctuation=True, ignore_accents=True), True),
    ],
)
def test_what_does_not_matter_is_stated(comparison: Comparison, equal: bool) -> None:
    one, other = comparison.split("Ein Café, bitte!"), comparison.split("ein  cafe bitte")
    assert (similarity(one, other) == 1.0) is equal


def test_what_is_compared_loosely_is_written_as_most_wrote_it() -> None:
    loose = Comparison(ignore_case=True, ignore_punctuation=True)
    table = one_item("Hello, world", "hello world!", "Hello, there", comparison=loose)
    assert aggregate_texts(table, "rover").texts == ("Hello, world",)


def test_short_answers_are_compared_by_their_characters() -> None:
    by_character = Comparison(unit=Unit.CHARACTER, ignore_case=True)
    table = one_item("AB-123", "AB 123", "A8-123", "AB-128", comparison=by_character)
    assert aggregate_texts(table, "rover").texts == ("AB-123",)


def test_an_answer_of_nothing_can_win() -> None:
    assert aggregate_texts(one_item("", "", "noise"), "rover").texts == ("",)
    assert aggregate_texts(one_item("", "", "noise"), "medoid").texts == ("",)


def test_rover_beats_the_medoid_and_that_a_single_answer() -> None:
    table, truth, _ = transcripts()
    single = {table.items[item]: text for item, text in zip(table.item_codes, table.texts, strict=True)}
    wrong = {
        method: errors(dict(zip(table.items, aggregate_texts(table, method).texts, strict=True)), truth)
        for method in METHODS
    }
    assert wrong["rover"] < 0.5 * wrong["medoid"]
    assert wrong["medoid"] < 0.7 * errors(single, truth)


def test_reliable_labelers_are_told_from_others() -> None:
    table, _, rates = transcripts(items=150)
    found = reliabilities(table, Pairs.of(table))
    assert np.corrcoef(found.similarity, rates)[0, 1] < -0.95
    assert (np.diff(found.weights[[0, 4, 8, 11]]) < 0).all()


def test_one_reliable_labeler_wins_against_two_who_rarely_are() -> None:
    known = [(f"i{n}", labeler, f"{n} {n + 1} {n + 2}") for n in range(30) for labeler in ("good", "fine")]
    known += [(f"i{n}", labeler, f"{labeler} {n}") for n in range(30) for labeler in ("bad", "worse")]
    rows = [*known, ("x", "good", "yes it is"), ("x", "bad", "no it is"), ("x", "worse", "no it is")]
    table = make_text_table(*zip(*rows, strict=True))
    for method in METHODS:
        assert aggregate_texts(table, method).texts[-1] == "yes it is"


def test_agreement_is_one_for_equal_answers_and_has_an_interval() -> None:
    equal = make_text_table(["x", "x", "y", "y"], ["a", "b"] * 2, ["one", "one", "two", "two"])
    estimate = mean_similarity(equal, Pairs.of(equal), 100, 0)
    assert (estimate.value, estimate.lower, estimate.upper, estimate.n) == (1.0, 1.0, 1.0, 2)
    table, _, _ = transcripts()
    estimate = mean_similarity(table, Pairs.of(table), 200, 0)
    assert estimate.value is not None
    assert estimate.lower is not None
    assert estimate.upper is not None
    assert 0 < estimate.lower < estimate.value < estimate.upper < 1


def test_agreement_of_single_answers_is_undefined() -> None:
    table = make_text_table(["x", "y"], ["a", "b"], ["one", "two"])
    estimate = mean_similarity(table, Pairs.of(table), 100, 0)
    assert estimate.value is None
    assert estimate.undefined_reason == "no item has two answers"


def test_the_last_of_repeated_answers_counts_and_none_is_mixed() -> None:
    columns = ["x"] * 3, ["a", "b", "a"], ["first", "other", "last"]
    assert set(make_text_table(*columns).texts) == {"other", "last"}
    assert set(make_text_table(*columns, repeats=Repeats.FIRST).texts) == {"first", "other"}
    with pytest.raises(RepeatsNotWeighed):
        make_text_table(*columns, repeats=Repeats.ALL)


def test_texts_that_would_take_too_long_are_refused() -> None:
    with pytest.raises(TextsTooLong):
        one_item("word " * 2_001)
    with pytest.raises(TextsTooLong):
        one_item(*["word " * 2_000] * 40)


texts = st.lists(st.sampled_from("abc"), max_size=6).map(" ".join)
answers = st.lists(
    st.tuples(st.integers(0, 3).map(lambda n: f"i{n}"), st.integers(0, 4).map(lambda n: f"l{n}"), texts),
    min_size=1, max_size=15, unique_by=lambda row: row[:2],
)  # fmt: skip


@settings(max_examples=50)
@given(answers, st.randoms())
def test_the_order_of_rows_changes_nothing(rows: list[tuple[str, str, str]], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(rows, len(rows))
    one, other = (make_text_table(*zip(*given, strict=True)) for given in (rows, shuffled))
    for method in METHODS:
        assert aggregate_texts(one, method).texts == aggregate_texts(other, method).texts


@settings(max_examples=50)
@given(answers)
def test_a_consensus_has_only_words_that_somebody_used(rows: list[tuple[str, str, str]]) -> None:
    table = make_text_table(*zip(*rows, strict=True))
    for method in METHODS:
        found = aggregate_texts(table, method)
        assert ((found.similarity >= 0) & (found.similarity <= 1)).all()
        for item, text in enumerate(found.texts):
            used = {word for row in table.rows_of(item) for word in table.units[row].written}
            assert set(text.split()) <= used


@settings(max_examples=50)
@given(texts, st.integers(1, 5))
def test_equal_answers_are_the_consensus(text: str, count: int) -> None:
    for method in METHODS:
        found = aggregate_texts(one_item(*[text] * count), method)
        assert found.texts == (text,)
        assert found.similarity.tolist() == [1.0]


@settings(max_examples=50)
@given(st.lists(texts, min_size=2, max_size=5))
def test_every_answer_stays_readable_in_the_alignment(said: list[str]) -> None:
    """Whatever the alignment does, a row without its gaps is the answer."""
    codes = {word: n for n, word in enumerate("abc")}
    coded = [np.array([codes[word] for word in text.split()], np.int32) for text in said]
    grid = rover._aligned(coded, np.ones(len(said)), 3)
    for row, answer in zip(grid, coded, strict=True):
        assert row[row != rover.NOTHING].tolist() == answer.tolist()
