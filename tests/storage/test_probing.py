"""What libraries read: nothing that a file does to them reaches anybody else; what they cannot tell stays unknown."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import puremagic
import pytest
from puremagic import main as puremagic_tables

from labelmill_storage.adapters.probes import probe_names
from labelmill_storage.adapters.probes.probing import Probes
from labelmill_storage.contents.samples import sample
from labelmill_storage.ports import Findings
from tests.storage import hostile_readers
from tests.storage.media_files import wav


@pytest.fixture
async def probes() -> AsyncIterator[Probes]:
    """Probes whose worker does what contents ask for."""
    made = Probes(limit_s=30, read=hostile_readers.read)
    yield made
    await made.close()


@pytest.fixture
async def impatient() -> AsyncIterator[Probes]:
    """The same, with little time for each content; its worker runs."""
    made = Probes(limit_s=0.2, read=hostile_readers.read)
    await until_fine(made)
    yield made
    await made.close()


async def look(probes: Probes, *contents: bytes) -> list[Findings]:
    return await probes.probe([("audio/wav", sample(content)) for content in contents])


async def until_fine(probes: Probes) -> int:
    """Waits for the worker; its process id."""
    while True:
        (found,) = await look(probes, b"fine")
        if found.duration_ms is not None:
            return found.duration_ms


async def test_a_worker_that_crashed_is_replaced(probes: Probes) -> None:
    (before,) = await look(probes, b"fine")
    one, crashed, other = await look(probes, b"fine", b"crash", b"fine too")
    assert (one, crashed) == (before, Findings())
    assert other.duration_ms not in (None, before.duration_ms)
    assert await look(probes, b"fine") == [other]


async def test_a_worker_that_hangs_in_native_code_is_replaced(impatient: Probes) -> None:
    before = await until_fine(impatient)
    assert await look(impatient, b"hang in native code") == [Findings()]
    assert await until_fine(impatient) != before


async def test_a_worker_that_hangs_in_python_is_interrupted(impatient: Probes) -> None:
    before = await until_fine(impatient)
    assert await look(impatient, b"hang in Python") == [Findings()]
    assert await until_fine(impatient) == before


@pytest.mark.parametrize("harm", [b"take all memory", b"raise"])
async def test_a_worker_survives_what_python_can_catch(probes: Probes, harm: bytes) -> None:
    (before,) = await look(probes, b"fine")
    assert await look(probes, harm, b"fine") == [Findings(), before]


async def test_a_batch_has_a_limit_whatever_is_in_it(impatient: Probes) -> None:
    # One after the other they would take longer than any test may.
    assert await look(impatient, *[b"hang in Python"] * 2000) == [Findings()] * 2000
    await until_fine(impatient)


async def test_texts_start_no_worker(probes: Probes) -> None:
    found = await probes.probe([("text/plain", sample(b"This is plain English text, is it not?"))] * 20)
    assert [it.language for it in found] == ["en"] * 20
    assert not probes.started


async def test_nothing_of_a_content_is_left_on_disk(
    probes: Probes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    await look(probes, wav(10), b"crash")
    assert list(tmp_path.iterdir()) == []


def by_puremagic_alone(head: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    with monkeypatch.context() as patch:
        patch.setattr(probe_names, "_may_be_known", lambda _: True)
        return probe_names.media_type(head, b"")


def test_looking_for_any_signature_first_changes_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, named = random.Random(7), 0
    for row in [*puremagic_tables.magic_header_array[::5], *puremagic_tables.magic_footer_array]:
        for also in [None, *puremagic_tables.multi_part_dict.get(row.byte_match, [])[:2]]:
            content = bytearray(chance.randbytes(chance.choice([30, 300, 40_000])))
            for part in (row, also):
                if part is not None:
                    start = part.offset if part.offset >= 0 else len(content) + part.offset
                    content[start : start + len(part.byte_match)] = part.byte_match
            name = probe_names.media_type(bytes(content), b"")
            assert name == by_puremagic_alone(bytes(content), monkeypatch)
            named += bool(name)
    assert named > 100


def test_random_bytes_have_no_name_and_are_never_compared_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(puremagic, "magic_string", lambda _: pytest.fail("compares one by one"))
    assert probe_names.media_type(b"\x07\xf3" * 2000, b"") == ""
