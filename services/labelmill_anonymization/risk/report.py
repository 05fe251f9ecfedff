"""What was seen in the sample so far (goes into the checkpoint and comes back from it), and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from labelmill_anonymization.evaluation.intervals import Estimate, share
from labelmill_anonymization.risk.bounds import clopper_pearson_upper, hypergeometric_upper
from labelmill_anonymization.risk.second_look import Source, Suspicion

LISTED_SUSPICIONS = 1000
LIMITS = (
    "The second look uses the first one's detector, without thresholds: what that cannot see is missed twice.",
    "Only a recall measured on a marked sample speaks of values that no look can see (missed_count).",
    "A suspicion may be wrong; the bounds are on texts with suspicions.",
    "Types that the policy leaves or keeps are not counted, nor is what gives people away without being such a type.",
    "Assets in not_examined_count are in no figure.",
)


@dataclass
class Seen:
    """What the second look has seen."""

    sample: int = 0
    gone: int = 0
    failed: int = 0
    suspected: int = 0
    weakly_suspected: int = 0
    transformed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    suspicions: list[Suspicion] = field(default_factory=list)

    def add(self, suspicions: Sequence[Suspicion], transformed: int) -> None:
        """A text that was searched."""
        self.sample += 1
        self.transformed += transformed
        self.weakly_suspected += bool(suspicions)
        self.suspected += any(one.source is not Source.LISTED_NAME for one in suspicions)
        self.counts.update(one.entity_type or one.source.name for one in suspicions)
        self.suspicions += suspicions[: LISTED_SUSPICIONS - len(self.suspicions)]

    def add_failed(self) -> None:
        """A text that could not be searched, so that nobody can call it clean."""
        self.sample += 1
        self.failed += 1
        self.suspected += 1
        self.weakly_suspected += 1

    def to_checkpoint(self) -> dict[str, Any]:
        """As JSON."""
        rows = [[s.asset, s.entity_type, s.start, s.end, int(s.source)] for s in self.suspicions]
        return {**vars(self), "counts": dict(self.counts), "suspicions": rows}

    @classmethod
    def from_checkpoint(cls, saved: dict[str, Any] | None) -> Seen:
        """The reverse of `to_checkpoint`; None: nothing seen yet."""
        if saved is None:
            return cls()
        suspicions = [
            Suspicion(a, kind, start, end, Source(source)) for a, kind, start, end, source in saved["suspicions"]
        ]
        return cls(**{**saved, "counts": Counter(saved["counts"]), "suspicions": suspicions})


@dataclass(frozen=True, slots=True)
class Risk:
    """What follows from what was seen."""

    seen: Seen
    population: int
    not_examined: int
    confidence: float
    suspected_share: float
    upper_bound_count: int
    """Of the population."""
    upper_bound_future: float
    missed: Estimate | None
    """Values in the population that the policy missed; None: no recall is known."""

    @property
    def upper_bound(self) -> float:
        """As a share of the population."""
        return self.upper_bound_count / self.population if self.population else 0.0


def conclude(seen: Seen, population: int, not_examined: int, confidence: float, recall: tuple[int, int] | None) -> Risk:
    """The figures.

    Args:
        seen: At least one text.
        population: How many texts the sample was drawn from; those that are gone are taken off.
        not_examined: How many assets it was not drawn from.
        confidence: Of the bounds.
        recall: (marked, found) of a marked sample; None: not measured.
    """
    left = population - seen.gone
    return Risk(
        seen=seen,
        population=left,
        not_examined=not_examined,
        confidence=confidence,
        suspected_share=seen.suspected / seen.sample,
        upper_bound_count=hypergeometric_upper(seen.suspected, seen.sample, left, confidence),
        upper_bound_future=clopper_pearson_upper(seen.suspected, seen.sample, confidence),
        missed=None if recall is None else missed_values(seen.transformed * left / seen.sample, *recall, confidence),
    )


def missed_values(transformed: float, marked: int, found: int, confidence: float) -> Estimate:
    """How many values were missed when `transformed` were not, by the recall of a marked sample.

    Capture and recapture (Petersen 1896, Lincoln 1930): of the values in a sample that people marked independently of
    it the policy has found a share r = found / marked. So n transformed values are that share of all, and n (1 - r) / r
    are missed. The interval is that of r (Wilson), turned around.
    """
    recall = share(found, marked, confidence)

    def missed(r: float | None) -> float | None:
        return None if not r else transformed * (1 - r) / r

    return Estimate(missed(recall.value), missed(recall.high), missed(recall.low))
