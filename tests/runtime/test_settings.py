"""Settings are read once, strictly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from labelmill_runtime import settings as settings_module
from labelmill_runtime.access import create_key, ensure_key_file, list_keys
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import RuntimeContext
from labelmill_runtime.settings import RuntimeSettings, ServiceSettings, allow_variables


class GadgetSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="LABELMILL_GADGET_")

    size: int = 3


def test_variables_set_the_fields(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABELMILL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LABELMILL_PORT", "1234")
    settings = RuntimeSettings()
    assert (settings.data_dir, settings.port, settings.keys_path) == (tmp_path, 1234, tmp_path / "keys.json")


def test_the_default_data_dir_is_in_the_home_directory() -> None:
    assert RuntimeSettings().data_dir == Path.home() / ".labelmill"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        RuntimeSettings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize("variable", ["LABELMILL_PROT", "LABELMILL_STORRAGE_BUCKET", "labelmill_prot", "LABELMILL_"])
def test_unknown_variables_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "secret value")
    with pytest.raises(ValidationError) as caught:
        RuntimeSettings()
    assert variable in str(caught.value)
    assert "secret value" not in str(caught.value)


def test_the_variables_of_services_and_clients_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LABELMILL_API_KEY", "LABELMILL_ADDRESS", "LABELMILL_GADGET_SIZE"):
        monkeypatch.setenv(variable, "5")
    RuntimeSettings()
    assert GadgetSettings().size == 5


def test_a_services_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELMILL_GADGET_SIZZE", "5")
    with pytest.raises(ValidationError, match="LABELMILL_GADGET_SIZZE"):
        RuntimeSettings()


def test_variables_of_a_service_that_is_not_loaded_are_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[str] = []

    def find_spec(name: str) -> object:
        known.append(name)
        return object()

    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    monkeypatch.setenv("LABELMILL_WIDGET_COLOUR", "red")
    RuntimeSettings()
    assert known == ["labelmill_widget"]


def test_other_variables_can_be_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELMILL_SPECIAL", "1")
    with pytest.raises(ValidationError):
        RuntimeSettings()
    monkeypatch.setattr(settings_module, "_allowed", set(settings_module._allowed))
    allow_variables("LABELMILL_SPECIAL")
    RuntimeSettings()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELMILL_SERVICE_KEY", "lm_secret")
    monkeypatch.setenv("LABELMILL_DATABASE_URL", "postgresql://user:secret@host/db")
    settings = RuntimeSettings()
    assert "secret" not in repr(settings) + str(settings)
    assert settings.read_service_key() == "lm_secret"


def test_the_service_key_may_come_from_a_file(tmp_path: Path) -> None:
    assert RuntimeSettings(data_dir=tmp_path).read_service_key() is None
    path = ensure_key_file(tmp_path, "service", "labelmill", Role.SERVICE)
    key = RuntimeSettings(data_dir=tmp_path).read_service_key()
    assert key == path.read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert RuntimeSettings(data_dir=tmp_path / "else", service_key_file=path).read_service_key() == key


def test_a_key_file_is_kept_while_it_works_and_replaced_when_it_does_not(tmp_path: Path) -> None:
    first = ensure_key_file(tmp_path, "owner", "owner", Role.OWNER).read_text()
    assert ensure_key_file(tmp_path, "owner", "owner", Role.OWNER).read_text() == first
    (tmp_path / "keys.json").unlink()
    assert ensure_key_file(tmp_path, "owner", "owner", Role.OWNER).read_text() != first
    assert [key.principal.id for key in list_keys(tmp_path / "keys.json")] == ["owner"]


def test_many_processes_may_add_keys_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from labelmill_runtime.access import create_key;"
        "[create_key(Path(sys.argv[1]), f'{sys.argv[2]}-{n}', []) for n in range(10)]"
    )
    path = tmp_path / "keys.json"
    processes = [subprocess.Popen([sys.executable, "-c", program, str(path), str(n)]) for n in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert len({key.principal.id for key in list_keys(path)}) == 40


def test_keys_are_long_and_never_repeat(tmp_path: Path) -> None:
    keys = {create_key(tmp_path / "keys.json", "p", [Grant(Role.OWNER, "*")]) for _ in range(20)}
    assert len(keys) == 20
    assert all(key.startswith("lm_") and len(key) == 46 for key in keys)


def test_page_tokens_outlive_the_process(tmp_path: Path) -> None:
    settings = RuntimeSettings(data_dir=tmp_path / "new")
    token = RuntimeContext(settings).page_tokens.encode(["a"], parent="p")
    again: Any = RuntimeContext(RuntimeSettings(data_dir=tmp_path / "new"))
    assert again.page_tokens.decode(token, parent="p") == ["a"]
    assert (tmp_path / "new" / "page-token.key").stat().st_mode & 0o777 == 0o600
