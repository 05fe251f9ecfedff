"""Labelmill's client: raw data in, trusted labels and better models out.

    import labelmill

    with labelmill.Client() as client:                  # or: async with labelmill.aio.Client() as client
        for project in client.projects.list_projects(...):
            ...

The names below are loaded at first use, so that `import labelmill.storage.v1.service_pb2` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelmill import aio, errors, labels, names
    from labelmill._retry import Retry
    from labelmill.client import Client, Operation
    from labelmill.errors import LabelmillError

__all__ = ["Client", "LabelmillError", "Operation", "Retry", "aio", "errors", "labels", "names"]

_MODULES = frozenset({"aio", "errors", "labels", "names"})
_HOMES = {
    "Client": "labelmill.client",
    "Operation": "labelmill.client",
    "LabelmillError": "labelmill.errors",
    "Retry": "labelmill._retry",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"labelmill.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'labelmill' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
