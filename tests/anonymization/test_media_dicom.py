"""DICOM objects: the basic confidentiality profile on their attributes, and their pixels."""

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless, SecondaryCaptureImageStorage

from labelmill_anonymization.adapters.media.rapidocr import RapidOcrReader
from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.media.dicom_profile import Action, Profile, replaced_uid
from labelmill_anonymization.media.errors import ContentTooLong
from labelmill_anonymization.media.rules import DicomRules
from tests.anonymization.media_in_process import anonymized, policy
from tests.anonymization.media_samples import CANARY, portrait

DICOM = "application/dicom"


def grey(*lines: str, bright: int = 4095) -> NDArray[np.uint16]:
    """400 x 512 of noise with bright text."""
    mask = Image.new("L", (512, 400))
    for index, line in enumerate(lines):
        ImageDraw.Draw(mask).text((20, 20 + 60 * index), line, fill=255, font=ImageFont.load_default(24))
    noise = np.random.default_rng(1).integers(200, 1500, (400, 512))
    return np.where(np.asarray(mask) > 100, bright, noise).astype(np.uint16)


def scan(pixels: NDArray[Any] | None, **changed: Any) -> Dataset:
    """A secondary capture of Jane Doe, with the canary where people write things."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.StudyInstanceUID = SecondaryCaptureImageStorage, "1.2.3.4.5", "1.2.3.4"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientAge = "Doe^Jane", "MRN-4711", "19610312", "064Y"
    ds.PatientSex, ds.Modality, ds.StudyDate, ds.Manufacturer = "F", "US", "20260102", "Acme"
    ds.StudyDescription = ds.PatientComments = ds.InstitutionName = CANARY
    ds.DeviceSerialNumber = "SN1"
    ds.add_new(0x00090010, "LO", "ACME")
    ds.add_new(0x00091001, "LO", CANARY)
    ds.add_new(0x60003000, "OW", b"\1\2")
    item = Dataset()
    item.ReferencedSOPInstanceUID, item.ReferencedSOPClassUID = "1.2.3.4.6", SecondaryCaptureImageStorage
    item.add_new(0x00091002, "LO", CANARY)
    ds.ReferencedStudySequence = [item]
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.SourceApplicationEntityTitle = CANARY
    if pixels is not None:
        ds.Rows, ds.Columns = pixels.shape[-2:] if pixels.ndim < 4 and pixels.shape[-1] != 3 else pixels.shape[-3:-1]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.PixelData = pixels.tobytes()
    for name, value in changed.items():
        setattr(ds, name, value)
    return ds


def file_of(ds: Dataset) -> bytes:
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


async def cleaned(ds: Dataset, **rules: bool) -> tuple[Dataset, bytes]:
    clean = await anonymized(file_of(ds), DICOM, policy(dicom=DicomRules(**rules)))
    return pydicom.dcmread(io.BytesIO(clean.data)), clean.data


async def test_attributes_follow_the_basic_profile() -> None:
    after, data = await cleaned(scan(grey()))
    assert CANARY.encode() not in data
    assert b"Doe" not in data
    assert after.PatientName == ""  # Z
    assert after.PatientBirthDate == ""  # Z
    assert after.PatientID == "ANONYMIZED"  # Z/D
    assert "PatientAge" not in after  # X
    assert "StudyDescription" not in after  # X
    assert after.StudyDate == ""  # Z
    assert after.Modality == "US"  # not in the table
    assert after.PatientIdentityRemoved == "YES"
    assert [code.CodeValue for code in after.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    assert not [element for element in after.iterall() if element.tag.is_private or element.tag.group == 0x6000]


async def test_uids_are_replaced_consistently_within_a_project_and_class_uids_stay() -> None:
    first, _ = await cleaned(scan(None))
    second, _ = await cleaned(scan(None, SOPInstanceUID="1.2.3.4.7"))
    assert first.StudyInstanceUID == second.StudyInstanceUID != "1.2.3.4"
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
    assert first.SOPClassUID == SecondaryCaptureImageStorage
    assert replaced_uid("1.2.3", b"a" * 32) != replaced_uid("1.2.3", b"b" * 32)
    assert len(replaced_uid("1.2.3", b"a" * 32)) <= 64


async def test_options_of_the_profile_keep_what_they_name_and_say_so() -> None:
    after, _ = await cleaned(scan(None), retain_patient_characteristics=True, retain_full_dates=True, retain_uids=True)
    assert (after.PatientAge, after.PatientSex) == ("064Y", "F")
    assert after.StudyDate == "20260102"
    assert after.StudyInstanceUID == "1.2.3.4"
    assert after.PatientName == ""
    assert after.LongitudinalTemporalInformationModified == "UNMODIFIED"
    codes = {code.CodeValue for code in after.DeidentificationMethodCodeSequence}
    assert codes == {"113100", "113101", "113108", "113106", "113110"}


def test_the_profile_is_the_standards_table() -> None:
    basic = Profile.under(DicomRules())
    golden = {
        (0x0010, 0x0010): Action.EMPTY,  # Patient's Name: Z
        (0x0008, 0x0018): Action.REPLACE_UID,  # SOP Instance UID: U
        (0x0008, 0x0090): Action.EMPTY,  # Referring Physician's Name: Z
        (0x0010, 0x1010): Action.REMOVE,  # Patient's Age: X
        (0x0018, 0x1000): Action.DUMMY,  # Device Serial Number: X/Z/D
        (0x0040, 0xA730): Action.DUMMY,  # Content Sequence: D
        (0x0028, 0x0010): Action.KEEP,  # Rows
        (0x0009, 0x1001): Action.REMOVE,  # private
        (0x6002, 0x0010): Action.REMOVE,  # overlays
    }
    assert {tag: basic.action(*tag) for tag in golden} == golden


async def test_burnt_in_values_of_the_header_are_covered_and_all_other_pixels_stay_exactly() -> None:
    before = grey("DOE, JANE  MRN-4711", "Gain 55 dB")
    after, _ = await cleaned(scan(before))
    pixels = after.pixel_array
    changed = np.argwhere(pixels != before)
    assert 0 < len(changed) < 0.1 * before.size
    assert changed[:, 0].max() < 70
    assert not pixels[tuple(changed.T)].any()
    assert after.BurnedInAnnotation == "NO"
    words = " ".join(w.text for w in RapidOcrReader().read(np.repeat((pixels >> 4).astype(np.uint8)[..., None], 3, 2)))
    assert "Gain" in words
    assert not {"DOE", "JANE", "4711"} & set(words.replace(",", " ").replace("-", " ").split())


async def test_frames_and_codecs_keep_their_pixels() -> None:
    frames = np.stack([grey(), grey("x")])
    ds = scan(frames, NumberOfFrames=2)
    ds.compress(RLELossless, generate_instance_uid=False)
    after, _ = await cleaned(ds)
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(after.pixel_array, frames)


async def test_faces_in_colour_photographs_are_covered() -> None:
    pixels = np.asarray(portrait())
    ds = scan(pixels, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    after, _ = await cleaned(ds)
    assert not after.pixel_array[100, 225].any()
    assert np.array_equal(after.pixel_array[400], pixels[400])


async def test_bits_that_are_no_part_of_a_pixel_become_zero() -> None:
    before = grey()
    after, _ = await cleaned(scan(before | 0xA000))
    assert np.array_equal(after.pixel_array, before)
    assert not (np.frombuffer(after.PixelData, "<u2") & 0xF000).any()


async def test_what_cannot_be_searched_is_refused() -> None:
    report = scan(None)
    report.EncapsulatedDocument = b"%PDF-1.4"
    truncated = file_of(scan(grey()))[:-1000]
    for broken in (b"", CANARY.encode() * 100, truncated, file_of(report)):
        with pytest.raises(ContentMalformed):
            await anonymized(broken, DICOM)
    with pytest.raises(ContentTooLong):
        await anonymized(file_of(scan(np.zeros((2100, 2000), np.uint16))), DICOM)


async def test_big_endian_objects_keep_their_pixels() -> None:
    before = grey()
    ds = scan(before.astype(">u2"))
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    clean = await anonymized(out.getvalue(), DICOM)
    after = pydicom.dcmread(io.BytesIO(clean.data))
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(after.pixel_array, before)
