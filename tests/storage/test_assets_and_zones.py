"""Asset ids, and who sees what."""

import hashlib
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_runtime.errors import InvalidArgument
from labelmill_runtime.principal import Role
from labelmill_storage.adapters.secrets import key_seed
from labelmill_storage.assets import Asset, AssetIds, AssetNotFound, Content, Zone, parse_assets
from labelmill_storage.gate.zones import NotClean, RawForbidden, readable, view

SEED = bytes(range(32))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RAW = Content("a" * 64, 10, "text/plain", 10)
CLEAN = Content("b" * 64, 8, "text/plain", 8)
SECRETS = {"external_id": "jane-doe.txt", "labels": {"ward": "7"}, "receipt": "projects/news/receipts/r"}
IN_RAW = Asset("news", "1" * 32, RAW, NOW, NOW, external_id="jane-doe.txt")
IN_CLEAN = Asset("news", "2" * 32, RAW, NOW, NOW, clean=CLEAN, **SECRETS)
HIGHER = [role for role in Role if role is not Role.ANNOTATOR]


@given(project=st.from_regex(r"[a-z][a-z0-9-]{1,20}[a-z0-9]", fullmatch=True), content=st.binary(max_size=50))
def test_ids_are_stable_hex_and_differ_by_project_and_seed(project: str, content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    asset_id = AssetIds(SEED).of(project, sha256)
    assert asset_id == AssetIds(SEED).of(project, sha256)
    assert len(asset_id) == 32
    assert set(asset_id) <= set("0123456789abcdef")
    assert asset_id != AssetIds(SEED).of(project + "x", sha256)
    assert asset_id != AssetIds(SEED[::-1]).of(project, sha256)
    assert asset_id not in sha256


def test_ids_do_not_change_between_releases() -> None:
    # Were this to change, every asset in every installation would be ingested a second time.
    assert AssetIds(SEED).of("news", "a" * 64) == "9ed740f45839f409f9aeaed5a5ac77b4"


def test_short_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        AssetIds(b"short")


def test_seed_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "project-key-seed"
    seed = key_seed.read_or_make(path)
    assert len(seed) == 32
    assert key_seed.read_or_make(path) == seed
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("text", ["", "zz" * 32, "ab" * 31])
def test_damaged_seed_stops_the_start_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="seed") as caught:
        key_seed.parse(text)
    assert not text or text not in str(caught.value)


def test_names_of_a_batch_must_belong_to_its_project() -> None:
    good = f"projects/news/assets/{'1' * 32}"
    assert parse_assets("news", [good]) == ["1" * 32]
    with pytest.raises(InvalidArgument) as caught:
        parse_assets("news", [good, f"projects/other/assets/{'1' * 32}"])
    assert caught.value.reason == "FOREIGN_PROJECT"
    assert "names[1]" in caught.value.fields


@pytest.mark.parametrize("role", HIGHER)
def test_higher_roles_see_everything_about_an_asset(role: Role) -> None:
    assert view(IN_RAW, IN_RAW.name, {role}).asset == IN_RAW
    seen = view(IN_CLEAN, IN_CLEAN.name, {role, Role.ANNOTATOR})
    assert seen.asset == IN_CLEAN
    assert not seen.hides_origin


@pytest.mark.parametrize("roles", [{Role.ANNOTATOR}, set()])
def test_annotators_see_clean_assets_alone_and_nothing_of_their_origin(roles: set[Role]) -> None:
    with pytest.raises(AssetNotFound):
        view(IN_RAW, IN_RAW.name, roles)
    seen = view(IN_CLEAN, IN_CLEAN.name, roles)
    assert seen.hides_origin
    assert (seen.asset.external_id, seen.asset.labels, seen.asset.receipt) == ("", {}, "")


@pytest.mark.parametrize("role", list(Role))
def test_raw_is_for_privacy_officers_and_services(role: Role) -> None:
    if role in {Role.PRIVACY_OFFICER, Role.SERVICE}:
        assert readable(IN_CLEAN, IN_CLEAN.name, Zone.RAW, {role}) == RAW
    else:
        for asset in (IN_RAW, IN_CLEAN, None):
            with pytest.raises(RawForbidden):
                readable(asset, "projects/news/assets/x", Zone.RAW, {role})


@pytest.mark.parametrize("role", list(Role))
def test_clean_content_is_for_everyone_once_it_exists(role: Role) -> None:
    assert readable(IN_CLEAN, IN_CLEAN.name, Zone.CLEAN, {role}) == CLEAN
    with pytest.raises(AssetNotFound if role is Role.ANNOTATOR else NotClean):
        readable(IN_RAW, IN_RAW.name, Zone.CLEAN, {role})
