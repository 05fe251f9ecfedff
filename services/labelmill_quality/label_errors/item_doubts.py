"""Items that are nearly the same, and items that are unlike all others, as issues. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labelmill_quality.label_errors import near_duplicates, outliers
from labelmill_quality.label_errors.labeled_items import Issue, IssueType, LabeledItems, Options
from labelmill_quality.label_errors.near_duplicates import Pairs

_OTHERS_SHOWN = 20


def duplicates(items: LabeledItems, options: Options) -> list[Issue]:
    """Near duplicates by embedding, text and image hash; those with other labels first, then the most alike."""
    found = [issue for how, pairs in _pairs(items, options) for issue in _issues(items, how, pairs)]
    best: dict[int, Issue] = {}
    for issue in sorted(found, key=_urgency):
        best.setdefault(issue.item, issue)
    return sorted(best.values(), key=_urgency)


def outlying(items: LabeledItems, options: Options) -> list[Issue]:
    """Outliers by embedding, furthest first."""
    if items.embeddings is None:
        return []
    z = outliers.robust_z(items.embeddings, options.seed)
    far = np.flatnonzero(z >= options.least_z)
    shares = outliers.tail(z)
    return [
        Issue(
            place,
            IssueType.OUTLIER,
            float(shares[place]),
            f"its distance to its nearest neighbours is {z[place]:.1f} robust standard deviations above the median",
        )
        for place in far[np.argsort(-z[far], kind="stable")].tolist()
    ]


def _pairs(items: LabeledItems, options: Options) -> Iterator[tuple[str, Pairs]]:
    if items.embeddings is not None:
        yield "embedding", near_duplicates.by_embedding(items.embeddings, options.least_cosine)
    if items.texts is not None:
        yield "text", near_duplicates.by_text(items.texts, options.least_jaccard)
    if items.hashes is not None:
        yield "image hash", near_duplicates.by_hash(items.hashes, options.most_bits)


def _issues(items: LabeledItems, how: str, pairs: Pairs) -> Iterator[Issue]:
    closest = pairs.closest(len(items.items))
    for group in pairs.groups(len(items.items)):
        said = {items.label_sets[place] for place in group.tolist()}
        kind = IssueType.CONFLICTING_DUPLICATE if len(said) > 1 else IssueType.NEAR_DUPLICATE
        ending = f", which have {len(said)} different labels" if len(said) > 1 else ""
        for place in group.tolist():
            others = tuple(other for other in group.tolist()[: _OTHERS_SHOWN + 1] if other != place)[:_OTHERS_SHOWN]
            reason = (
                f"it is nearly the same as {len(group) - 1} others by {how} (similarity {closest[place]:.2f}){ending}"
            )
            label = items.label_sets[place][0] if len(items.label_sets[place]) == 1 else None
            yield Issue(place, kind, max(0.0, 1 - float(closest[place])), reason, label, others=others)


def _urgency(issue: Issue) -> tuple[bool, float, int]:
    return issue.kind is not IssueType.CONFLICTING_DUPLICATE, issue.score, issue.item
