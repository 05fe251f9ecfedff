"""What policies say about media, to and from the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import media_rules_pb2 as pb
from labelmill_anonymization.media.rules import Cover, DicomRules, MediaRules, Sound

_COVERS = {
    pb.MediaRules.COVER_UNSPECIFIED: Cover.FILL,
    pb.MediaRules.COVER_FILL: Cover.FILL,
    pb.MediaRules.COVER_BLUR: Cover.BLUR,
    pb.MediaRules.COVER_PIXELATE: Cover.PIXELATE,
}
_SOUNDS = {
    pb.MediaRules.SOUND_UNSPECIFIED: Sound.BEEP,
    pb.MediaRules.SOUND_BEEP: Sound.BEEP,
    pb.MediaRules.SOUND_SILENCE: Sound.SILENCE,
    pb.MediaRules.SOUND_DROP: Sound.DROP,
    pb.MediaRules.SOUND_KEEP: Sound.KEEP,
}
_COVER_NAMES = {cover: number for number, cover in _COVERS.items()}
_SOUND_NAMES = {sound: number for number, sound in _SOUNDS.items()}
_DEFAULTS = MediaRules()


def media_rules_from_proto(message: pb.MediaRules) -> MediaRules:
    """Rules with their defaults filled in."""
    return MediaRules(
        cover=_COVERS[message.cover],
        keep_faces=message.keep_faces,
        keep_license_plates=message.keep_license_plates,
        keep_text=message.keep_text,
        cover_all_text=message.cover_all_text,
        keep_codes=message.keep_codes,
        threshold=message.threshold,
        sound=_SOUNDS[message.sound],
        padding=message.padding if message.HasField("padding") else _DEFAULTS.padding,
        sound_padding_ms=message.sound_padding_ms
        if message.HasField("sound_padding_ms")
        else _DEFAULTS.sound_padding_ms,
        max_passes=message.max_passes or _DEFAULTS.max_passes,
        frame_step=message.frame_step,
        page_dpi=message.page_dpi or _DEFAULTS.page_dpi,
        dicom=_dicom_from_proto(message.dicom),
    )


def media_rules_to_proto(rules: MediaRules) -> pb.MediaRules:
    """Rules with their defaults written out."""
    message = pb.MediaRules(
        cover=_COVER_NAMES[rules.cover],
        keep_faces=rules.keep_faces,
        keep_license_plates=rules.keep_license_plates,
        keep_text=rules.keep_text,
        cover_all_text=rules.cover_all_text,
        keep_codes=rules.keep_codes,
        threshold=rules.threshold,
        sound=_SOUND_NAMES[rules.sound],
        padding=rules.padding,
        sound_padding_ms=round(rules.sound_padding_ms),
        max_passes=rules.max_passes,
        frame_step=rules.frame_step,
        page_dpi=rules.page_dpi,
    )
    if rules.dicom != DicomRules():
        message.dicom.CopyFrom(_dicom_to_proto(rules.dicom))
    return message


def _dicom_from_proto(message: pb.DicomRules) -> DicomRules:
    return DicomRules(
        retain_patient_characteristics=message.retain_patient_characteristics,
        retain_device_identity=message.retain_device_identity,
        retain_institution_identity=message.retain_institution_identity,
        retain_uids=message.retain_uids,
        retain_full_dates=message.retain_full_dates,
    )


def _dicom_to_proto(rules: DicomRules) -> pb.DicomRules:
    return pb.DicomRules(
        retain_patient_characteristics=rules.retain_patient_characteristics,
        retain_device_identity=rules.retain_device_identity,
        retain_institution_identity=rules.retain_institution_identity,
        retain_uids=rules.retain_uids,
        retain_full_dates=rules.retain_full_dates,
    )
