"""Receipts and the secrets behind them."""

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from labelmill.receipts import parse_public_key, verify
from labelmill_anonymization.adapters.keyring_sources import KeyringFile
from labelmill_anonymization.adapters.secret_files import InsecureSecret, SigningKeyFile
from labelmill_anonymization.contents.content import CleanContent
from labelmill_anonymization.convert.receipts import receipt_from_proto, receipt_to_proto
from labelmill_anonymization.findings import Finding
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators import Redact
from labelmill_anonymization.policy import Policy, PolicyVersion
from labelmill_anonymization.receipt import Receipt, make_receipt, receipt_name
from labelmill_anonymization.transform import transform

POLICY = PolicyVersion("demo", "strict", 3, 1_700_000_000_000, Policy(default_operator=Redact()))
ASSET = "projects/demo/assets/" + "0" * 32


def make() -> Receipt:
    text = "Jane and Bob"
    findings = [Finding("PERSON", 0, 4, 0.9, "t"), Finding("PERSON", 9, 12, 0.9, "t")]
    clean = transform(text, findings, POLICY.policy, ProjectKeys.derive(bytes(32), "demo"))
    content = CleanContent(
        data=clean.text.encode(),
        media_type="text/plain",
        entity_counts=(("PERSON", 2),),
        operator_counts=(("redact", 2),),
        protection=clean.protection,
        detector_versions=("b 2", "a 1"),
    )
    return make_receipt(asset=ASSET, policy=POLICY, raw=text.encode(), clean=content, now_ms=1234)


def test_a_receipt_says_what_was_done_without_values() -> None:
    receipt = make()
    assert receipt.policy == "projects/demo/policies/strict"
    assert receipt.policy_version == 3
    assert receipt.raw_sha256 == hashlib.sha256(b"Jane and Bob").hexdigest()
    assert receipt.clean_sha256 == hashlib.sha256(b" and ").hexdigest()
    assert receipt.entity_counts == (("PERSON", 2),)
    assert receipt.detector_versions == ("a 1", "b 2")
    assert b"Jane" not in receipt_to_proto(receipt).SerializeToString()


def test_the_name_depends_on_asset_policy_and_version_only() -> None:
    assert make().name == receipt_name(ASSET, POLICY) == make().name
    newer = PolicyVersion("demo", "strict", 4, POLICY.create_time_ms, POLICY.policy)
    assert receipt_name(ASSET, newer) != receipt_name(ASSET, POLICY)
    assert receipt_name(ASSET[:-1] + "1", POLICY) != receipt_name(ASSET, POLICY)


def test_a_signed_receipt_verifies_against_the_published_key(tmp_path: Path) -> None:
    signer = SigningKeyFile(tmp_path / "key", tmp_path / "trusted")
    signed = signer.sign(make())
    message = receipt_to_proto(signed)
    [published] = (tmp_path / "trusted").iterdir()
    assert published.name == f"{signed.signing_key_id}.pub"
    public = parse_public_key(published.read_text())
    assert verify(message, public)
    assert receipt_from_proto(message) == signed
    message.clean_sha256 = "0" * 64
    assert not verify(message, public)


def test_another_key_does_not_verify(tmp_path: Path) -> None:
    signed = SigningKeyFile(tmp_path / "key", tmp_path / "trusted").sign(make())
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert not verify(receipt_to_proto(signed), other)


async def test_secrets_are_private_and_stay_the_same(tmp_path: Path) -> None:
    seed, key = tmp_path / "secrets" / "seed", tmp_path / "secrets" / "key"
    first_seed = await KeyringFile(tmp_path / "keyring", seed).seed()
    first_id = SigningKeyFile(key, tmp_path / "trusted").key_id
    for path in (seed, key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert await KeyringFile(tmp_path / "keyring", seed).seed() == first_seed
    assert SigningKeyFile(key, tmp_path / "trusted").key_id == first_id
    assert len(list((tmp_path / "trusted").iterdir())) == 1


@pytest.mark.parametrize(("content", "mode"), [("ab" * 32, 0o644), ("ab" * 16, 0o600), ("not hex", 0o600)])
def test_a_secret_that_others_read_or_that_is_damaged_is_refused(tmp_path: Path, content: str, mode: int) -> None:
    path = tmp_path / "seed"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(InsecureSecret) as caught:
        KeyringFile(tmp_path / "keyring", path)
    assert content not in str(caught.value)
