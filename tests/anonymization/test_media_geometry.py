"""The pure parts of media: boxes, covers, words, plates, tracks, spans. Properties hold for any input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_anonymization.media.boxes import Box, around, clipped, covered_share, iou, padded, tiles
from labelmill_anonymization.media.covers import cover
from labelmill_anonymization.media.plates import is_plate
from labelmill_anonymization.media.rules import Cover, Sound
from labelmill_anonymization.media.sightings import Sighting, strongest
from labelmill_anonymization.media.spans import Span, cover_samples
from labelmill_anonymization.media.tracking import Pace, followed, tracks
from labelmill_anonymization.media.words import Word, joined
from labelmill_anonymization.media.written import known_parts

edges = st.floats(-50, 150, allow_nan=False)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), edges, edges, st.floats(0.1, 80), st.floats(0.1, 80))


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_tiles_hold_every_pixel_and_whatever_is_smaller_than_their_overlap(width: int, height: int) -> None:
    parts = tiles((width, height), 640, 100)
    covered = np.zeros((height // 10 + 1, width // 10 + 1), bool)
    for part in parts:
        assert part.width <= 640
        assert part.height <= 640
        assert 0 <= part.left < part.right <= width
        assert 0 <= part.top < part.bottom <= height
        covered[int(part.top) // 10 : int(part.bottom) // 10 + 1, int(part.left) // 10 : int(part.right) // 10 + 1] = (
            True
        )
    assert covered.all()
    for x in range(0, max(1, width - 99), 37):
        assert any(part.left <= x and x + min(99, width) <= part.right for part in parts)


@given(boxes, st.floats(0, 1))
def test_padding_only_grows(box: Box, fraction: float) -> None:
    assert around((box, padded(box, fraction))) == padded(box, fraction)


@given(boxes)
def test_clipping_keeps_every_pixel_that_a_box_touches(box: Box) -> None:
    inside = clipped(box, (100, 80))
    for x, y in ((0, 0), (99, 79), (50, 40), (99, 0)):
        touched = box.left < x + 1 and box.right > x and box.top < y + 1 and box.bottom > y
        held = inside is not None and inside.left <= x < inside.right and inside.top <= y < inside.bottom
        assert held == touched


@given(boxes, boxes)
def test_overlap_is_symmetric_and_at_most_one(one: Box, other: Box) -> None:
    assert iou(one, other) == pytest.approx(iou(other, one))
    assert 0 <= iou(one, other) <= 1
    assert iou(one, one) == pytest.approx(1)
    assert covered_share(one, [one, other]) == pytest.approx(1)


@given(st.lists(boxes, min_size=1, max_size=12), st.sampled_from(list(Cover)), st.sampled_from(["uint8", "uint16"]))
@settings(max_examples=60)
def test_covers_change_nothing_outside_and_leave_nothing_inside(found: list[Box], how: Cover, depth: str) -> None:
    picture = np.random.default_rng(1).integers(1, np.iinfo(depth).max, (80, 100, 3)).astype(depth)
    before = picture.copy()
    cover(picture, [Sighting("FACE", box, 1, "x") for box in found], how)
    inside = np.zeros((80, 100), bool)
    for box in found:
        part = clipped(box, (100, 80))
        if part is not None:
            inside[int(part.top) : int(part.bottom), int(part.left) : int(part.right)] = True
    assert np.array_equal(picture[~inside], before[~inside])
    if how is Cover.FILL:
        assert not picture[inside].any()
    elif len(found) == 1 and inside.sum() > 400:
        assert picture[inside].std() < 0.5 * before[inside].std()


def test_covers_are_opaque() -> None:
    picture = np.full((10, 10, 4), 7, np.uint8)
    cover(picture, [Sighting("PERSON", Box(2, 2, 4, 4), 1, "x")], Cover.BLUR)
    assert picture[2, 2].tolist() == [0, 0, 0, 255]
    assert picture[0, 0].tolist() == [7, 7, 7, 7]


@given(st.lists(st.builds(lambda box, score: Sighting("FACE", box, score, "x"), boxes, st.floats(0, 1)), max_size=8))
def test_joining_sightings_loses_no_pixel(found: list[Sighting]) -> None:
    kept = strongest(found)
    for sighting in found:
        assert any(around((each.box, sighting.box)) == each.box for each in kept)


texts = st.text(st.characters(exclude_categories=("Zs", "Zl", "Zp", "Cc", "Cs")), min_size=1, max_size=6)


@given(st.lists(st.tuples(texts, st.integers(0, 2)), min_size=1, max_size=12), st.data())
def test_a_span_of_the_joined_text_finds_exactly_the_words_that_it_touches(
    read: list[tuple[str, int]], data: st.DataObject
) -> None:
    words = [Word(text, Box(i, 0, i + 1, 1), 1.0, line) for i, (text, line) in enumerate(read)]
    reading = joined(words)
    start = data.draw(st.integers(0, len(reading.text) - 1))
    end = data.draw(st.integers(start + 1, len(reading.text)))
    expected, at = [], 0
    for word in words:
        if at < end and at + len(word.text) > start:
            expected.append(word)
        at += len(word.text) + 1
    assert list(reading.words_in(start, end)) == expected


@pytest.mark.parametrize(
    "plate",
    [
        "B AB 1234",
        "M-XY 987",
        "LD71 ABC",
        "AB-123-CD",
        "1234 BCD",
        "7ABC123",
        "MH 12 AB 1234",
        "ZH·123456",
        "ABC1D23",
        "京A·12345",
    ],
)
def test_plates_of_many_countries_have_their_shape(plate: str) -> None:
    assert is_plate(plate)


@pytest.mark.parametrize("text", ["hello world", "ABCDEFG", "12345678", "Chapter 12", "A1", "the 1234 things"])
def test_other_text_has_not(text: str) -> None:
    assert not is_plate(text)


def test_parts_of_known_values_are_looked_for_and_short_ones_are_not() -> None:
    assert known_parts(["Doe^Jane", "MRN-4711", "No"]) == {"doe", "jane", "doejane", "mrn", "4711", "mrn4711"}


# --- tracks -----------------------------------------------------------------------------------------------------------


def face(page: int, left: float) -> Sighting:
    return Sighting("FACE", Box(left, 10, left + 40, 60), 0.9, "x", page)


def test_a_face_that_the_detector_misses_for_some_frames_is_covered_in_between() -> None:
    covered = {s.page: s.box for s in followed([face(10, 10), face(20, 30)], 40, Pace(gap=10, margin=5))}
    assert sorted(covered) == list(range(5, 26))
    assert around((covered[15], Box(20, 10, 60, 60))) == covered[15]
    assert around((covered[7], face(10, 10).box)) == covered[7]


def test_two_faces_are_two_tracks_and_so_are_two_visits() -> None:
    found = [face(0, 0), face(0, 100), face(1, 2), face(1, 103), face(30, 3)]
    assert sorted(len(track.sightings) for track in tracks(found, Pace(gap=10, margin=5))) == [1, 2, 2]


@given(st.lists(st.tuples(st.integers(0, 49), st.floats(0, 200)), min_size=1, max_size=20), st.integers(1, 12))
def test_every_sighting_stays_covered_and_no_frame_outside_of_the_film_is(
    seen: list[tuple[int, float]], margin: int
) -> None:
    found = [face(page, left) for page, left in seen]
    covered = followed(found, 50, Pace(gap=margin, margin=margin))
    assert {s.page for s in covered} <= set(range(50))
    for sighting in found:
        assert any(c.page == sighting.page and around((c.box, sighting.box)) == c.box for c in covered)


# --- sound ------------------------------------------------------------------------------------------------------------


@given(st.floats(0, 900), st.floats(0, 300), st.integers(1, 700), st.sampled_from([Sound.BEEP, Sound.SILENCE]))
def test_blocks_are_covered_as_a_whole_recording_would_be(start: float, length: float, block: int, how: Sound) -> None:
    rate, spans = 1000, [Span(start, start + length, "PERSON", 1.0)]
    whole = np.random.default_rng(2).integers(1, 30_000, (1000, 2)).astype(np.int16)
    before, parts = whole.copy(), whole.copy()
    cover_samples(whole, 0, rate, spans, how)
    for first in range(0, 1000, block):
        cover_samples(parts[first : first + block], first, rate, spans, how)
    assert np.array_equal(whole, parts)
    outside = np.ones(1000, bool)
    outside[int(start) : int(np.ceil(start + length))] = False
    assert np.array_equal(whole[outside], before[outside])
    if how is Sound.SILENCE:
        assert not whole[~outside].any()
