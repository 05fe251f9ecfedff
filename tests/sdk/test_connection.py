"""Where a client finds its server and key."""

import json
import os
from pathlib import Path

import pytest

from labelmill._connection import Connection, resolve


@pytest.fixture(autouse=True)
def data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("LABELMILL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LABELMILL_DATA_DIR", str(tmp_path))
    return tmp_path


def write(data_dir: Path) -> None:
    (data_dir / "client.json").write_text(json.dumps({"address": "127.0.0.1:777", "api_key": "lm_local"}))


def test_arguments_come_first(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(data_dir)
    monkeypatch.setenv("LABELMILL_ADDRESS", "env:1")
    monkeypatch.setenv("LABELMILL_API_KEY", "lm_env")
    assert resolve("given:1", "lm_given") == Connection("given:1", "lm_given")


def test_the_environment_comes_second(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(data_dir)
    monkeypatch.setenv("LABELMILL_ADDRESS", "env:1")
    monkeypatch.setenv("LABELMILL_API_KEY", "lm_env")
    monkeypatch.setenv("LABELMILL_CA_FILE", "ca.pem")
    assert resolve() == Connection("env:1", "lm_env", Path("ca.pem"))


def test_what_up_wrote_comes_third(data_dir: Path) -> None:
    write(data_dir)
    assert resolve() == Connection("127.0.0.1:777", "lm_local")
    assert resolve(address="127.0.0.1:777").api_key == "lm_local"


def test_the_local_key_is_not_sent_to_other_servers(data_dir: Path) -> None:
    write(data_dir)
    assert resolve(address="elsewhere:1") == Connection("elsewhere:1", None)


def test_nothing_at_all_means_the_default_port() -> None:
    assert resolve() == Connection("127.0.0.1:50051", None)


def test_the_key_is_not_shown() -> None:
    assert "lm_secret" not in repr(resolve("a:1", "lm_secret"))
