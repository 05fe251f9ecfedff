"""The Basic Application Level Confidentiality Profile of DICOM, PS3.15 table E.1-1: what happens to which attribute.

`dicom_profile.json` is the table (made by `tools/dicom_profile.py`). Where the standard leaves a choice by the
attribute's type in its object, the one is taken that is valid for most and never keeps the value: X/Z becomes Z, all
others with a D become D.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files

from labelmill_anonymization.media.rules import DicomRules

METHOD = "Labelmill, DICOM PS3.15 Basic Profile"
_OVERLAYS = range(0x6000, 0x6100)
_CURVES = range(0x5000, 0x5100)
_OPTION_CODES = {
    "uids": ("113110", "Retain UIDs Option"),
    "device_identity": ("113109", "Retain Device Identity Option"),
    "institution_identity": ("113112", "Retain Institution Identity Option"),
    "patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
    "full_dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
}
_PROFILE_CODES = (("113100", "Basic Application Confidentiality Profile"), ("113101", "Clean Pixel Data Option"))


class Action(Enum):
    """What happens to an attribute."""

    KEEP = "K"
    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    REPLACE_UID = "U"


_CHOICES = {
    "X": Action.REMOVE,
    "Z": Action.EMPTY,
    "D": Action.DUMMY,
    "U": Action.REPLACE_UID,
    "X/Z": Action.EMPTY,
    "X/D": Action.DUMMY,
    "X/Z/D": Action.DUMMY,
    "Z/D": Action.DUMMY,
    "X/Z/U*": Action.EMPTY,
}


@dataclass(frozen=True)
class Profile:
    """The profile with options."""

    options: frozenset[str]

    @classmethod
    def under(cls, rules: DicomRules) -> Profile:
        """What a policy's rules say."""
        retained = {
            "uids": rules.retain_uids,
            "device_identity": rules.retain_device_identity,
            "institution_identity": rules.retain_institution_identity,
            "patient_characteristics": rules.retain_patient_characteristics,
            "full_dates": rules.retain_full_dates,
        }
        return cls(frozenset(name for name, wanted in retained.items() if wanted))

    def action(self, group: int, element: int) -> Action:
        """What happens to an attribute; private ones, overlays and curves go in any case."""
        if group % 2 or group in _OVERLAYS or group in _CURVES:
            return Action.REMOVE
        row = _table().get(f"{group:04X}{element:04X}")
        if row is None or self.options.intersection(row[1:]):
            return Action.KEEP
        return _CHOICES[row[0]]

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """(code, meaning) in the scheme DCM, for DeidentificationMethodCodeSequence (PS3.16, CID 7050)."""
        return (*_PROFILE_CODES, *(_OPTION_CODES[name] for name in sorted(self.options)))


def replaced_uid(uid: str, secret: bytes) -> str:
    """Another UID for a UID, the same for the same secret: 2.25 and 128 bits of HMAC-SHA256 (PS3.5, annex B.2)."""
    digest = hmac.new(secret, b"dicom-uid\0" + uid.encode(), hashlib.sha256).digest()
    return f"2.25.{int.from_bytes(digest[:16])}"


@cache
def _table() -> dict[str, list[str]]:
    text = files("labelmill_anonymization.media").joinpath("dicom_profile.json").read_text(encoding="utf-8")
    table: dict[str, list[str]] = json.loads(text)
    return table
