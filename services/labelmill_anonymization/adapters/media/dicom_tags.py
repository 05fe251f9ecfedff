"""The confidentiality profile on a pydicom dataset, sequences included."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from labelmill_anonymization.media.dicom_profile import METHOD, Action, Profile, replaced_uid

_DUMMIES: dict[str, object] = {
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "AS": "000Y",
    "PN": "ANONYMOUS",
    "IS": "0",
    "DS": "0",
    "CS": "ANONYMIZED",
    "UI": "2.25.0",
}
_NUMBERS = {"FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"}
_TEXTS = {"AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT"}
_NAMES = {"PN", "LO", "SH", "DA", "AS", "CS", "LT", "ST", "UC", "UT", "IS", "DS"}
_PIXELS = 0x7FE0


def apply_profile(dataset: Dataset, profile: Profile, secret: bytes) -> int:
    """Applies the profile in place; gives the number of attributes that were changed."""
    changed = 0
    for element in list(dataset):
        tag = element.tag
        if tag.group == _PIXELS:
            continue
        action = profile.action(tag.group, tag.element)
        if action is Action.KEEP:
            if element.VR == "SQ":
                changed += sum(apply_profile(item, profile, secret) for item in element.value)
            continue
        changed += 1
        if action is Action.REMOVE:
            del dataset[tag]
        elif action is Action.REPLACE_UID:
            element.value = _replaced(element, secret)
        elif action is Action.EMPTY or element.VR == "SQ":
            element.value = [] if element.VR == "SQ" else None
        else:
            element.value = _dummy(element.VR)
    return changed


def mark(dataset: Dataset, profile: Profile) -> None:
    """Says in the dataset what was done (PS3.15, E.1.1; PS3.3, C.7.1.1 and C.12.1)."""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    codes = []
    for value, meaning in profile.codes:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
        codes.append(code)
    dataset.DeidentificationMethodCodeSequence = DicomSequence(codes)
    dates = "UNMODIFIED" if "full_dates" in profile.options else "REMOVED"
    dataset.LongitudinalTemporalInformationModified = dates


def named_values(dataset: Dataset, profile: Profile) -> Iterator[str]:
    """The values that the profile takes away and that may be burnt into the picture: names, numbers, dates."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from named_values(item, profile)
        elif element.VR in _NAMES and profile.action(element.tag.group, element.tag.element) is not Action.KEEP:
            values = element.value if element.VM > 1 else [element.value]
            yield from (str(value) for value in values if value)


def _replaced(element: DataElement, secret: bytes) -> str | list[str] | None:
    if not element.value:
        return None
    if element.VM > 1:
        return [replaced_uid(str(uid), secret) for uid in element.value]
    return replaced_uid(str(element.value), secret)


def _dummy(vr: str) -> object:
    if vr in _NUMBERS:
        return 0
    if vr in _TEXTS:
        return "ANONYMIZED"
    return _DUMMIES.get(vr, b"" if vr.startswith("O") or vr == "UN" else None)
