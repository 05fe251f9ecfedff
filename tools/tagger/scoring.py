"""How well findings cover what is personal: by character and by finding, for each type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from labelmill_anonymization.findings import Finding

Gold = Sequence[tuple[int, int, str]]


@dataclass(slots=True)
class Score:
    """Counts over texts.

    A gold span is found when a finding of its type overlaps it. Leaked characters lie in no finding of any type; a
    character is found rightly when it lies in any gold span. Spans of type `ignored` count neither way.
    """

    found: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    gold: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    personal: Counter[str] = field(default_factory=Counter)
    leaked: Counter[str] = field(default_factory=Counter)
    characters: int = 0
    leaked_characters: int = 0
    marked: int = 0
    marked_rightly: int = 0

    def add(self, gold: Gold, findings: Iterable[Finding], ignored: str = "?") -> None:
        """Counts one text."""
        listed = list(findings)
        found = {place for f in listed for place in range(f.start, f.end)}
        unknown = {place for start, end, kind in gold if kind == ignored for place in range(start, end)}
        known = [(start, end, kind) for start, end, kind in gold if kind != ignored]
        personal: set[int] = set()
        for start, end, kind in known:
            places = set(range(start, end))
            personal |= places
            self.gold[kind] += 1
            self.personal[kind] += len(places)
            self.leaked[kind] += len(places - found)
            self.covered[kind] += not places - found
            self.found[kind] += any(f.entity_type == kind and f.start < end and f.end > start for f in listed)
        for f in listed:
            places = set(range(f.start, f.end))
            if not places & unknown:
                self.findings[f.entity_type] += 1
                self.right[f.entity_type] += any(
                    kind == f.entity_type and f.start < end and f.end > start for start, end, kind in known
                )
        self.characters += len(personal)
        self.leaked_characters += len(personal - found)
        self.marked += len(found - unknown)
        self.marked_rightly += len(found & personal)

    @property
    def leak(self) -> float:
        """Share of personal characters in no finding."""
        return self.leaked_characters / max(self.characters, 1)

    @property
    def precision(self) -> float:
        """Share of characters in findings that are personal."""
        return self.marked_rightly / max(self.marked, 1)

    def recall(self, kind: str) -> float:
        """Share of a type's gold spans that a finding of the type overlaps."""
        return self.found[kind] / max(self.gold[kind], 1)

    def precision_of(self, kind: str) -> float:
        """Share of a type's findings that overlap a gold span of the type."""
        return self.right[kind] / max(self.findings[kind], 1)
