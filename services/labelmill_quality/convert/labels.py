"""Rows of labels and gold as columns, policies as the domain's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labelmill.quality.v1 import labels_pb2 as pb
from labelmill_quality.errors import WrongAnswerKind
from labelmill_quality.repeats import Repeats
from labelmill_quality.report import Answers

_REPEATS = {
    pb.REPEAT_POLICY_UNSPECIFIED: Repeats.LAST,
    pb.REPEAT_POLICY_LAST: Repeats.LAST,
    pb.REPEAT_POLICY_FIRST: Repeats.FIRST,
    pb.REPEAT_POLICY_MAJORITY: Repeats.MAJORITY,
    pb.REPEAT_POLICY_ALL: Repeats.ALL,
}
_REPEAT_NUMBERS = {policy: number for number, policy in _REPEATS.items() if number}


def answers(rows: Iterable[pb.LabelRow], *, first: int = 0) -> Answers:
    """Rows whose answers are classes, as columns; `first` is the number of the first row, for errors.

    Raises:
        WrongAnswerKind: A row's answer is none.
    """
    columns = Answers()
    for row in rows:
        if not row.class_name:
            raise WrongAnswerKind(f"labels[{first + len(columns)}].{row.WhichOneof('answer')}", "class_name")
        columns.add(row.item, row.labeler, row.class_name)
    return columns


def gold(rows: Sequence[pb.GoldRow]) -> tuple[list[str], list[str]]:
    """The items with gold, and their classes."""
    return [row.item for row in rows], [row.class_name for row in rows]


def repeats(policy: pb.RepeatPolicy.ValueType) -> Repeats:
    """What counts where a labeler answered an item several times."""
    return _REPEATS[policy]


def repeats_number(policy: Repeats) -> pb.RepeatPolicy.ValueType:
    """The contract's number of a policy."""
    return _REPEAT_NUMBERS[policy]
