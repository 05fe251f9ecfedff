"""DICOM objects by pydicom: the confidentiality profile for their attributes, covers for text burnt into their pixels.

Pixels stay exactly as they are where nothing is covered; compressed ones are written uncompressed, so that nothing
hides in a codec's comments, and bits that are no part of a pixel's value become zero. What cannot be decoded is
refused.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from labelmill_anonymization.adapters.media.dicom_tags import apply_profile, mark, named_values
from labelmill_anonymization.adapters.media.reading import reading
from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.media.dicom_profile import Profile
from labelmill_anonymization.media.errors import ContentTooLong
from labelmill_anonymization.media.ports import Covers, MediaJob, Picture
from labelmill_anonymization.media.types import DICOM

_BROKEN = "it is not a whole DICOM object"
_UNSEEN = ("FloatPixelData", "DoubleFloatPixelData", "EncapsulatedDocument", "SpectroscopyData", "WaveformSequence")
"""Contents that nobody here can look into."""
_LOW, _HIGH = 1, 99.5
"""Percentiles between which grey values are spread for looking."""


class DicomFrames:
    """The frames of an object, none where it has no pixels; see `Pages`."""

    media_type = DICOM

    def __init__(self, job: MediaJob) -> None:
        with reading(_BROKEN):
            self._dataset: FileDataset = pydicom.dcmread(io.BytesIO(job.data))
            self._profile = Profile.under(job.rules.dicom)
            self.known_values: Sequence[str] = sorted(set(named_values(self._dataset, self._profile)))
            present = [name for name in _UNSEEN if name in self._dataset]
        if present:
            raise ContentMalformed("objects with this kind of content cannot be searched")
        with reading(_BROKEN):
            count = int(self._dataset.get("NumberOfFrames") or 1) if "PixelData" in self._dataset else 0
            size = (int(self._dataset.get("Columns") or 0), int(self._dataset.get("Rows") or 0))
        if count > job.limits.pages:
            raise ContentTooLong("frames", job.limits.pages)
        if size[0] * size[1] * count > job.limits.pixels:
            raise ContentTooLong("pixels", job.limits.pixels)
        self.sizes = [size] * count
        self._secret = job.secret
        self._frames = self._decoded() if count else None
        self.metadata_items = apply_profile(self._dataset, self._profile, self._secret)
        self.metadata_items += len(self._dataset.file_meta)

    def page(self, index: int) -> Picture:
        """See `Pages`."""
        assert self._frames is not None
        return _as_seen(self._frames[index], self._dataset)

    def write(self, covers: Covers) -> bytes:
        """See `Pages`."""
        dataset = self._dataset
        if self._frames is not None:
            for index in range(len(self.sizes)):
                covers.apply(index, self._frames[index])
            dataset.PixelData = _even(self._frames.tobytes())
            dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > 8 else "OB"
            if dataset.SamplesPerPixel > 1:
                dataset.PlanarConfiguration = 0
            dataset.BurnedInAnnotation = "NO"
        mark(dataset, self._profile)
        return self._file()

    def _file(self) -> bytes:
        dataset = self._dataset
        meta = pydicom.dataset.FileMetaDataset()
        meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "")
        meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "")
        implicit = dataset.file_meta.get("TransferSyntaxUID") == ImplicitVRLittleEndian
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        clean = FileDataset("", dataset, file_meta=meta, preamble=bytes(128))
        out = io.BytesIO()
        clean.save_as(out, enforce_file_format=True)
        return out.getvalue()

    def _decoded(self) -> NDArray[Any]:
        """Shape (frames, rows, columns) or (frames, rows, columns, samples), writable, uncompressed."""
        dataset = self._dataset
        with reading("its pixels cannot be decoded here"):
            if dataset.file_meta.TransferSyntaxUID.is_compressed:
                dataset.decompress(generate_instance_uid=False)
            frames = np.array(pixel_array(dataset, raw=True))
            frames = frames.astype(frames.dtype.newbyteorder("<"), copy=False)
            shape = (len(self.sizes), *self.sizes[0][::-1])
            samples = (dataset.SamplesPerPixel,) if dataset.SamplesPerPixel > 1 else ()
            frames = frames.reshape(*shape, *samples)
            if dataset.BitsAllocated not in (8, 16):
                raise ValueError("bits")
        unused = dataset.BitsAllocated - dataset.BitsStored
        if unused and dataset.HighBit == dataset.BitsStored - 1:
            frames = (frames << unused) >> unused
        return frames


def _as_seen(frame: NDArray[Any], dataset: FileDataset) -> Picture:
    kind = dataset.PhotometricInterpretation
    if kind == "PALETTE COLOR":
        frame = apply_color_lut(frame, dataset)
    elif kind.startswith("YBR"):
        frame = convert_color_space(frame, kind, "RGB")
    if frame.dtype != np.uint8 or frame.ndim == 2:
        low, high = (float(edge) for edge in np.percentile(frame, (_LOW, _HIGH)))
        if high <= low:
            low, high = float(frame.min()), float(frame.max())
        spread = (frame.astype(np.float32) - low) * (255 / max(1.0, high - low))
        frame = np.clip(spread, 0, 255).astype(np.uint8)
    if kind == "MONOCHROME1":
        frame = 255 - frame
    if frame.ndim == 2:
        frame = np.repeat(frame[:, :, None], 3, axis=2)
    return np.ascontiguousarray(frame[:, :, :3])


def _even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)
