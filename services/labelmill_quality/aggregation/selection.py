"""Why a mixture of methods is what it is: what each was worth, and on what evidence. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from labelmill_quality.estimate import Estimate


class Basis(StrEnum):
    """What the weights rest on."""

    GOLD = "gold"
    """Labels held out, and the errors on gold."""
    HELD_OUT_LABELS = "held_out_labels"
    """Labels held out."""
    NOTHING = "nothing"
    """No item has three labels: every method counts the same."""


@dataclass(frozen=True)
class Judgement:
    """What one method was worth."""

    method: str
    weight: float
    """Its share of the mixture; all sum to 1."""
    log_likelihood: float | None
    """Mean logarithm of the probability of a held-out label; None: no label was held out."""
    gold_accuracy: Estimate
    """On gold, of which it was told nothing."""


@dataclass(frozen=True)
class Selection:
    """All of them."""

    basis: Basis
    judgements: tuple[Judgement, ...]
    held_out_labels: int
    """Labels that were predicted, over all splits."""
    sampled_items: int
    """Items that the weights were learned on, where not on all; else 0."""

    def reason(self) -> str:
        """One sentence for people."""
        if self.basis is Basis.NOTHING:
            return "all methods count the same: no item has three labels, and nothing else tells them apart"
        first = max(self.judgements, key=lambda each: each.weight)
        held_out = f"by how well each method predicts {self.held_out_labels} labels held out from it"
        gold = first.gold_accuracy
        if self.basis is Basis.GOLD:
            held_out += f", and by its errors on {gold.n} gold answers ({first.method}: {gold.value:.1%} right)"
        else:
            held_out += f"; gold does not decide, for there are only {gold.n} answers"
        return f"{first.method} counts most ({first.weight:.0%}): {held_out}"
