"""The classes that the network tells apart: outside, and for each type its first token and the others (BIO).

Ramshaw and Marcus: Text Chunking using Transformation-Based Learning (1995).
"""

TYPES = (
    "PERSON",
    "TITLE",
    "LOCATION",
    "ORGANIZATION",
    "NRP",
    "STREET_ADDRESS",
    "POSTAL_CODE",
    "DATE_TIME",
    "AGE",
    "PHONE_NUMBER",
    "EMAIL_ADDRESS",
    "URL",
    "IP_ADDRESS",
    "CREDIT_CARD",
    "IBAN_CODE",
    "US_SSN",
    "US_DRIVER_LICENSE",
    "US_PASSPORT",
    "US_BANK_NUMBER",
    "MEDICAL_RECORD_NUMBER",
    "ACCOUNT_NUMBER",
    "LICENSE_PLATE",
)
"""Entity types; their order is the network's."""

OUTSIDE = 0
STATES = 1 + 2 * len(TYPES)


def begin(entity_type: str) -> int:
    """The state of the first token of a finding."""
    return 1 + TYPES.index(entity_type)


def inside(entity_type: str) -> int:
    """The state of its other tokens."""
    return 1 + len(TYPES) + TYPES.index(entity_type)
