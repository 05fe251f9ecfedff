import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.tagger import lexicon, pools, silver


@pytest.fixture(scope="session")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The pools of values, made for these tests, and no real sentences."""
    folder = tmp_path_factory.mktemp("pools")
    patch = pytest.MonkeyPatch()
    patch.setattr(pools, "FILE", folder / "pools.json")
    patch.setattr(silver, "FILE", folder / "silver.json")
    patch.setattr(lexicon, "NEIGHBOURS", folder / "neighbours.json")
    pools.FILE.write_text(json.dumps(pools.gather()), encoding="utf-8")
    yield folder
    patch.undo()
