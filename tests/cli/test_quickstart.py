"""The README's example works as printed."""

import subprocess
import sys

from tests.support.up import ROOT

from .conftest import Commands


def test_the_example_prints_a_clean_text(owner: Commands) -> None:
    command = [sys.executable, "examples/quickstart.py"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, env=owner.environment)
    assert (ended.stdout, ended.returncode) == ("<PERSON> of <LOCATION> loved the film.\n", 0), ended.stderr
