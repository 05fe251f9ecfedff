"""What a run over a project's assets has done so far. Pure; goes into the checkpoint and comes back from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from labelmill_anonymization.receipt import Receipt
from labelmill_runtime.errors import LabelmillError

LISTED_FAILURES = 100


@dataclass
class Tally:
    """Counts of assets, and of what was found in those admitted."""

    admitted: int = 0
    skipped: int = 0
    failed: int = 0
    affected: int = 0
    entities: Counter[str] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        """Assets that are through, one way or another."""
        return self.admitted + self.skipped + self.failed

    def count_admitted(self, receipt: Receipt) -> None:
        """An asset is in CLEAN by this receipt."""
        self.admitted += 1
        self.affected += bool(receipt.entity_counts)
        self.entities.update(dict(receipt.entity_counts))

    @property
    def entity_counts(self) -> list[tuple[str, int]]:
        """What was found, by type, ordered by type."""
        return sorted(self.entities.items())

    def to_checkpoint(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self), "entities": dict(self.entities)}

    @classmethod
    def from_checkpoint(cls, saved: dict[str, Any] | None) -> Tally:
        """The reverse of `to_checkpoint`; None: nothing done yet."""
        if saved is None:
            return cls()
        return cls(**{**saved, "entities": Counter(saved["entities"])})


@dataclass(frozen=True, slots=True)
class Failure:
    """An asset that failed while the rest went on."""

    asset: str
    error: LabelmillError


def first_failures(failures: Iterable[Failure], listed: int) -> list[Failure]:
    """Those that still fit into the list of an operation's metadata."""
    return list(failures)[: max(0, LISTED_FAILURES - listed)]
