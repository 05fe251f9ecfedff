"""What a run found out: every number of the report, and nothing that the run did not produce."""

from dataclasses import asdict, dataclass, field
from typing import Any

from labelmill.quality.v1 import resources_pb2 as quality


@dataclass(frozen=True)
class Interval:
    """A number with its interval; None where it is undefined."""

    value: float | None
    lower: float | None
    upper: float | None
    method: str
    sample_count: int

    @classmethod
    def of(cls, estimate: quality.Estimate) -> "Interval":
        """From the contract's estimate."""
        if not estimate.HasField("value"):
            return cls(None, None, None, estimate.undefined_reason, estimate.sample_count)
        method = f"{estimate.method}, {estimate.confidence_level:.0%} {estimate.interval_method}"
        return cls(estimate.value, estimate.lower, estimate.upper, method, estimate.sample_count)


@dataclass(frozen=True)
class CurvePoint:
    """One model version of one arm."""

    arm: str
    round: int
    labels_bought: int
    assets_labelled: int
    accuracy: Interval
    macro_f1: Interval
    consensus_accuracy: float
    """Share of the consensus labels that equal the gold of all twenty ratings."""
    model_version: str


@dataclass(frozen=True)
class LabelerRow:
    """One labeler of the final report."""

    labeler: str
    label_count: int
    benchmark_accuracy: Interval
    consensus_agreement: Interval


@dataclass(frozen=True)
class Confusion:
    """A square table of counts."""

    class_names: list[str]
    counts: list[list[float]]

    @classmethod
    def of(cls, matrix: quality.ConfusionMatrix) -> "Confusion":
        """From the contract's flat matrix."""
        size = len(matrix.class_names)
        return cls(list(matrix.class_names), [list(matrix.counts[i * size : (i + 1) * size]) for i in range(size)])


@dataclass
class Record:
    """Filled while the loop runs."""

    sentence_count: int = 0
    asset_count: int = 0
    duplicate_count: int = 0
    affected_count: int = 0
    failed_count: int = 0
    entity_counts: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    """Clean texts in which something was found; clean only."""
    refusal: str = ""
    audited_count: int = 0
    """CLEAN assets that the audit log accounts for; the demo ends if it does not account for all."""
    evaluation_count: int = 0
    curve: list[CurvePoint] = field(default_factory=list)
    labelers: list[LabelerRow] = field(default_factory=list)
    alpha: Interval | None = None
    benchmark_accuracy: Interval | None = None
    model_confusion: Confusion | None = None
    labeler_confusion: Confusion | None = None
    quality_page: bytes = b""
    """The quality report over everything that was labelled, as its service shows it."""
    predicted_count: int = 0
    rest_accuracy: float = 0.0
    rest_count: int = 0
    majority_class_accuracy: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def reachable_accuracy(self) -> float:
        """The highest accuracy on held-out gold that every arm reached at some time."""
        arms = {point.arm for point in self.curve}
        return min(max(point.accuracy.value or 0.0 for point in self.curve if point.arm == arm) for arm in arms)

    @property
    def labels_to_reach(self) -> dict[str, int]:
        """For each arm, the labels it had bought when it first was that accurate."""
        target = self.reachable_accuracy
        reached = [point for point in self.curve if (point.accuracy.value or 0.0) >= target]
        return {arm: min(p.labels_bought for p in reached if p.arm == arm) for arm in sorted({p.arm for p in reached})}

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        plain = asdict(self)
        del plain["quality_page"]
        return plain | {"labels_to_reach": {f"{self.reachable_accuracy:.3f}": self.labels_to_reach}}
