"""The keyring: where the root keys come from, its service, and the way back from tokens."""

from __future__ import annotations

from pathlib import Path

from labelmill.anonymization.v1 import (
    keys_service_pb2,
    keys_service_pb2_grpc,
    reidentification_service_pb2,
    reidentification_service_pb2_grpc,
)
from labelmill_anonymization.adapters.keyring_sources import GivenRootKeys, KeyringFile
from labelmill_anonymization.adapters.sql_reidentifications import SqlReidentifications
from labelmill_anonymization.adapters.vault import Vault, VaultAccess, VaultTransit, read_vault_secret
from labelmill_anonymization.assembly.parts import Area, Parts
from labelmill_anonymization.keyring.root_keys import BadKeyring, Keyring, RootKeys
from labelmill_anonymization.reversal.reidentification import Reidentifier
from labelmill_anonymization.servicers.keys import KeyServicer
from labelmill_anonymization.servicers.reidentification import ReidentificationServicer
from labelmill_anonymization.settings import AnonymizationSettings


async def root_keys(settings: AnonymizationSettings, secrets_dir: Path) -> RootKeys:
    """The root keys from where the settings say; raises BadKeyring, InsecureSecret, KeyringUnavailable."""
    match settings.keyring:
        case "file":
            return KeyringFile(
                settings.keyring_file or secrets_dir / "keyring.json",
                settings.seed_file or secrets_dir / "pseudonym-seed",
            )
        case "environment":
            if settings.keyring_document is None:
                raise BadKeyring('The keyring "environment" needs LABELMILL_ANONYMIZATION_KEYRING_DOCUMENT.')
            return GivenRootKeys(Keyring.parse(settings.keyring_document.get_secret_value()))
        case "vault-transit":
            return VaultTransit(_vault(settings), settings.vault_mount, settings.vault_path)
        case "vault-kv":
            vault = _vault(settings)
            try:
                document = await read_vault_secret(vault, settings.vault_mount, settings.vault_path)
            finally:
                await vault.close()
            return GivenRootKeys(Keyring.parse(document))


def _vault(settings: AnonymizationSettings) -> Vault:
    if not settings.vault_address or settings.vault_token_file is None:
        raise BadKeyring("A keyring in Vault needs LABELMILL_ANONYMIZATION_VAULT_ADDRESS and ..._VAULT_TOKEN_FILE.")
    return Vault(
        VaultAccess(settings.vault_address, settings.vault_token_file, settings.vault_ca_file, settings.vault_namespace)
    )


def keys(parts: Parts) -> Area:
    """KeyService and ReidentificationService."""
    audit = SqlReidentifications(parts.database)
    page_tokens = parts.context.page_tokens
    reidentification = ReidentificationServicer(Reidentifier(parts.keys, audit), audit, page_tokens)
    return Area(
        servicers=(
            (
                keys_service_pb2_grpc.add_KeyServiceServicer_to_server,
                KeyServicer(parts.keys, parts.projects, parts.requests, page_tokens),
            ),
            (reidentification_service_pb2_grpc.add_ReidentificationServiceServicer_to_server, reidentification),
        ),
        descriptors=(keys_service_pb2.DESCRIPTOR, reidentification_service_pb2.DESCRIPTOR),
        close=(parts.keys.close,),
    )
