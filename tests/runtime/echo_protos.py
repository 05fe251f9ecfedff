"""The generated code of protos/echo.proto, made on import into a folder of this process."""

from __future__ import annotations

import atexit
import importlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import grpc_tools  # type: ignore[import-untyped]
from grpc_tools import protoc

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = Path(__file__).resolve().parent / "protos"


def _generate() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="labelmill-echo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    includes = [_SOURCES, _ROOT / "protos", _ROOT / "protos/third_party", Path(grpc_tools.__file__).parent / "_proto"]
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    arguments = ["protoc", *(f"-I{path}" for path in includes), *outputs, str(_SOURCES / "echo.proto")]
    if protoc.main(arguments) != 0:
        raise RuntimeError("protoc failed on echo.proto")
    return folder


sys.path.insert(0, str(_generate()))
echo_pb2: Any = importlib.import_module("echo_pb2")
echo_pb2_grpc: Any = importlib.import_module("echo_pb2_grpc")
