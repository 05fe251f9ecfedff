"""Erasures, holds, retention and usage by commands."""

from pathlib import Path

from tests.support.up import UpProcess

from .conftest import Commands

REASON = ("--reason", "letter of May, file 12")
PROJECT = ("-p", "gone")


def test_from_texts_to_a_certificate(owner: Commands, server: UpProcess, texts: Path) -> None:
    owner.ok("project", "create", "gone", "--single-choice", "sentiment=negative,positive")
    first, second = owner.ok("ingest", str(texts), *PROJECT, "--id-column", "id")["assets"]
    key = owner.ok("key", "create", "--role", "privacy-officer", *PROJECT)["api_key"]
    officer = Commands(owner.environment | {"LABELMILL_API_KEY": key})

    assert officer.ok("retention", "show", *PROJECT)["raw_days"] == 0
    assert officer.ok("retention", "set", *PROJECT, "--raw-days", "30")["raw_days"] == 30
    assert officer.ok("retention", "set", *PROJECT, "--clean-days", "9")["raw_days"] == 30
    quota = owner.ok("usage", "set-quota", *PROJECT, "--max-objects", "100")["quota"]
    assert int(quota["max_objects"]) == 100
    assert int(officer.ok("usage", "show", *PROJECT)["zones"][0]["object_count"]) == 2

    held = officer.ok("hold", "create", "court", *PROJECT, "--asset", second, *REASON)
    assert int(held["asset_count"]) == 1
    erasure = officer.ok("erase", *PROJECT, "--asset", first, "--asset", second, *REASON)
    assert erasure["erased_assets"] == [first]
    assert [(item["item"], item["reason"]) for item in erasure["kept_assets"]] == [(second, "LEGAL_HOLD")]
    name = erasure["name"]
    assert officer.ok("erasure", "show", name, *PROJECT) == erasure
    assert officer.ok("erasure", "verify", name.rpartition("/")[2], *PROJECT)["intact"]
    other_key = texts.with_name("other.pub")
    other_key.write_text("0" * 64)
    assert officer.run("erasure", "verify", name, *PROJECT, "--public-key", str(other_key)).exit_code == 7
    assert [one["name"] for one in officer.ok("erasure", "list", *PROJECT)["erasures"]] == [name]
    assert owner.run("ingest", str(texts), *PROJECT).exit_code == 1
    assert int(officer.ok("erasure", "allow", *PROJECT, "--asset", first, *REASON)["allowed_count"]) == 1
    assert "release_time" in officer.ok("hold", "release", "court", *PROJECT, *REASON)
    assert len(officer.ok("hold", "list", *PROJECT)["legal_holds"]) == 1
    for command in (("erasure", "list"), ("hold", "list"), ("retention", "show"), ("usage", "show")):
        assert officer.run(*command, *PROJECT).exit_code == 0
    assert officer.run("erasure", "show", name, *PROJECT).exit_code == 0
