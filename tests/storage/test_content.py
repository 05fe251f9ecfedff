"""What bytes are, found while they stream past."""

import hashlib
import itertools
import os
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_runtime.errors import InvalidArgument
from labelmill_storage.assets import Content
from labelmill_storage.contents.content import (
    BLOCK_BYTES,
    ContentTooLarge,
    EmptyContent,
    Inspection,
    InvalidUtf8,
    media_type_of,
)
from labelmill_storage.contents.samples import END_BYTES, sample

LIMIT = 1 << 40


def inspect(content: bytes, declared_media_type: str, limit_bytes: int, *, may_be_empty: bool = False) -> Content:
    inspection = Inspection(declared_media_type, limit_bytes)
    inspection.update(content)
    return inspection.finish(may_be_empty=may_be_empty)


def pieces(content: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    return [content[a:b] for a, b in itertools.pairwise(edges)]


@given(text=st.text(min_size=1), cuts=st.lists(st.integers(0, 10**6), max_size=8))
def test_text_length_counts_code_points_however_the_bytes_are_cut(text: str, cuts: list[int]) -> None:
    inspection = Inspection("text/plain", LIMIT)
    for piece in pieces(text.encode(), cuts):
        inspection.update(piece)
    described = inspection.finish()
    assert described.text_length == len(text)
    assert described.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert described.size_bytes == len(text.encode())


@given(content=st.binary(min_size=1, max_size=200), cuts=st.lists(st.integers(0, 10**6), max_size=5))
def test_declared_text_is_accepted_exactly_when_python_decodes_it(content: bytes, cuts: list[int]) -> None:
    def by_python() -> str:
        try:
            return f"{len(content.decode())} characters"
        except UnicodeDecodeError as error:
            return f"invalid at {error.start}"

    def by_inspection() -> str:
        inspection = Inspection("text/csv", LIMIT)
        try:
            for piece in pieces(content, cuts):
                inspection.update(piece)
            return f"{inspection.finish().text_length} characters"
        except InvalidUtf8 as error:
            return f"invalid at {error.metadata['offset_bytes']}"

    assert by_inspection() == by_python()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89a\x01\x00\x01\x00", "image/gif"),
        (b"%PDF-1.7\n%", "application/pdf"),
        ("Grüße, 世界".encode(), "text/plain"),
        (b"\xff\xfe\x00\x01", "application/octet-stream"),
        (b"valid UTF-8 with \x00 is no text", "application/octet-stream"),
        (b"cut off: \xe4\xb8", "application/octet-stream"),
    ],
)
def test_media_type_is_told_from_the_content(content: bytes, media_type: str) -> None:
    described = inspect(content, "", LIMIT)
    assert described.media_type == media_type
    assert (described.text_length is not None) == media_type.startswith("text/")


def test_declared_media_type_of_text_is_normalised_and_kept() -> None:
    assert inspect(b"a,b", "Text/CSV; charset=utf-8", LIMIT).media_type == "text/csv"
    assert inspect(b"plain", "application/json", LIMIT).text_length is None


PNG = b"\x89PNG\r\n\x1a\n"
TIFF = b"II*\0\x08\0\0\0\0\0"


@pytest.mark.parametrize(
    ("declared", "content", "media_type"),
    [
        ("application/octet-stream", PNG, "image/png"),
        ("application/octet-stream", b"text", "text/plain"),
        ("image/jpeg", PNG, "image/png"),
        ("image/x-unheard-of", PNG, "image/png"),
        ("image/x-adobe-dng", TIFF, "image/x-adobe-dng"),
        ("application/x-secret", PNG, "application/x-secret"),
        ("application/x-secret", b"text", "application/x-secret"),
        ("application/x-secret", b"\xff\x00", "application/x-secret"),
        ("image/x-unheard-of", b"\xff\x00", "image/x-unheard-of"),
        ("image/svg+xml", b"<svg>", "image/svg+xml"),
        ("application/pdf", b"%PDF-1.4 in ASCII", "application/pdf"),
        ("text/plain", b"%PDF-1.4 in ASCII", "text/plain"),
        ("audio/mpeg", b"\xff\xfdlayer II", "audio/mpeg"),
        ("application/x-ndjson", b"{}\n{}", "application/x-ndjson"),
        ("", b"{}", "text/plain"),
        ("", b"<?xml version='1.0'?><!-- > --><svg width='1'/>", "image/svg+xml"),
        ("", b"\xef\xbb\xbf  <!DOCTYPE HTML><p>", "text/html"),
        ("", b"<p>a fragment", "text/plain"),
        ("", b"GIF89a is a format", "text/plain"),
        ("", b"BM, a cinema", "text/plain"),
    ],
)
def test_declared_and_told_types_are_settled(declared: str, content: bytes, media_type: str) -> None:
    assert inspect(content, declared, LIMIT).media_type == media_type


@pytest.mark.parametrize("declared", ["text", "text/", "/plain", "te xt/plain", "text/pl\nain", ";"])
def test_what_is_no_media_type_is_refused(declared: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        media_type_of(declared)
    assert caught.value.reason == "INVALID_MEDIA_TYPE"


def test_empty_content_is_refused_unless_emptiness_is_a_result() -> None:
    with pytest.raises(EmptyContent):
        inspect(b"", "text/plain", LIMIT)
    assert inspect(b"", "text/plain", LIMIT, may_be_empty=True).text_length == 0


def test_limit_holds_at_n_and_fails_at_n_plus_one() -> None:
    assert inspect(b"12345", "", 5).size_bytes == 5
    with pytest.raises(ContentTooLarge):
        inspect(b"123456", "", 5)


@pytest.mark.parametrize("extra", [-1, 0, 1, BLOCK_BYTES, BLOCK_BYTES + 7])
def test_block_digests_are_those_of_the_blocks(extra: int) -> None:
    content = os.urandom(BLOCK_BYTES + extra)
    blocks = [content[start : start + BLOCK_BYTES] for start in range(0, len(content), BLOCK_BYTES)]
    expected = b"".join(hashlib.sha256(block).digest() for block in blocks) if len(blocks) > 1 else b""
    inspection = Inspection("", LIMIT)
    for start in range(0, len(content), 1_000_003):
        inspection.update(content[start : start + 1_000_003])
    assert inspection.finish().block_digests == expected


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)


def jpeg(width: int, height: int) -> bytes:
    return b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3)


@pytest.mark.parametrize("content", [png(640, 480), jpeg(640, 480), b"GIF89a" + struct.pack("<HH", 640, 480)])
def test_image_size_is_read_from_the_header(content: bytes) -> None:
    assert inspect(content, "", LIMIT).image_size == (640, 480)


@pytest.mark.parametrize("content", [png(0, 5), jpeg(1, 1)[:12], b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_damaged_image_has_no_size(content: bytes) -> None:
    assert inspect(content, "", LIMIT).image_size is None


@given(st.binary(max_size=64))
def test_no_bytes_after_a_jpeg_magic_break_the_reader(rest: bytes) -> None:
    assert inspect(b"\xff\xd8\xff" + rest, "", LIMIT).media_type == "image/jpeg"


def described(inspection: Inspection, content: bytes) -> Content | str:
    """What streaming tells of a content, without block digests, or why it is refused."""
    try:
        inspection.update(content)
        return replace(inspection.finish(), block_digests=b"")
    except InvalidArgument as error:
        return error.reason


def described_by_ends(declared: str, content: bytes) -> Content | str | None:
    try:
        seen = Inspection.of_ends(declared, sample(content), hashlib.sha256(content).hexdigest())
        return None if seen is None else seen.finish()
    except InvalidArgument as error:
        return error.reason


@given(
    head=st.binary(max_size=40),
    filler=st.sampled_from([b"a", b"\0", b"\xff", b"\xc3\xbc"]),
    count=st.integers(1, 1000),
    tail=st.binary(max_size=40),
    declared=st.sampled_from(["", "text/plain", "application/x-thing", "image/png"]),
)
def test_two_ends_tell_the_same_as_streaming_or_nothing(
    head: bytes, filler: bytes, count: int, tail: bytes, declared: str
) -> None:
    content = head + filler * (count * 600) + tail
    streamed = described(Inspection(declared, LIMIT), content)
    by_ends = described_by_ends(declared, content)
    assert by_ends in (None, streamed)
    if by_ends is None:  # only for what may be text is all of it needed
        assert b"\xff" not in content[: END_BYTES - 3]
