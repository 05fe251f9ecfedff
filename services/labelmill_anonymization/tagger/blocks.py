"""Finds postal addresses: a street and the town, region and postal code after it are one address.

Else the commas and line breaks between them would stay, and a pseudonym would be made of each part by itself. The parts
remain as findings of their own, for policies that treat places but no addresses.
"""

from __future__ import annotations

from collections.abc import Sequence

from labelmill_anonymization.findings import Finding

_ADDRESS = "STREET_ADDRESS"
_PARTS = frozenset({_ADDRESS, "LOCATION", "POSTAL_CODE"})
_BETWEEN = frozenset(" \t\r\n,;-/|(\u00a0\u2013")
_WIDEST = 4  # code points between two parts


def join(findings: Sequence[Finding], text: str) -> list[Finding]:
    """The findings (ordered, without overlaps) and, before its first part, each address that has several.

    An address is as certain as its most certain part, so that it prevails where one finding must.
    """
    joined: list[Finding] = []
    index = 0
    while index < len(findings):
        end = index + 1
        while end < len(findings) and _continues(findings[index], findings[end - 1], findings[end], text):
            end += 1
        parts = findings[index:end]
        if len(parts) > 1:
            score = max(part.score for part in parts)
            joined.append(Finding(_ADDRESS, parts[0].start, parts[-1].end, score, parts[0].recognizer))
        joined += parts
        index = end
    return joined


def _continues(first: Finding, before: Finding, finding: Finding, text: str) -> bool:
    if first.entity_type != _ADDRESS or finding.entity_type not in _PARTS:
        return False
    between = text[before.end : finding.start]
    return len(between) <= _WIDEST and _BETWEEN.issuperset(between)
