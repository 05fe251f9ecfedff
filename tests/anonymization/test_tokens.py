"""Tokens: what was sealed opens again, with this key, for this project and type, and nowhere else."""

import re
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.keyring.errors import EncryptionKeyMissing
from labelmill_anonymization.keys import DataKey, ProjectKeys
from labelmill_anonymization.operators import Encrypt, EncryptFormat, KeyScope
from labelmill_anonymization.reversal.tokens import NotAuthentic, Token, seal, tokens_in, unseal

KEY = DataKey("00112233445566ff", b"k" * 32)
OTHER = DataKey("00112233445566ff", b"o" * 32)
LINKING = ProjectKeys.derive(b"s" * 32, "demo")
KEYS = replace(LINKING, encryption=KEY)


def only(text: str) -> Token:
    [token] = tokens_in(text)
    return token


def test_the_cipher_is_that_of_rfc_5297() -> None:
    """Appendix A.1, deterministic authenticated encryption."""
    key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    associated = [bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")]
    sealed = AESSIV(key).encrypt(bytes.fromhex("112233445566778899aabbccddee"), associated)
    assert sealed.hex() == "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"


@given(st.text(min_size=1, max_size=200), st.from_regex(r"[A-Z][A-Z0-9_]{0,62}", fullmatch=True))
def test_what_was_sealed_opens_again(value: str, entity_type: str) -> None:
    text = f"before {seal(value, entity_type, 'demo', KEY)} after"
    token = only(text)
    assert text[: token.start] == "before "
    assert text[token.end :] == " after"
    assert (token.entity_type, token.key_id) == (entity_type, KEY.key_id)
    assert unseal(token, "demo", KEY) == value


def test_equal_values_give_equal_tokens_and_others_do_not() -> None:
    token = seal("Jane Doe", "PERSON", "demo", KEY)
    assert re.fullmatch(r"<PERSON:00112233445566ff:[A-Za-z0-9_-]{32}>", token)
    assert seal("Jane Doe", "PERSON", "demo", KEY) == token
    assert len({token, seal("Jane Roe", "PERSON", "demo", KEY), seal("Jane Doe", "PERSON", "demo", OTHER)}) == 3


def test_a_token_of_another_project_type_or_key_is_refused() -> None:
    token = only(seal("Jane Doe", "PERSON", "demo", KEY))
    for moved, project, key in (
        (token, "other", KEY),
        (replace(token, entity_type="TITLE"), "demo", KEY),
        (token, "demo", OTHER),
    ):
        with pytest.raises(NotAuthentic) as caught:
            unseal(moved, project, key)
        assert "Jane" not in repr(caught.value)


@given(st.data())
def test_a_token_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    token = only(seal("Jane Doe", "PERSON", "demo", KEY))
    place = data.draw(st.integers(0, len(token.sealed) - 2))  # the last character has bits that mean nothing
    letter = data.draw(st.sampled_from("ABCdef019_-").filter(lambda one: one != token.sealed[place]))
    with pytest.raises(NotAuthentic):
        unseal(replace(token, sealed=token.sealed[:place] + letter + token.sealed[place + 1 :]), "demo", KEY)


@pytest.mark.parametrize("text", ["<PERSON>", "<PERSON:1:abc>", "<person:00112233445566ff:" + "a" * 32 + ">", ""])
def test_other_things_in_brackets_are_no_tokens(text: str) -> None:
    assert list(tokens_in(text)) == []


@pytest.mark.parametrize("operator", [Encrypt(), EncryptFormat()])
def test_without_a_key_nothing_passes(operator: Encrypt | EncryptFormat) -> None:
    with pytest.raises(EncryptionKeyMissing):
        operator.apply("1234567890", "PHONE_NUMBER", LINKING)


def test_a_subject_has_a_key_of_its_own_and_never_the_projects() -> None:
    own = DataKey("ffffffffffffffff", b"u" * 32)
    by_subject = Encrypt(KeyScope.SUBJECT)
    jane = replace(KEYS, subject="jane", subject_encryption=own)
    assert by_subject.key_ids(jane) == (own.key_id,)
    assert unseal(only(by_subject.apply("x@y", "EMAIL_ADDRESS", jane)), "demo", own) == "x@y"
    assert by_subject.key_ids(KEYS) == (KEY.key_id,)  # nobody said whom it is about
    with pytest.raises(EncryptionKeyMissing):
        by_subject.apply("x@y", "EMAIL_ADDRESS", KEYS.about("jane"))
