"""Majority vote: one labeler, one vote. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.aggregation.leave_one_out import ByContributions
from labelmill_quality.labels import Codes, LabelTable

NAME = "majority_vote"
VERSION = "1"


class MajorityVote:
    """Aggregates by majority.

    The class with the most votes wins; of several, the first in the order of the classes, and the item is said to be
    tied. The posterior is the share of votes:

        p(y_i = c) = n_ic / sum_k n_ik

    It assumes that all labelers are equally good, and better than chance. Shares are no probabilities of being right.
    """

    def apply(self, table: LabelTable) -> Consensus:
        """The shares of votes about every item."""
        votes, classes = table.votes, len(table.classes)
        contributions = np.broadcast_to(np.eye(classes), (len(table.labelers), classes, classes))
        others = ByContributions(table, votes, contributions)
        return Consensus(votes / votes.sum(axis=1, keepdims=True), others, NAME, VERSION)


def fit(_table: LabelTable, _anchors: Codes | None = None) -> MajorityVote:
    """There is nothing to learn."""
    return MajorityVote()
