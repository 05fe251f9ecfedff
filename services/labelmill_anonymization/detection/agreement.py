"""What becomes of the findings of all recognizers of one text: which to leave out because others know better."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import groupby

from labelmill_anonymization.findings import Finding

SPACY = "SpacyRecognizer"
TAGGER = "Tagger"
_MODELS = frozenset({SPACY, TAGGER})
_TAGGER_LEAST = 0.3
"""Below, the tagger is more often wrong than right."""
_UNCONFIRMED = 0.5
"""What spaCy alone takes for a name is one about every other time, on development texts of the tagger."""
_KNOWN_BETTER = 0.85
_FORM_NAMES = (
    "CREDIT_CARD CRYPTO DE_TAX_ID EMAIL_ADDRESS ES_NIF FR_NIR IBAN_CODE IP_ADDRESS IT_FISCAL_CODE MAC_ADDRESS URL "
    "US_SSN UUID"
)
_FORMS = frozenset(_FORM_NAMES.split())
"""Types whose form is nothing else's: what is inside of them is a part, whatever a model takes it for."""
_FIELD_NAMES = (
    "MRN VIN SSN DOB ID IBAN DNI NIE NIF PIN PO BOX ZIP TEL FAX CEO CFO CTO HR IT PR QA FAQ USD EUR GBP ATM CVV IP URL "
    "DL MBI NHS NINO IMEI CC EMAIL PHONE APT"
)
_LABELS = frozenset(_FIELD_NAMES.split())
"""What models of English take for organizations in forms."""


def settle(text: str, findings: Sequence[Finding], wanted: frozenset[str]) -> list[Finding]:
    """The findings of wanted types, without those that say nothing more than others, or are known to be none."""
    known = [finding for finding in findings if finding.entity_type in wanted and not _is_none(text, finding)]
    known.sort(key=_place)
    tagged = [finding for finding in known if finding.recognizer == TAGGER]
    judged = [judgement for finding in known if (judgement := _judged(finding, tagged)) is not None]
    kept: list[Finding] = []
    around: list[Finding] = []
    for _, group in groupby(judged, key=_place):  # of the same place; whatever contains it came before
        same = list(group)
        around = [other for other in around if other.end > same[0].start] + same
        kept += [finding for finding in same if not _is_covered(finding, around)]
    return kept


def _place(finding: Finding) -> tuple[int, int]:
    return finding.start, -finding.end


def _judged(finding: Finding, tagged: Sequence[Finding]) -> Finding | None:
    """What is left of spaCy's finding beside the tagger's: a tagger that is sure knows better."""
    if finding.recognizer != SPACY:
        return finding
    # The tagger's findings do not overlap each other.
    first = bisect_right(tagged, finding.start, key=lambda other: other.end)
    last = bisect_left(tagged, finding.end, key=lambda other: other.start)
    beside = tagged[first:last]
    sure = [other for other in beside if other.score >= _UNCONFIRMED or other.entity_type == finding.entity_type]
    if any(other.start <= finding.start and finding.end <= other.end for other in sure):
        return None
    return finding._replace(score=min([_UNCONFIRMED, *(other.score for other in sure)]))


def _is_none(text: str, finding: Finding) -> bool:
    if finding.recognizer == TAGGER:
        return finding.score < _TAGGER_LEAST
    return finding.recognizer == SPACY and text[finding.start : finding.end].upper() in _LABELS


def _is_covered(finding: Finding, around: Sequence[Finding]) -> bool:
    start, end = finding.start, finding.end
    for other in around:
        if other.start <= start and end <= other.end and other is not finding and _says_less(finding, other):
            return True
    return False


def _says_less(finding: Finding, other: Finding) -> bool:
    """Whether a finding says nothing that another one, which contains it, does not say."""
    if other.entity_type != finding.entity_type:
        return _is_part(finding, other)
    if other.score < finding.score and other.length == finding.length:
        return False
    return (other.length, other.score) > (finding.length, finding.score) or other.recognizer < finding.recognizer


def _is_part(finding: Finding, other: Finding) -> bool:
    """Whether a finding of another type is no more than a part of this one."""
    if other.recognizer in _MODELS:
        return False
    if finding.recognizer in _MODELS:
        return other.entity_type in _FORMS or other.score >= _KNOWN_BETTER
    return finding.entity_type == "URL" and other.entity_type == "EMAIL_ADDRESS"
