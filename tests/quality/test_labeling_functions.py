"""What labeling functions given as data vote for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from labelmill_quality.errors import UnknownClass
from labelmill_quality.weak_supervision.errors import DuplicateFunction, InvalidPattern
from labelmill_quality.weak_supervision.functions import LabelingFunction, apply, check, models_of
from labelmill_quality.weak_supervision.rules import (
    Gazetteer,
    Keywords,
    Model,
    Pattern,
    Prediction,
    Rule,
    TextItem,
    Threshold,
)


def vote(rule: Rule, text: str = "", numbers: Mapping[str, float] | None = None) -> str | None:
    return rule.vote(TextItem("x", text, numbers or {}))


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (Keywords("spam", ("subscribe",)), "Please SUBSCRIBE!", "spam"),
        (Keywords("spam", ("subscribe",), match_case=True), "Please SUBSCRIBE!", None),
        (Keywords("spam", ("art",)), "a party", "spam"),
        (Keywords("spam", ("art",), whole_words=True), "a party", None),
        (Keywords("spam", ("check out",), whole_words=True), "Check -- out my channel", "spam"),
        (Keywords("spam", ("straße",), whole_words=True), "in der STRASSE", "spam"),
        (Keywords("spam", ("café",), whole_words=True), "cafés", None),
        (Keywords("spam", ("one", "two", "three"), least_count=2), "one one one", None),
        (Keywords("spam", ("one", "two", "three"), least_count=2), "one two", "spam"),
        (Keywords("spam", ("!!",), whole_words=True), "wow!!", None),
        (Keywords("spam", ("!!",)), "wow!!", "spam"),
        (Pattern("spam", r"check.*out"), "CHECK this out", "spam"),
        (Pattern("spam", r"check.*out", match_case=True), "CHECK this out", None),
        (Pattern("spam", r"^\d{5}$"), "12345", "spam"),
        (Threshold("short", "words", below=5), "one, two three", "short"),
        (Threshold("short", "words", below=3), "one, two three", None),
        (Threshold("long", "characters", at_least=3), "äöü", "long"),
    ],
)
def test_a_rule_votes_or_abstains(rule: Rule, text: str, expected: str | None) -> None:
    assert vote(rule, text) == expected


def test_a_gazetteer_votes_for_the_class_with_most_terms() -> None:
    places = Gazetteer({"New York": "city", "York": "city", "Nile": "river", "Amazon": "river"})
    assert vote(places, "from new york to the nile") == "city"  # New York, and York in it
    assert vote(places, "the Nile and the Amazon, seen from York") == "river"
    assert vote(places, "York on the Nile") is None  # as many of both
    assert vote(places, "Newyork") is None


def test_a_threshold_abstains_where_there_is_no_number() -> None:
    rule = Threshold("liked", "likes", at_least=10, below=100)
    assert vote(rule, numbers={"likes": 10}) == "liked"
    assert vote(rule, numbers={"likes": 100}) is None
    assert vote(rule) is None


def test_a_model_votes_as_it_is_told_to() -> None:
    def said(rule: Model, class_name: str, confidence: float) -> str | None:
        return rule.vote(TextItem("x", "", {}, {"m": Prediction(class_name, confidence)}))

    assert said(Model("m", {}), "good", 0.5) == "good"
    assert said(Model("m", {"good": "positive"}), "good", 0.5) == "positive"
    assert said(Model("m", {"good": "positive"}), "bad", 0.5) is None
    assert said(Model("m", {}, 0.8), "good", 0.5) is None
    assert vote(Model("other", {})) is None
    assert models_of([LabelingFunction("f", Model("m", {})), LabelingFunction("g", Model("m", {}))]) == ["m"]


def test_votes_come_item_by_item_without_abstentions() -> None:
    functions = [
        LabelingFunction("song", Keywords("ham", ("song",))),
        LabelingFunction("link", Keywords("spam", ("http",))),
    ]
    items = [TextItem("1", "a song"), TextItem("2", "nothing"), TextItem("3", "a song at http")]
    votes = [(vote.item, vote.function, vote.class_name) for vote in apply(functions, items)]
    assert votes == [("1", "song", "ham"), ("3", "song", "ham"), ("3", "link", "spam")]


def test_what_is_wrong_with_functions_is_said_before_they_meet_a_text() -> None:
    with pytest.raises(InvalidPattern) as caught:
        check([LabelingFunction("f", Pattern("a", r"(a)\1", field="functions[0].pattern.expression"))])
    assert list(caught.value.fields) == ["functions[0].pattern.expression"]
    twice = [LabelingFunction("f", Keywords("a", ("x",)))] * 2
    with pytest.raises(DuplicateFunction):
        check(twice)
    with pytest.raises(UnknownClass):
        check(twice[:1], class_names=("b",))


def test_no_pattern_takes_more_than_linear_time() -> None:
    # A backtracking engine would outlive the test's time limit.
    assert vote(Pattern("a", r"(x+x+)+y"), "x" * 50_000) is None
