"""Free text. Pure."""

from __future__ import annotations

from labelmill_quality.features.kind import Answer, Answers, Inferred, Kind, responses, rows, unlikeness
from labelmill_quality.matching.texts import text_similarity
from labelmill_quality.shapes.answers import FreeText
from labelmill_quality.shapes.instance import Response


def text(answer: Answer) -> str:
    """What is written."""
    said = [each.answer.text for each in responses(answer) if isinstance(each.answer, FreeText)]
    return said[-1] if said else ""


def likeness(one: Answer, other: Answer) -> float:
    """One minus the edit distance by the length of the longer."""
    return text_similarity(text(one), text(other))


def infer(answers: Answers) -> Inferred:
    """The text of each item, out of the words that most reliable labelers wrote in its place."""
    from labelmill_quality import text_answers
    from labelmill_quality.text_answers.table import make_text_table

    said = [(item, labeler, text(answer)) for item, labeler, answer in rows(answers)]
    table = make_text_table([row[0] for row in said], [row[1] for row in said], [row[2] for row in said])
    found = text_answers.aggregate_texts(table)
    features = {item: answer[0].feature for item, _, answer in rows(answers) if answer}
    return Inferred(
        {
            item: (Response(item, "", features[item], FreeText(written)),)
            for item, written in zip(table.items, found.texts, strict=True)
        },
        found.method,
        found.version,
    )


TEXTS = Kind(likeness, infer, "krippendorff_alpha_edit_distance", unlikeness(likeness), sample=500)
