"""Numbers and addresses that machines read: phones, cards, accounts, e-mail, licences."""

from __future__ import annotations

import random
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from tools.tagger.forms import FORMS

if TYPE_CHECKING:
    from tools.tagger.values import Piece, Values


class Identifiers:
    """Draws identifiers."""

    def __init__(self, pools: dict[str, Any], values: Values) -> None:
        self._words = pools["words"]
        self._ = values
        self._random: random.Random = values.random

    def _number(self, forms: list[str], entity_type: str) -> list[Piece]:
        return [(self._.form(self._random.choice(forms)), entity_type)]

    def slot_PHONE(self, language: str) -> list[Piece]:
        country = language if self._.chance(0.85) else self._random.choice(list(FORMS["phones"]))
        return self._number(FORMS["phones"][country], "PHONE_NUMBER")

    def slot_CARD(self, _: str) -> list[Piece]:
        return self._number(FORMS["cards"], "CREDIT_CARD")

    def slot_IBAN(self, _: str) -> list[Piece]:
        lengths = FORMS["iban_lengths"]
        country = self._random.choice(list(lengths))
        iban = country + self._.form(
            "##" + ("AAAA" if country in ("GB", "NL") else "####") + "#" * (lengths[country] - 8)
        )
        grouped = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
        return [(grouped if self._.chance(0.5) else iban, "IBAN_CODE")]

    def slot_SSN(self, _: str) -> list[Piece]:
        return self._number(FORMS["social_security_numbers"], "US_SSN")

    def slot_LICENSE(self, _: str) -> list[Piece]:
        return self._number(FORMS["licenses"], "US_DRIVER_LICENSE")

    def slot_PASSPORT(self, _: str) -> list[Piece]:
        return self._number(FORMS["passports"], "US_PASSPORT")

    def slot_BANK(self, _: str) -> list[Piece]:
        return self._number(FORMS["bank_accounts"], "US_BANK_NUMBER")

    def slot_MRN(self, _: str) -> list[Piece]:
        return self._number(FORMS["records"], "MEDICAL_RECORD_NUMBER")

    def slot_ACCOUNT(self, _: str) -> list[Piece]:
        return self._number(FORMS["accounts"], "ACCOUNT_NUMBER")

    def slot_PLATE(self, _: str) -> list[Piece]:
        return self._number(FORMS["plates"], "LICENSE_PLATE")

    def slot_IP(self, _: str) -> list[Piece]:
        if self._.chance(0.8):
            return [(".".join(str(self._random.randint(0, 255)) for _ in range(4)), "IP_ADDRESS")]
        groups = [f"{self._random.randint(0, 65535):x}" for _ in range(8)]
        return [(":".join(groups) if self._.chance(0.7) else ":".join(groups[:3]) + "::" + groups[7], "IP_ADDRESS")]

    def _domain(self, language: str) -> str:
        culture = self._.people.culture(language)
        name = self._random.choice([culture["surname"], culture["given"], self._words["company_words"]])
        word = _ascii(self._.one(name)) + self._random.choice(["", "", "", "online", "-group", "shop", "2go"])
        return f"{word}.{self._random.choice(self._words['domains'])}"

    def slot_EMAIL(self, language: str) -> list[Piece]:
        culture = self._.people.culture(language)
        given, surname = _ascii(self._.one(culture["given"])), _ascii(self._.one(culture["surname"]))
        local = self._random.choice(
            [
                f"{given}.{surname}",
                f"{given[0]}{surname}",
                given + self._.digits(2),
                f"{given}_{surname}",
                f"{surname}.{given[0]}",
                "info",
                given,
            ]
        )
        host = self._random.choice(self._words["mail_hosts"]) if self._.chance(0.6) else self._domain(language)
        return [(f"{local}@{host}", "EMAIL_ADDRESS")]

    def slot_URL(self, language: str) -> list[Piece]:
        domain = self._domain(language)
        start = self._random.choice(["", "", "www.", "http://www.", "https://", "https://www.", "http://"])
        return [
            (
                start
                + domain
                + self._random.choice(["", "", "/", f"/{self._.word('en')}", f"/{self._.word('en')}.html"]),
                "URL",
            )
        ]


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", plain) or "x"
