"""`labelmill anonymize evaluate` and `risk` against a real `labelmill up`; what marked texts may look like."""

import json
import stat
from pathlib import Path

import pytest
import typer

from labelmill.cli import marked_texts
from labelmill.cli.exits import Exit

from .conftest import Commands

PROJECT = "measured"
TEXT = "Mail ann.lee@gmail.com or call Ann Lee."


@pytest.fixture(scope="module", autouse=True)
def project(owner: Commands, tmp_path_factory: pytest.TempPathFactory) -> None:
    texts = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    texts.write_text("".join(json.dumps({"id": f"t{n}", "text": f"Mail ann{n}@gmail.com."}) + "\n" for n in range(5)))
    owner.ok("project", "create", PROJECT, "--single-choice", "sentiment=bad,good")
    owner.ok("ingest", str(texts), "-p", PROJECT)
    owner.ok("anonymize", "policy", "create", "mails", "-p", PROJECT, "--rule", "EMAIL_ADDRESS=replace")
    owner.ok("anonymize", "run", "mails", "-p", PROJECT)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "marked.jsonl"
    spans = [{"entity_type": "MAIL", "start": 5, "end": 22}, {"entity_type": "PERSON", "start": 31, "end": 38}]
    path.write_text("".join(json.dumps({"id": n, "text": TEXT, "spans": spans}) + "\n" for n in range(450)))
    return path


def test_a_policy_is_measured_and_a_page_is_written_for_the_owner_only(
    owner: Commands, sample: Path, tmp_path: Path
) -> None:
    page = tmp_path / "leaks.html"
    page.write_text("")
    arguments = (
        "anonymize",
        "evaluate",
        str(sample),
        "-p",
        PROJECT,
        "--policy",
        "mails",
        "--map",
        "MAIL=EMAIL_ADDRESS",
    )
    report = owner.ok(*arguments, "--html", str(page))
    overall = report["evaluation"]["overall"]
    assert (report["evaluation"]["document_count"], overall["gold_count"]) == (450, 900)
    assert overall["leaked_share"]["value"] == pytest.approx(7 / 24)
    assert '<mark class="leaked"' in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    shown = owner.run(*arguments).stdout
    assert "EMAIL_ADDRESS" in shown
    assert "29.2 %" in shown


def test_two_policies_are_compared_and_one_may_be_a_file(owner: Commands, sample: Path, tmp_path: Path) -> None:
    policy = tmp_path / "everything.json"
    policy.write_text('{"default_operator": {"redact": {}}}')
    report = owner.ok(
        *("anonymize", "evaluate", str(sample), "-p", PROJECT, "--policy", "mails", "--map", "MAIL=EMAIL_ADDRESS"),
        *("--against", str(policy)),
    )
    ready = owner.ok("anonymize", "evaluate", str(sample), "-p", PROJECT, "--policy", "readyPolicies/max")
    assert ready["evaluation"]["document_count"] == 450
    leaked = next(d for d in report["differences"] if d["figure"] == "leaked_share" and not d["entity_type"])
    assert leaked["difference"]["value"] <= 0
    assert report["against"]["overall"]["leaked_characters"] <= report["evaluation"]["overall"]["leaked_characters"]


def test_the_risk_of_a_project_is_bounded(owner: Commands) -> None:
    report = owner.ok("anonymize", "risk", "-p", PROJECT, "--recall", "9/10")
    assert (report["population_count"], report["sample_count"], report["suspected_count"]) == (5, 5, 0)
    assert report["upper_bound"] == 0  # every text was looked at
    assert report["missed_count"]["value"] == pytest.approx(5 / 9)
    shown = owner.run("anonymize", "risk", "-p", PROJECT, "--sample", "3")
    assert "3 of 5 looked at" in shown.stdout
    failed = owner.run("anonymize", "risk", "-p", PROJECT, "--sample", "1", "--fail-above", "0.01")
    assert failed.exit_code == Exit.FAILED
    assert owner.run("anonymize", "risk", "-p", PROJECT, "--recall", "all").exit_code == Exit.USAGE


def read(path: Path, rows: object) -> list[tuple[str, list[tuple[str, str]]]]:
    path.write_text(json.dumps(rows), encoding="utf-8")
    return [
        (one.text, [(g.entity_type, one.text[g.span.start : g.span.end]) for g in one.gold_spans])
        for one in marked_texts.read(path)
    ]


def test_rows_of_presidio_research_are_read(tmp_path: Path) -> None:
    span = {"entity_type": "PERSON", "entity_value": "Ann", "start_position": 0, "end_position": 3}
    rows = [{"full_text": "Ann came", "masked": "{{PERSON}} came", "spans": [span], "template_id": 1, "metadata": None}]
    assert read(tmp_path / "a.json", rows) == [("Ann came", [("PERSON", "Ann")])]


@pytest.mark.parametrize("units", ["code points", "UTF-16"])
def test_exports_of_label_studio_are_read_whatever_they_count(tmp_path: Path, units: str) -> None:
    text = "🙂 Ann came"
    start = text.index("Ann") + (units == "UTF-16")
    value = {"start": start, "end": start + 3, "text": "Ann", "labels": ["PERSON"]}
    result = {"value": value, "from_name": "label", "to_name": "text", "type": "labels"}
    task = {
        "id": 7,
        "data": {"text": text},
        "annotations": [{"was_cancelled": True, "result": []}, {"was_cancelled": False, "result": [result]}],
    }
    assert read(tmp_path / "a.json", [task]) == [(text, [("PERSON", "Ann")])]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"text": "Ann"}, "'spans'"),
        ({"text": "Ann", "spans": [{"start": 0, "end": 3}]}, "'entity_type'"),
        ({"id": 1, "data": {"a": "x", "b": "y"}, "annotations": []}, "exactly one string"),
        ({"id": 1, "data": {"text": "x"}, "annotations": []}, "no annotation"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path: Path, row: object, problem: str) -> None:
    with pytest.raises(typer.BadParameter) as caught:
        read(tmp_path / "a.json", [{"text": "fine", "spans": []}, row])
    assert "row 2" in str(caught.value)
    assert problem in str(caught.value)
