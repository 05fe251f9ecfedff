"""Makes services/labelmill_anonymization/media/dicom_profile.json: PS3.15, table E.1-1, of the DICOM standard.

    python tools/dicom_profile.py PATH/TO/dicom-standard/standard/confidentiality_profile_attributes.json

The input is the table as github.com/innolitics/dicom-standard (MIT) reads it from the standard's text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "services/labelmill_anonymization/media/dicom_profile.json"
_OPTIONS = {
    "rtnUIDsOpt": "uids",
    "rtnDevIdOpt": "device_identity",
    "rtnInstIdOpt": "institution_identity",
    "rtnPatCharsOpt": "patient_characteristics",
    "rtnLongFullDatesOpt": "full_dates",
}


def main() -> None:
    """Reads the table, writes what is needed of it, one attribute a line."""
    rows = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    table = {}
    for row in rows:
        kept = sorted(name for key, name in _OPTIONS.items() if row.get(key) == "K")
        table[row["id"].upper()] = [row["basicProfile"], *kept]
    lines = ",\n".join(f"{json.dumps(tag)}: {json.dumps(actions)}" for tag, actions in sorted(table.items()))
    OUT.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
