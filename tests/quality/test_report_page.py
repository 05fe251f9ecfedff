"""The page of a report: what it shows, that it needs nothing else, and that texts stay texts."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from PIL import Image

from labelmill import errors
from labelmill.quality.v1 import service_pb2 as calls
from labelmill_quality.adapters.thumbnails import thumbnail
from labelmill_quality.page.contents import Content, Missing
from labelmill_quality.page.plots import Moment, Value, dot_plot, heat_map, time_plot
from labelmill_quality.page.scales import count_scale, unit_scale
from labelmill_quality.ports import Answer
from tests.quality.conftest import Mill
from tests.quality.test_erasure import erase
from tests.quality.test_project_rpcs import PARENT, fill, scored

EVIL = "<script>alert('x')</script>\"'&"
DAY = 24 * 3600 * 1000


async def page_of(mill: Mill, name: str, **changes: object) -> str:
    request = calls.GetQualityReportPageRequest(name=name, **changes)  # type: ignore[arg-type]
    return b"".join([part.html async for part in mill.quality.get_quality_report_page(request)]).decode()


def picture(width: int = 800, height: int = 600) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(out, "PNG")
    return out.getvalue()


class Outline(HTMLParser):
    """The tags of a page and where they lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "action", "data"}]
        if tag not in {"meta", "img", "br", "line", "circle", "rect", "polygon", "polyline"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"meta", "img", "br", "line", "circle", "rect", "polygon", "polyline"}:
            assert self.open.pop() == tag


def outline(page: str) -> Outline:
    found = Outline(page)
    assert not found.open, "every tag is closed"
    return found


async def test_a_page_shows_every_figure_and_loads_nothing(mill_on_both: Mill) -> None:
    mill = mill_on_both
    fill(mill.source)
    report = await scored(mill)
    page = await page_of(mill, report.name)
    found = outline(page)
    assert not {"script", "link", "iframe", "object", "form"} & set(found.tags)
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in found.links)
    assert not re.search(r"url\(|@import", page)
    for text in (f"{report.alpha.value:.3f}", "anna", "ben", "cleo", *mill.source.class_names, report.name):
        assert text in page
    assert "krippendorff_alpha_nominal" in page
    assert "bootstrap_items_100" in page
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        root = ElementTree.fromstring(drawing)
        titles = [child.tag.rpartition("}")[2] for child in root][:2]
        assert (root.get("role"), titles) == ("img", ["title", "desc"])


async def test_disputed_items_come_with_their_text_and_what_was_said(mill: Mill) -> None:
    fill(mill.source)
    first, second = f"{PARENT}/assets/a00000", f"{PARENT}/assets/a00002"
    mill.contents.known[first] = Content("text/plain; charset=utf-8", b"Prices rise again.")
    mill.contents.known[second] = Content("image/png", picture())
    report = await scored(mill)
    page = await page_of(mill, report.name)
    assert "Prices rise again." in page
    assert page.count("data:image/jpeg;base64,") == 1
    assert "<li>anna: <b>negative</b></li>" in page
    assert "<li>cleo: <b>neutral</b></li>" in page
    assert len(mill.contents.asked) == 13  # the others are agreed on
    assert len(mill.source.filters[-1]) < 2000
    few = await page_of(mill, report.name, disputed_count=2)
    assert few.count('<article class="item">') == 2


async def test_a_page_without_content_asks_for_none(mill: Mill) -> None:
    fill(mill.source)
    mill.contents.known[f"{PARENT}/assets/a00000"] = Content("text/plain", b"Prices rise again.")
    report = await scored(mill)
    page = await page_of(mill, report.name, without_content=True)
    assert mill.contents.asked == []
    assert "Prices rise again." not in page
    assert "a00000" in page


async def test_whatever_the_project_holds_is_escaped(mill: Mill) -> None:
    mill.source.class_names = ("negative", EVIL[:60], "positive")
    fill(mill.source)
    mill.source.answers += [
        Answer(f"{PARENT}/assets/a00000", EVIL, "positive"),
        Answer(f"{PARENT}/assets/a00002", "eve", EVIL[:60]),
    ]
    mill.source.answers = [
        answer if answer.labeler != "cleo" else Answer(answer.item, "cleo", EVIL[:60]) for answer in mill.source.answers
    ]
    mill.source.benchmark, mill.source.truth = [], {}
    mill.contents.known[f"{PARENT}/assets/a00000"] = Content("text/plain", EVIL.encode())
    report = await scored(mill)
    page = await page_of(mill, report.name)
    assert "<script" not in page
    assert "script" not in outline(page).tags
    assert "&lt;script&gt;" in page


async def test_an_erased_asset_is_not_on_the_page(mill: Mill) -> None:
    fill(mill.source)
    report = await scored(mill)
    gone = f"{PARENT}/assets/a00000"
    mill.contents.known[gone] = Content("text/plain", b"Prices rise again.")
    await erase(mill, gone)
    page = await page_of(mill, report.name)
    assert "Prices rise again." not in page
    assert "a00000" not in page


async def test_a_page_is_refused_where_there_is_no_report_or_no_right(mill: Mill) -> None:
    fill(mill.source)
    report = await scored(mill)
    with pytest.raises(errors.NotFound, match="QUALITY_REPORT_NOT_FOUND"):
        await page_of(mill, f"{PARENT}/qualityReports/01hzzzzzzzzzzzzzzzzzzzzzzz")
    for who in ("annotator", "officer", "stranger"):
        stream = mill.as_(who).quality.get_quality_report_page(calls.GetQualityReportPageRequest(name=report.name))
        with pytest.raises(errors.PermissionDenied):
            [part async for part in stream]


async def test_agreement_over_time_is_told_by_day(mill: Mill) -> None:
    start = 20_000 * DAY
    for day in range(3):
        for n in range(4):
            item = f"{PARENT}/assets/d{day}{n}"
            for labeler, name in (("anna", "negative"), ("ben", "negative" if (n + day) % 3 else "positive")):
                mill.source.answers.append(Answer(item, labeler, name, start + day * DAY + n))
    report = await scored(mill)
    assert [(period.start_time.seconds // 86400, period.label_count) for period in report.periods] == [
        (20_000, 8),
        (20_001, 8),
        (20_002, 8),
    ]
    assert all(period.alpha.method == report.alpha.method for period in report.periods)
    assert "Agreement over time" in await page_of(mill, report.name)


def test_a_thumbnail_is_small_and_keeps_no_metadata() -> None:
    source = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "at home"
    Image.new("RGB", (2000, 1000)).save(source, "JPEG", exif=exif)
    small = thumbnail(source.getvalue())
    assert isinstance(small, bytes)
    with Image.open(io.BytesIO(small)) as image:
        assert image.size == (360, 180)
        assert not image.getexif()


@pytest.mark.parametrize("data", [b"", b"no image", picture()[:60]])
def test_what_is_no_image_says_so(data: bytes) -> None:
    assert thumbnail(data) == Missing("The image cannot be read.")


def test_a_picture_of_too_many_pixels_is_not_decoded() -> None:
    header = picture(1, 1)
    huge = header[:16] + (20_000).to_bytes(4, "big") * 2 + header[24:]
    assert isinstance(thumbnail(huge), Missing)


def test_marks_lie_where_their_values_are() -> None:
    plot = dot_plot([("anna", [Value(0.5, 0.25, 0.75, 10), Value(None)]), ("ben", [Value(1.0)])])
    anna, ben = plot.rows
    [mark] = anna.marks
    assert mark.lower is not None
    assert mark.upper is not None
    assert mark.at - mark.lower == pytest.approx(mark.upper - mark.at, abs=0.2)
    assert (ben.marks[0].at, ben.marks[0].lower) == (plot.ticks[-1].at, None)
    assert unit_scale([-0.3], 0, 100).low == -0.4


def test_a_period_without_a_value_interrupts_the_line() -> None:
    values = [Value(0.5, 0.4, 0.6), Value(0.6, 0.5, 0.7), Value(None), Value(0.7, 0.6, 0.8), Value(0.7, 0.6, 0.8)]
    plot = time_plot([Moment(n * DAY, (n + 1) * DAY, 10, value, "") for n, value in enumerate(values)])
    assert (len(plot.lines), len(plot.band), len(plot.points), len(plot.bars)) == (2, 2, 4, 5)
    assert count_scale([130], 0, 1).high == 200


def test_a_row_of_a_heat_map_is_in_shares() -> None:
    heat = heat_map(["a", "b"], [[3, 1], [0, 0]])
    assert [cell.share for cell in heat.cells] == [0.75, 0.25, 0.0, 0.0]
    assert heat.cells[0].title == "a, said a: 3 of 4"
