"""Which adapter reads which media type. Imported one by one: nobody pays for a format that does not come."""

from __future__ import annotations

from labelmill_anonymization.media.ports import MediaJob, Pages
from labelmill_anonymization.media.types import DICOM, PDF


def pages(job: MediaJob) -> Pages:
    """The content, open."""
    if job.media_type == PDF:
        from labelmill_anonymization.adapters.media.pdfium import PdfiumPages

        return PdfiumPages(job)
    if job.media_type == DICOM:
        from labelmill_anonymization.adapters.media.pydicom import DicomFrames

        return DicomFrames(job)
    from labelmill_anonymization.adapters.media.pillow_pictures import PillowPictures

    return PillowPictures(job)
