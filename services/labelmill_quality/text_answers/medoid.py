"""The medoid: the answer that is most like all the others. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.text_answers.consensus import TextConsensus
from labelmill_quality.text_answers.similarity import Pairs, reliabilities
from labelmill_quality.text_answers.table import Counts, Floats, TextTable

NAME = "medoid"
VERSION = "1"


def fit(table: TextTable, pairs: Pairs) -> TextConsensus:
    """For each item the answer with the largest sum of similarities to the others, weighted by their labelers.

    An answer's own labeler counts as well, as one to whom it is wholly similar. It is always an answer that somebody
    gave, word for word: use it where a mixture of answers would make no sense.
    """
    found = reliabilities(table, pairs)
    rows = medoids(table, pairs, found.weights).tolist()
    return TextConsensus.of(
        table, [table.units[row] for row in rows], [table.texts[row] for row in rows], found, NAME, VERSION
    )


def medoids(table: TextTable, pairs: Pairs, weights: Floats) -> Counts:
    """The row of each item's medoid; of equals, the first text in the order of code points."""
    scores = pairs.sums(table, weights)[0] + weights[table.labeler_codes]
    order = np.lexsort((np.argsort(np.argsort(np.array(table.texts, object))), -scores.round(9), table.item_codes))
    chosen: Counts = order[table.starts[:-1]]
    return chosen
