"""`labelmill anonymize file` against a real `labelmill up`: one content of any type."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from skimage import data

from .conftest import Commands

PROJECT = "pictured"


@pytest.fixture(scope="module", autouse=True)
def project(owner: Commands) -> None:
    owner.ok("project", "create", PROJECT, "--single-choice", "sentiment=bad,good")
    owner.ok("anonymize", "policy", "create", "mails", "-p", PROJECT, "--rule", "EMAIL_ADDRESS=replace")


def test_a_face_is_covered_as_a_policy_file_says(owner: Commands, tmp_path: Path) -> None:
    raw, clean, policy = tmp_path / "raw.png", tmp_path / "clean.png", tmp_path / "faces.yaml"
    Image.fromarray(data.astronaut()).save(raw)
    policy.write_text("media: {cover: blur, keep_text: true, keep_license_plates: true}\ndefault: replace\n")
    answer = owner.ok("anonymize", "file", str(raw), "-o", str(clean), "-p", PROJECT, "--policy", str(policy))
    assert [region["entity_type"] for region in answer["regions"]] == ["FACE"]
    assert "content" not in answer
    changed = np.asarray(Image.open(clean)) != data.astronaut()
    assert changed[100, 225].any()
    assert not changed[400:].any()


def test_sound_takes_a_transcript(owner: Commands, tmp_path: Path) -> None:
    raw, clean, words = tmp_path / "raw.wav", tmp_path / "clean.wav", tmp_path / "words.json"
    soundfile.write(raw, np.full(16_000, 0.1), 16_000)
    words.write_text(json.dumps([{"text": "mail", "start_ms": 0, "end_ms": 300}]))
    arguments = ("anonymize", "file", str(raw), "-o", str(clean), "-p", PROJECT, "--policy", "mails")
    assert owner.run(*arguments).exit_code != 0
    assert not clean.exists()
    owner.ok(*arguments, "--transcript", str(words))
    assert len(soundfile.read(clean)[0]) == 16_000
    words.write_text("{}x")
    assert "no JSON list" in owner.run(*arguments, "--transcript", str(words)).output


def test_texts_are_files_as_well_and_unknown_types_must_be_said(owner: Commands, tmp_path: Path) -> None:
    raw, clean = tmp_path / "raw.txt", tmp_path / "clean.txt"
    raw.write_text("write to ann@gmail.com")
    shown = owner.run("anonymize", "file", str(raw), "-o", str(clean), "-p", PROJECT, "--policy", "mails")
    assert clean.read_text() == "write to <EMAIL_ADDRESS>"
    assert "ANONYMIZED" in shown.output
    strange = tmp_path / "raw.strange"
    strange.write_text("x")
    result = owner.run("anonymize", "file", str(strange), "-o", str(clean), "-p", PROJECT, "--policy", "mails")
    assert "--media-type" in result.output
