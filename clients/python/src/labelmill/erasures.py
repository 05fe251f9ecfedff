"""The signed form of certificates of erasure: what is signed, and whether a signature holds.

A certificate says what was erased where, and what had to stay. Whoever holds the service's public key (published when
it was set up, and in AuditHead.public_key) can check one:

    from labelmill.erasures import verify

    assert verify(erasure, public_key)
"""

from __future__ import annotations

from labelmill.receipts import verify_bytes
from labelmill.storage.v1.lifecycle_service_pb2 import Erasure

DOMAIN = b"labelmill-erasure-v1\0"
"""Stands before every signed certificate, so that no signature made for something else fits."""


def sign_bytes(erasure: Erasure) -> bytes:
    """What is signed: the domain and the deterministic serialization of the certificate without its signature."""
    unsigned = Erasure()
    unsigned.CopyFrom(erasure)
    unsigned.ClearField("signature")
    return DOMAIN + unsigned.SerializeToString(deterministic=True)


def verify(erasure: Erasure, public_bytes: bytes) -> bool:
    """Whether the certificate's signature was made with this Ed25519 key (32 bytes), over exactly this certificate.

    Needs the package `cryptography`.
    """
    return verify_bytes(sign_bytes(erasure), erasure.signature, public_bytes)
