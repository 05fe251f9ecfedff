"""Generated texts: what is marked is what was put in, and training never sees what it is judged by."""

import re
from pathlib import Path

import numpy as np
import pytest

from labelmill_anonymization.tagger.labels import OUTSIDE, TYPES, begin, inside
from labelmill_anonymization.tagger.tokens import cut
from tools.tagger.dataset import UNLABELED, label
from tools.tagger.generate import IGNORED, Generator, Marked
from tools.tagger.templates import templates
from tools.tagger.values import held_out

pytestmark = pytest.mark.usefixtures("gathered")


def test_a_seed_makes_the_same_texts_again(gathered: Path) -> None:
    assert list(Generator(7, developing=False).texts(50)) == list(Generator(7, developing=False).texts(50))


def test_spans_are_in_order_and_hold_no_space_at_their_edges() -> None:
    for text in Generator(3, developing=True).texts(300):
        places = [place for start, end, _ in text.spans for place in (start, end)]
        assert places == sorted(places)
        assert {kind for *_, kind in text.spans} <= {*TYPES, IGNORED}
        for start, end, _ in text.spans:
            assert text.text[start:end].strip() == text.text[start:end] != ""


def test_every_slot_of_every_template_can_be_filled_in_every_language() -> None:
    values = Generator(5, developing=False)._values
    slots = {name for template in templates() for name in re.findall(r"(?<!\\)<(\w+)>", template.line)}
    for slot in slots:
        for language in ("en", "de", "fr", "es", "it"):
            assert "".join(text for text, _ in values.fill(slot, language))


def test_names_for_development_are_not_among_those_for_training() -> None:
    for developing in (False, True):
        values = Generator(5, developing)._values
        culture = values._pools["names"]["en_US"]
        assert all(held_out(values.one(culture["surname"])) == developing for _ in range(200))


def test_titles_that_a_template_writes_before_a_name_are_marked() -> None:
    generator = Generator(1, developing=False)
    assert generator._titled([("Dear Mr. ", ""), ("Quinn", "PERSON")]) == [
        ("Dear ", ""), ("Mr.", "TITLE"), (" ", ""), ("Quinn", "PERSON"),
    ]  # fmt: skip
    assert generator._titled([("the doctor and ", ""), ("Quinn", "PERSON")])[0] == ("the doctor and ", "")


def test_tokens_get_the_states_of_the_spans_that_they_lie_in() -> None:
    texts = [Marked("Al Quinn, 9", ((0, 8, "PERSON"), (10, 11, "AGE"))), Marked("Mon", ((0, 3, IGNORED),))]
    states = label(cut([text.text for text in texts]), texts)
    assert states.tolist() == [begin("PERSON"), inside("PERSON"), OUTSIDE, begin("AGE"), UNLABELED]
    assert states.dtype == np.int8
