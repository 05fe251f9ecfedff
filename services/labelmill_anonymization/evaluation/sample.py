"""The sample that a policy is measured on: texts in which people marked the personal data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from labelmill_anonymization.errors import SampleSpanInvalid

WELL_KNOWN_TYPES = {
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "ADDRESS": "STREET_ADDRESS",
    "ZIP_CODE": "POSTAL_CODE",
    "DOMAIN_NAME": "URL",
    "PER": "PERSON",
    "ORG": "ORGANIZATION",
    "NORP": "NRP",
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
    "PHONE": "PHONE_NUMBER",
    "EMAIL": "EMAIL_ADDRESS",
    "SSN": "US_SSN",
    "IBAN": "IBAN_CODE",
}
"""Names that presidio-research, spaCy and others use, and ours."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, in code points, end exclusive."""

    entity_type: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A text, and what people marked in it."""

    document_id: str
    text: str = field(repr=False)
    gold: tuple[Span, ...]
    ignored: tuple[Span, ...] = ()
    """Marked, but of a type that the caller left out: neither finding nor missing it counts."""


def mapped(documents: Sequence[Document], mapping: Mapping[str, str]) -> list[Document]:
    """The documents with our names of types.

    Args:
        documents: As they came, with any names.
        mapping: Their name -> ours; "" leaves a type out. It goes before the well-known names; others stay as they are.

    Raises:
        SampleSpanInvalid: A span is empty or ends beyond its text.
    """
    names = WELL_KNOWN_TYPES | dict(mapping)
    return [_mapped(document, index, names) for index, document in enumerate(documents)]


def _mapped(document: Document, index: int, names: Mapping[str, str]) -> Document:
    gold: list[Span] = []
    ignored: list[Span] = []
    for number, span in enumerate(document.gold):
        if not 0 <= span.start < span.end <= len(document.text):
            raise SampleSpanInvalid(index, number)
        name = names.get(span.entity_type, span.entity_type)
        (gold if name else ignored).append(replace(span, entity_type=name or span.entity_type))
    return replace(document, gold=tuple(gold), ignored=tuple(ignored))
