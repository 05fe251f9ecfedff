"""Ten million rows of garbage: a sane result or a clear error, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 2_000_000_000


def outcome(kind: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.quality.ten_million_rows", kind]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found.pop("peak_bytes") < MEMORY_BYTES
    return found


def test_noise_gets_a_consensus_of_noise() -> None:
    found = outcome("noise")
    assert (found["outcome"], found["finite"]) == ("consensus", True)
    assert 2_800_000 < found["items"] < 3_000_000  # three million drawn from, some never
    assert 9_990_000 < found["labels"] < 10_000_000  # some pairs were drawn twice


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("one pair", {"outcome": "consensus", "labels": 1, "items": 1, "finite": True}),
        ("everybody once", {"outcome": "TOO_MANY_CELLS"}),
    ],
)
def test_other_garbage_is_one_label_or_refused(kind: str, expected: dict[str, object]) -> None:
    assert outcome(kind) == expected
