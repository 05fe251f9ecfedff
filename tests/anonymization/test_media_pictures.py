"""Pictures: what is found is covered, nothing but pixels comes along, whatever goes wrong fails."""

import io
import struct
import zlib
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from labelmill_anonymization.adapters.media import picture_worker, rapidocr
from labelmill_anonymization.adapters.media.centerface import CenterFace
from labelmill_anonymization.adapters.media.gif_frames import gif
from labelmill_anonymization.adapters.media.rapidocr import RapidOcrReader
from labelmill_anonymization.contents.content import CleanContent
from labelmill_anonymization.errors import ContentMalformed, UnsupportedMediaType
from labelmill_anonymization.media.boxes import Box, intersection
from labelmill_anonymization.media.covers import BLOCKS
from labelmill_anonymization.media.errors import ContentTooLong, CoverFailed
from labelmill_anonymization.media.rules import Cover
from labelmill_anonymization.media.sightings import Sighting
from labelmill_anonymization.operators import Keep, Protection, Replace
from labelmill_anonymization.policy import Rule
from tests.anonymization.media_in_process import LIMITS, anonymized, policy
from tests.anonymization.media_samples import CANARY, FACE_BOX, decoded, encoded, page, portrait

FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"]
FACES_ONLY = {"keep_text": True, "keep_license_plates": True, "keep_codes": True}


def media_type(file_format: str) -> str:
    return f"image/{file_format.lower()}"


def read_text(content: bytes) -> str:
    return " ".join(word.text for word in RapidOcrReader().read(decoded(content)))


def boxes(clean: CleanContent, entity_type: str) -> list[Box]:
    found = [region.box for region in clean.regions if region.entity_type == entity_type and region.box]
    return [Box(left, top, left + width, top + height) for left, top, width, height in found]


@pytest.mark.parametrize("file_format", FORMATS)
async def test_faces_and_names_are_covered_in_every_format(file_format: str) -> None:
    raw = encoded(portrait("seen by NameJane today"), file_format)
    clean = await anonymized(raw, media_type(file_format))
    assert clean.media_type == media_type(file_format)
    assert {name for name, _ in clean.entity_counts} - {"METADATA"} == {"FACE", "PERSON"}
    assert clean.protection is Protection.ANONYMIZED
    picture = decoded(clean.data)
    assert picture.shape == (512, 512, 3)
    face = boxes(clean, "FACE")[0]
    assert intersection(face, Box(*FACE_BOX)) > 0.9 * Box(*FACE_BOX).area
    assert CenterFace().find(picture, 0) == []
    words = read_text(clean.data)
    assert "seen by" in words
    assert "Jane" not in words


async def test_everything_outside_of_the_covers_stays() -> None:
    raw = encoded(portrait("NameJane"), "PNG")
    clean = await anonymized(raw, "image/png")
    before, after = decoded(raw).astype(int), decoded(clean.data)
    outside = np.ones(before.shape[:2], bool)
    for region in clean.regions:
        assert region.size == (512, 512)
        left, top, width, height = (int(edge) for edge in region.box or ())
        outside[top : top + height, left : left + width] = False
    assert outside.mean() > 0.7
    assert np.array_equal(before[outside], after[outside])
    assert not after[~outside].any()


@pytest.mark.parametrize("how", [Cover.BLUR, Cover.PIXELATE])
async def test_a_blurred_face_is_no_face_and_has_no_more_than_16_colours_of_its_own(how: Cover) -> None:
    raw = encoded(portrait(), "PNG")
    clean = await anonymized(raw, "image/png", policy(cover=how, **FACES_ONLY))
    picture = decoded(clean.data)
    assert CenterFace().find(picture, 0) == []
    (face,) = boxes(clean, "FACE")
    part = picture[int(face.top) : int(face.bottom), int(face.left) : int(face.right)]
    small = np.asarray(Image.fromarray(part).resize((BLOCKS, BLOCKS), Image.Resampling.BOX))
    # The best that can be done to undo it: stretch the means again. It shows no face either.
    undone = picture.copy()
    undone[int(face.top) : int(face.bottom), int(face.left) : int(face.right)] = np.asarray(
        Image.fromarray(small).resize((part.shape[1], part.shape[0]), Image.Resampling.LANCZOS)
    )
    assert CenterFace().find(undone, 0) == []
    if how is Cover.PIXELATE:
        assert len(np.unique(part.reshape(-1, 3), axis=0)) <= BLOCKS * BLOCKS


async def test_text_is_filled_even_where_faces_are_blurred() -> None:
    clean = await anonymized(encoded(page("call NameJane"), "PNG"), "image/png", policy(cover=Cover.BLUR))
    (name,) = boxes(clean, "PERSON")
    picture = decoded(clean.data)
    assert not picture[int(name.top) : int(name.bottom), int(name.left) : int(name.right)].any()


async def test_policies_say_what_stays() -> None:
    raw = encoded(portrait("NameJane PlaceBerlin"), "PNG")
    faceless = await anonymized(raw, "image/png", policy(keep_text=True, keep_license_plates=True))
    assert [name for name, _ in faceless.entity_counts] == ["FACE"]
    textual = await anonymized(raw, "image/png", policy(Rule("LOCATION", Replace()), keep_faces=True))
    assert [name for name, _ in textual.entity_counts] == ["LOCATION"]
    kept = await anonymized(raw, "image/png", policy(Rule("PERSON", Keep()), Rule("LOCATION", Replace())))
    assert dict(kept.operator_counts)["keep"] == 1
    assert kept.protection is Protection.DETECTED_ONLY
    everything = await anonymized(raw, "image/png", policy(Rule("PERSON", Keep()), cover_all_text=True))
    assert read_text(everything.data) == ""


async def test_codes_are_covered() -> None:
    code = cv2.QRCodeEncoder.create().encode("mailto:jane@example.com")
    picture = Image.new("RGB", (300, 300), "white")
    picture.paste(Image.fromarray(code).resize((180, 180), Image.Resampling.NEAREST), (60, 60))
    raw = encoded(picture, "PNG")
    assert cv2.QRCodeDetector().detectAndDecode(decoded(raw))[0]
    clean = await anonymized(raw, "image/png")
    assert ("CODE", 1) in clean.entity_counts
    assert not cv2.QRCodeDetector().detectAndDecode(decoded(clean.data))[0]
    assert ("CODE", 1) not in (await anonymized(raw, "image/png", policy(keep_codes=True))).entity_counts


async def test_licence_plates_are_covered() -> None:
    raw = encoded(page("parked here", "LD71 ABC"), "PNG")
    clean = await anonymized(raw, "image/png")
    assert ("LICENSE_PLATE", 1) in clean.entity_counts
    assert "71" not in read_text(clean.data)


# --- what else a file can carry ---------------------------------------------------------------------------------------


def with_metadata(file_format: str) -> bytes:
    """A picture without anything to cover, and the canary wherever the format has room for it."""
    picture = page("nothing here")
    exif = Image.Exif()
    exif[0x010E] = CANARY  # image description
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 29: CANARY})  # GPS
    options: dict[str, Any] = {}
    if file_format in {"JPEG", "PNG", "WEBP", "TIFF"}:
        options["exif"] = exif
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        options["icc_profile"] = profile + CANARY.encode()
    if file_format in {"JPEG", "WEBP"}:
        options["xmp"] = f"<x:xmpmeta>{CANARY}</x:xmpmeta>".encode()
    if file_format in {"JPEG", "GIF"}:
        options["comment"] = CANARY.encode()
    if file_format == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Author", CANARY)
        info.add_itxt("XML:com.adobe.xmp", CANARY)
        options["pnginfo"] = info
    return encoded(picture, file_format, **options) + CANARY.encode()


@pytest.mark.parametrize("file_format", FORMATS)
async def test_no_metadata_comes_along(file_format: str) -> None:
    raw = with_metadata(file_format)
    assert raw.count(CANARY.encode()) >= (1 if file_format == "BMP" else 2)
    clean = await anonymized(raw, media_type(file_format))
    assert CANARY.encode() not in clean.data
    with Image.open(io.BytesIO(clean.data)) as picture:
        assert not {"exif", "xmp", "comment", "icc_profile", "Author"} & set(picture.info)
        assert 0x8825 not in picture.getexif()
    assert read_text(clean.data) == "nothing here"
    if file_format != "BMP":
        assert dict(clean.entity_counts)["METADATA"] >= 1


async def test_a_jpeg_without_findings_keeps_its_pixels_exactly() -> None:
    exif = Image.Exif()
    exif[0x010E] = CANARY
    raw = encoded(page("nothing here"), "JPEG", quality=70, exif=exif, comment=CANARY, progressive=True)
    clean = await anonymized(raw, "image/jpeg")
    assert CANARY.encode() not in clean.data
    assert len(clean.data) < len(raw)
    assert np.array_equal(decoded(raw), decoded(clean.data))


@pytest.mark.parametrize("orientation", [3, 6, 8])
async def test_pictures_are_turned_as_they_are_seen(orientation: int) -> None:
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = portrait().crop((0, 0, 512, 400))
    raw = encoded(upright.transpose(turns[orientation]), "JPEG", exif=exif, quality=95)
    clean = await anonymized(raw, "image/jpeg", policy(**FACES_ONLY))
    assert decoded(clean.data).shape == (400, 512, 3)
    (face,) = boxes(clean, "FACE")
    assert intersection(face, Box(*FACE_BOX)) > 0.9 * Box(*FACE_BOX).area


@pytest.mark.parametrize("turn", [90, 180, 270])
async def test_text_that_runs_in_any_direction_is_covered_where_it_is(turn: int) -> None:
    upright = page("seen by NameJane today")
    rules = policy(keep_faces=True, keep_codes=True, keep_license_plates=True)
    clean = await anonymized(encoded(upright.rotate(turn, expand=True), "PNG"), "image/png", rules)
    covered = Image.fromarray(decoded(clean.data)).rotate(-turn, expand=True)
    changed = np.argwhere(np.asarray(covered) != np.asarray(upright))
    assert changed[:, 1].min() == pytest.approx(119, abs=12)  # where the name begins, and where it ends
    assert changed[:, 1].max() == pytest.approx(248, abs=12)
    assert "Jane" not in read_text(clean.data)


async def test_what_full_transparency_hides_is_gone() -> None:
    picture = page("NameJane", mode="RGBA")
    picture.putalpha(0)
    clean = await anonymized(encoded(picture, "PNG"), "image/png")
    assert not np.asarray(Image.open(io.BytesIO(clean.data))).any()


async def test_large_pictures_are_read_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapidocr, "_SIDE", 600)
    monkeypatch.setattr(rapidocr, "_OVERLAP", 200)
    picture = Image.new("RGB", (1000, 400), "white")
    places = ((40, 40), (350, 150), (720, 330))  # the second one lies where tiles meet
    for at in places:
        picture.paste(page("NameJane", size=(260, 60)), at)
    clean = await anonymized(encoded(picture, "PNG"), "image/png", policy(keep_faces=True, keep_codes=True))
    after = decoded(clean.data)
    for left, top in places:
        assert not after[top + 28 : top + 44, left + 25 : left + 120].any()


async def test_sixteen_bits_stay_sixteen_bits() -> None:
    grey = np.asarray(page("seen by NameJane", mode="L")).astype(np.uint16) * 200
    clean = await anonymized(encoded(Image.fromarray(grey), "PNG"), "image/png")
    after = np.asarray(Image.open(io.BytesIO(clean.data)))
    assert after.dtype == np.uint16
    (name,) = boxes(clean, "PERSON")
    changed = np.argwhere(after != grey)
    assert changed[:, 1].min() >= name.left
    assert not after[int(name.top) : int(name.bottom), int(name.left) : int(name.right)].any()


async def test_frames_keep_their_number_and_their_times() -> None:
    frames = [page("first"), page("first"), page("NameJane"), page("last")]
    raw = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    clean = await anonymized(raw, "image/tiff")
    with Image.open(io.BytesIO(clean.data)) as picture:
        assert getattr(picture, "n_frames", 1) == 4
    assert [region.page for region in clean.regions if region.entity_type == "PERSON"] == [2]


async def test_equal_frames_of_a_moving_picture_are_not_joined() -> None:
    raw = gif([page("first"), page("first"), page("NameJane")], [100, 250, 400], loop=0)
    clean = await anonymized(raw, "image/gif")
    assert [region.page for region in clean.regions] == [2]
    with Image.open(io.BytesIO(clean.data)) as picture:
        assert getattr(picture, "n_frames", 1) == 3
        durations = []
        for index in range(3):
            picture.seek(index)
            durations.append(picture.info["duration"])
        assert durations == [100, 250, 400]


# --- whatever goes wrong fails ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", FORMATS)
async def test_broken_pictures_are_refused(file_format: str) -> None:
    whole = encoded(page("NameJane"), file_format)
    for broken in (b"", b"GIF89a", whole[: len(whole) // 2], CANARY.encode() * 20):
        with pytest.raises(ContentMalformed) as caught:
            await anonymized(broken, media_type(file_format))
        assert CANARY not in repr(caught.value) + str(caught.value.fields)


async def test_a_picture_of_another_type_than_said_is_refused() -> None:
    with pytest.raises(ContentMalformed):
        await anonymized(encoded(page("x"), "PNG"), "image/jpeg")
    with pytest.raises(UnsupportedMediaType):
        await anonymized(encoded(page("x"), "PNG"), "image/heic")


async def test_bombs_are_refused_before_they_are_decoded() -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    with pytest.raises(ContentTooLong) as caught:
        await anonymized(bomb, "image/png")
    assert caught.value.metadata == {"unit": "pixels", "limit": "4e+06"}
    frames = [page("x")] * 11
    many = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    with pytest.raises(ContentTooLong):
        await anonymized(many, "image/tiff")


class Broken:
    version = "broken 1"

    def find(self, *_: Any) -> list[Sighting]:
        raise RuntimeError(CANARY)

    read = find


@pytest.mark.parametrize("tool", ["faces", "codes", "reader"])
async def test_a_detector_that_fails_fails_the_picture(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(picture_worker.tools()), tool, Broken())
    with pytest.raises(RuntimeError):  # a worker process makes DETECTION_FAILED of it; see test_media_service
        await anonymized(encoded(page("NameJane"), "PNG"), "image/png")


class Stubborn:
    """Sees another face each time."""

    version = "stubborn 1"

    def __init__(self) -> None:
        self.calls = 0

    def find(self, picture: Any, threshold: float) -> list[Sighting]:
        self.calls += 1
        return [Sighting("FACE", Box(30 * self.calls, 10, 30 * self.calls + 20, 40), 0.9, "Stubborn")]


async def test_what_is_still_found_after_the_last_pass_fails_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = Stubborn()
    monkeypatch.setitem(vars(picture_worker.tools()), "faces", faces)
    with pytest.raises(CoverFailed) as caught:
        await anonymized(encoded(page("x"), "PNG"), "image/png", policy(max_passes=2, **FACES_ONLY))
    assert caught.value.metadata == {"passes": "2"}
    assert faces.calls >= 3


async def test_what_a_first_cover_does_not_hide_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twice(Stubborn):
        """Sees the same face again while it is only blurred."""

        def find(self, picture: Any, threshold: float) -> list[Sighting]:
            self.calls += 1
            seen = picture.any() if self.calls > 1 else True
            return [Sighting("FACE", Box(20, 20, 60, 60), 0.9, "Twice")] if seen and self.calls < 3 else []

    monkeypatch.setitem(vars(picture_worker.tools()), "faces", Twice())
    clean = await anonymized(encoded(portrait(), "PNG"), "image/png", policy(cover=Cover.BLUR, **FACES_ONLY))
    assert not decoded(clean.data)[20:60, 20:60].any()


async def test_limits_are_those_of_the_installation() -> None:
    with pytest.raises(ContentTooLong):
        await anonymized(encoded(page("x"), "PNG"), "image/png", limits=replace(LIMITS, pixels=1000))
