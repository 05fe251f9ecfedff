"""Whether the owner of a lease still lives."""

from __future__ import annotations

import subprocess
import sys

from labelmill_runtime.process_identity import is_dead, this_process


def test_this_process_lives() -> None:
    assert not is_dead(this_process())


def test_a_process_that_has_ended_is_dead() -> None:
    program = "from labelmill_runtime.process_identity import this_process; print(this_process())"
    identity = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert identity.partition(":")[0] == this_process().partition(":")[0]
    assert is_dead(identity)


def test_a_pid_that_is_used_again_is_another_process() -> None:
    host, pid, started = this_process().rsplit(":", 2)
    assert is_dead(f"{host}:{pid}:{int(started) - 1}")


def test_nothing_is_known_about_another_host() -> None:
    assert not is_dead("elsewhere/1:1:1")
    assert not is_dead("nonsense")
