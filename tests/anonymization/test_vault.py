"""Root keys in Vault, against a server that speaks its documented API."""

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from labelmill_anonymization.adapters.secret_files import InsecureSecret
from labelmill_anonymization.adapters.vault import Vault, VaultAccess, VaultTransit, read_vault_secret
from labelmill_anonymization.assembly.keys import root_keys
from labelmill_anonymization.keyring.errors import KeyDestroyed, KeyringUnavailable
from labelmill_anonymization.keyring.root_keys import BadKeyring, Keyring
from labelmill_anonymization.settings import AnonymizationSettings
from tests.anonymization.vault_server import TOKEN, VaultState, vault_server

SECRET = b"s" * 32


@pytest.fixture
def server() -> Iterator[VaultState]:
    with vault_server() as state:
        yield state


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
async def transit(server: VaultState, token_file: Path) -> AsyncIterator[VaultTransit]:
    roots = VaultTransit(Vault(VaultAccess(server.address, token_file, namespace="team")), "transit", "labelmill")
    yield roots
    await roots.close()


async def test_vault_wraps_and_unwraps_and_gives_no_key_away(transit: VaultTransit, server: VaultState) -> None:
    wrapped = await transit.wrap(SECRET, "context")
    assert wrapped.root_key_id == "v1"
    assert SECRET not in wrapped.content
    assert await transit.unwrap(wrapped, "context") == SECRET
    assert await transit.seed() is None
    headers = {name.lower(): value for name, value in server.requests[0][2].items()}
    assert (headers["x-vault-token"], headers["x-vault-namespace"]) == (TOKEN, "team")


async def test_a_rotated_key_still_reads(transit: VaultTransit) -> None:
    old = await transit.wrap(SECRET, "context")
    assert await transit.rotate() == "v2"
    assert (await transit.wrap(SECRET, "context")).root_key_id == "v2"
    assert await transit.unwrap(old, "context") == SECRET


async def test_another_context_or_a_version_that_is_gone_does_not_open(
    transit: VaultTransit, server: VaultState
) -> None:
    wrapped = await transit.wrap(SECRET, "context")
    with pytest.raises(KeyDestroyed):
        await transit.unwrap(wrapped, "another")
    del server.versions[1]
    with pytest.raises(KeyDestroyed):
        await transit.unwrap(wrapped, "context")


async def test_a_vault_that_is_sealed_garbled_away_or_refuses_us_is_unavailable(
    transit: VaultTransit, server: VaultState, token_file: Path
) -> None:
    wrapped = await transit.wrap(SECRET, "context")
    server.sealed = True
    with pytest.raises(KeyringUnavailable) as caught:
        await transit.unwrap(wrapped, "context")
    assert caught.value.metadata == {"problem": "HTTP 503"}
    server.sealed, server.garbled = False, True
    with pytest.raises(KeyringUnavailable):
        await transit.wrap(SECRET, "context")
    server.garbled = False
    token_file.write_text("hvs.wrong")
    with pytest.raises(KeyringUnavailable) as caught:
        await transit.wrap(SECRET, "context")
    assert "hvs.wrong" not in repr(caught.value.__dict__)


async def test_a_renewed_token_is_used_at_once_and_one_that_others_read_is_refused(
    transit: VaultTransit, token_file: Path
) -> None:
    token_file.write_text("expired")
    with pytest.raises(KeyringUnavailable):
        await transit.wrap(SECRET, "context")
    token_file.write_text(TOKEN)
    await transit.wrap(SECRET, "context")
    token_file.chmod(0o644)
    with pytest.raises(InsecureSecret):
        await transit.wrap(SECRET, "context")


async def test_no_vault_at_all_is_unavailable(token_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    vault = Vault(VaultAccess(address, token_file))
    with pytest.raises(KeyringUnavailable) as caught:
        await VaultTransit(vault, "transit", "labelmill").wrap(SECRET, "context")
    assert caught.value.metadata == {"problem": "ConnectError"}
    await vault.close()


async def test_a_keyring_document_is_read_from_a_kv_secret(
    server: VaultState, token_file: Path, tmp_path: Path
) -> None:
    server.secrets["team/labelmill"] = {"keyring": Keyring("1", {"1": SECRET}).document()}
    settings = AnonymizationSettings(
        keyring="vault-kv",
        vault_address=server.address,
        vault_token_file=token_file,
        vault_mount="secret",
        vault_path="team/labelmill",
    )
    assert await (await root_keys(settings, tmp_path)).seed() == SECRET
    vault = Vault(VaultAccess(server.address, token_file))
    server.secrets["empty"] = {"another": "field"}
    for path in ("nowhere", "empty"):
        with pytest.raises(BadKeyring):
            await read_vault_secret(vault, "secret", path)
    await vault.close()


async def test_settings_that_lack_something_are_refused_at_the_start(tmp_path: Path) -> None:
    for settings in (AnonymizationSettings(keyring="environment"), AnonymizationSettings(keyring="vault-transit")):
        with pytest.raises(BadKeyring):
            await root_keys(settings, tmp_path)
    document = Keyring("7", {"7": SECRET}).document()
    given = await root_keys(AnonymizationSettings(keyring="environment", keyring_document=document), tmp_path)  # type: ignore[arg-type]
    assert (await given.wrap(SECRET, "context")).root_key_id == "7"
