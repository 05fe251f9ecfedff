"""A few of the kills that `python -m tests.storage.random_kills` does by the hundred."""

import re

from tests.storage import random_kills


def test_nothing_acknowledged_is_lost_when_the_server_is_killed() -> None:
    said: list[str] = []
    assert random_kills.main(["--kills", "5", "--seed", "11"], say=said.append) == 0
    found = re.fullmatch(r"kills=5 acknowledged=(\d+) lost=0 torn=0 resumed=\d+", said[0])
    assert found is not None, said
    assert int(found[1]) > 0
