"""Findings, and how overlapping ones become spans that do not overlap."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_FIRST_MARK = "\u0300"
"""No character before it combines with another."""


class Finding(NamedTuple):
    """A found entity: where it is (code points, end exclusive) and who says so. Never its value.

    A tuple, because a text has dozens, and tuples are cheaper to make and to send to another process than dataclasses.
    """

    entity_type: str
    start: int
    end: int
    score: float
    recognizer: str

    @property
    def length(self) -> int:
        """Code points covered."""
        return self.end - self.start


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Joins overlapping findings, so that each code point of any of them is covered by exactly one.

    Of findings that overlap, directly or through others, one remains: it covers all of them and has the type, score and
    recognizer of the most certain one (then the longest, the first, the alphabetically first). Ordered by position.
    """
    merged: list[Finding] = []
    for cluster in _clusters(findings):
        if len(cluster) == 1:
            merged += cluster
            continue
        winner = min(cluster, key=_rank)
        merged.append(winner._replace(start=cluster[0].start, end=max(finding.end for finding in cluster)))
    return merged


def outside(finding: Finding, covered: Sequence[Finding]) -> list[Finding]:
    """The parts of a finding that lie outside of `covered` (ordered, without overlaps)."""
    parts, start = [], finding.start
    for other in covered:
        if other.end <= start or other.start >= finding.end:
            continue
        if other.start > start:
            parts.append(finding._replace(start=start, end=other.start))
        start = max(start, other.end)
    if start < finding.end:
        parts.append(finding._replace(start=start))
    return parts


def whole_characters(finding: Finding, text: str) -> Finding:
    """The finding, ended after the marks that combine with its last character, so that no accent is left behind."""
    end = finding.end
    if end == len(text) or text[end] < _FIRST_MARK:
        return finding
    while end < len(text) and unicodedata.category(text[end]) in ("Mn", "Mc", "Me"):
        end += 1
    return finding if end == finding.end else finding._replace(end=end)


def _clusters(findings: Iterable[Finding]) -> list[list[Finding]]:
    clusters: list[list[Finding]] = []
    end = -1
    for finding in sorted(findings, key=lambda f: (f.start, f.end, f.entity_type, -f.score, f.recognizer)):
        if clusters and finding.start < end:
            clusters[-1].append(finding)
        else:
            clusters.append([finding])
        end = max(end, finding.end)
    return clusters


def _rank(finding: Finding) -> tuple[float, int, int, str, str]:
    return (-finding.score, -finding.length, finding.start, finding.entity_type, finding.recognizer)
