"""Signs receipts as anonymization does."""

from __future__ import annotations

import hashlib
import itertools
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from labelmill import receipts
from labelmill.anonymization.v1 import resources_pb2
from labelmill.storage.v1 import resources_pb2 as storage_pb2

_NUMBERS = itertools.count(1)


class Signer:
    """A key, whose public half it writes where storage trusts it."""

    def __init__(self, directory: Path | None) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes_raw()
        self.key_id = receipts.key_id(self.public)
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            (directory / f"{self.key_id}.pub").write_text(receipts.public_key_text(self.public))

    def receipt(self, asset: storage_pb2.Asset, clean: bytes, /, **changes: object) -> resources_pb2.Receipt:
        """A receipt for an asset; `changes` replace fields before it is signed."""
        receipt = resources_pb2.Receipt(
            name=f"{asset.name.rpartition('/assets/')[0]}/receipts/r{next(_NUMBERS)}",
            asset=asset.name,
            policy="projects/news/policies/default",
            policy_version=1,
            raw_sha256=asset.raw.sha256,
            clean_sha256=hashlib.sha256(clean).hexdigest(),
            entity_counts=[resources_pb2.EntityCount(entity_type="PERSON", count=2)],
            signing_key_id=self.key_id,
        )
        receipt.create_time.FromNanoseconds(time.time_ns())
        for field, value in changes.items():
            if field == "create_time":
                receipt.create_time.CopyFrom(value)  # type: ignore[arg-type]
            else:
                setattr(receipt, field, value)
        receipt.signature = self._key.sign(receipts.sign_bytes(receipt))
        return receipt
