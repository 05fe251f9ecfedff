"""How many ranks consensus is off from gold, for classes in an order, beside our Dawid-Skene with its likeliest class.

On four public sets of ordered answers, only where the machine has them beside the repository (../shared/data/crowd):
S_Adult and S_Rel as they are, and Snow_valence and N_Emotion, which are numbers from -100 to 100, cut into five ranks
of equal width. The pseudo-labels of `ordinal` were chosen on these four: no held-out comparison.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.quality.figure import Figure, faster
from benchmarks.quality.labels import CROWD, rows
from labelmill_quality import aggregation
from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable, gold_codes, make_table

NUMBERS = ("Snow_valence", "N_Emotion")
SETS = ("S_Adult", "S_Rel", *NUMBERS)
SMALL_SETS = NUMBERS
RANKS = 5
EDGES = np.linspace(-100, 100, RANKS + 1)[1:-1]
METHODS = ("auto", "ordinal", "ibcc", "dawid_skene", "majority_vote")


def figures(*, quick: bool) -> Iterator[Figure]:
    """Set by set and on average."""
    if not CROWD.is_dir():
        return
    off: dict[str, list[float]] = {method: [] for method in METHODS}
    peers = []
    for name in SMALL_SETS if quick else SETS:
        table, gold = ranked(name)
        likeliest = aggregation.aggregate(table, dawid_skene.NAME).winners
        peers.append(ranks_off(likeliest, gold))
        for method in METHODS:
            winners = aggregation.aggregate_calibrated(table, method, ordered=True).winners
            off[method].append(ranks_off(winners, gold))
            yield faster(
                f"{method}, {name}: ranks off gold (DS)", off[method][-1], peers[-1], target=0.95, unit="ranks"
            )
    for method in METHODS:
        mean = float(np.mean(off[method]))
        yield faster(f"{method}, mean of {len(peers)} sets: ranks off (DS)", mean, float(np.mean(peers)), unit="ranks")


def ranks_off(winners: Codes, gold: Codes) -> float:
    """The mean, over the items with gold."""
    known = gold != NO_GOLD
    return float(np.abs(winners - gold)[known].mean())


def ranked(name: str) -> tuple[LabelTable, Codes]:
    """A set and its gold."""
    answers, truth = rows(CROWD / name / "answers.csv"), rows(CROWD / name / "truth.csv")
    if name in NUMBERS:
        answers = [[item, labeler, rank_of(number)] for item, labeler, number in answers]
        truth = [[item, rank_of(number)] for item, number in truth]
    classes = [str(rank) for rank in range(RANKS)] if name in NUMBERS else sorted({row[2] for row in answers})
    table = make_table(*(list(column) for column in zip(*answers, strict=True)), class_names=classes)
    items, ranks = (list(column) for column in zip(*truth, strict=True))
    return table, gold_codes(table.items, items, ranks, classes)


def rank_of(number: str) -> str:
    """The rank of a number."""
    return str(int(np.searchsorted(EDGES, float(number), side="right")))
