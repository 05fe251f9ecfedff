"""generalize: makes a value coarser, by its type."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators.operator import Protection
from labelmill_anonymization.written_dates import read_date

RESTRICTED_ZIP3 = frozenset(
    code
    for line in ("036 059 063 102 203 205 369 556 692 790", "821 823 830 831 878 879 884 890 893")
    for code in line.split()
)
"""ZIP areas of three digits with 20,000 inhabitants or fewer.

The 17 of the 2000 census, listed in the guidance of the US Department of Health and Human Services (November 2012), and
those that came in with the 2010 census.
"""
_AGE = re.compile(r"(?<!\d)\d{1,3}(?!\d)")
_POSTAL_CODE = re.compile(r"\s*(\d{5})(?:-?\d{4})?\s*")
_YEAR = re.compile(r"(?<!\d)(?:1[6-9]|20)\d{2}(?!\d)")
_NUMBER = re.compile(r"\s*[-+]?\d{1,15}(?:\.\d{1,10})?\s*")
_PREFIX = {4: 24, 6: 48}


@dataclass(frozen=True, slots=True)
class Generalize:
    """Ages to bands, postal codes to prefixes, dates to years, addresses to networks, numbers to bands."""

    name: ClassVar[str] = "generalize"
    age_band: int = 10
    age_cap: int = 90
    postal_digits: int = 3
    number_band: float = 10.0

    def apply(self, value: str, entity_type: str, keys: ProjectKeys) -> str:
        """The coarser value; what cannot be made coarser becomes its type."""
        make = {
            "AGE": self._age,
            "POSTAL_CODE": self._postal_code,
            "DATE_TIME": self._year,
            "IP_ADDRESS": _network,
        }.get(entity_type, self._number)
        return make(value) or f"<{entity_type}>"

    def protection(self, value: str) -> Protection:
        """No key brings back what was left out."""
        return Protection.ANONYMIZED

    def key_ids(self, keys: ProjectKeys) -> tuple[str, ...]:
        """None."""
        return ()

    def _age(self, value: str) -> str | None:
        numbers = _AGE.findall(value)
        if len(numbers) != 1:
            return None
        age = int(numbers[0])
        if age >= self.age_cap:
            return f"{self.age_cap}+"
        if self.age_band == 1:
            return str(age)
        start = age - age % self.age_band
        return f"{start}-{min(start + self.age_band, self.age_cap) - 1}"

    def _year(self, value: str) -> str | None:
        """The year; those in which people were born who are now `age_cap` or older are one class, as their ages are."""
        written = read_date(value)
        years = [f"{written.day.year:04}"] if written is not None else _YEAR.findall(value)
        if len(years) != 1:
            return None
        oldest = _this_year() - self.age_cap
        return f"\u2264{oldest}" if int(years[0]) <= oldest else str(years[0])

    def _postal_code(self, value: str) -> str | None:
        match = _POSTAL_CODE.fullmatch(value)
        if match is None:
            return None
        code = match[1]
        kept = "000" if code[:3] in RESTRICTED_ZIP3 else code[: self.postal_digits]
        return kept[: self.postal_digits].ljust(len(code), "*")

    def _number(self, value: str) -> str | None:
        if _NUMBER.fullmatch(value) is None:
            return None
        start = math.floor(float(value) / self.number_band) * self.number_band
        return f"{start:g}-{start + self.number_band:g}"


def _this_year() -> int:
    return datetime.now(UTC).year


def _network(value: str) -> str | None:
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        return None
    return str(ipaddress.ip_network((address, _PREFIX[address.version]), strict=False))
