"""HashiCorp Vault's HTTP API as its documentation shows it, in this process: transit and KV version 2.

Vault itself cannot run here; what this server answers are the documented shapes and status codes, and real AES-GCM.
"""

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "hvs.test-token"


@dataclass
class VaultState:
    """What Vault knows."""

    address: str = ""
    versions: dict[int, AESGCM] = field(default_factory=lambda: {1: AESGCM(os.urandom(32))})
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    sealed: bool = False
    garbled: bool = False
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if self.garbled:
            return 200, ["not", "what", "you", "think"]
        match method, path.strip("/").split("/"):
            case "POST", ["v1", "transit", "encrypt", "labelmill"]:
                return 200, {"data": {"ciphertext": self._encrypt(body), "key_version": max(self.versions)}}
            case "POST", ["v1", "transit", "decrypt", "labelmill"]:
                return self._decrypt(body)
            case "POST", ["v1", "transit", "keys", "labelmill", "rotate"]:
                self.versions[max(self.versions) + 1] = AESGCM(os.urandom(32))
                return 204, None
            case "GET", ["v1", "transit", "keys", "labelmill"]:
                return 200, {"data": {"name": "labelmill", "latest_version": max(self.versions)}}
            case "GET", ["v1", "secret", "data", *rest] if "/".join(rest) in self.secrets:
                return 200, {"data": {"data": self.secrets["/".join(rest)], "metadata": {"version": 1}}}
        return 404, {"errors": []}

    def _encrypt(self, body: dict[str, Any]) -> str:
        nonce, version = os.urandom(12), max(self.versions)
        plain, associated = (base64.b64decode(body[name]) for name in ("plaintext", "associated_data"))
        sealed = nonce + self.versions[version].encrypt(nonce, plain, associated)
        return f"vault:v{version}:{base64.b64encode(sealed).decode()}"

    def _decrypt(self, body: dict[str, Any]) -> tuple[int, Any]:
        _, version, content = body["ciphertext"].split(":")
        sealed = base64.b64decode(content)
        cipher = self.versions.get(int(version[1:]))
        if cipher is None:
            return 400, {"errors": ["ciphertext or signature version is disallowed by policy (too old)"]}
        try:
            plain = cipher.decrypt(sealed[:12], sealed[12:], base64.b64decode(body["associated_data"]))
        except InvalidTag:
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}


@contextmanager
def vault_server() -> Iterator[VaultState]:
    """Serves while the block runs."""
    state = VaultState()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            state.requests.append((self.command, self.path, dict(self.headers)))
            if self.headers.get("X-Vault-Token") != TOKEN:
                status, document = 403, {"errors": ["permission denied"]}
            else:
                status, document = state.answer(self.command, self.path, body)
            content = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _handle  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
