"""Rows with the columns and rough shares of UCI Adult (1994 census income), drawn column by column from one seed.

Only the standard library: the reference script runs it in an environment of its own, and gets the same rows.
"""

from __future__ import annotations

import random

COLUMNS = (
    "age",
    "workclass",
    "education",
    "marital-status",
    "occupation",
    "race",
    "sex",
    "native-country",
    "salary",
    "hours",
)
QUASI = ("age", "education", "marital-status", "race", "sex", "native-country")
SENSITIVE = ("occupation", "hours")
_SHARES: dict[str, dict[str, float]] = {
    "workclass": {
        "Private": 69.7,
        "Self-emp-not-inc": 7.8,
        "Local-gov": 6.4,
        "": 5.6,
        "State-gov": 4,
        "Self-emp-inc": 3.4,
        "Federal-gov": 2.9,
        "Without-pay": 0.1,
    },
    "education": {
        "HS-grad": 32.3,
        "Some-college": 22.4,
        "Bachelors": 16.4,
        "Masters": 5.3,
        "Assoc-voc": 4.2,
        "11th": 3.6,
        "Assoc-acdm": 3.3,
        "10th": 2.9,
        "7th-8th": 2,
        "Prof-school": 1.8,
        "9th": 1.6,
        "12th": 1.3,
        "Doctorate": 1.3,
        "5th-6th": 1,
        "1st-4th": 0.5,
        "Preschool": 0.2,
    },
    "marital-status": {
        "Married-civ-spouse": 46,
        "Never-married": 32.8,
        "Divorced": 13.6,
        "Separated": 3.1,
        "Widowed": 3,
        "Married-spouse-absent": 1.3,
        "Married-AF-spouse": 0.1,
    },
    "occupation": {
        "Prof-specialty": 12.7,
        "Craft-repair": 12.6,
        "Exec-managerial": 12.5,
        "Adm-clerical": 11.6,
        "Sales": 11.2,
        "Other-service": 10.1,
        "Machine-op-inspct": 6.1,
        "": 5.7,
        "Transport-moving": 4.9,
        "Handlers-cleaners": 4.2,
        "Farming-fishing": 3.1,
        "Tech-support": 2.9,
        "Protective-serv": 2,
        "Priv-house-serv": 0.5,
    },
    "race": {"White": 85.4, "Black": 9.6, "Asian-Pac-Islander": 3.2, "Amer-Indian-Eskimo": 1, "Other": 0.8},
    "sex": {"Male": 66.9, "Female": 33.1},
    "native-country": {
        "United-States": 89.6,
        "Mexico": 2,
        "": 1.8,
        "Philippines": 0.6,
        "Germany": 0.4,
        "Canada": 0.4,
        "India": 0.3,
        **{f"Country-{n}": 0.15 for n in range(33)},
    },
    "salary": {"<=50K": 75.9, ">50K": 24.1},
}


def rows(count: int, seed: int = 1) -> list[tuple[str, ...]]:
    """That many rows of texts, in the order of COLUMNS."""
    lots = random.Random(seed)
    drawn = {name: lots.choices(list(shares), list(shares.values()), k=count) for name, shares in _SHARES.items()}
    drawn["age"] = [str(min(90, 17 + int(lots.gammavariate(2.6, 8.3)))) for _ in range(count)]
    drawn["hours"] = [str(min(99, max(1, round(lots.gauss(40, 12))))) for _ in range(count)]
    return list(zip(*(drawn[name] for name in COLUMNS), strict=True))


def csv(count: int, seed: int = 1) -> bytes:
    """The rows as a CSV file."""
    return "\n".join(map(",".join, [COLUMNS, *rows(count, seed)])).encode()
