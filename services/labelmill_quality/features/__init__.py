"""Features whose answers are no single classes: how answers are compared and what is inferred; one kind a file.

To add a kind: its file with a `Kind`, and a line in `FEATURES`. Single and ordinal choices are columns of classes and
have their own way (`report.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from labelmill_quality.features.kind import Kind
from labelmill_quality.features.multiple_choice import MULTIPLE_CHOICE
from labelmill_quality.features.numbers import NUMBERS
from labelmill_quality.features.shapes import SHAPES
from labelmill_quality.features.texts import TEXTS

CHOICES: Mapping[int, bool] = MappingProxyType({1: False, 3: True})
"""The contract's numbers of single and ordinal choice -> whether the classes are ordered."""
FEATURES: Mapping[int, Kind] = MappingProxyType(
    {2: MULTIPLE_CHOICE, 4: TEXTS, 5: NUMBERS, **dict.fromkeys((6, 7, 8, 9, 10, 11, 13), SHAPES)}
)
"""The contract's numbers of the other kinds; relations are no answers by themselves."""
