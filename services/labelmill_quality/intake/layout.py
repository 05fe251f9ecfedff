"""What the files of a call's folder are called."""

from __future__ import annotations

ROWS = "rows"
"""Frames of labels."""
ARROW = "labels.arrow"
"""An Arrow IPC stream of labels."""
SOURCE = "source"
"""The asset with the labels."""
GOLD = "gold"
"""Frames of gold."""
ANSWER = "answer"
"""Frames of the answer but for its summary."""
RESULT = "result.arrow"
"""The consensus labels as an Arrow IPC stream."""
OUTPUT = "output.parquet"
"""The consensus labels as Parquet."""
