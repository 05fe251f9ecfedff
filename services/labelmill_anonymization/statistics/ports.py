"""What released statistics need from outside, by role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from labelmill_anonymization.contents.content import RawContent
from labelmill_anonymization.statistics.price import Budget, Price
from labelmill_anonymization.statistics.statistic import AssetData, Figure, LabelData, Statistic, TableData
from labelmill_anonymization.statistics.units import Numbers

CONFIDENCE = 0.95
"""Of the intervals around released figures."""


@dataclass(frozen=True, slots=True)
class Value:
    """One released figure."""

    label: str
    value: float
    noise_scale: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Noisy:
    """What a mechanism answers."""

    mechanism: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Release:
    """See labelmill.anonymization.v1.Release. Without values the price is paid and the answer still to be given."""

    project: str
    release_id: str
    statistic: Statistic
    price: Price
    principal: str
    create_time_ms: int
    request_key: str = field(repr=False)
    """Who asked, and by which request id: the same again gets the same answer."""
    body: bytes = field(repr=False)
    """A keyed digest of the request: the same id with another request is refused."""
    noisy: Noisy | None = None


class Ledger(Protocol):
    """What was spent and for what, in one place for all servers."""

    async def budget(self, project: str) -> Budget:
        """A project's budget; one of nothing if it was never set."""

    async def set_total(self, session: Any, project: str, total: Price, etag: str) -> Budget:
        """New totals, in the caller's transaction; raises StaleBudget, BudgetBelowSpent."""

    async def known(self, release: Release) -> Release | None:
        """The release that this request got before, paid and perhaps answered; raises RequestIdReused."""

    async def spend(self, release: Release) -> Release:
        """Pays for a release and writes it down, both or neither; the one that was paid before, for the same request.

        Raises:
            BudgetSpent: There is not enough left. Nothing was spent.
            RequestIdReused: The request id came with another request.
        """

    async def answer(self, release: Release, noisy: Noisy) -> Release:
        """Writes the answer down, unless there is one; the one that stands. Two servers give one answer."""

    async def release(self, project: str, release_id: str) -> Release:
        """A release; raises ReleaseNotFound."""

    async def list_releases(self, project: str, after: int, limit: int) -> list[tuple[int, Release]]:
        """Releases with their places in the ledger, from the first place after `after` on."""


class ProjectFacts(Protocol):
    """What the services know of a project's assets. The unit is the asset."""

    async def asset_values(self, project: str, data: AssetData) -> Sequence[frozenset[str]]:
        """Of each asset that fits: its property; an empty set where it has none."""

    async def entity_types(self, project: str, policy: str) -> Sequence[frozenset[str]]:
        """Of each asset with a receipt: the types found in it."""

    async def given_classes(self, project: str, data: LabelData) -> Sequence[frozenset[str]]:
        """Of each asset with such annotations: the classes given to it."""

    async def table(self, asset: str) -> RawContent:
        """The RAW content of an asset."""


class Mechanisms(Protocol):
    """Computes somewhere with enough processors."""

    async def numbers(self, content: RawContent, data: TableData, figure: Figure) -> Numbers:
        """See `from_table`."""

    async def release(self, numbers: Numbers, figure: Figure, price: Price) -> Noisy:
        """The figure with noise for the price."""
