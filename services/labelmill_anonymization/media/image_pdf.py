"""PDF documents that hold one picture a page and nothing else: no text, no metadata, no scripts (ISO 32000-1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PicturePage:
    """A page: its size in points (1/72 inch), and a JPEG of 8-bit RGB that fills it."""

    width: float
    height: float
    jpeg: bytes = field(repr=False)
    pixels: tuple[int, int]


def image_pdf(pages: Iterable[PicturePage]) -> bytes:
    """The document; the same pages give the same bytes."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets: dict[int, int] = {}

    def put(number: int, content: bytes) -> None:
        offsets[number] = len(out)
        out.extend(b"%d 0 obj\n%s\nendobj\n" % (number, content))

    numbers: list[int] = []
    for index, page in enumerate(pages):
        number = 3 + 3 * index
        numbers.append(number)
        put(number, _page(page, number))
        drawing = b"q %.4f 0 0 %.4f 0 0 cm /P Do Q" % (page.width, page.height)
        put(number + 1, b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing))
        put(number + 2, _picture(page))
    put(1, b"<< /Type /Catalog /Pages 2 0 R >>")
    kids = b" ".join(b"%d 0 R" % number for number in numbers)
    put(2, b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(numbers), kids))
    return bytes(out) + _end(offsets, len(out))


def _page(page: PicturePage, number: int) -> bytes:
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.4f %.4f] /Contents %d 0 R"
        b" /Resources << /XObject << /P %d 0 R >> >> >>" % (page.width, page.height, number + 1, number + 2)
    )


def _picture(page: PicturePage) -> bytes:
    head = (
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8"
        b" /Filter /DCTDecode /Length %d >>" % (*page.pixels, len(page.jpeg))
    )
    return head + b"\nstream\n" + page.jpeg + b"\nendstream"


def _end(offsets: dict[int, int], start: int) -> bytes:
    count = len(offsets) + 1
    rows = b"".join(b"%010d 00000 n \n" % offsets[number] for number in sorted(offsets))
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, rows)
    return table + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, start)
