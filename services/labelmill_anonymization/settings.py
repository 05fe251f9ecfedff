"""Settings of the anonymization service, prefix LABELMILL_ANONYMIZATION_."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from labelmill_runtime.settings import ServiceSettings


class AnonymizationSettings(ServiceSettings):
    """What the anonymization service can be told. Each field is the variable LABELMILL_ANONYMIZATION_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="LABELMILL_ANONYMIZATION_", frozen=True, extra="forbid")

    workers: int = Field(default_factory=lambda: min(2, os.cpu_count() or 1), ge=1, le=256)
    """Worker processes; each holds the language models (some 350 MB)."""
    max_pending_texts: int = Field(default=10_000, ge=1)
    """Texts that may wait for a worker; more are refused with RESOURCE_EXHAUSTED."""
    max_wait_s: float = Field(default=10.0, gt=0)
    """How long a text may have to wait for a worker, estimated from what they did lately; more is refused, too."""
    batch_texts: int = Field(default=64, ge=1)
    """Texts that a worker takes at once."""
    batch_timeout_s: float = Field(default=120.0, gt=0)
    """How long a worker may take for a batch; its texts fail afterwards."""
    page_assets: int = Field(default=256, ge=1, le=1000)
    """Assets between two checkpoints of AnonymizeAssets."""
    max_text_bytes: int = Field(default=8 * 1024 * 1024, ge=1)
    """Larger texts fail in AnonymizeAssets and AnonymizeContent."""
    media_workers: int = Field(default=1, ge=1, le=64)
    """Worker processes for pictures, documents, sound and film; they start with the first; up to 1.5 GB each."""
    media_timeout_s: float = Field(default=120.0, gt=0)
    """How long a media worker may take for each page and each second of film."""
    max_pending_media: int = Field(default=64, ge=1)
    """Calls that may wait for a media worker; more are refused with RESOURCE_EXHAUSTED."""
    max_media_bytes: int = Field(default=256 * 1024 * 1024, ge=1)
    """Larger pictures, documents and recordings are refused."""
    max_pixels: int = Field(default=50_000_000, ge=1)
    """Of a picture, a page or a frame; more are refused before anything is decoded."""
    max_pages: int = Field(default=500, ge=1)
    """Of a document or of a moving picture."""
    max_frames: int = Field(default=54_000, ge=1)
    """Of a film; half an hour at 30 a second."""
    max_seconds: float = Field(default=7200.0, gt=0)
    """Of sound or film."""
    table_workers: int = Field(default=1, ge=1, le=256)
    """Processes for tables and released statistics; they start at the first one."""
    max_pending_tables: int = Field(default=64, ge=1)
    """Tables that may be under way or wait; more are refused with RESOURCE_EXHAUSTED."""
    max_table_bytes: int = Field(default=128 * 1024 * 1024, ge=1)
    """Larger tables fail; a worker needs some ten times a table's size."""
    keyring: Literal["file", "environment", "vault-kv", "vault-transit"] = "file"
    """Where the root keys are, which wrap the keys of projects and subjects. The document: keyring/root_keys.py."""
    seed_file: Path | None = None
    """Root key 1 of the keyring "file"; default <data_dir>/secrets/pseudonym-seed, made at first start."""
    keyring_file: Path | None = None
    """Root keys made later; default <data_dir>/secrets/keyring.json, written when a root key is rotated."""
    keyring_document: SecretStr | None = None
    """The document of the keyring "environment"."""
    vault_address: str = ""
    """Of HashiCorp Vault or OpenBao, such as https://vault.example:8200."""
    vault_token_file: Path | None = None
    """Read for every call, so that an agent may renew it; mode 0600."""
    vault_ca_file: Path | None = None
    """Trusted for Vault's certificate; unset: the system's."""
    vault_namespace: str = ""
    """Vault Enterprise's."""
    vault_mount: str = "transit"
    """Where the secrets engine is mounted: transit, or KV version 2."""
    vault_path: str = "labelmill"
    """The name of the transit key, or the path of the KV secret with the field `keyring`."""
    signing_key_file: Path | None = None
    """The Ed25519 key that signs receipts; default <data_dir>/secrets/receipt-signing-key, made at first start."""
    receipt_keys_dir: Path | None = None
    """Where the public key is put for storage to trust; default <data_dir>/secrets/receipt-keys."""
