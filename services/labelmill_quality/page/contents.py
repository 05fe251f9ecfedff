"""What an item is, as far as a page can show it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Content:
    """The content of an item, from the clean zone."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Missing:
    """There is none to show."""

    reason: str


Shown = Content | Missing


@dataclass(frozen=True)
class FeaturePage:
    """What is shown of one feature; messages in their serialized form, so that a process can be given it."""

    report: bytes
    disputed: Sequence[bytes] = ()
    """labelmill.quality.v1.ConsensusLabel, the most disputed first."""
    answers: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """Item -> (labeler, what they said)."""
    contents: Mapping[str, Shown] = field(default_factory=dict)
