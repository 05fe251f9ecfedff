"""Compiled loops."""

from __future__ import annotations

import numpy as np

from labelmill_quality.compiled import compiled


def test_where_nothing_can_be_kept_on_disk_loops_are_compiled_all_the_same() -> None:
    """A function without a file is one whose machine code has no place, as in an image that is read-only."""
    names: dict[str, object] = {"np": np}
    exec("def doubled(values):\n    return values * 2", names)
    assert compiled(names["doubled"])(np.arange(3)).tolist() == [0, 2, 4]  # type: ignore[type-var,operator]
