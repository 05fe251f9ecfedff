r"""How the assets of a snapshot are divided into parts. Pure.

A unit is what stays together: the assets with the same value of the group label, or an asset by itself where it has no
such label. Its position is a number that follows from the seed and the unit alone:

    position = first 8 bytes, big-endian, of
               SHA-256("labelmill split v1\0" | length of seed in UTF-8, 8 bytes big-endian | seed | key)
    key      = "group\0" | value of the group label, or "asset\0" | asset id

Without stratification, the positions from 0 to 2^64 are cut at the cumulated shares. So a unit's part never depends on
which other assets there are, nor on their order: adding and removing assets moves no other. The shares are met in
expectation; n units miss a share s by some sqrt(s(1-s)/n), and by more where groups differ much in size.

With stratification, the units of each value of the label are sorted by position and cut by quotas: shares times the
number of assets, rounded by largest remainder (Hamilton). A unit that spans strata belongs to the one of most of its
assets; of equals, to the first in the order of their text, no label last. Each part of a stratum then has its quota
exactly if every unit is one asset; else it is off by at most the largest unit. This depends on the set of assets (not
on their order): adding assets shifts the cuts and so can move units next to them. Values with fewer assets than parts
go to the parts with the largest shares. Give a base snapshot where assets must not move.

With a base, every asset of the base keeps its part, and so does every unit with an asset in the base. Without
stratification, new units go by their position; with it, they fill what the kept ones leave open of the quotas, in
proportion to what is missing where parts are over their quotas already.

Positions are compared as 64-bit numbers: among a million units, two are taken for one another with probability 3e-8.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import accumulate

from labelmill_runtime.errors import InvalidArgument

_DOMAIN = b"labelmill split v1\0"
_POSITIONS = 2**64
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Part:
    """One part and its share."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Split:
    """How to divide."""

    parts: Sequence[Part]
    seed: str = ""
    group_label: str = ""
    """Empty: each asset for itself."""
    stratify_label: str = ""
    """Empty: not stratified."""


class InvalidSplit(InvalidArgument):
    """Parts that divide nothing."""

    def __init__(self, problem: str, *, field: str = "split.parts") -> None:
        super().__init__("INVALID_SPLIT", f"The split cannot be used: {problem}.", fields={field: problem})


class InvalidBase(InvalidArgument):
    """A base snapshot whose split cannot be kept."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            "INVALID_BASE",
            f"The base snapshot cannot be used: {problem}.",
            fields={"lineage.base_snapshot": problem},
        )


def check(split: Split) -> None:
    """Refuses parts of the same name, and shares that do not add up to 1."""
    if len({part.name for part in split.parts}) < len(split.parts):
        raise InvalidSplit("two parts have the same name")
    if abs(sum(part.share for part in split.parts) - 1) > _TOLERANCE:
        raise InvalidSplit("the shares do not add up to 1")


def check_base(split: Split | None, base_split: Split | None, base_counts: Mapping[str, int]) -> None:
    """Refuses a base whose parts cannot be kept."""
    if split is None:
        raise InvalidBase("it says which split is kept, and no split is asked for")
    if base_split is None:
        raise InvalidBase("it has no split")
    if {name for name, count in base_counts.items() if count} - {part.name for part in split.parts}:
        raise InvalidBase("it has a part that the split does not have")


def position(seed: str, asset_id: str, group: str = "") -> int:
    """Where a unit is between 0 and 2^64; see the module."""
    salt = seed.encode()
    key = b"group\0" + group.encode() if group else b"asset\0" + asset_id.encode()
    return int.from_bytes(sha256(_DOMAIN + len(salt).to_bytes(8, "big") + salt + key).digest()[:8], "big")


class Splitter:
    """Divides the assets of one snapshot: `keep` the base's, `survey` all if `needs_survey`, then ask `part_of` each.

    Memory: some 150 bytes for a unit of the base; with stratification, 8 bytes for a single asset and some 300 for a
    group; nothing else.
    """

    def __init__(self, split: Split) -> None:
        check(split)
        self._split = split
        self._index = {part.name: number for number, part in enumerate(split.parts)}
        total = sum((Fraction(part.share) for part in split.parts), Fraction())
        self._shares = [Fraction(part.share) / total for part in split.parts]
        self._plain_cuts = [int(bound * _POSITIONS) for bound in list(accumulate(self._shares))[:-1]]
        self._kept: dict[int, int] = {}
        self._strata: dict[str, _Stratum] = defaultdict(_Stratum)
        self._groups: dict[int, Counter[str]] = {}
        self._homes: dict[int, str] = {}
        self._settled = not split.stratify_label

    @property
    def needs_survey(self) -> bool:
        """Whether all assets must have been surveyed before any can be placed."""
        return bool(self._split.stratify_label)

    def keep(self, asset_id: str, labels: Mapping[str, str], part: str) -> None:
        """Says in which part the base has an asset; before any `survey`.

        Raises:
            InvalidBase: INVALID_BASE, two assets that must stay together are in different parts there.
        """
        if self._kept.setdefault(self._position(asset_id, labels), self._index[part]) != self._index[part]:
            raise InvalidBase("it has assets of one group in different parts")

    def survey(self, asset_id: str, labels: Mapping[str, str]) -> None:
        """Takes note of an asset that is to be divided."""
        place, value = self._position(asset_id, labels), labels.get(self._split.stratify_label, "")
        if self._split.group_label and labels.get(self._split.group_label, ""):
            self._groups.setdefault(place, Counter())[value] += 1
        elif place in self._kept:
            self._strata[value].kept[self._kept[place]] += 1
        else:
            self._strata[value].singles.append(place)

    def part_of(self, asset_id: str, labels: Mapping[str, str]) -> str:
        """The part of an asset; the first call ends the survey."""
        if not self._settled:
            self._settle()
        place = self._position(asset_id, labels)
        number = self._kept.get(place)
        if number is None and self._split.stratify_label:
            home = self._homes.get(place, labels.get(self._split.stratify_label, ""))
            # One that was not surveyed, in a stratum of its own, goes by its position.
            found = self._strata.get(home)
            number = bisect_right(self._plain_cuts if found is None else found.cuts, place)
        elif number is None:
            number = bisect_right(self._plain_cuts, place)
        return self._split.parts[number].name

    def _position(self, asset_id: str, labels: Mapping[str, str]) -> int:
        label = self._split.group_label
        return position(self._split.seed, asset_id, labels.get(label, "") if label else "")

    def _settle(self) -> None:
        """Gives groups their strata, and strata their cuts."""
        self._settled = True
        for place, values in self._groups.items():
            home = min(values, key=lambda value: (-values[value], not value, value))
            size = values.total()
            if len(values) > 1:
                self._homes[place] = home
            if place in self._kept:
                self._strata[home].kept[self._kept[place]] += size
            else:
                self._strata[home].groups.append((place, size))
        self._groups.clear()
        for stratum in self._strata.values():
            stratum.cut(self._shares)


class _Stratum:
    """The units with one value of the label."""

    def __init__(self) -> None:
        self.singles = array("Q")
        self.groups: list[tuple[int, int]] = []
        self.kept: Counter[int] = Counter()
        self.cuts: list[int] = []
        """For each part but the last, the first position beyond it."""

    def cut(self, shares: Sequence[Fraction]) -> None:
        new = len(self.singles) + sum(size for _, size in self.groups)
        quotas = apportion(new + self.kept.total(), shares)
        missing = [max(0, quota - self.kept[number]) for number, quota in enumerate(quotas)]
        if sum(missing) > new:
            missing = apportion(new, [Fraction(count, sum(missing)) for count in missing])
        bounds = list(accumulate(missing))[:-1]
        self.cuts = list(_cuts(self._in_order(), bounds))
        self.singles, self.groups = array("Q"), []

    def _in_order(self) -> Iterator[tuple[int, int]]:
        return heapq.merge(((place, 1) for place in sorted(self.singles)), sorted(self.groups))


def _cuts(units: Iterable[tuple[int, int]], bounds: Sequence[int]) -> Iterator[int]:
    """The positions of the first units whose middle lies at or beyond each bound."""
    number, start = 0, 0
    for place, size in units:
        while number < len(bounds) and 2 * start + size >= 2 * bounds[number]:
            yield place
            number += 1
        start += size
    yield from [_POSITIONS] * (len(bounds) - number)


def apportion(count: int, shares: Sequence[Fraction]) -> list[int]:
    """Whole numbers in proportion to shares that add up to 1: largest remainder, of equal ones the first."""
    exact = [share * count for share in shares]
    whole = [int(number) for number in exact]
    by_rest = sorted(range(len(shares)), key=lambda number: (whole[number] - exact[number], number))
    for number in by_rest[: count - sum(whole)]:
        whole[number] += 1
    return whole
