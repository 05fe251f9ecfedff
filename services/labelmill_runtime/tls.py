"""TLS of the listening port, reloaded when its files change; and the refusal to serve plaintext by accident."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import grpc

from labelmill_runtime.settings import RuntimeSettings


class InsecureServer(ValueError):
    """The settings ask for plaintext beyond loopback."""


def server_credentials(settings: RuntimeSettings) -> grpc.ServerCredentials | None:
    """The credentials to listen with; None for plaintext.

    Raises:
        InsecureServer: Plaintext on an address that others can reach, without `allow_insecure`.
    """
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        if not settings.allow_insecure and not _is_loopback(settings.host):
            raise InsecureServer(
                f"Refusing to serve plaintext on {settings.host}: set LABELMILL_TLS_CERT_FILE and "
                "LABELMILL_TLS_KEY_FILE, or LABELMILL_ALLOW_INSECURE=true behind a mesh or proxy that adds TLS."
            )
        return None
    files = _Files(settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file)
    return grpc.dynamic_ssl_server_credentials(
        files.read(), files.read_if_changed, require_client_authentication=settings.tls_client_ca_file is not None
    )


class _Files:
    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        self._cert, self._key, self._client_ca = cert, key, client_ca
        self._stamp = self._current_stamp()

    def read(self) -> grpc.ServerCertificateConfiguration:
        roots = self._client_ca.read_bytes() if self._client_ca else None
        return grpc.ssl_server_certificate_configuration(
            [(self._key.read_bytes(), self._cert.read_bytes())], root_certificates=roots
        )

    def read_if_changed(self) -> Any:
        """Called by gRPC for every new connection; None keeps the configuration."""
        stamp = self._current_stamp()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        return self.read()

    def _current_stamp(self) -> tuple[int, ...]:
        return tuple(f.stat().st_mtime_ns for f in (self._cert, self._key, self._client_ca) if f is not None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.startswith("unix:")
