"""How assets are divided: what holds for every set of assets, and the numbers that must never change."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_storage.datasets.splitting import (
    InvalidBase,
    InvalidSplit,
    Part,
    Split,
    Splitter,
    apportion,
    check,
    position,
)

THREE = [Part("train", 0.8), Part("validation", 0.1), Part("test", 0.1)]
Assets = Mapping[str, Mapping[str, str]]

values = st.sampled_from(["", "a", "b", "c"])
assets = st.dictionaries(
    st.integers(0, 10**6).map(lambda number: f"{number:032x}"),
    st.fixed_dictionaries({"patient": st.sampled_from(["", *map(str, range(12))]), "class": values}),
    max_size=120,
)
shares = st.lists(st.integers(1, 20), min_size=2, max_size=5).map(
    lambda weights: [Part(f"p{number}", weight / sum(weights)) for number, weight in enumerate(weights)]
)
splits = st.builds(
    Split,
    parts=shares,
    seed=st.text(max_size=5),
    group_label=st.sampled_from(["", "patient"]),
    stratify_label=st.sampled_from(["", "class"]),
)


def divide(
    split: Split,
    given_assets: Assets,
    *,
    order: Iterable[str] | None = None,
    base: Mapping[str, str] | None = None,
    base_assets: Assets | None = None,
) -> dict[str, str]:
    splitter, ids = Splitter(split), list(order if order is not None else given_assets)
    for asset_id, part in (base or {}).items():
        splitter.keep(asset_id, (base_assets or given_assets).get(asset_id, {}), part)
    if splitter.needs_survey:
        for asset_id in ids:
            splitter.survey(asset_id, given_assets[asset_id])
    return {asset_id: splitter.part_of(asset_id, given_assets[asset_id]) for asset_id in ids}


def units(split: Split, given_assets: Assets) -> dict[tuple[str, str], list[str]]:
    found = defaultdict(list)
    for asset_id, labels in given_assets.items():
        group = labels.get(split.group_label, "") if split.group_label else ""
        found[("group", group) if group else ("asset", asset_id)].append(asset_id)
    return found


def test_positions_are_what_the_documentation_says_and_never_change() -> None:
    digest = hashlib.sha256(b"labelmill split v1\0" + (4).to_bytes(8, "big") + b"seed" + b"asset\0" + b"0a").digest()
    assert position("seed", "0a") == int.from_bytes(digest[:8], "big")
    assert [
        position("", "0" * 32),
        position("2026", "0" * 32),
        position("2026", "0" * 32, "patient 7"),
        position("ü", "f" * 32, "ß"),
    ] == [18085481036886942110, 7707460123331962791, 17527089261249789294, 11286631803349677716]


def test_a_known_division_never_changes() -> None:
    plain = {f"{number:032x}": {"class": "ab"[number % 2]} for number in range(20)}
    found = divide(Split(THREE, "2026"), plain)
    assert "".join(found[asset_id][1] for asset_id in plain) == "rrrerrrrearrrrreerrr"
    found = divide(Split(THREE, "2026", stratify_label="class"), plain)
    assert "".join(found[asset_id][1] for asset_id in plain) == "rrrarrrrarrrrrreerrr"


@settings(max_examples=200, deadline=None)
@given(splits, assets)
def test_every_asset_has_one_part_and_groups_stay_together(split: Split, found: Assets) -> None:
    parts = divide(split, found)
    assert set(parts) == set(found)
    assert set(parts.values()) <= {part.name for part in split.parts}
    for members in units(split, found).values():
        assert len({parts[asset_id] for asset_id in members}) == 1


@settings(max_examples=200, deadline=None)
@given(splits, assets, st.randoms(use_true_random=False))
def test_the_order_of_assets_does_not_matter(split: Split, found: Assets, chance: object) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert divide(split, found, order=shuffled) == divide(split, found)


@settings(max_examples=200, deadline=None)
@given(splits.map(lambda split: Split(split.parts, split.seed, split.group_label)), assets, assets)
def test_without_strata_other_assets_do_not_matter(split: Split, found: Assets, more: Assets) -> None:
    before, after = divide(split, found), divide(split, {**more, **found})
    assert {asset_id: after[asset_id] for asset_id in found} == before


@settings(max_examples=200, deadline=None)
@given(splits.filter(lambda split: bool(split.stratify_label)), assets)
def test_each_stratum_is_divided_by_quotas_up_to_one_unit(split: Split, found: Assets) -> None:
    parts = divide(split, found)
    homes: dict[str, list[list[str]]] = defaultdict(list)
    for members in units(split, found).values():
        counted = Counter(found[asset_id]["class"] for asset_id in members)
        homes[min(counted, key=lambda value: (-counted[value], not value, value))].append(members)
    total = sum(Fraction(part.share) for part in split.parts)
    for groups in homes.values():
        quotas = apportion(sum(map(len, groups)), [Fraction(part.share) / total for part in split.parts])
        largest = max(map(len, groups))
        counts = Counter(parts[asset_id] for members in groups for asset_id in members)
        for part, quota in zip(split.parts, quotas, strict=True):
            off = abs(counts[part.name] - quota)
            assert off <= (0 if largest == 1 else largest)


@settings(max_examples=200, deadline=None)
@given(splits, splits, assets, assets)
def test_what_the_base_has_keeps_its_part_and_groups_stay_together(
    split: Split, other: Split, old: Assets, more: Assets
) -> None:
    names = [part.name for part in split.parts]
    old_split = Split(split.parts, other.seed, split.group_label, other.stratify_label)
    base, everything = divide(old_split, old), {**more, **old}
    parts = divide(split, everything, base=base)
    assert {asset_id: parts[asset_id] for asset_id in old} == base
    assert set(parts.values()) <= set(names)
    for members in units(split, everything).values():
        assert len({parts[asset_id] for asset_id in members}) == 1


def test_with_a_base_new_assets_fill_what_it_leaves_open() -> None:
    old = {f"{number:032x}": {"class": "x"} for number in range(100)}
    base = dict.fromkeys(old, "test")  # far too many for a tenth of 300
    everything = old | {f"{number:032x}": {"class": "x"} for number in range(100, 300)}
    parts = divide(Split(THREE, stratify_label="class"), everything, base=base)
    new = Counter(parts[asset_id] for asset_id in everything if asset_id not in old)
    assert new == {"train": 178, "validation": 22}  # 240 and 30 were wanted: 200 are shared by 240 to 30


def test_a_base_that_divides_a_group_is_refused() -> None:
    splitter = Splitter(Split(THREE, group_label="patient"))
    splitter.keep("0" * 32, {"patient": "7"}, "train")
    splitter.keep("1" * 32, {"patient": "8"}, "test")
    with pytest.raises(InvalidBase):
        splitter.keep("2" * 32, {"patient": "7"}, "test")


@pytest.mark.parametrize(
    "parts",
    [[Part("a", 0.5), Part("b", 0.4)], [Part("a", 0.5), Part("a", 0.5)], [Part("a", 0.7), Part("b", 0.7)]],
)
def test_parts_that_divide_nothing_are_refused(parts: Sequence[Part]) -> None:
    with pytest.raises(InvalidSplit):
        check(Split(parts))


def test_shares_are_met_among_many() -> None:
    many = {hashlib.md5(str(number).encode()).hexdigest(): {} for number in range(20_000)}
    counts = Counter(divide(Split(THREE, "2026"), many).values())
    for part in THREE:  # five standard deviations
        assert abs(counts[part.name] - 20_000 * part.share) < 5 * (20_000 * part.share * (1 - part.share)) ** 0.5
