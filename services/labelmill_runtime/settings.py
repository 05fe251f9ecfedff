"""Settings of a server process, read once from the environment (prefix LABELMILL_).

A misspelt variable must not silently mean a default, so unknown LABELMILL_ variables are refused. Known are: the fields
below; the fields of every `ServiceSettings` subclass; anything of a Labelmill package that this process did not load
(LABELMILL_<X>_... where labelmill_<x> is installed); and the variables announced with `allow_variables`.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "LABELMILL_"
# The client's own variables.
_allowed: set[str] = {"LABELMILL_API_KEY", "LABELMILL_ADDRESS", "LABELMILL_CA_FILE", "LABELMILL_PROJECT"}
_classes: list[type[BaseSettings]] = []


class UnknownVariables(ValueError):
    """The environment holds LABELMILL_ variables that nothing reads."""


def allow_variables(*names: str) -> None:
    """Announces LABELMILL_ variables that something else in this process reads."""
    _allowed.update(name.upper() for name in names)


class ServiceSettings(BaseSettings):
    """Parent of a service's settings: frozen, and known to the check for unknown variables.

    Example:
        class StorageSettings(ServiceSettings):
            model_config = SettingsConfigDict(env_prefix="LABELMILL_STORAGE_")
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        _classes.append(cls)


class RuntimeSettings(BaseSettings):
    """What every server process can be told. Each field is the variable LABELMILL_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Path = Path("~/.labelmill")
    """Where embedded defaults keep their files."""
    host: str = "127.0.0.1"
    """The address to listen on. Anything but loopback needs TLS or `allow_insecure`."""
    port: int = Field(default=50051, ge=0, le=65535)
    """The port to listen on; 0 takes a free one."""
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Where Prometheus scrapes; unset: no metrics endpoint."""
    metrics_host: str = "127.0.0.1"
    """The address of the metrics endpoint."""
    database_url: str | None = Field(default=None, repr=False)
    """postgresql://... ; unset: one SQLite file per service in data_dir."""
    database_pool_size: int = Field(default=8, ge=1)
    """Readers per service, and on PostgreSQL as many writers."""
    keys_file: Path | None = None
    """The API keys (hashes only); default data_dir/keys.json."""
    service_key: SecretStr | None = None
    """The API key (role SERVICE) by which this process calls other services."""
    service_key_file: Path | None = None
    """A file with that key; default data_dir/service.key if it exists."""
    peer_address: str | None = None
    """host:port where the other services are reached; unset: this very server."""
    page_token_key: SecretStr | None = None
    """Signs page tokens; replicas must share it. Unset: made once and kept in data_dir."""
    max_message_bytes: int = Field(default=4 * 1024 * 1024, ge=1024)
    """The largest message that is received or sent."""
    max_concurrent_rpcs: int = Field(default=1000, ge=1)
    """RPCs served at once; more are refused with RESOURCE_EXHAUSTED."""
    stream_window_bytes: int = Field(default=512 * 1024, ge=64 * 1024, le=64 * 1024**2)
    """What a stream may have sent that nobody has read yet: memory for each stream, and, divided by the time that a
    packet takes there and back, the speed of one upload. Raise it for uploads from far away."""
    drain_seconds: float = Field(default=10.0, ge=0)
    """How long calls in flight may go on after SIGTERM."""
    drain_notice_seconds: float = Field(default=0.0, ge=0)
    """How long to keep accepting calls after health says NOT_SERVING, for load balancers to notice."""
    default_deadline_s: float = Field(default=30.0, gt=0)
    """The deadline of a unary call whose client sets none."""
    default_stream_deadline_s: float = Field(default=3600.0, gt=0)
    """The deadline of a stream whose client sets none."""
    operation_lease_s: float = Field(default=15.0, gt=0)
    """After how long without a heartbeat another process takes over an operation."""
    log_level: str = "INFO"
    """The least severe level that is logged."""
    tls_cert_file: Path | None = None
    """Certificate chain (PEM); reloaded when the file changes."""
    tls_key_file: Path | None = None
    """Private key (PEM)."""
    tls_client_ca_file: Path | None = None
    """When set, clients must show a certificate signed by it (mTLS)."""
    tls_ca_file: Path | None = None
    """The authority that peers' certificates are checked against; unset: peers are reached in plaintext."""
    allow_insecure: bool = False
    """Permits plaintext beyond loopback, for a mesh or proxy that adds TLS."""

    @field_validator("data_dir", mode="after")
    @classmethod
    def _expand(cls, path: Path) -> Path:
        return path.expanduser()

    @model_validator(mode="after")
    def _refuse_unknown_variables(self) -> RuntimeSettings:
        unknown = sorted(_unknown_variables())
        if unknown:
            raise UnknownVariables(
                f"Unknown environment variables: {', '.join(unknown)}. "
                "Correct the spelling or unset them; see services/labelmill_runtime/settings.py for the known ones."
            )
        return self

    @property
    def keys_path(self) -> Path:
        """The keys file in effect."""
        return self.keys_file or self.data_dir / "keys.json"

    def read_service_key(self) -> str | None:
        """The key for calls to peers, from the setting or its file."""
        if self.service_key is not None:
            return self.service_key.get_secret_value()
        path = self.service_key_file or self.data_dir / "service.key"
        if self.service_key_file is None and not path.exists():
            return None
        return path.read_text(encoding="ascii").strip()

    def read_page_token_key(self) -> bytes:
        """The key for page tokens; made and kept on first use where none is set."""
        if self.page_token_key is not None:
            return self.page_token_key.get_secret_value().encode()
        path = self.data_dir / "page-token.key"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
        return path.read_bytes()


def _unknown_variables() -> Iterator[str]:
    for variable in os.environ:
        name = variable.upper()
        if name.startswith(PREFIX) and name not in _allowed and not _is_known(name):
            yield variable


def _is_known(name: str) -> bool:
    if _is_field(RuntimeSettings, name):
        return True
    owners = [cls for cls in _classes if name.startswith(_prefix_of(cls))]
    if owners:
        return any(_is_field(cls, name) for cls in owners)
    service = name.removeprefix(PREFIX).partition("_")[0].lower()
    return importlib.util.find_spec(f"labelmill_{service}") is not None


def _prefix_of(cls: type[BaseSettings]) -> str:
    return (cls.model_config.get("env_prefix") or "").upper()


def _is_field(cls: type[BaseSettings], name: str) -> bool:
    rest = name.removeprefix(_prefix_of(cls))
    delimiter = cls.model_config.get("env_nested_delimiter")
    head = rest.split(delimiter.upper())[0] if delimiter else rest
    return head in {field.upper() for field in cls.model_fields}
