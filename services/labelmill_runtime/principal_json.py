"""Principals as JSON, for the operations that outlive the call that started them."""

from __future__ import annotations

import json

from labelmill_runtime.principal import Grant, Principal, Role


def dump_principal(principal: Principal) -> str:
    """The principal as JSON text."""
    grants = [{"role": g.role.name, "project": g.project} for g in principal.grants]
    return json.dumps({"id": principal.id, "grants": grants})


def load_principal(text: str) -> Principal:
    """The principal in such a text."""
    data = json.loads(text)
    return Principal(data["id"], tuple(Grant(Role[g["role"]], g["project"]) for g in data["grants"]))
