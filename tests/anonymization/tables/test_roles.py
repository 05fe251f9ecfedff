"""Roles of columns: what names say, what recognizers find, and what is done when nobody can tell."""

from dataclasses import replace

import pytest

from labelmill_anonymization.findings import Finding
from labelmill_anonymization.operators import Mask, Pseudonym, Replace
from labelmill_anonymization.policy import Policy, Rule
from labelmill_anonymization.tables.cells import Column, Kind, coded, kind_of
from labelmill_anonymization.tables.column_names import is_schema, meaning
from labelmill_anonymization.tables.errors import ColumnNotScalar, ColumnUnreadable, ColumnWithoutRule
from labelmill_anonymization.tables.json_file import read_json
from labelmill_anonymization.tables.plan import ColumnPlan, names_to_check, plan_column, rule_of
from labelmill_anonymization.tables.profile import Evidence, Proposal, Summary, propose, summarize
from labelmill_anonymization.tables.rules import ColumnRule, Role, TableRules, Undersized, Unlisted

DIRECT, QUASI, SENSITIVE, PLAIN, TEXT = Role


def column(name: str, cells: list[object], **options: bool) -> Column:
    values, codes = coded(cells)  # type: ignore[arg-type]
    return Column(name, values, codes, **options)


@pytest.mark.parametrize(
    ("name", "role", "entity_type"),
    [
        ("patient.firstName", DIRECT, "PERSON"),
        ("Customer E-Mail", DIRECT, "EMAIL_ADDRESS"),
        ("ip_address", DIRECT, "IP_ADDRESS"),
        ("home_address", DIRECT, "STREET_ADDRESS"),
        ("homeZIPCode", QUASI, "POSTAL_CODE"),
        ("visits[].date_of_birth", QUASI, "DATE_TIME"),
        ("age", QUASI, "AGE"),
        ("annual_salary", SENSITIVE, ""),
        ("ICD10", SENSITIVE, ""),
    ],
)
def test_names_of_columns_say_what_they_hold(name: str, role: Role, entity_type: str) -> None:
    assert meaning(name) == (role, entity_type)


@pytest.mark.parametrize("name", ["text", "image", "dosage", "package", "score", "c1", ""])
def test_parts_of_words_say_nothing(name: str) -> None:
    assert meaning(name) is None


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", " 2.5", "-3e4", ""], Kind.NUMBER),
        (["1_000"], Kind.TEXT),
        (["nan", "inf"], Kind.TEXT),
        ([1, 2.5, None], Kind.NUMBER),
        ([True, None], Kind.BOOLEAN),
        (["2024-01-01", "2024-02-29T10:00:00"], Kind.DATE),
        (["2024-01-01", "2024-02-30"], Kind.TEXT),
        (["20240101"], Kind.NUMBER),
        (["", "  ", None], Kind.EMPTY),
        ([], Kind.EMPTY),
    ],
)
def test_kinds_of_cells(cells: list[object], kind: Kind) -> None:
    assert kind_of(column("c", cells)) is kind


def proposed(cells: list[object], name: str = "c", entity_type: str = "", part: float = 1.0) -> Proposal:
    """What is proposed where a recognizer finds this type in that part of every cell."""
    summary = summarize(column(name, cells))
    found = {
        t: [Finding(entity_type, 0, round(len(t) * part), 0.9, "r")] if entity_type else [] for t in summary.sample
    }
    return propose(summary, None, found)


def told(proposal: Proposal) -> tuple[Role, str]:
    return proposal.role, proposal.entity_type


def test_what_most_cells_are_as_a_whole_is_their_role() -> None:
    assert told(proposed(["a@b", "c@d"], entity_type="EMAIL_ADDRESS")) == (DIRECT, "EMAIL_ADDRESS")
    assert told(proposed(["Rome", "Oslo"], entity_type="LOCATION")) == (QUASI, "LOCATION")
    assert told(proposed(["I met Ann", "Bob left"], entity_type="PERSON", part=0.3)) == (TEXT, "")


def test_a_name_does_not_hide_what_the_cells_are() -> None:
    assert told(proposed(["12 Elm St", "3 Oak Rd"], "location", "STREET_ADDRESS")) == (DIRECT, "STREET_ADDRESS")
    assert told(proposed(["Rome", "Oslo"], "location", "LOCATION")) == (QUASI, "LOCATION")


def test_sensitive_text_is_looked_at_unless_a_rule_vouches_for_it() -> None:
    summary = summarize(column("diagnosis", ["flu, says Ann"]))
    found = propose(summary, None, {})
    assert plan_column(1, summary, found, Policy()).has_texts
    vouched = Policy(table_rules=TableRules(columns=(ColumnRule("diagnosis", SENSITIVE),)))
    assert not plan_column(1, summary, found, vouched).has_texts


def test_keys_are_told_by_their_name_and_by_being_different() -> None:
    keys: list[object] = list(range(30))
    assert proposed(keys, "id").evidence == (Evidence.NAME, Evidence.UNIQUE)
    assert proposed(keys, "id").role is DIRECT
    assert proposed([*keys, 1], "id").role is PLAIN
    assert proposed(keys[:5], "id").role is PLAIN  # too few rows to tell


def test_different_codes_are_keys_whatever_they_look_like() -> None:
    codes: list[object] = [f"R-{number:05}" for number in range(30)]
    assert told(proposed(codes, entity_type="POSTAL_CODE")) == (DIRECT, "ACCOUNT_NUMBER")
    assert told(proposed([f"{code} sent" for code in codes])) == (TEXT, "")
    assert told(proposed([10**9 + number for number in range(30)])) == (DIRECT, "ACCOUNT_NUMBER")


def test_whatever_nobody_can_tell_is_looked_at_as_text() -> None:
    assert proposed(["red", "green"]).role is TEXT
    assert proposed([2125550123, 2125550124]).role is TEXT
    assert proposed([1, 2, None]).role is PLAIN
    assert proposed([True, False]).role is PLAIN


def test_a_rule_goes_before_all_of_it_and_the_first_one_wins() -> None:
    rules = TableRules(columns=(ColumnRule("a?e", PLAIN), ColumnRule("*", SENSITIVE)))
    assert [(rules.rule_for(name) or rules.columns[0]).role for name in ("age", "axe", "wage")] == [
        PLAIN,
        PLAIN,
        SENSITIVE,
    ]
    assert propose(summarize(column("age", [1])), rules.rule_for("age"), {}) == Proposal(PLAIN, "", (Evidence.RULE,))


def test_brackets_in_a_rule_are_those_of_json() -> None:
    assert ColumnRule("visits[].date", QUASI).fits("visits[].date")
    assert not ColumnRule("visits[].date", QUASI).fits("visits.date")
    assert ColumnRule("visits[]*", QUASI).fits("visits[].a.b")


def test_columns_without_a_rule_may_be_refused_or_taken_for_text() -> None:
    with pytest.raises(ColumnWithoutRule) as caught:
        rule_of("x", TableRules(unlisted=Unlisted.REFUSE), 3)
    assert caught.value.metadata == {"column": "3"}
    rule = rule_of("x", TableRules(unlisted=Unlisted.FREE_TEXT), 3)
    assert rule is not None
    assert rule.role is TEXT
    assert rule_of("x", TableRules(), 3) is None


def planned(summary: Summary, role: Role, rules: TableRules | None = None, *, entity_type: str = "") -> ColumnPlan:
    policy = Policy(rules=(Rule("PERSON", Mask()),), table_rules=rules or TableRules())
    return plan_column(1, summary, Proposal(role, entity_type, (Evidence.RULE,)), policy)


def test_identifiers_get_the_policys_operator_or_are_replaced() -> None:
    summary = summarize(column("c", ["x"]))
    assert planned(summary, DIRECT, entity_type="PERSON").operator == Mask()
    assert planned(summary, DIRECT, entity_type="URL").operator == Replace()
    own = TableRules(columns=(ColumnRule("c", DIRECT, operator=Pseudonym("")),))
    assert planned(summary, DIRECT, own, entity_type="PERSON").operator == Pseudonym("en_US")


def test_what_cannot_be_looked_into_needs_a_rule_that_says_what_it_is() -> None:
    summary = summarize(Column("c", [], coded([0])[1], is_opaque=True))
    with pytest.raises(ColumnUnreadable):
        planned(summary, propose(summary, None, {}).role)
    assert not planned(summary, PLAIN).is_emptied
    assert planned(summary, DIRECT).is_emptied


def test_a_quasi_identifier_in_a_list_belongs_to_no_row() -> None:
    summary = summarize(column("visits[].age", [30], is_scalar=False))
    with pytest.raises(ColumnNotScalar):
        planned(summary, QUASI)
    assert planned(summary, QUASI, TableRules(undersized=Undersized.SUPPRESS)).is_emptied


def test_in_a_document_of_one_record_the_rules_for_entity_types_decide() -> None:
    summary = summarize(column("age", [34]))
    found = propose(summary, None, {})
    policy = Policy(rules=(Rule("AGE", Mask()),))
    assert plan_column(1, summary, found, policy).role is QUASI
    assert plan_column(1, summary, found, policy, is_document=True) == ColumnPlan("age", DIRECT, "AGE", Mask())
    assert plan_column(1, summary, found, Policy(), is_document=True).has_texts
    asked = replace(found, evidence=(Evidence.RULE,))
    assert plan_column(1, summary, asked, policy, is_document=True).role is QUASI
    sex = summarize(column("sex", ["f"]))
    assert plan_column(1, sex, propose(sex, None, {}), policy, is_document=True).role is QUASI  # it has no entity type


def test_names_that_nobody_vouches_for_are_looked_at() -> None:
    rules = TableRules(columns=(ColumnRule("vouched", PLAIN), ColumnRule("any*", PLAIN)))
    names = ["vouched", "anybody", "last_name", "Jane_Roe"]
    summaries = [summarize(column(name, ["x"])) for name in names]
    assert names_to_check(summaries, rules) == [(1, "anybody"), (3, "Jane Roe")]


@pytest.mark.parametrize(
    ("name", "common"),
    [
        ("order_date_2", True),
        ("salePrice", True),
        ("last_name", True),
        ("John Smith email", False),
        ("212-555-0123", False),
        ("name@test", False),
        ("Jane", False),
    ],
)
def test_only_common_words_vouch_for_a_name(name: str, common: bool) -> None:
    assert is_schema(name) is common


def test_each_key_of_a_path_is_a_name() -> None:
    table = read_json(b'{"data": {"jane": [{"age": 3, "note text 2": 4}], "bob": {}}}')
    checked = names_to_check([summarize(one) for one in table.columns], TableRules())
    assert checked == [(0, "jane"), (1, "jane"), (2, "bob")]


def test_a_summary_is_printed_without_its_sample() -> None:
    assert "Jane" not in repr(summarize(column("c", ["Jane"])))
