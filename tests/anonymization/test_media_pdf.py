"""PDF documents: every page becomes a picture of itself, so that nothing below or beside it comes along."""

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from labelmill_anonymization.adapters.media.rapidocr import RapidOcrReader
from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.media.errors import ContentEncrypted, ContentTooLong
from labelmill_anonymization.media.image_pdf import PicturePage, image_pdf
from tests.anonymization.media_in_process import anonymized, policy
from tests.anonymization.media_samples import CANARY, encoded, portrait

PDF = "application/pdf"


def document(*pages: str, encrypted: bool = False) -> bytes:
    """Letters of Helvetica, and the canary in a note, a script, a file, a form, and what is said about the document."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Metadata 5 0 R /OpenAction << /S /JavaScript /JS (%s) >>"
        b" /AcroForm << /Fields [7 0 R] >> /Names << /EmbeddedFiles << /Names [(%s) 6 0 R] >> >> >>" % (_C, _C),
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(pages), b" ".join(b"%d 0 R" % (10 + 2 * i) for i in range(len(pages)))),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (%s) /Author (%s) >>" % (_C, _C),
        _stream(b"/Type /Metadata /Subtype /XML", b"<x:xmpmeta>%s</x:xmpmeta>" % _C),
        b"<< /Type /Filespec /F (a.txt) /EF << /F 8 0 R >> >>",
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (%s) /V (%s) /Rect [0 0 1 1] >>" % (_C, _C),
        _stream(b"/Type /EmbeddedFile", _C),
        b"<< /Type /Annot /Subtype /Text /Contents (%s) /Rect [10 10 30 30] /F 2 >>" % _C,
    ]
    for index, text in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 200] /Contents %d 0 R /Annots [9 0 R 7 0 R]"
            b" /Resources << /Font << /F 3 0 R >> >> >>" % (11 + 2 * index)
        )
        hidden = b" BT /F 8 Tf 3 Tr 20 20 Td (%s) Tj ET" % _C  # mode 3: invisible
        objects.append(_stream(b"", b"BT /F 20 Tf 20 140 Td (%s) Tj ET" % text.encode() + hidden))
    return _file(objects, encrypted)


_C = CANARY.encode()


def _stream(head: bytes, body: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head, len(body), body)


def _file(objects: list[bytes], encrypted: bool) -> bytes:
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    lock = b" /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> /ID [<00> <00>]" % (
        b"ab" * 32,
        b"cd" * 32,
    )
    trailer = b"/Size %d /Root 1 0 R /Info 4 0 R%s" % (len(objects) + 1, lock if encrypted else b"")
    return bytes(out) + b"trailer\n<< %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer, start)


def read(content: bytes, index: int = 0) -> str:
    page = pypdfium2.PdfDocument(content)[index].render(scale=2).to_pil().convert("RGB")
    return " ".join(word.text for word in RapidOcrReader().read(np.asarray(page)))


async def test_names_are_covered_on_their_page_and_pages_keep_their_size() -> None:
    raw = document("first page", "met NameJane here")
    clean = await anonymized(raw, PDF)
    assert clean.media_type == PDF
    after = pypdfium2.PdfDocument(clean.data)
    assert [after.get_page_size(i) for i in range(len(after))] == [(400, 200), (400, 200)]
    assert [(region.entity_type, region.page) for region in clean.regions] == [("PERSON", 1)]
    assert clean.regions[0].size == (834, 417)  # 150 dots an inch
    assert read(clean.data, 0) == "first page"
    words = read(clean.data, 1)
    assert "met" in words
    assert "Jane" not in words


async def test_nothing_but_the_pages_pictures_is_in_the_new_document() -> None:
    raw = document("nothing here")
    assert raw.count(_C) == 10
    clean = await anonymized(raw, PDF)
    assert _C not in clean.data
    after = pypdfium2.PdfDocument(clean.data)
    assert after.get_metadata_dict(skip_empty=True) == {}
    assert after.count_attachments() == 0
    assert after[0].get_textpage().get_text_range() == ""
    for word in (b"/JavaScript", b"/Annots", b"/AcroForm", b"/Metadata", b"/Font"):
        assert word not in clean.data
    assert dict(clean.entity_counts) == {"METADATA": 3}


async def test_pictures_in_documents_are_looked_at() -> None:
    picture = portrait()
    raw = image_pdf([PicturePage(300, 300, encoded(picture, "JPEG"), picture.size)])
    clean = await anonymized(raw, PDF, policy(keep_text=True, keep_license_plates=True))
    assert [name for name, _ in clean.entity_counts] == ["FACE"]


async def test_the_resolution_is_the_policys() -> None:
    clean = await anonymized(document("met NameJane"), PDF, policy(page_dpi=72))
    assert clean.regions[0].size == (400, 200)


async def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(ContentEncrypted):
        await anonymized(document("x", encrypted=True), PDF)
    for broken in (b"", b"%PDF-1.7", _C, document("x")[:300]):
        with pytest.raises(ContentMalformed):
            await anonymized(broken, PDF)
    with pytest.raises(ContentTooLong) as caught:
        await anonymized(document(*["x"] * 11), PDF)
    assert caught.value.metadata["unit"] == "pages"


def test_the_written_document_is_the_same_for_the_same_pages() -> None:
    jpeg = encoded(Image.new("RGB", (10, 10)), "JPEG")
    pages = [PicturePage(72.5, 72, jpeg, (10, 10))] * 2
    assert image_pdf(pages) == image_pdf(pages)
    assert len(pypdfium2.PdfDocument(io.BytesIO(image_pdf(pages)))) == 2
