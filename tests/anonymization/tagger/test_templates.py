"""Our templates are well formed, and our own."""

import json
import random
import re
from pathlib import Path

import pytest

from tools.tagger.templates import Slot, parse, templates

RESEARCH = Path(__file__).resolve().parents[4] / "shared" / "data" / "pii" / "synth_dataset_v2.json"


def test_alternatives_and_slots_are_read() -> None:
    template = parse(r"(Hi|Dear <TITLE>) <SURNAME>(!|) \(now\)\n")
    assert [part if isinstance(part, str) else type(part).__name__ for part in template] == [
        "Choice", " ", "Slot", "Choice", " (now)\n",
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["(a|b", "a)", "<PERSON"])
def test_what_is_not_closed_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        parse(line)


def test_every_template_makes_texts_that_its_pattern_matches() -> None:
    chance = random.Random(1)
    for template in templates():
        for _ in range(3):
            text = "".join(part.mark if isinstance(part, Slot) else part for part in template.expand(chance))
            assert template.pattern().fullmatch(text), template.line


def test_some_templates_of_every_language_are_held_out() -> None:
    for language in ("en", "de", "fr", "es", "it"):
        sides = {template.held_out for template in templates() if template.language == language}
        assert sides == {False, True}


@pytest.mark.skipif(not RESEARCH.exists(), reason="the research data is not there")
def test_no_template_of_ours_is_one_of_the_data_that_we_are_judged_on() -> None:
    theirs = set()
    for document in json.loads(RESEARCH.read_text(encoding="utf-8")):
        text = document["full_text"]
        for span in sorted(document["spans"], key=lambda span: -span["start_position"]):
            text = text[: span["start_position"]] + "<>" + text[span["end_position"] :]
        theirs.add(_plain(text))
    ours = [(template.line, re.compile(_plain_pattern(template.pattern().pattern))) for template in templates()]
    same = [line for line, pattern in ours if any(pattern.fullmatch(text) for text in theirs)]
    assert not same


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.strip().lower()).strip(" .!?,")


def _plain_pattern(pattern: str) -> str:
    return re.sub(r"\\\n|\n", r"\\ ", pattern).lower() + r"[ .!?,]*"
