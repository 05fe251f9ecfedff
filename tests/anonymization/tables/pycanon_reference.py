"""What pycanon says of the tables of test_measure.py; makes pycanon_reference.json.

pycanon pins old versions of NumPy and pandas, so it lives in an environment of its own:

    python3.11 -m venv .venvs/tables && .venvs/tables/bin/pip install pycanon==1.3.5
    .venvs/tables/bin/python tests/anonymization/tables/pycanon_reference.py
"""

import json
import sys
from pathlib import Path

import pandas as pd
from pycanon import anonymity

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
from adult_like import COLUMNS, QUASI, SENSITIVE, rows  # noqa: E402

CASES = {
    "all quasi-identifiers": (2000, list(QUASI), list(SENSITIVE)),
    "sex and race": (2000, ["sex", "race"], list(SENSITIVE)),
    "sex, categories": (2000, ["sex"], ["occupation"]),
    "sex, numbers": (2000, ["sex"], ["hours"]),
    "ages in classes": (500, ["age"], ["salary"]),
}


def main() -> None:
    """Writes the file."""
    measured = {}
    for name, (count, quasi, sensitive) in CASES.items():
        table = pd.DataFrame(rows(count), columns=COLUMNS).astype({"hours": int})
        measured[name] = {
            "rows": count,
            "quasi": quasi,
            "sensitive": sensitive,
            "k": int(anonymity.k_anonymity(table, quasi)),
            "l": int(anonymity.l_diversity(table, quasi, sensitive)),
            "whole_entropy_l": int(anonymity.entropy_l_diversity(table, quasi, sensitive)),
            "t": float(anonymity.t_closeness(table, quasi, sensitive)),
        }
    (FOLDER / "pycanon_reference.json").write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
