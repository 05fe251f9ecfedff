"""What a policy says about pictures, documents, sound and film; see labelmill.anonymization.v1.MediaRules."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Cover(Enum):
    """How a region is covered."""

    FILL = "fill"
    BLUR = "blur"
    PIXELATE = "pixelate"


class Sound(Enum):
    """What becomes of sound."""

    BEEP = "beep"
    SILENCE = "silence"
    DROP = "drop"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class DicomRules:
    """Options of the DICOM confidentiality profile (PS3.15, table E.1-1); none: the basic profile."""

    retain_patient_characteristics: bool = False
    retain_device_identity: bool = False
    retain_institution_identity: bool = False
    retain_uids: bool = False
    retain_full_dates: bool = False


@dataclass(frozen=True, slots=True)
class MediaRules:
    """What is looked for, and how it is covered."""

    cover: Cover = Cover.FILL
    keep_faces: bool = False
    keep_license_plates: bool = False
    keep_text: bool = False
    cover_all_text: bool = False
    keep_codes: bool = False
    threshold: float = 0.0
    """Of faces; 0: the detector's own."""
    sound: Sound = Sound.BEEP
    padding: float = 0.15
    """Of regions, on each side, as a fraction of their shorter side."""
    sound_padding_ms: float = 100.0
    max_passes: int = 3
    frame_step: int = 0
    """Of film; 0: 1 for faces and plates, 5 for text."""
    page_dpi: int = 150
    dicom: DicomRules = field(default_factory=DicomRules)

    @property
    def reads_text(self) -> bool:
        """Whether text in pictures must be read: for what it says, or for being a licence plate."""
        return not (self.keep_text and self.keep_license_plates) or self.cover_all_text
