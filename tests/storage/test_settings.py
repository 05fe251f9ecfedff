"""Settings of storage."""

import pytest
from pydantic import ValidationError

from labelmill_storage.settings import StorageSettings

SECRETS = {"RAW_ACCESS_KEY": "r", "RAW_SECRET_KEY": "hidden-r", "CLEAN_ACCESS_KEY": "c", "CLEAN_SECRET_KEY": "hidden-c"}


def test_default_is_a_local_directory_and_five_gibibytes() -> None:
    settings = StorageSettings()
    assert (settings.object_store, settings.max_asset_bytes) == ("local", 5 * 1024**3)


def test_minio_is_configured_from_the_environment_and_keeps_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELMILL_STORAGE_OBJECT_STORE", "minio")
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"LABELMILL_STORAGE_{name}", value)
    settings = StorageSettings()
    assert settings.raw_secret_key.get_secret_value() == "hidden-r"
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize("missing", SECRETS)
def test_minio_without_credentials_for_both_buckets_is_refused(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("LABELMILL_STORAGE_OBJECT_STORE", "minio")
    for name, value in SECRETS.items():
        if name != missing:
            monkeypatch.setenv(f"LABELMILL_STORAGE_{name}", value)
    with pytest.raises(ValidationError, match="both buckets"):
        StorageSettings()
