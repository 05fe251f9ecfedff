"""`labelmill audit` against a real `labelmill up`: who may, what is printed, what a broken log does to a script."""

import json
import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from labelmill.cli.exits import Exit
from labelmill.receipts import public_key_text
from tests.support.up import UpProcess

from .conftest import Commands

PROJECT = "audited"


@pytest.fixture(scope="module", autouse=True)
def project(owner: Commands, tmp_path_factory: pytest.TempPathFactory) -> None:
    texts = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    texts.write_text("".join(json.dumps({"id": f"t{n}", "text": f"Ann Lee wrote {n}."}) + "\n" for n in range(3)))
    owner.ok("project", "create", PROJECT, "--single-choice", "sentiment=bad,good")
    owner.ok("ingest", str(texts), "-p", PROJECT)
    owner.ok("anonymize", "policy", "create", "names", "-p", PROJECT, "--rule", "PERSON=replace")
    owner.ok("anonymize", "run", "names", "-p", PROJECT)


@pytest.fixture
def public_key(server: UpProcess) -> str:
    return str(server.data_dir / "secrets" / "audit-signing-key.pub")


def test_a_log_is_verified_against_a_key_and_a_head_that_were_kept(
    owner: Commands, public_key: str, tmp_path: Path
) -> None:
    kept = tmp_path / "head.json"
    assert owner.run("audit", "head", "-p", PROJECT, "-o", str(kept)).exit_code == Exit.OK
    report = owner.ok("audit", "verify", "-p", PROJECT, "--public-key", public_key, "--head", str(kept))
    assert (report["intact"], report["entry_count"], report["clean_asset_count"]) == (True, 3, 3)
    assert report["key_expected"]
    for_people = owner.run("audit", "verify", "-p", PROJECT)
    assert (for_people.exit_code, "not compared" in for_people.stdout) == (Exit.OK, True)
    assert owner.ok("audit", "head", "-p", PROJECT)["sequence"] == 3


def test_entries_are_listed(owner: Commands) -> None:
    entries = owner.ok("audit", "list", "-p", PROJECT, "--limit", "2")["audit_entries"]
    assert [(entry["sequence"], entry["action"]) for entry in entries] == [(3, "asset.admitted"), (2, "asset.admitted")]
    assert "asset.admitted" in owner.run("audit", "list", "-p", PROJECT, "--filter", "sequence = 1").stdout
    assert owner.run("audit", "list", "-p", PROJECT, "--filter", "absent = 1").exit_code == Exit.USAGE


def test_another_key_and_another_head_are_not_believed(owner: Commands, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pub"
    stranger.write_text(public_key_text(Ed25519PrivateKey.generate().public_key().public_bytes_raw()))
    result = owner.run("audit", "verify", "-p", PROJECT, "--public-key", str(stranger))
    assert (result.exit_code, "SIGNATURE_WRONG" in result.stdout) == (Exit.BROKEN, True)
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("x")
    assert owner.run("audit", "verify", "-p", PROJECT, "--public-key", str(nonsense)).exit_code == Exit.USAGE
    assert owner.run("audit", "verify", "-p", PROJECT, "--head", str(nonsense)).exit_code == Exit.USAGE
    assert owner.run("audit", "verify", "-p", PROJECT, "--head", str(tmp_path / "absent")).exit_code == Exit.FAILED


def test_a_broken_log_is_named_and_has_an_exit_code_of_its_own(owner: Commands, server: UpProcess) -> None:
    database = sqlite3.connect(server.data_dir / "storage.db", timeout=10)
    change = "UPDATE audit_entries SET actor = ? WHERE project = ? AND sequence = 2"
    (actor,) = database.execute(
        "SELECT actor FROM audit_entries WHERE project = ? AND sequence = 2", (PROJECT,)
    ).fetchone()
    try:
        with database:
            database.execute(change, ("eve", PROJECT))
        broken = owner.run("audit", "verify", "-p", PROJECT, "--json")
        assert broken.exit_code == Exit.BROKEN
        report = json.loads(broken.stdout)
        assert (report["intact"], report["first_broken_sequence"]) == (False, 2)
        assert [finding["problem"] for finding in report["findings"]] == ["ENTRY_ALTERED"]
        assert "ENTRY_ALTERED" in owner.run("audit", "verify", "-p", PROJECT).stdout
    finally:
        with database:
            database.execute(change, (actor, PROJECT))
        database.close()
    assert owner.run("audit", "verify", "-p", PROJECT).exit_code == Exit.OK


def test_annotators_see_nothing_of_it(owner: Commands) -> None:
    key = owner.ok("key", "create", "--role", "annotator", "-p", PROJECT)["api_key"]
    annotator = Commands(owner.environment | {"LABELMILL_API_KEY": key})
    for command in ("verify", "head", "list"):
        assert annotator.run("audit", command, "-p", PROJECT).exit_code == Exit.DENIED
    assert owner.run("audit", "verify", "-p", "absent").exit_code == Exit.NOT_FOUND


def test_a_privacy_officer_makes_an_exception(owner: Commands, tmp_path: Path) -> None:
    texts = tmp_path / "notices.jsonl"
    texts.write_text(json.dumps({"id": "n1", "text": "Ann Lee is the mayor."}) + "\n")
    (name,) = owner.ok("ingest", str(texts), "-p", PROJECT)["assets"]
    reason = ("--reason", "Published by the town itself.")
    done = owner.ok("audit", "except", name, "-p", PROJECT, *reason)
    assert (done["admitted_count"], done["failures"]) == (1, [])
    (entry,) = owner.ok("audit", "list", "-p", PROJECT, "--limit", "1")["audit_entries"]
    assert (entry["resource"], entry["details"]["exception"]) == (name, done["exceptions"][0])
    again = owner.run("audit", "except", name, "-p", PROJECT, *reason, "--json")
    assert again.exit_code == Exit.FAILED
    assert json.loads(again.stdout)["failures"][0]["reason"] == "ALREADY_CLEAN"
    assert owner.run("audit", "except", name, "-p", PROJECT, "--reason", "short").exit_code == Exit.USAGE
    assert owner.ok("audit", "verify", "-p", PROJECT)["clean_asset_count"] == 4
