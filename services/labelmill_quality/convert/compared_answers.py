"""Labels with answers of any kind as columns: every different answer is a class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill.quality.v1 import labels_pb2 as pb
from labelmill_quality.errors import UnknownClass, WrongAnswerKind
from labelmill_quality.report import Answers

CLASS, NUMBER, SETS, TEXT = "class_name", "number", "class_names", "text"


@dataclass(frozen=True)
class ComparedAnswers:
    """Rows as columns, and what their classes are."""

    kind: str
    """CLASS, NUMBER, SETS or TEXT."""
    rows: Answers
    class_names: Sequence[str] | None
    """The classes in order; None: those that occur, by name."""
    numbers: Sequence[float] = ()
    """Of NUMBER: what the classes are, rising."""
    options: Sequence[str] = ()
    """Of SETS: what sets may hold."""
    members: npt.NDArray[np.bool_] | None = None
    """Of SETS: (classes, options): what each holds."""


def answer_kind(labels: Sequence[pb.LabelRow]) -> str:
    """The kind of the first answer."""
    return (labels[0].WhichOneof("answer") or CLASS) if labels else CLASS


def compared_answers(labels: Sequence[pb.LabelRow], class_names: Sequence[str]) -> ComparedAnswers:
    """Rows as columns.

    Raises:
        WrongAnswerKind: An answer is of another kind than the first one, or there are class_names for numbers or texts.
        UnknownClass: A set holds a class that is not in class_names.
    """
    kind = answer_kind(labels)
    for row, label in enumerate(labels):
        if label.WhichOneof("answer") != kind:
            raise WrongAnswerKind(f"labels[{row}].{label.WhichOneof('answer')}", f"{kind}, as the first answer is")
    if class_names and kind in (NUMBER, TEXT):
        raise WrongAnswerKind(f"labels[0].{kind}", "class_name or class_names, as there are class_names")
    if kind == NUMBER:
        return _numbers(labels)
    if kind == SETS:
        return _sets(labels, class_names)
    said = [getattr(label, kind) for label in labels]
    return ComparedAnswers(
        kind, _columns(labels, said), list(class_names) or (sorted(set(said)) if kind == TEXT else None)
    )


def _numbers(labels: Sequence[pb.LabelRow]) -> ComparedAnswers:
    values = [label.number + 0.0 for label in labels]  # there is one zero
    numbers = sorted(set(values))
    return ComparedAnswers(NUMBER, _columns(labels, map(repr, values)), [repr(each) for each in numbers], numbers)


def _sets(labels: Sequence[pb.LabelRow], class_names: Sequence[str]) -> ComparedAnswers:
    said = [tuple(sorted(set(label.class_names.class_names))) for label in labels]
    options = list(class_names) or sorted({name for names in said for name in names})
    places = {name: place for place, name in enumerate(options)}
    for row, names in enumerate(said):
        if not places.keys() >= set(names):
            raise UnknownClass(f"labels[{row}].class_names")
    distinct = sorted(set(said))
    members = np.zeros((len(distinct), len(options)), bool)
    for row, names in enumerate(distinct):
        members[row, [places[name] for name in names]] = True
    keys = {names: str(row) for row, names in enumerate(distinct)}
    columns = _columns(labels, [keys[names] for names in said])
    return ComparedAnswers(SETS, columns, list(keys.values()), (), options, members)


def _columns(labels: Sequence[pb.LabelRow], said: Iterable[str]) -> Answers:
    columns = Answers()
    for label, answer in zip(labels, said, strict=True):
        columns.add(label.item, label.labeler, answer)
    return columns
