"""Generalization: whatever the table, published classes fulfil what the policy asks, and no row is lost."""

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.tables.anonymize import CleanTable, anonymize_table
from labelmill_anonymization.tables.csv_file import read_csv
from labelmill_anonymization.tables.errors import TableTooSmall
from labelmill_anonymization.tables.plan import ColumnPlan
from labelmill_anonymization.tables.rules import (
    Branches,
    CsvHeader,
    Diversity,
    Hierarchy,
    LDiversity,
    Prefix,
    Role,
    TableRules,
    Undersized,
)
from tests.anonymization.tables import adult_like
from tests.anonymization.tables.test_measure import distance

KEYS = ProjectKeys.derive(bytes(32), "tests")
_QUASI, _SENSITIVE = Role.QUASI_IDENTIFIER, Role.SENSITIVE
CITIES = Branches(
    {
        "Rome": ("Italy", "South"),
        "Milan": ("Italy", "South"),
        "Porto": ("Portugal", "South"),
        "Oslo": ("Norway", "North"),
    }
)
ages = st.one_of(st.integers(0, 9).map(str), st.just(""))
cities = st.sampled_from(["Rome", "Milan", "Porto", "Oslo", "Atlantis", ""])
days = st.sampled_from(["2024-01-01", "2024-02-29", "2024-02-29T12:00:00", "2025-05-05"])
values = st.sampled_from(["1", "2", "3", "7"])
tables = st.lists(st.tuples(ages, cities, days, values), min_size=1, max_size=80)


def anonymized(rows: list[tuple[str, ...]], rules: TableRules, hierarchy: Hierarchy | None = None) -> CleanTable:
    """Age, city and day are quasi-identifiers, the last column is sensitive."""
    text = "\n".join(map(",".join, [("age", "city", "day", "value"), *rows]))
    plan = [
        ColumnPlan("age", _QUASI),
        ColumnPlan("city", _QUASI, hierarchy=hierarchy),
        ColumnPlan("day", _QUASI),
        ColumnPlan("value", _SENSITIVE),
    ]
    return anonymize_table(read_csv(text.encode(), CsvHeader.PRESENT), plan, rules, KEYS, {})


def cells(clean: CleanTable) -> list[list[str]]:
    return [line.split(",") for line in clean.data.decode().split("\n")[1:]]


def groups(rows: list[list[str]]) -> list[list[str]]:
    """The sensitive values of the rows that share all other cells."""
    found: dict[tuple[str, ...], list[str]] = {}
    for *quasi, value in rows:
        found.setdefault(tuple(quasi), []).append(value)
    return list(found.values())


@given(tables, st.integers(2, 6), st.sampled_from([None, CITIES, Prefix()]))
def test_each_combination_is_shared_by_k_rows_and_all_rows_stay(
    rows: list[tuple[str, ...]], k: int, hierarchy: Hierarchy | None
) -> None:
    assume(len(rows) >= k)
    clean = anonymized(rows, TableRules(k=k), hierarchy)
    shared = groups(cells(clean))
    assert min(map(len, shared)) >= k
    assert [row[-1] for row in cells(clean)] == [row[-1] for row in rows]
    assert clean.report.after is not None
    assert clean.report.after.k == min(map(len, shared))
    assert clean.report.after.class_count == len(shared)
    assert all(0 <= column.penalty <= 1 for column in clean.report.columns if column.penalty is not None)


@given(tables, st.integers(1, 4), st.sampled_from(Diversity), st.sampled_from([1.0, 1.5, 2.0, 3.0]))
def test_each_class_is_as_diverse_as_was_asked(
    rows: list[tuple[str, ...]], k: int, kind: Diversity, wanted: float
) -> None:
    rules = TableRules(k=k, l_diversity=LDiversity(kind, wanted))
    try:
        clean = anonymized(rows, rules)
    except TableTooSmall:
        assert len(rows) < k or diversity([row[-1] for row in rows], kind) < wanted
        return
    assert all(diversity(group, kind) >= wanted - 1e-9 for group in groups(cells(clean)))


def diversity(group: list[str], kind: Diversity) -> float:
    if kind is Diversity.DISTINCT:
        return len(set(group))
    shares = [count / len(group) for count in Counter(group).values()]
    product = 1.0
    for share in shares:
        product *= share**-share
    return product


@given(tables, st.integers(1, 4), st.sampled_from([0.0, 0.1, 0.3]))
def test_no_class_is_farther_from_the_table_than_was_asked(rows: list[tuple[str, ...]], k: int, t: float) -> None:
    assume(len(rows) >= k)
    clean = anonymized(rows, TableRules(k=k, t_closeness=t))
    ranks = {value: rank for rank, value in enumerate(sorted({row[-1] for row in rows}))}
    whole = [ranks[row[-1]] for row in rows]
    gaps = [distance([ranks[value] for value in group], whole, ordered=True) for group in groups(cells(clean))]
    assert max(gaps) <= t + 1e-9
    assert clean.report.after is not None
    assert clean.report.after.t == pytest.approx(max(gaps), abs=1e-9)


@given(tables, st.integers(2, 5))
def test_a_generalized_cell_still_tells_the_truth(rows: list[tuple[str, ...]], k: int) -> None:
    assume(len(rows) >= k)
    for raw, clean in zip(rows, cells(anonymized(rows, TableRules(k=k), CITIES)), strict=True):
        age, city, day = clean[:3]
        low, _, high = age.partition("..")
        assert age in ("*", raw[0]) or int(low) <= int(raw[0]) <= int(high)
        assert city in ("*", raw[1], *CITIES.groups.get(raw[1], ()))
        low, _, high = day.partition("..")
        assert day in ("*", raw[2]) or low[:10] <= raw[2][:10] <= high[:10]


def test_postal_codes_lose_their_last_digits() -> None:
    rows = [("1", code, "2024-01-01", "1") for code in ("90210", "90211", "10001", "10002")]
    assert [row[1] for row in cells(anonymized(rows, TableRules(k=2), Prefix()))] == [
        "9021*",
        "9021*",
        "1000*",
        "1000*",
    ]


def test_missing_cells_are_a_value_of_their_own_and_never_stand_out() -> None:
    rows = [(age, "Rome", "2024-01-01", "1") for age in ("", "", "30", "31", "32")]
    assert [row[0] for row in cells(anonymized(rows, TableRules(k=2)))] == ["", "", "30..32", "30..32", "30..32"]
    assert [row[0] for row in cells(anonymized(rows[1:], TableRules(k=2)))] == ["*", "30..31", "30..31", "*"]


def test_a_table_of_fewer_rows_than_k_fails_or_loses_what_would_tell_rows_apart() -> None:
    rows = [("1", "Rome", "2024-01-01", "7"), ("2", "Oslo", "2024-01-02", "7")]
    with pytest.raises(TableTooSmall) as caught:
        anonymized(rows, TableRules(k=3))
    assert caught.value.metadata == {"wanted": "k"}
    clean = anonymized(rows, TableRules(k=3, undersized=Undersized.SUPPRESS))
    assert cells(clean) == [["", "", "", "7"], ["", "", "", "7"]]
    assert clean.report.suppressed


def test_on_a_census_the_classes_are_small_and_the_loss_is_moderate() -> None:
    table = read_csv(adult_like.csv(5000), CsvHeader.PRESENT)
    plan = [ColumnPlan(name, _QUASI if name in adult_like.QUASI else Role.INSENSITIVE) for name in adult_like.COLUMNS]
    clean = anonymize_table(table, plan, TableRules(k=10), KEYS, {})
    loss = clean.report.utility_loss
    assert loss is not None
    assert clean.report.row_count == 5000
    assert clean.data.count(b"\n") == 5000
    assert 1 <= loss.average_class_size < 2
    assert loss.certainty_penalty < 0.5
