"""Settings of storage, read once from the environment (prefix LABELMILL_STORAGE_)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from labelmill_runtime.settings import ServiceSettings


class StorageSettings(ServiceSettings):
    """What storage can be told. Each field is the variable LABELMILL_STORAGE_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="LABELMILL_STORAGE_", frozen=True, extra="forbid")

    object_store: Literal["local", "minio"] = "local"
    """Where contents are kept: a local directory, or MinIO (any S3 server)."""
    objects_dir: Path | None = None
    """local: the directory; default `<data_dir>/objects`."""
    url_host: str = "127.0.0.1"
    """local: where URLs of contents are served, by HTTP. Anything but loopback needs `url_base`, see there."""
    url_port: int = Field(default=0, ge=0, le=65535)
    """local: the port of that; 0 takes a free one."""
    url_base: str = Field(default="", pattern=r"^(https?://[^?#]+)?$")
    """local: how callers reach `url_host` and `url_port`, such as the https:// address of a proxy; empty: directly."""
    url_allow_origin: str = "*"
    """local: whose web pages may read what a URL gives: an origin, or * for all; empty: none. A URL is a secret that
    expires and no cookie adds to it, so * gives nothing to those who do not hold it."""
    io_threads: int = Field(default=16, ge=1, le=64)
    """Threads for file and S3 calls."""
    max_asset_bytes: int = Field(default=5 * 1024**3, ge=1)
    """The largest content."""
    max_image_pixels: int = Field(default=1_000_000_000, ge=1)
    """Width times height of the largest image (and of any of its pages)."""
    max_image_side_px: int = Field(default=300_000, ge=1)
    """Width or height of the largest image."""
    max_archive_bytes: int = Field(default=10 * 1024**3, ge=1)
    """What an archive (zip and what is built on it, gzip, bzip2, xz) may unpack to."""
    max_archive_ratio: int = Field(default=1000, ge=1)
    """How many times its size an archive may unpack to, if that is more than 64 MiB."""
    max_archive_entries: int = Field(default=100_000, ge=1)
    """Files in a zip archive."""
    probe_workers: int = Field(default=1, ge=1, le=64)
    """Processes for the libraries that read audio, video and rare image formats; started when one comes."""
    probe_seconds: float = Field(default=10.0, gt=0)
    """How long they may take for one content; what they do not tell in time stays unknown."""
    upload_expiry_hours: float = Field(default=24.0, gt=0)
    """How long an upload that can be continued is kept after its last piece began."""
    project_cache_s: float = Field(default=60.0, ge=0)
    """How long a project that was found is known to exist."""

    retention_seconds: float = Field(default=3600.0, gt=0)
    """How often contents are looked for whose time is over."""
    orphan_sweep_hours: float = Field(default=24.0, gt=0)
    """How often the object store is searched for objects that no record knows."""

    trusted_receipt_keys_dir: Path | None = None
    """Public keys (*.pub) whose receipts open CLEAN; default `<data_dir>/secrets/receipt-keys`."""
    project_key_seed: SecretStr | None = None
    """Hex, at least 64 digits: the secret behind asset ids. Replicas share it; it never changes."""
    project_key_seed_file: Path | None = None
    """A file with that seed; default `<data_dir>/secrets/project-key-seed`, made at the first start."""

    audit_key_file: Path | None = None
    """The Ed25519 key that signs heads of the audit log; default `<data_dir>/secrets/audit-signing-key`, made at the
    first start, its public half beside it. Replicas share it."""
    audit_anchor_seconds: float = Field(default=5.0, gt=0)
    """How often heads of logs that have grown are written down outside of the database: what is cut off from a log
    sooner than that is noticed only by those who kept a head themselves."""
    audit_bucket: str = ""
    """minio: the bucket where those heads go, below `_audit/`; empty: the RAW bucket. Best one with object lock, which
    makes them indelible; its credentials need to put objects, to list their versions and to get them."""
    audit_access_key: str = ""
    """Credentials for the audit bucket alone."""
    audit_secret_key: SecretStr = SecretStr("")
    """Credentials for the audit bucket alone."""

    minio_endpoint: str = "127.0.0.1:9000"
    """host:port."""
    minio_secure: bool = True
    """TLS to the endpoint."""
    minio_region: str = "us-east-1"
    """The region that requests are signed for."""
    raw_bucket: str = "labelmill-raw"
    """The bucket of RAW contents."""
    clean_bucket: str = "labelmill-clean"
    """The bucket of CLEAN contents."""
    raw_access_key: str = ""
    """Credentials for the RAW bucket alone."""
    raw_secret_key: SecretStr = SecretStr("")
    """Credentials for the RAW bucket alone."""
    clean_access_key: str = ""
    """Credentials for the CLEAN bucket alone."""
    clean_secret_key: SecretStr = SecretStr("")
    """Credentials for the CLEAN bucket alone."""
    minio_public_endpoint: str = Field(default="", pattern=r"^(https?://[^/?#]+)?$")
    """https://host[:port] by which callers reach the S3 server, for presigned URLs; empty: `minio_endpoint`."""
    minio_part_bytes: int = Field(default=5 * 1024**2, ge=5 * 1024**2)
    """Uploads above this size go in parts of this size, up to four of which wait on disk for each upload."""
    minio_staging_hours: float = Field(default=24.0, gt=0)
    """Parts older than this, of uploads that cannot be continued, belong to nobody and are removed at start."""
    spool_dir: Path | None = None
    """minio: where parts wait to be sent, up to four for each upload under way; default `<data_dir>/spool`."""
    sse: Literal["none", "s3", "kms"] = "none"
    """minio: asks the server to encrypt each object: by its own key (s3), or by those below (kms, over TLS alone)."""
    raw_kms_key_id: str = ""
    """minio: the key for RAW with `sse` kms."""
    clean_kms_key_id: str = ""
    """minio: the key for CLEAN with `sse` kms."""

    import_roots: Annotated[tuple[Path, ...], NoDecode] = ()
    """Directories, separated by colons, below which imports may read folders and manifests; none: no such imports.
    What the service itself keeps stays closed, also below one of them."""
    import_endpoint: str = ""
    """host:port of the S3 server that imports read from; empty: no such imports."""
    import_access_key: str = ""
    """Credentials for the buckets to import from; they need to list and read."""
    import_secret_key: SecretStr = SecretStr("")
    """Credentials for the buckets to import from."""
    import_secure: bool = True
    """TLS to that server."""
    import_region: str = "us-east-1"
    """The region that requests to it are signed for."""
    import_buckets: Annotated[tuple[str, ...], NoDecode] = ()
    """Buckets, separated by commas, that every project may import from; no others."""

    @field_validator("import_roots", "import_buckets", mode="before")
    @classmethod
    def _split(cls, value: object, field: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        separator = os.pathsep if field.field_name == "import_roots" else ","
        return tuple(part.strip() for part in value.split(separator) if part.strip())

    @model_validator(mode="after")
    def _check_imports(self) -> StorageSettings:
        if any(not root.expanduser().is_absolute() for root in self.import_roots):
            raise ValueError("import_roots must be absolute paths.")
        own = {self.raw_bucket, self.clean_bucket, self.audit_bucket}
        if self.import_endpoint == self.minio_endpoint and own & set(self.import_buckets):
            raise ValueError("import_buckets must not hold the service's own buckets.")
        return self

    @model_validator(mode="after")
    def _check_urls(self) -> StorageSettings:
        if self.url_host not in ("127.0.0.1", "::1", "localhost") and not self.url_base:
            raise ValueError("A url_host beyond loopback needs a url_base: the address of the proxy that ends TLS.")
        return self

    @model_validator(mode="after")
    def _check_minio(self) -> StorageSettings:
        secrets = (self.raw_secret_key.get_secret_value(), self.clean_secret_key.get_secret_value())
        if self.object_store == "minio" and not all((self.raw_access_key, self.clean_access_key, *secrets)):
            raise ValueError("The object store minio needs the access and secret keys of both buckets.")
        if self.max_asset_bytes > self.minio_part_bytes * 10_000:
            raise ValueError("S3 takes 10,000 parts: max_asset_bytes needs a larger minio_part_bytes.")
        return self

    @model_validator(mode="after")
    def _check_audit(self) -> StorageSettings:
        if self.audit_bucket and not (self.audit_access_key and self.audit_secret_key.get_secret_value()):
            raise ValueError("An audit_bucket needs its own access and secret key.")
        if self.audit_bucket == self.clean_bucket:
            raise ValueError("The audit_bucket must not be the CLEAN one.")
        return self

    @model_validator(mode="after")
    def _check_sse(self) -> StorageSettings:
        if self.sse != "none" and self.object_store != "minio":
            raise ValueError("sse is for the object store minio; encrypt the disk under a local one.")
        if self.sse == "kms" and not (self.raw_kms_key_id and self.clean_kms_key_id):
            raise ValueError("sse kms needs raw_kms_key_id and clean_kms_key_id.")
        if self.sse == "kms" and not self.minio_secure:
            raise ValueError("sse kms needs TLS to the S3 server: set minio_secure.")
        return self
