"""Joins what belongs to one postal address: street, town, region and postal code become one street address.

Else the commas and line breaks between them would stay, and a pseudonym would be made for each part by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from labelmill_anonymization.findings import Finding

_ADDRESS = "STREET_ADDRESS"
_PARTS = frozenset({_ADDRESS, "LOCATION", "POSTAL_CODE"})
_BETWEEN = frozenset(" \t\r\n,;-/|(\u00a0\u2013")
_WIDEST = 4  # code points between two parts


def join(findings: Iterable[Finding], text: str) -> list[Finding]:
    """The findings (ordered, without overlaps), with each address in one; its score is the mean over its characters."""
    joined: list[Finding] = []
    for finding in findings:
        if joined and _continues(joined[-1], finding, text):
            joined[-1] = _together(joined[-1], finding)
        else:
            joined.append(finding)
    return joined


def _continues(address: Finding, finding: Finding, text: str) -> bool:
    if address.entity_type != _ADDRESS or finding.entity_type not in _PARTS:
        return False
    between = text[address.end : finding.start]
    return len(between) <= _WIDEST and _BETWEEN.issuperset(between)


def _together(address: Finding, finding: Finding) -> Finding:
    score = (address.score * address.length + finding.score * finding.length) / (address.length + finding.length)
    return Finding(_ADDRESS, address.start, finding.end, score, address.recognizer)
