"""Which entity types can be found, by language. Pure, so that policies are checked without loading a model.

A test compares these lists with what the recognizers really offer.
"""

from __future__ import annotations

from labelmill_anonymization.errors import UnsupportedLanguage

DEFAULT_LANGUAGE = "en"
AUTO = "auto"
"""The language of each text is told from the text."""
LANGUAGES = ("de", "en", "es", "fr", "it")
"""English has two models and all patterns; the others have one model, and patterns with their words and formats."""

MODEL_TYPES = frozenset({"LOCATION", "NRP", "ORGANIZATION", "PERSON"})
"""What models alone find well; patterns add to places and organizations."""

PATTERN_TYPES = frozenset(
    {
        "ACCOUNT_NUMBER",
        "AGE",
        "CREDIT_CARD",
        "CRYPTO",
        "DATE_TIME",
        "DEVICE_ID",
        "DE_TAX_ID",
        "EMAIL_ADDRESS",
        "ES_NIF",
        "FR_NIR",
        "HEALTH_PLAN_NUMBER",
        "IBAN_CODE",
        "IP_ADDRESS",
        "IT_FISCAL_CODE",
        "LICENSE_PLATE",
        "MAC_ADDRESS",
        "MEDICAL_LICENSE",
        "MEDICAL_RECORD_NUMBER",
        "PHONE_NUMBER",
        "POSTAL_CODE",
        "STREET_ADDRESS",
        "TITLE",
        "UK_NHS",
        "UK_NINO",
        "URL",
        "US_BANK_NUMBER",
        "US_DRIVER_LICENSE",
        "US_ITIN",
        "US_PASSPORT",
        "US_SSN",
        "UUID",
        "VEHICLE_ID",
    }
)
"""What patterns and checksums find. The models also add to some of these."""

_ALL = MODEL_TYPES | PATTERN_TYPES


def entity_types(language: str, *, field: str = "language") -> frozenset[str]:
    """Every type that can be found in a language ("" means English, "auto" whichever the text is in).

    Raises:
        UnsupportedLanguage: With `field` as the field path.
    """
    if language not in ("", AUTO, *LANGUAGES):
        raise UnsupportedLanguage(field, (*LANGUAGES, AUTO))
    return _ALL
