"""Texts are cut the same whatever lies beside them, and no character is lost."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.tagger.features import describe
from labelmill_anonymization.tagger.lexicon import Lexicon
from labelmill_anonymization.tagger.tokens import CLASSES, SPACE, cut
from tools.tagger.lexicon import build

TEXTS = st.lists(st.text(max_size=40), max_size=6)
NOTHING_KNOWN = Lexicon.empty()


def words(text: str) -> list[str]:
    tokens = cut([text])
    return [text[start:end] for start, end in zip(tokens.start.tolist(), tokens.end.tolist(), strict=True)]


def test_letters_digits_symbols_and_line_breaks_part_words() -> None:
    assert words("O'Brien, 34F\n12-b") == ["O", "'", "Brien", ",", "34", "F", "\n", "12", "-", "b"]


def test_runs_of_one_symbol_are_one_token() -> None:
    assert words("a----b ...") == ["a", "----", "b", "..."]


def test_marks_stay_with_the_letter_that_they_are_on() -> None:
    assert words("Jose\u0301 wo\u00adrd 👩\u200d👧") == ["Jose\u0301", "wo\u00adrd", "👩\u200d", "👧"]


@given(TEXTS)
def test_every_character_but_spaces_is_in_exactly_one_token(texts: list[str]) -> None:
    tokens = cut(texts)
    covered = np.zeros(len(tokens.codes), int)
    for start, end in zip(tokens.start, tokens.end, strict=True):
        covered[start:end] += 1
    spaces = np.array([code < len(CLASSES) and CLASSES[code] == SPACE for code in tokens.codes], bool)
    assert covered.max(initial=0) <= 1
    assert not (covered[~spaces & ~tokens.marks] == 0).any()


@given(TEXTS)
def test_a_text_is_cut_and_described_the_same_alone_and_among_others(texts: list[str]) -> None:
    together = cut(texts)
    features = describe(together, NOTHING_KNOWN)
    for index, text in enumerate(texts):
        own, alone = together.text == index, cut([text])
        assert (together.start[own] - together.offset[index]).tolist() == alone.start.tolist()
        assert (together.end[own] - together.offset[index]).tolist() == alone.end.tolist()
        assert (features.ids[own] == describe(alone, NOTHING_KNOWN).ids).all()


def test_accents_case_width_and_joiners_make_no_other_word() -> None:
    forms = ["José", "JOSE", "Jose\u0301", "jo\u200bse", "\uff2aose", "\U0001d409\U0001d428\U0001d42c\U0001d41e"]
    rows = [describe(cut([form]), NOTHING_KNOWN).ids[:, :7].tolist() for form in forms]
    assert all(row == rows[0] for row in rows)


def test_long_numbers_are_told_apart_by_length_and_first_digits_only() -> None:
    ids = describe(cut(["1987", "1954", "2001", "198", "34", "35"]), NOTHING_KNOWN).ids[:, 0].tolist()
    assert ids[0] == ids[1]
    assert len(set(ids)) == 5


def test_a_place_of_two_words_is_known_only_within_one_text() -> None:
    lists = ("company_forms", "institution_words", "company_fields", "places")
    pools = {
        "words": {"capitals": ["Zuri Vale"], "titles": {}} | {name: [] for name in lists},
        "frequencies": {language: [] for language in ("en", "de", "fr", "es", "it")},
        "names": {},
        "cities": {},
    } | {name: [] for name in ("countries", "regions", "region_codes", "jobs")}
    lexicon = build(pools, NOTHING_KNOWN.vector_keys, NOTHING_KNOWN.vectors)
    assert describe(cut(["in Zuri Vale"]), lexicon).dense[:, :22].sum(axis=1).tolist() == [0, 1, 1]
    assert describe(cut(["Zuri", "Vale"]), lexicon).dense[:, :22].sum() == 0
