"""Check digits of identifiers. Each function takes the value as written and says whether its check digit is right."""

from __future__ import annotations

_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_NIE_DIGITS = {"X": "0", "Y": "1", "Z": "2"}
_ITALIAN_ODD_VALUES = "1 0 5 7 9 13 15 17 19 21 1 0 5 7 9 13 15 17 19 21 2 4 18 20 11 3 6 8 12 14 16 10 22 25 24 23"
_ITALIAN_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", map(int, _ITALIAN_ODD_VALUES.split()), strict=True))
_ITALIAN_LENGTH = 16
_CORSICA = {"2A": 1_000_000, "2B": 2_000_000}


def digits(value: str) -> list[int]:
    """The decimal digits of a value."""
    return [int(character) for character in value if character.isdecimal()]


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1, annex B: cards, IMEI."""
    numbers = digits(value)[::-1]
    total = sum(numbers[0::2]) + sum(d * 2 - 9 if d > 4 else d * 2 for d in numbers[1::2])
    return total % 10 == 0 and len(set(numbers)) > 1


def mod_11_10(value: str) -> bool:
    """ISO 7064 MOD 11,10, over ten digits and a check digit: the German tax identification number."""
    *body, check = digits(value)
    product = 10
    for digit in body:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == check


def german_tax_id(value: str) -> bool:
    """Eleven digits: the first is not 0, among the first ten one occurs two or three times; MOD 11,10."""
    numbers = digits(value)
    if len(numbers) != 11 or numbers[0] == 0:
        return False
    most = max(numbers[:10].count(digit) for digit in set(numbers[:10]))
    return most in (2, 3) and mod_11_10(value)


def spanish_nif(value: str) -> bool:
    """DNI and NIE: the letter is the number modulo 23 (Orden INT/2058/2008)."""
    compact = "".join(character for character in value.upper() if character.isalnum())
    number = _NIE_DIGITS.get(compact[0], compact[0]) + compact[1:-1]
    return number.isdecimal() and _NIF_LETTERS[int(number) % 23] == compact[-1]


def french_nir(value: str) -> bool:
    """97 minus the first thirteen digits modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    compact = "".join(character for character in value.upper() if character.isalnum())
    body, key = compact[:13], compact[13:]
    department = body[5:7]
    if department in _CORSICA:
        number = int(f"{body[:5]}{department[0]}0{body[7:]}") - _CORSICA[department]
    elif body.isdecimal():
        number = int(body)
    else:
        return False
    return 97 - number % 97 == int(key)


def italian_fiscal_code(value: str) -> bool:
    """The sixteenth character of the codice fiscale (DM 23/12/1976)."""
    code = value.upper()
    if len(code) != _ITALIAN_LENGTH:
        return False
    total = 0
    for position, character in enumerate(code[:15], start=1):
        if position % 2:
            total += _ITALIAN_ODD[character]
        else:
            total += int(character) if character.isdecimal() else ord(character) - ord("A")
    return chr(ord("A") + total % 26) == code[15]


def vehicle_id(value: str) -> bool:
    """The ninth character of a VIN (49 CFR 565.15, ISO 3779)."""
    code = value.upper()
    if len(code) != len(_VIN_WEIGHTS) or len(set(code)) < 4:
        return False
    values = [int(c) if c.isdecimal() else _VIN_VALUES.get(c, 0) for c in code]
    remainder = sum(v * w for v, w in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return code[8] == ("X" if remainder == 10 else str(remainder))


def mod_97(value: str) -> int:
    """The remainder of a long number, letters as 10 to 35: ISO 7064 MOD 97-10."""
    return int("".join(str(int(c, 36)) for c in value if c.isalnum())) % 97
