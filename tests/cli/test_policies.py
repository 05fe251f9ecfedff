"""`labelmill policy` and `labelmill anonymize keys` and `reidentify` against a real `labelmill up`."""

import json
from pathlib import Path

import pytest

from labelmill.cli.exits import Exit
from tests.support.up import ROOT

from .conftest import Commands

PROJECT = ("-p", "policies")
REASON = ("--reason", "The patient asked what is kept.")
POLICY = r"""
default: replace
rules:
  EMAIL_ADDRESS: encrypt
  EMPLOYEE_ID: {mask: {character_count: 4}}
recognizers:
  - {name: employee-id, type: EMPLOYEE_ID, regex: 'E-\d{6}', score: 0.9}
allow: {values: [help@example.com]}
"""
TEXT = "Mail ann.lee@gmail.com about E-123456, not help@example.com."


@pytest.fixture(scope="module", autouse=True)
def project(owner: Commands) -> None:
    owner.ok("project", "create", PROJECT[1], "--single-choice", "sentiment=bad,good")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def examples(tmp_path: Path, *given: object) -> str:
    path = tmp_path / "examples.yaml"
    path.write_text(json.dumps(list(given)))
    return str(path)


def test_a_policy_is_made_from_a_file_and_gets_versions(owner: Commands, policy: Path) -> None:
    created = owner.ok("policy", "create", "site", *PROJECT, "-f", str(policy))
    assert created["version"] == 1
    assert created["recognizers"][0]["entity_type"] == "EMPLOYEE_ID"
    policy.write_text(POLICY + "threshold: 0.4\n")
    assert owner.ok("policy", "update", "site", *PROJECT, "-f", str(policy))["version"] == 2
    listed = owner.run("anonymize", "policy", "list", *PROJECT).stdout
    assert "EMAIL_ADDRESS=encrypt" in listed
    policy.write_text("rules: {PERSON: vanish}")
    refused = owner.run("policy", "update", "site", *PROJECT, "-f", str(policy))
    assert refused.exit_code == Exit.USAGE
    assert "no operator" in refused.output


def test_the_ready_ones_can_be_listed_tried_and_copied(owner: Commands) -> None:
    ready = [one["name"] for one in owner.ok("policy", "list", "--ready")["policies"]]
    assert ready == [
        f"readyPolicies/{one}" for one in ("gdpr-pseudonymize", "hipaa-safe-harbor", "max", "names-only", "pci")
    ]
    tried = owner.ok("policy", "test", *PROJECT, "--ready", "max", "--text", TEXT)
    assert "ann.lee" not in tried["text"]
    assert owner.ok("policy", "create", "all", *PROJECT, "--ready", "max")["version"] == 1
    assert owner.run("policy", "create", "all", *PROJECT, "--ready", "min").exit_code == Exit.USAGE


def test_examples_that_are_met_pass_and_others_fail(owner: Commands, policy: Path, tmp_path: Path) -> None:
    good = {
        "text": TEXT,
        "found": {"EMPLOYEE_ID": ["E-123456"], "EMAIL_ADDRESS": ["ann.lee@gmail.com"]},
        "only": True,
        "gone": ["ann.lee"],
        "kept": ["help@example.com", "****3456"],
    }
    command = ("policy", "test", *PROJECT, "--file", str(policy), "--examples")
    passed = owner.run(*command, examples(tmp_path, good))
    assert (passed.exit_code, passed.stdout[:2]) == (Exit.OK, "ok"), passed.output
    bad = {"text": TEXT, "found": {"PHONE_NUMBER": ["E-123456"]}, "output": "x", "kept": ["ann.lee"], "gone": ["help"]}
    failed = owner.run(*command, examples(tmp_path, good, bad))
    assert failed.exit_code == Exit.FAILED
    for problem in ("not found: PHONE_NUMBER", "expected: 'x'", "no longer there: 'ann.lee'", "still there: 'help'"):
        assert problem in failed.stdout
    report = json.loads(owner.run(*command, examples(tmp_path, good, bad), "--json").stdout)
    assert (report["failed_count"], [len(one["problems"]) for one in report["examples"]]) == (1, [0, 4])


def test_the_policy_of_the_examples_does_what_its_examples_say(owner: Commands) -> None:
    folder = ROOT / "examples" / "policies"
    given = (
        "--file",
        str(folder / "support-tickets.yaml"),
        "--examples",
        str(folder / "support-tickets-examples.yaml"),
    )
    result = owner.run("policy", "test", *PROJECT, *given)
    assert result.exit_code == Exit.OK, result.output


@pytest.mark.parametrize("given", [{"found": {}}, {"text": "x"}, {"text": "x", "fond": {}}, {"text": "x", "gone": {}}])
def test_a_file_that_holds_no_examples_is_refused(
    owner: Commands, policy: Path, tmp_path: Path, given: dict[str, object]
) -> None:
    result = owner.run("policy", "test", *PROJECT, "--file", str(policy), "--examples", examples(tmp_path, given))
    assert result.exit_code == Exit.USAGE


def test_one_policy_is_named_not_two(owner: Commands, policy: Path) -> None:
    assert owner.run("policy", "test", *PROJECT, "--text", "x").exit_code == Exit.USAGE
    assert owner.run("policy", "test", "a", *PROJECT, "--ready", "max", "--text", "x").exit_code == Exit.USAGE


def test_tokens_are_read_again_until_their_key_is_destroyed(owner: Commands, policy: Path) -> None:
    clean = owner.ok("policy", "test", *PROJECT, "--file", str(policy), "--text", TEXT)
    [key] = clean["key_ids"]
    back = owner.run("anonymize", "reidentify", *PROJECT, *REASON, stdin=clean["text"])
    assert back.exit_code == Exit.OK, back.output
    assert "ann.lee@gmail.com" in back.stdout
    owner.ok("anonymize", "keys", "rotate", *PROJECT)
    assert owner.run("anonymize", "keys", "destroy", key, *PROJECT, *REASON, "--confirm", "no").exit_code == Exit.USAGE
    owner.ok("anonymize", "keys", "destroy", key, *PROJECT, *REASON, "--confirm", key)
    states = {
        one["name"].rpartition("/")[2]: one["state"] for one in owner.ok("anonymize", "keys", "list", *PROJECT)["keys"]
    }
    assert states[key] == "STATE_DESTROYED"
    gone = owner.run("anonymize", "reidentify", *PROJECT, *REASON, "--text", clean["text"])
    assert gone.exit_code == Exit.FAILED
    assert "key destroyed" in gone.stderr
    records = owner.ok("anonymize", "reidentifications", *PROJECT)["reidentifications"]
    assert [(one["value_count"], one["revealed_count"]) for one in records] == [(1, 1), (1, 0)]


def test_a_subject_is_forgotten(owner: Commands, policy: Path) -> None:
    policy.write_text("rules: {EMAIL_ADDRESS: {encrypt: {scope: subject}}}")
    command = ("policy", "test", *PROJECT, "--file", str(policy), "--text", TEXT, "--subject")
    jane, bob = (owner.ok(*command, subject)["text"] for subject in ("jane", "bob"))
    assert owner.ok("anonymize", "keys", "forget", "jane", *PROJECT, *REASON)["destroyed_count"] == 1
    assert owner.run("anonymize", "reidentify", *PROJECT, *REASON, "--text", jane).exit_code == Exit.FAILED
    assert owner.run("anonymize", "reidentify", *PROJECT, *REASON, "--text", bob).exit_code == Exit.OK


def test_a_new_root_key_wraps_all_keys_again(owner: Commands, policy: Path) -> None:
    clean = owner.ok("policy", "test", *PROJECT, "--file", str(policy), "--text", TEXT)
    rotated = owner.ok("anonymize", "keys", "rotate-root")
    assert rotated["root_key_id"] == "2"
    assert rotated["rewrapped_count"] >= 1
    assert owner.ok("anonymize", "keys", "rotate-root", "--rewrap-only") == {"root_key_id": "2", "rewrapped_count": 0}
    roots = {one["root_key_id"] for one in owner.ok("anonymize", "keys", "list", *PROJECT)["keys"]}
    assert roots == {"", "2"}
    assert owner.run("anonymize", "reidentify", *PROJECT, *REASON, "--text", clean["text"]).exit_code == Exit.OK


def test_assets_of_one_patient_share_a_key_until_both_are_erased(owner: Commands, tmp_path: Path) -> None:
    project = ("-p", "patients")
    owner.ok("project", "create", project[1], "--single-choice", "sentiment=bad,good")
    rows = [{"id": f"t{n}", "text": f"Visit {n}: mail ann.lee@gmail.com.", "patient": "p-17"} for n in range(2)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = ("--id-column", "id", "--label-column", "patient")
    assets = owner.ok("ingest", str(tmp_path / "texts.jsonl"), *project, *columns)["assets"]
    owner.ok("policy", "create", "gdpr", *project, "--ready", "gdpr-pseudonymize")
    run = owner.ok("anonymize", "run", "gdpr", *project, "--subject-label", "patient")
    assert run["admitted_count"] == 2

    def states() -> list[str]:
        return [one["state"] for one in owner.ok("anonymize", "keys", "list", *project)["keys"] if one["of_subject"]]

    assert states() == ["STATE_PRIMARY"]
    for asset, state in zip(assets, ("STATE_PRIMARY", "STATE_DESTROYED"), strict=True):
        owner.ok("erase", *project, "--asset", asset, *REASON)
        assert states() == [state]
