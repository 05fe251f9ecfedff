"""Which entity types can be found, by language. Pure, so that policies are checked without loading a model.

A test compares these lists with what the recognizers really offer.
"""

from __future__ import annotations

from labelmill_anonymization.errors import UnsupportedLanguage

DEFAULT_LANGUAGE = "en"

MODEL_TYPES: dict[str, frozenset[str]] = {
    "en": frozenset({"DATE_TIME", "LOCATION", "NRP", "ORGANIZATION", "PERSON"}),
}
"""What only a language model finds; a policy without any of them needs no model run."""

PATTERN_TYPES: dict[str, frozenset[str]] = {
    "en": frozenset(
        {
            "AGE",
            "CREDIT_CARD",
            "CRYPTO",
            "EMAIL_ADDRESS",
            "IBAN_CODE",
            "IP_ADDRESS",
            "MAC_ADDRESS",
            "MEDICAL_LICENSE",
            "PHONE_NUMBER",
            "UK_NHS",
            "URL",
            "US_BANK_NUMBER",
            "US_DRIVER_LICENSE",
            "US_ITIN",
            "US_PASSPORT",
            "US_SSN",
            "UUID",
        }
    ),
}
"""What patterns and checksums find. Patterns also add to some of the model's types (dates, street addresses)."""

LANGUAGES = tuple(sorted(MODEL_TYPES))


def entity_types(language: str, *, field: str = "language") -> frozenset[str]:
    """Every type that can be found in a language ("" means English).

    Raises:
        UnsupportedLanguage: With `field` as the field path.
    """
    language = language or DEFAULT_LANGUAGE
    if language not in MODEL_TYPES:
        raise UnsupportedLanguage(field, LANGUAGES)
    return MODEL_TYPES[language] | PATTERN_TYPES[language]
