"""Sets of classes as columns, and their consensus as messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from labelmill.quality.v1 import answers_service_pb2 as pb
from labelmill.quality.v1 import labels_pb2
from labelmill_quality.aggregation.multiple_choice import Members, SetConsensus, SetTable
from labelmill_quality.convert.consensus import calibration
from labelmill_quality.encoding import encode
from labelmill_quality.errors import DuplicateGold, NoClasses, TooManyCells, UnknownClass, WrongAnswerKind
from labelmill_quality.labels import NO_GOLD, Codes
from labelmill_quality.repeats import Repeats, choose


def set_table(request: pb.AggregateChoicesRequest, cell_limit: int) -> SetTable:
    """The labels of a request; the last of repeated answers.

    Raises:
        WrongAnswerKind: A row's answer is no set of classes.
        UnknownClass: A class is not in class_names.
        NoClasses: There is none at all.
        TooManyCells: Rows times classes are more than cell_limit.
    """
    sets = _sets(request.labels)
    gold = [row.class_names.class_names for row in request.gold]
    classes = list(request.class_names) or sorted({name for each in (*sets, *gold) for name in each})
    if not classes:
        raise NoClasses
    items, item_codes = encode([row.item for row in request.labels])
    labelers, labeler_codes = encode([row.labeler for row in request.labels])
    if len(sets) * len(classes) > cell_limit:
        raise TooManyCells(items=len(items), labelers=len(labelers), classes=len(classes), limit=cell_limit)
    members = _members(sets, classes, "labels[{row}].class_names")
    keep, _ = choose(item_codes, labeler_codes, np.zeros_like(item_codes), len(labelers), Repeats.LAST)
    return SetTable(items, labelers, tuple(classes), item_codes[keep], labeler_codes[keep], members[keep])


def known_sets(rows: Sequence[pb.ChoiceGoldRow], table: SetTable) -> Codes | None:
    """(items, classes): 1 where a class is known to be there, 0 where not, NO_GOLD without gold; None: no gold at all.

    Raises:
        UnknownClass: A class is not in class_names.
        DuplicateGold: An item has two rows.
    """
    if not rows:
        return None
    members = _members([row.class_names.class_names for row in rows], table.classes, "gold[{row}].class_names")
    places, seen = {item: place for place, item in enumerate(table.items)}, set[str]()
    anchors: Codes = np.full((len(table.items), len(table.classes)), NO_GOLD, np.int32)
    for number, row in enumerate(rows):
        if row.item in seen:
            raise DuplicateGold(f"gold[{number}].item")
        seen.add(row.item)
        if row.item in places:
            anchors[places[row.item]] = members[number]
    return anchors


def choices(table: SetTable, consensus: SetConsensus, anchors: Codes | None, rows: int) -> pb.AggregateChoicesResponse:
    """The consensus of sets; `rows` is how many there were."""
    items, labelers = (
        np.bincount(codes, minlength=len(names)).tolist()
        for codes, names in ((table.item_codes, table.items), (table.labeler_codes, table.labelers))
    )
    known = np.zeros(len(table.items), np.bool_) if anchors is None else (anchors != NO_GOLD).all(axis=1)
    of_items = zip(table.items, consensus.members, consensus.probabilities.tolist(), items, known.tolist(), strict=True)
    of_labelers = zip(
        table.labelers, labelers, consensus.sensitivity.tolist(), consensus.specificity.tolist(), strict=True
    )
    return pb.AggregateChoicesResponse(
        choices=[
            pb.ConsensusChoice(
                item=item,
                class_names=[table.classes[place] for place in np.flatnonzero(there)],
                probabilities=probabilities,
                label_count=count,
                gold=gold,
            )
            for item, there, probabilities, count, gold in of_items
        ],
        labelers=[
            pb.ChoiceLabeler(labeler=name, label_count=count, sensitivity=sensitivity, specificity=specificity)
            for name, count, sensitivity, specificity in of_labelers
        ],
        class_names=table.classes,
        prevalences=consensus.prevalence.tolist(),
        method=consensus.method,
        method_version=consensus.version,
        iteration_count=consensus.iterations,
        converged=consensus.converged,
        calibration=calibration(consensus.calibration),
        repeated_label_count=rows - len(table.item_codes),
    )


def _sets(rows: Iterable[labels_pb2.LabelRow]) -> list[Sequence[str]]:
    sets: list[Sequence[str]] = []
    for place, row in enumerate(rows):
        if row.WhichOneof("answer") != "class_names":
            raise WrongAnswerKind(f"labels[{place}].{row.WhichOneof('answer')}", "class_names")
        sets.append(row.class_names.class_names)
    return sets


def _members(sets: Sequence[Sequence[str]], classes: Sequence[str], field: str) -> Members:
    places = {name: place for place, name in enumerate(classes)}
    members = np.zeros((len(sets), len(classes)), np.bool_)
    for row, names in enumerate(sets):
        for name in names:
            if name not in places:
                raise UnknownClass(field.format(row=row))
            members[row, places[name]] = True
    return members
