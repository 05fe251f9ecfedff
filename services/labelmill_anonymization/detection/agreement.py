"""What becomes of the findings of all recognizers of one text: which to leave out because others know better."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill_anonymization.findings import Finding

_PARTS = {"URL": frozenset({"EMAIL_ADDRESS"})}
"""Types that are left out inside of findings of others: the domain of an e-mail address is no address of its own."""
_MODEL = "SpacyRecognizer"
_TAGGER = "Tagger"
_TAGGER_LEAST = 0.3
"""Below, the tagger is more often wrong than right."""
_KNOWN_BETTER = 0.85
_FIELD_NAMES = (
    "MRN VIN SSN DOB ID IBAN DNI NIE NIF PIN PO BOX ZIP TEL FAX CEO CFO CTO HR IT PR QA FAQ USD EUR GBP ATM CVV IP URL "
    "DL MBI NHS NINO IMEI CC EMAIL PHONE APT"
)
_LABELS = frozenset(_FIELD_NAMES.split())
"""What models of English take for organizations in forms."""


def settle(text: str, findings: Sequence[Finding], wanted: frozenset[str]) -> list[Finding]:
    """The findings of wanted types, without those that say nothing more than others, or are known to be none."""
    known = [finding for finding in findings if finding.entity_type in wanted and not _is_none(text, finding)]
    return [finding for finding in known if not any(_says_less(finding, other) for other in known)]


def _is_none(text: str, finding: Finding) -> bool:
    if finding.recognizer == _TAGGER:
        return finding.score < _TAGGER_LEAST
    return finding.recognizer == _MODEL and text[finding.start : finding.end].upper() in _LABELS


def _says_less(finding: Finding, other: Finding) -> bool:
    if other is finding or other.start > finding.start or other.end < finding.end:
        return False
    if other.entity_type in _PARTS.get(finding.entity_type, ()):
        return True
    if other.entity_type != finding.entity_type:
        return finding.recognizer == _MODEL and other.recognizer != _MODEL and other.score >= _KNOWN_BETTER
    if other.score < finding.score:
        return False
    return (other.length, other.score) > (finding.length, finding.score) or other.recognizer < finding.recognizer
