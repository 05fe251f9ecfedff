"""Who is calling: roles, grants, and the principal of the current call."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass
from enum import IntEnum

from labelmill_runtime.errors import Unauthenticated

EVERY_PROJECT = "*"
"""The project of a grant that holds everywhere."""


class Role(IntEnum):
    """What a principal is trusted with; the numbers are those of labelmill.access.v1.Role."""

    OWNER = 1
    MANAGER = 2
    REVIEWER = 3
    ANNOTATOR = 4
    PRIVACY_OFFICER = 5
    SERVICE = 6


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on one project, or on every project ("*")."""

    role: Role
    project: str


@dataclass(frozen=True)
class Principal:
    """A caller: a pseudonymous id (for an annotator, the labeler id) and what it is granted."""

    id: str
    grants: tuple[Grant, ...]

    def roles(self, project: str) -> frozenset[Role]:
        """The roles held on `project`; pass "*" for those held on every project."""
        return frozenset(g.role for g in self.grants if g.project in (project, EVERY_PROJECT))

    def roles_anywhere(self) -> frozenset[Role]:
        """The roles held on at least one project."""
        return frozenset(g.role for g in self.grants)


_principal: ContextVar[Principal | None] = ContextVar("labelmill_principal", default=None)
_request_id: ContextVar[str] = ContextVar("labelmill_request_id", default="")


def current_principal() -> Principal:
    """The authenticated caller of the RPC (or the starter of the operation) that is running."""
    principal = _principal.get()
    if principal is None:
        raise Unauthenticated("NO_PRINCIPAL", "There is no authenticated caller here.")
    return principal


def current_principal_or_none() -> Principal | None:
    """Like `current_principal`, where having none is normal."""
    return _principal.get()


def current_request_id() -> str:
    """The id under which the running call is logged; empty outside of a call."""
    return _request_id.get()


def set_current_principal(principal: Principal | None) -> Token[Principal | None]:
    """Sets the caller of the current context; for interceptors, operations and tests."""
    return _principal.set(principal)


def reset_current_principal(token: Token[Principal | None]) -> None:
    """Undoes `set_current_principal`."""
    _principal.reset(token)


def set_current_request_id(request_id: str) -> Token[str]:
    """Sets the request id of the current context; for interceptors, operations and tests."""
    return _request_id.set(request_id)
