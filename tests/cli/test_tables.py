"""Tables and released statistics on the command line."""

import json
from pathlib import Path

import pytest

from labelmill.cli.exits import Exit

from .conftest import Commands

PEOPLE = "who,age,note,diagnosis\n" + "".join(
    f"Person {n},{20 + n % 10},seen on the ward,{('flu', 'cold')[n % 2]}\n" for n in range(30)
)


@pytest.fixture(scope="module", autouse=True)
def project(owner: Commands) -> None:
    owner.ok("project", "create", "tables", "--single-choice", "sentiment=bad,good")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return path


def test_a_proposal_becomes_a_policy_that_anonymizes(owner: Commands, people: Path, tmp_path: Path) -> None:
    profile = owner.ok("table", "profile", str(people), "-p", "tables")
    assert [column["role"] for column in profile["columns"]][1:] == [
        "COLUMN_ROLE_QUASI_IDENTIFIER",
        "COLUMN_ROLE_FREE_TEXT",
        "COLUMN_ROLE_SENSITIVE",
    ]
    proposed = owner.run("table", "profile", str(people), "-p", "tables", "--rules")
    assert proposed.exit_code == 0
    assert "role: quasi_identifier" in proposed.stdout
    policy = tmp_path / "policy.yaml"
    corrected = "tables:\n  k: 4\n  columns:\n  - {column: who, role: direct_identifier, entity_type: PERSON}\n"
    policy.write_text("default: replace\n" + corrected)
    clean = tmp_path / "clean.csv"
    told = owner.ok("table", "anonymize", str(people), "-p", "tables", "--policy", str(policy), "-o", str(clean))
    assert told["report"]["before"]["k"] == 3
    assert told["report"]["after"]["k"] >= 4
    lines = clean.read_text().splitlines()
    assert lines[0] == "who,age,note,diagnosis"
    assert all(line.startswith("<PERSON>,") for line in lines[1:])
    shown = owner.run("table", "anonymize", str(people), "-p", "tables", "--policy", str(policy), "-o", str(clean))
    assert "generalize" in shown.stdout


def test_files_that_are_no_tables_are_refused(owner: Commands, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("x")
    assert owner.run("table", "profile", str(path), "-p", "tables").exit_code == Exit.USAGE


def test_releases_are_paid_from_the_budget(owner: Commands, people: Path) -> None:
    refused = owner.run("release", "make", "count", "-p", "tables", "--epsilon", "0.5", "--json")
    assert refused.exit_code == Exit.PRECONDITION
    assert json.loads(refused.stdout)["error"]["reason"] == "BUDGET_SPENT"
    assert owner.ok("privacy-budget", "set", "-p", "tables", "--epsilon", "60")["epsilon_total"] == 60
    mean = ("release", "make", "mean", "--epsilon", "50", "--file", str(people), "--column", "age", "--upper", "100")
    (value,) = owner.ok(*mean, "-p", "tables")["values"]
    assert value["value"] == pytest.approx(24.5, abs=2)
    shown = owner.run(
        *("release", "make", "histogram", "-p", "tables", "--epsilon", "5", "--file", str(people)),
        *("--column", "diagnosis", "--category", "flu", "--category", "cold"),
    )
    assert shown.exit_code == 0, shown.output
    assert "flu" in shown.stdout
    assert owner.ok("privacy-budget", "show", "-p", "tables")["epsilon_spent"] == pytest.approx(55)
    listed = owner.ok("release", "list", "-p", "tables")["releases"]
    assert [release["epsilon"] for release in listed] == [50, 5]
