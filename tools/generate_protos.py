"""Generates the Python code and type stubs of the contract into `clients/python/src`.

Run by `make protos`; the test of stale code runs it into a temporary folder and compares.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
OUTPUT = ROOT / "clients" / "python" / "src"
GENERATED = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")


def generated_files(folder: Path) -> list[Path]:
    """All generated files below `folder`, relative to it, in order."""
    return sorted(path.relative_to(folder) for pattern in GENERATED for path in folder.rglob(pattern))


def generate(output: Path) -> None:
    """Writes the generated code below `output`; raises RuntimeError when protoc fails."""
    sources = sorted(PROTOS.glob("labelmill/**/*.proto"))
    validate = PROTOS / "third_party" / "buf" / "validate" / "validate.proto"
    includes = [f"-I{PROTOS / 'third_party'}", f"-I{PROTOS}", f"-I{Path(grpc_tools.__file__).parent / '_proto'}"]
    plugins = [f"--python_out={output}", f"--mypy_out=quiet:{output}"]
    services = [path for path in sources if path.name.endswith("service.proto")]
    _protoc([*includes, *plugins, *map(str, [*sources, validate])])
    _protoc([*includes, f"--grpc_python_out={output}", f"--mypy_grpc_out=quiet:{output}", *map(str, services)])
    for folder in sorted({output / path.relative_to(PROTOS).parent for path in sources}):
        (folder / "__init__.py").touch()
        (folder.parent / "__init__.py").touch()


def _protoc(arguments: list[str]) -> None:
    scripts = Path(sys.executable).parent  # where the plugins are, whether or not the environment is activated
    plugins = [f"--plugin={name}={scripts / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    if protoc.main(["protoc", *plugins, *arguments]) != 0:
        raise RuntimeError("protoc failed")


def main() -> None:
    """Replaces the generated code."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)  # the old code goes only when there is new code
        for path in generated_files(OUTPUT):
            (OUTPUT / path).unlink()
        shutil.copytree(fresh, OUTPUT, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
