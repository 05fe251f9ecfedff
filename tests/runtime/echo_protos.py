"""The generated code of protos/echo.proto, made on import into a folder of this process."""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import grpc_tools  # type: ignore[import-untyped]
from grpc_tools import protoc

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = Path(__file__).resolve().parent / "protos"


FOLDER_VARIABLE = "ECHO_GENERATED"
"""Where a parent process has made the code already."""


def _generate() -> Path:
    if FOLDER_VARIABLE in os.environ:
        return Path(os.environ[FOLDER_VARIABLE])
    folder = Path(tempfile.mkdtemp(prefix="labelmill-echo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    includes = [_SOURCES, _ROOT / "protos", _ROOT / "protos/third_party", Path(grpc_tools.__file__).parent / "_proto"]
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    arguments = ["protoc", *(f"-I{path}" for path in includes), *outputs, str(_SOURCES / "echo.proto")]
    if protoc.main(arguments) != 0:
        raise RuntimeError("protoc failed on echo.proto")
    return folder


FOLDER = _generate()
sys.path.insert(0, str(FOLDER))
echo_pb2: Any = importlib.import_module("echo_pb2")
echo_pb2_grpc: Any = importlib.import_module("echo_pb2_grpc")
