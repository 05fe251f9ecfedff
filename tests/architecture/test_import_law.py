"""The import law: dependencies point inward, and services know one another only through the contract."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "services"
PACKAGES = sorted(path.name for path in SERVICES.iterdir() if (path / "__init__.py").is_file())
DOMAIN_SERVICES = [p for p in PACKAGES if p not in {"labelmill_runtime", "labelmill_up", "labelmill_demo"}]
# What translates, adapts or composes; every other module of a service is domain.
EDGE = {
    "adapters",
    "assembly",
    "convert",
    "convert.py",
    "servicer.py",
    "servicers",
    "server.py",
    "settings.py",
    "migrations",
    "__main__.py",
}
# Modules that carry out a use case: they speak the contract's language (operations, protos) but no adapter's.
APPLICATION = {"operations", "operations.py", "jobs", "jobs.py"}
# Programs that run in processes of their own, where no server runs.
WORKERS = {"worker.py", "encoder.py"}
OUTSIDE = {
    "grpc",
    "google",
    "sqlalchemy",
    "alembic",
    "minio",
    "tritonclient",
    "presidio_analyzer",
    "spacy",
    "onnxruntime",
    *("PIL", "av", "cv2", "pydicom", "pypdfium2", "rapidocr", "soundfile"),
}
PURE_RUNTIME = {"errors", "names", "filters", "principal", "ids", "paging", "faults"}


def modules(package: str) -> Iterator[Path]:
    yield from sorted((SERVICES / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module name that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def first_part(path: Path) -> str:
    return path.relative_to(SERVICES).parts[1]


def is_domain(path: Path) -> bool:
    return first_part(path) not in EDGE | APPLICATION | {"__init__.py"} | WORKERS


DOMAIN_MODULES = [path for package in DOMAIN_SERVICES for path in modules(package) if is_domain(path)]


@pytest.mark.parametrize("path", DOMAIN_MODULES, ids=lambda path: str(path.relative_to(SERVICES)))
def test_domain_imports_neither_transport_nor_storage_nor_adapters(path: Path) -> None:
    package = path.relative_to(SERVICES).parts[0]
    for name in imports(path):
        assert name.split(".")[0] not in OUTSIDE, name
        assert not name.endswith("_pb2"), name
        assert not name.startswith(("labelmill.",)), name
        assert not name.startswith(tuple(f"{package}.{edge.removesuffix('.py')}" for edge in EDGE - {"settings.py"})), (
            name
        )
        if name.startswith("labelmill_runtime."):
            assert name.split(".")[1] in PURE_RUNTIME, name


@pytest.mark.parametrize("package", DOMAIN_SERVICES)
def test_services_never_import_each_other(package: str) -> None:
    others = {other for other in PACKAGES if other not in {package, "labelmill_runtime"}}
    for path in modules(package):
        for name in imports(path):
            assert name.split(".")[0] not in others, f"{path}: {name}"


def test_runtime_imports_no_service() -> None:
    for path in modules("labelmill_runtime"):
        for name in imports(path):
            top = name.split(".")[0]
            assert not (top.startswith("labelmill_") and top != "labelmill_runtime"), f"{path}: {name}"


@pytest.mark.parametrize("package", DOMAIN_SERVICES)
def test_only_the_server_module_joins_adapters_and_servicers(package: str) -> None:
    for path in modules(package):
        if first_part(path) in {"servicer.py", "servicers"}:
            for name in imports(path):
                assert not name.startswith(f"{package}.adapters"), f"{path}: {name}"


def test_no_junk_drawers() -> None:
    forbidden = {"utils", "util", "helpers", "common", "base", "manager", "misc"}
    found = [path for package in PACKAGES for path in modules(package) if path.stem in forbidden]
    assert not found
