"""PDF documents by PDFium. Each page is drawn, covered, and becomes the one picture of a page of a new document.

So text layers, hidden layers, annotations, forms, attachments, scripts, document information and XMP cannot come along.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
import pypdfium2
from PIL import Image

from labelmill_anonymization.adapters.media.reading import reading
from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.media.boxes import Size
from labelmill_anonymization.media.errors import ContentEncrypted, ContentTooLong
from labelmill_anonymization.media.image_pdf import PicturePage, image_pdf
from labelmill_anonymization.media.ports import Covers, MediaJob, Picture

PDF = "application/pdf"

_POINTS_PER_INCH = 72
_QUALITY = 90
_BROKEN = "it is not a whole PDF document"


class PdfiumPages:
    """The pages of a document; see `Pages`."""

    known_values: Sequence[str] = ()
    media_type = PDF

    def __init__(self, job: MediaJob) -> None:
        self._document = _opened(job.data)
        with reading(_BROKEN):
            count = len(self._document)
            self._scale = max(_POINTS_PER_INCH, job.rules.page_dpi) / _POINTS_PER_INCH
            if count > job.limits.pages:
                raise ContentTooLong("pages", job.limits.pages)
            if not count:
                raise ContentMalformed("the document has no pages")
            self._points = [self._document.get_page_size(index) for index in range(count)]
            self.sizes = [self._size(points, job.limits.pixels) for points in self._points]
            named = [value for value in self._document.get_metadata_dict().values() if value]
            self.metadata_items = len(named) + self._document.count_attachments()

    def page(self, index: int) -> Picture:
        """See `Pages`."""
        with reading(_BROKEN):
            page = self._document[index]
            try:
                drawn = page.render(scale=self._scale, rev_byteorder=True, may_draw_forms=True).to_numpy()
            finally:
                page.close()
            width, height = self.sizes[index]
            if drawn.shape[:2] != (height, width):
                raise ValueError("drawn in another size")
            return np.ascontiguousarray(drawn[:, :, :3])

    def write(self, covers: Covers) -> bytes:
        """See `Pages`."""
        return image_pdf(self._covered(covers))

    def _covered(self, covers: Covers) -> Iterator[PicturePage]:
        for index, (width, height) in enumerate(self._points):
            picture = self.page(index)
            covers.apply(index, picture)
            jpeg = io.BytesIO()
            Image.fromarray(picture).save(jpeg, "JPEG", quality=_QUALITY)
            yield PicturePage(width, height, jpeg.getvalue(), self.sizes[index])

    def _size(self, points: tuple[float, float], limit: int) -> Size:
        width, height = (int(np.ceil(length * self._scale)) for length in points)
        if width * height > limit:
            raise ContentTooLong("pixels", limit)
        return width, height


def _opened(data: bytes) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(data)
        document.init_forms()
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise ContentEncrypted from None
        raise ContentMalformed(_BROKEN) from None
    return document
