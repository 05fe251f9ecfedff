"""What keeping figures current needs from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from labelmill_quality.live.answers import Change
from labelmill_quality.live.figures import ItemGroup
from labelmill_quality.live.state import LiveFeature, LiveItem, LiveLabeler, LiveState


@dataclass(frozen=True, slots=True)
class FeatureFacts:
    """What the ontology says about a feature."""

    feature: str
    kind: int
    """The contract's number."""
    class_names: tuple[str, ...]
    """In the ontology's order."""
    ordered: bool


@dataclass(frozen=True)
class ChangePage:
    """Some changes, in the order of their making."""

    changes: Sequence[Change]
    next_token: str
    """For the next page; empty: there is none now."""


class ChangeSource(Protocol):
    """Knows what labelers say: annotation. Errors of the peer come as LabelmillError."""

    async def features(self, project: str) -> Mapping[str, FeatureFacts]:
        """The features of the project's ontology; raises NotFound where there is no such project."""

    async def changes(self, project: str, start_ms: int, token: str) -> ChangePage:
        """Newest versions of annotations made at `start_ms` or later, withdrawn ones included; a page after a token."""

    def answers(self, project: str, feature: str, *, benchmark: bool) -> AsyncIterator[Sequence[Change]]:
        """All current annotations of a feature, of benchmark tasks or of ordinary ones."""

    async def gold(self, project: str, feature: str) -> dict[str, str]:
        """Item -> its gold class, of the benchmarks that labelers are scored by."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How far the figures of a project follow annotation."""

    project: str
    revision: int
    """Counts from 1; every write makes it one more."""
    start_ms: int = 0
    """From where changes are read."""
    token: str = ""
    """The page after which reading goes on; empty: from `start_ms`."""
    change_ms: int = 0
    """The time of the newest change that is in the figures."""
    due_ms: int = 0
    """When to look for changes again."""


class LiveStore(Protocol):
    """Keeps figures."""

    async def watch(self, project: str) -> Watch:
        """How far a project's figures are; begins to keep them."""

    async def find(self, project: str) -> Watch | None:
        """The same where they are kept."""

    async def claim(self, now_ms: int, until: Callable[[Watch], int]) -> str | None:
        """A project that is due, which nobody else gets until the time that is given for it."""

    async def features(self, project: str) -> list[LiveFeature]:
        """The features that anybody answered, by name."""

    async def feature(self, project: str, feature: str) -> LiveFeature | None:
        """One of them."""

    async def read(self, project: str, feature: LiveFeature, items: Sequence[str], people: Sequence[str]) -> LiveState:
        """Some items, some labelers, and the labelers of those items."""

    async def read_all(self, project: str, feature: LiveFeature) -> LiveState:
        """All items and labelers."""

    async def labelers(self, project: str, feature: str) -> dict[str, LiveLabeler]:
        """All labelers of a feature."""

    async def groups(self, project: str, feature: str) -> list[ItemGroup]:
        """The items of a feature, those with the same votes together."""

    async def items(
        self, project: str, feature: str, *, by: str, least: float, after: tuple[float, str] | None, limit: int
    ) -> list[LiveItem]:
        """Items by `by` ("disagreement" or "uncertainty"), the most first, then by name."""

    async def write(self, before: Watch, after: Watch, states: Sequence[LiveState], began_ms: int) -> bool:
        """Writes what is different, or nothing at all.

        Returns:
            False where somebody else has written since `before`, or an item was erased since `began_ms`.
        """

    async def replace(
        self, before: Watch, after: Watch, state: LiveState, began_ms: int, hold: Callable[[Any], Awaitable[None]]
    ) -> bool:
        """Writes a feature anew, all of it; else as `write`. `hold` may veto in the same transaction."""

    async def erase(self, session: Any, project: str, items: Sequence[str]) -> int:
        """Removes items from all features, their labels from their labelers' counts, too; how many."""
