"""The signed form of anonymization receipts: what is signed, by which key, and whether a signature holds.

A receipt is the proof by which storage lets an asset into the CLEAN zone. Whoever holds the public key can check one:

    from labelmill.anonymization.v1 import resources_pb2
    from labelmill.receipts import key_id, verify

    assert receipt.signing_key_id == key_id(public_key)
    assert verify(receipt, public_key)
"""

from __future__ import annotations

import hashlib
import re

from labelmill.anonymization.v1.resources_pb2 import Receipt

DOMAIN = b"labelmill-receipt-v1\0"
"""Stands before every signed receipt, so that no signature made for something else fits."""

_PUBLIC_KEY_HEX = re.compile(r"[0-9a-fA-F]{64}")


def sign_bytes(receipt: Receipt) -> bytes:
    """What is signed: the domain and the deterministic serialization of the receipt without its signature."""
    unsigned = Receipt()
    unsigned.CopyFrom(receipt)
    unsigned.ClearField("signature")
    return DOMAIN + unsigned.SerializeToString(deterministic=True)


def key_id(public_bytes: bytes) -> str:
    """The id of a public key (its 32 raw bytes): the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_bytes).hexdigest()[:16]


def verify(receipt: Receipt, public_bytes: bytes) -> bool:
    """Whether the receipt's signature was made with this Ed25519 key, over exactly this receipt.

    Needs the package `cryptography`.
    """
    return verify_bytes(sign_bytes(receipt), receipt.signature, public_bytes)


def verify_bytes(signed: bytes, signature: bytes, public_bytes: bytes) -> bool:
    """`verify` for one who has the signed bytes at hand."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_bytes).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key_text(public_bytes: bytes) -> str:
    """The content of a .pub file: the 32 bytes in hex and a line end."""
    return public_bytes.hex() + "\n"


def parse_public_key(text: str) -> bytes:
    """The 32 bytes in a .pub file.

    Raises:
        ValueError: It is not 64 hex digits.
    """
    if not _PUBLIC_KEY_HEX.fullmatch(text.strip()):
        raise ValueError("A public key file holds 64 hex digits.")
    return bytes.fromhex(text.strip())
