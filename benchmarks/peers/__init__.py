"""The environment of the peers, apart from ours: what they pin and drag along must not decide what we run on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
HOME = ROOT / ".venvs" / "bench"
REQUIREMENTS = FOLDER.parent / "requirements.txt"


def ensure(requirements: Path = REQUIREMENTS, home: Path = HOME) -> Path:
    """The Python of the peers' environment; made and filled where it is absent or older than its requirements."""
    python, stamp, wanted = home / "bin" / "python", home / "installed.txt", requirements.read_text()
    if not python.exists():
        venv.create(home, with_pip=True)
    if not stamp.exists() or stamp.read_text() != wanted:
        print("installing the peers (once) ...", file=sys.stderr)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
        subprocess.run(install, check=True, stdout=sys.stderr)
        stamp.write_text(wanted)
    return python


def call(script: str, *arguments: str, requirements: Path = REQUIREMENTS, home: Path = HOME) -> dict[str, Any]:
    """What a script of this folder prints, run in the peers' environment."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [ensure(requirements, home), FOLDER / script, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
