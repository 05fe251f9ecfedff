"""Every rule and finder of ours, in one list; Presidio's are in `adapters/presidio.py`."""

from __future__ import annotations

from labelmill_anonymization.detection import (
    addresses,
    ages,
    cards,
    dates,
    labelled_ids,
    national_ids,
    organizations,
    places,
    postal_codes,
    titles,
)
from labelmill_anonymization.detection.finders import Finder
from labelmill_anonymization.detection.ibans import Ibans
from labelmill_anonymization.detection.phones import Phones
from labelmill_anonymization.detection.rules import Rule

RULES: tuple[Rule, ...] = (
    *addresses.RULES,
    *ages.RULES,
    *cards.RULES,
    *dates.RULES,
    *labelled_ids.RULES,
    *national_ids.RULES,
    *organizations.RULES,
    *places.RULES,
    *postal_codes.RULES,
    *titles.RULES,
)


def finders() -> tuple[Finder, ...]:
    """Searches that need more than one pattern."""
    return (Phones(), Ibans())
