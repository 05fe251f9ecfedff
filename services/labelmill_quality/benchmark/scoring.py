"""All that labelers said about benchmark items, judged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from labelmill_quality.benchmark.answers import judge_answer
from labelmill_quality.benchmark.gold import Gold, Said, gathered
from labelmill_quality.benchmark.instances import MATCHERS, judge_matching, require_comparable
from labelmill_quality.benchmark.judgement import Judgement
from labelmill_quality.benchmark.rules import Mode, Rules
from labelmill_quality.matching import cvat, labelbox
from labelmill_quality.shapes.instance import Instance, Statements
from labelmill_quality.shapes.values import Relation

VERSION = "1"
_WHOLE_ITEMS = (Mode.LABELBOX, Mode.CVAT)
"""Modes that score an item over all its features."""


@dataclass(frozen=True, slots=True)
class ItemScore:
    """How alike one labeler's annotations of one item are to gold, in [0, 1]."""

    item: str
    labeler: str
    feature: str
    score: float


@dataclass(frozen=True)
class Judged:
    """Every annotation and every gold that was missed, and the scores of items."""

    judgements: Sequence[Judgement]
    item_scores: Sequence[ItemScore]


def judge(statements: Statements, gold: Gold, asked: Iterable[tuple[str, str]], rules: Rules) -> Judged:
    """Judges what labelers said about the items of gold.

    Args:
        statements: What they said.
        gold: What is right.
        asked: (item, labeler) of who was asked, beside those who said something.
        rules: What counts as right.
    """
    judgements: list[Judgement] = []
    scores: list[ItemScore] = []
    for said in gathered(statements, asked, gold.items):
        latest_ms = said.latest_ms
        for found, score in _of_item(said, gold, rules):
            judgements += [_timed(judgement, latest_ms) for judgement in found] if latest_ms is not None else found
            if score is not None and rules.mode not in _WHOLE_ITEMS:
                scores.append(score)
        if rules.mode in _WHOLE_ITEMS:
            scores += _whole(said, gold, rules)
    return Judged(judgements, scores)


def _of_item(said: Said, gold: Gold, rules: Rules) -> Iterator[tuple[list[Judgement], ItemScore | None]]:
    for feature in gold.questions.get(said.item, ()):
        found = _answer(said, feature, gold, rules)
        yield [found], ItemScore(said.item, said.labeler, feature, found.verdict.score)
    partners: dict[str, str] = {}
    features = sorted(gold.shape_features & (said.shapes.keys() | _features(gold, said.item)))
    for feature in sorted(features, key=lambda name: _relates(name, gold, said)):
        right = [_translated(instance, partners) for instance in said.shapes.get(feature, ())]
        left = gold.shapes.get((said.item, feature), [])
        require_comparable(left, right, rules.mode)
        matching = MATCHERS[rules.mode](left, right, rules)
        for one, other in zip(matching.left.tolist(), matching.right.tolist(), strict=True):
            partners[right[other].local_id] = left[one].local_id
        score = matching.score
        item_score = None if score is None else ItemScore(said.item, said.labeler, feature, score)
        yield list(judge_matching(left, right, matching, rules, said.labeler)), item_score


def _whole(said: Said, gold: Gold, rules: Rules) -> Iterator[ItemScore]:
    """The one score that Labelbox and CVAT have for an item and a labeler."""
    item = said.item
    right = [one for feature in sorted(gold.shape_features) for one in gold.shapes.get((item, feature), ())]
    drawn = [one for feature in sorted(said.shapes) for one in said.shapes[feature]]
    require_comparable(right, drawn, rules.mode)
    score: float | None
    if rules.mode is Mode.CVAT:
        score = cvat.frame_score(right, drawn, threshold=rules.threshold, measures=rules.measures)
    else:
        score = labelbox.item_score(
            right,
            drawn,
            [(feature, gold.answers[item, feature].answer) for feature in gold.questions.get(item, ())],
            [(feature, response.answer) for feature, response in said.answers.items()],
            with_attributes=rules.include_subclasses,
        )
    if score is not None:
        yield ItemScore(item, said.labeler, "", score)


def _timed(judgement: Judgement, create_ms: int) -> Judgement:
    return judgement if judgement.create_ms is not None else replace(judgement, create_ms=create_ms)


def _answer(said: Said, feature: str, gold: Gold, rules: Rules) -> Judgement:
    right, given = gold.answers[said.item, feature], said.answers.get(feature)
    verdict = judge_answer(given.answer if given else None, right.answer, feature, rules)
    index, create_ms = (given.index, given.create_ms) if given else (None, None)
    return Judgement(said.item, said.labeler, feature, verdict, index, right.index, create_ms)


def _features(gold: Gold, item: str) -> set[str]:
    return {feature for feature in gold.shape_features if (item, feature) in gold.shapes}


def _relates(feature: str, gold: Gold, said: Said) -> bool:
    """Whether the feature's shapes are relations: they come last, when it is known who belongs to whom."""
    shapes = [*gold.shapes.get((said.item, feature), ()), *said.shapes.get(feature, ())]
    return any(isinstance(instance.shape, Relation) for instance in shapes)


def _translated(instance: Instance, partners: dict[str, str]) -> Instance:
    """A relation between gold's annotations instead of the labeler's; an end without a partner is none of gold's."""
    if not isinstance(instance.shape, Relation):
        return instance
    ends = (instance.shape.from_local_id, instance.shape.to_local_id)
    begin, end = (partners.get(local_id, f"\0{local_id}") for local_id in ends)
    return replace(instance, shape=Relation(begin, end))
