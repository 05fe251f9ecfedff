"""An answer against the gold answer. Pure."""

from __future__ import annotations

from labelmill_quality.benchmark.judgement import Cell, Outcome, Verdict, missed, pair
from labelmill_quality.benchmark.rules import Mode, Rules
from labelmill_quality.matching.texts import text_similarity
from labelmill_quality.shapes.answers import (
    Answer,
    FreeText,
    MultipleChoice,
    Number,
    OrdinalChoice,
    SingleChoice,
)


def judge_answer(said: Answer | None, gold: Answer, feature: str, rules: Rules) -> Verdict:
    """What an answer is worth.

    Choices are right or wrong, ordinal ones with a score that falls linearly with the ranks between, where the order is
    known. Of multiple choice the score is the share of common classes among all that either has. Texts have their edit
    similarity, and numbers their error.

    Args:
        said: The answer; None where the labeler was asked and said nothing.
        gold: What is right.
        feature: The question, for its order of classes.
        rules: What counts as right.
    """
    match gold:
        case SingleChoice(name):
            return missed(name) if said is None else _choice(said, name, SingleChoice)
        case OrdinalChoice(name):
            verdict = missed(name) if said is None else _choice(said, name, OrdinalChoice)
            return _ranked(verdict, said, name, rules.class_orders.get(feature, ()))
        case MultipleChoice(names):
            return _choices(said, names)
        case FreeText(text):
            return _text(said, text, rules)
        case Number(value):
            return _number(said, value, rules.number_tolerance)


def _choice(said: Answer, gold: str, kind: type[SingleChoice] | type[OrdinalChoice]) -> Verdict:
    if not isinstance(said, kind):
        return Verdict(Outcome.WRONG, 0.0, ((gold, None),), 0, 1, 1)
    return pair(gold, said.class_name, float(gold == said.class_name))


def _ranked(verdict: Verdict, said: Answer | None, gold: str, order: tuple[str, ...]) -> Verdict:
    """The same with the distance of the ranks, where both classes are in the order."""
    if not isinstance(said, OrdinalChoice) or said.class_name not in order or gold not in order:
        return verdict
    distance = order.index(said.class_name) - order.index(gold)
    score = 1 - abs(distance) / max(len(order) - 1, 1)
    return Verdict(verdict.outcome, score, verdict.cells, verdict.hits, 1, 1, float(distance))


def _choices(said: Answer | None, gold: frozenset[str]) -> Verdict:
    names = said.class_names if isinstance(said, MultipleChoice) else frozenset()
    common, either = gold & names, gold | names
    cells: tuple[Cell, ...] = tuple(
        (name if name in gold else None, name if name in names else None) for name in sorted(either)
    )
    if said is None:
        return Verdict(Outcome.MISSED, 0.0, cells, 0, 0, len(gold))
    right = names == gold and isinstance(said, MultipleChoice)
    score = len(common) / len(either) if either else float(right)
    return Verdict(Outcome.RIGHT if right else Outcome.WRONG, score, cells, len(common), len(names), len(gold))


def _text(said: Answer | None, gold: str, rules: Rules) -> Verdict:
    if said is None:
        return Verdict(Outcome.MISSED, 0.0, (), 0, 0, 1)
    score = text_similarity(said.text, gold) if isinstance(said, FreeText) else 0.0
    if rules.mode is Mode.LABELBOX:
        score = float(score == 1)
    return _graded(score, score >= rules.text_threshold)


def _number(said: Answer | None, gold: float, tolerance: float) -> Verdict:
    if said is None:
        return Verdict(Outcome.MISSED, 0.0, (), 0, 0, 1)
    if not isinstance(said, Number):
        return _graded(0.0, right=False)
    error = said.value - gold
    right = abs(error) <= tolerance
    return _graded(float(right), right, error)


def _graded(score: float, right: bool, error: float | None = None) -> Verdict:
    return Verdict(Outcome.RIGHT if right else Outcome.WRONG, score, (), int(right), 1, 1, error)
