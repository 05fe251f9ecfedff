"""Root keys in HashiCorp Vault (or OpenBao), over its HTTP API.

`VaultTransit` never sees a root key: Vault wraps and unwraps (secrets engine "transit"; the key must be made with
`derived=false` and of a type that takes associated data, such as aes256-gcm96). `read_vault_secret` reads a keyring
document from a KV v2 secret. The token comes from a file, which a Vault agent may renew: it is read for every call.
API: https://developer.hashicorp.com/vault/api-docs/secret/transit and .../secret/kv/kv-v2.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from labelmill_anonymization.adapters.secret_files import read_private
from labelmill_anonymization.keyring.errors import KeyDestroyed, KeyringUnavailable
from labelmill_anonymization.keyring.root_keys import BadKeyring, WrappedKey

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class VaultAccess:
    """Where Vault is, and who we are to it."""

    address: str
    """https://vault.example:8200."""
    token_file: Path
    """Mode 0600."""
    ca_file: Path | None = None
    namespace: str = ""


class Vault:
    """Calls Vault; what it answers is never quoted."""

    def __init__(self, access: VaultAccess) -> None:
        self._access = access
        verify = str(access.ca_file) if access.ca_file else True
        self._client = httpx.AsyncClient(
            base_url=f"{access.address.rstrip('/')}/v1/", timeout=_TIMEOUT_S, verify=verify
        )

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The `data` of an answer.

        Raises:
            KeyringUnavailable: Vault does not answer, is sealed, or does not let us in.
            VaultRefused: 400 or 404: it does not do this with what we sent.
        """
        headers = {"X-Vault-Token": read_private(self._access.token_file).strip()}
        if self._access.namespace:
            headers["X-Vault-Namespace"] = self._access.namespace
        try:
            answer = await self._client.request(method, path, headers=headers, json=body)
        except httpx.HTTPError as error:
            raise KeyringUnavailable(type(error).__name__) from None
        if answer.status_code in (400, 404):
            raise VaultRefused(answer.status_code)
        if not answer.is_success:
            raise KeyringUnavailable(f"HTTP {answer.status_code}")
        if not answer.content:
            return {}
        try:
            data = answer.json()["data"]
        except (ValueError, KeyError, TypeError):
            raise KeyringUnavailable("malformed answer") from None
        return data if isinstance(data, dict) else {}

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


class VaultRefused(Exception):
    """Vault cannot do this with what we sent."""


class VaultTransit:
    """Root keys that never leave Vault; see `RootKeys`.

    Args:
        vault: The connection.
        mount: Where the engine is mounted, such as "transit".
        key: The name of the key.
    """

    def __init__(self, vault: Vault, mount: str, key: str) -> None:
        self._vault = vault
        self._mount = mount
        self._key = key

    async def wrap(self, secret: bytes, context: str) -> WrappedKey:
        """See the port."""
        body = {"plaintext": _base64(secret), "associated_data": _base64(context.encode())}
        try:
            data = await self._vault.call("POST", f"{self._mount}/encrypt/{self._key}", body)
            ciphertext = str(data["ciphertext"])
        except (VaultRefused, KeyError) as error:
            raise KeyringUnavailable(f"encrypt: {type(error).__name__}") from None
        return WrappedKey(_version(ciphertext), ciphertext.encode("ascii"))

    async def unwrap(self, wrapped: WrappedKey, context: str) -> bytes:
        """See the port. Vault answers 400 where the version is gone or the context is another one."""
        body = {"ciphertext": wrapped.content.decode("ascii"), "associated_data": _base64(context.encode())}
        try:
            data = await self._vault.call("POST", f"{self._mount}/decrypt/{self._key}", body)
            return base64.b64decode(str(data["plaintext"]), validate=True)
        except VaultRefused:
            raise KeyDestroyed from None
        except (KeyError, binascii.Error):
            raise KeyringUnavailable("malformed answer") from None

    async def seed(self) -> bytes | None:
        """See the port: nobody reads Vault's keys, so first linking keys are made and wrapped like all others."""
        return None

    async def primary(self) -> str:
        """See the port."""
        try:
            data = await self._vault.call("GET", f"{self._mount}/keys/{self._key}")
            return f"v{int(data['latest_version'])}"
        except (VaultRefused, KeyError, ValueError) as error:
            raise KeyringUnavailable(f"read key: {type(error).__name__}") from None

    async def rotate(self) -> str:
        """See the port."""
        try:
            await self._vault.call("POST", f"{self._mount}/keys/{self._key}/rotate")
        except VaultRefused as error:
            raise KeyringUnavailable(f"rotate: {type(error).__name__}") from None
        return await self.primary()

    async def close(self) -> None:
        """See the port."""
        await self._vault.close()


async def read_vault_secret(vault: Vault, mount: str, path: str) -> str:
    """The keyring document in a KV v2 secret, its field "keyring"; raises BadKeyring, KeyringUnavailable."""
    try:
        data = await vault.call("GET", f"{mount}/data/{path}")
    except VaultRefused:
        raise BadKeyring("Vault has no secret at the configured path.") from None
    document = (data.get("data") or {}).get("keyring")
    if not isinstance(document, str):
        raise BadKeyring('The secret in Vault has no field "keyring".')
    return document


def _version(ciphertext: str) -> str:
    """The root key's id: v3 of vault:v3:..."""
    parts = ciphertext.split(":")
    if len(parts) != 3 or parts[0] != "vault":
        raise KeyringUnavailable("malformed answer")
    return parts[1]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
