"""Multiple choice: any number of classes, none included. Pure."""

from __future__ import annotations

from labelmill_quality import aggregation
from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.features.kind import Answer, Answers, Inferred, Kind, responses, rows, unlikeness
from labelmill_quality.labels import make_table
from labelmill_quality.shapes.answers import MultipleChoice
from labelmill_quality.shapes.instance import Response

_METHOD = f"{dawid_skene.NAME}_by_class"


def chosen(answer: Answer) -> frozenset[str]:
    """The classes that are said."""
    said = [each.answer.class_names for each in responses(answer) if isinstance(each.answer, MultipleChoice)]
    return said[-1] if said else frozenset()


def likeness(one: Answer, other: Answer) -> float:
    """The share of common classes among all that either has (Jaccard); two empty answers are equal."""
    first, second = chosen(one), chosen(other)
    return len(first & second) / len(first | second) if first or second else 1.0


def infer(answers: Answers) -> Inferred:
    """The classes that are rather there than not, each class judged by itself: "said it" or "did not"."""
    said = [(item, labeler, chosen(answer)) for item, labeler, answer in rows(answers)]
    names = sorted(frozenset().union(*(classes for _, _, classes in said)))
    found: dict[str, set[str]] = {item: set() for item in answers}
    for name in names:
        values = ["yes" if name in classes else "no" for _, _, classes in said]
        table = make_table([r[0] for r in said], [r[1] for r in said], values, class_names=("no", "yes"))
        consensus = aggregation.aggregate(table, dawid_skene.NAME)
        for item, probability in zip(table.items, consensus.posterior[:, 1].tolist(), strict=True):
            if probability > 0.5:
                found[item].add(name)
    features = {item: answer[0].feature for item, _, answer in rows(answers) if answer}
    return Inferred(
        {
            item: (Response(item, "", features[item], MultipleChoice(frozenset(classes))),)
            for item, classes in found.items()
            if item in features
        },
        _METHOD,
        dawid_skene.VERSION,
    )


MULTIPLE_CHOICE = Kind(likeness, infer, "krippendorff_alpha_jaccard", unlikeness(likeness), sample=500)
