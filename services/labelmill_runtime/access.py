"""Who may call what: the access rule of every RPC, read from the protos at start, and the decision about one call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import structlog
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message

from labelmill.access.v1 import access_pb2
from labelmill_runtime import names
from labelmill_runtime.api_keys import ApiKeys, create_key, ensure_key_file, list_keys, revoke_keys
from labelmill_runtime.errors import PermissionDenied
from labelmill_runtime.principal import EVERY_PROJECT, Principal, Role

__all__ = [
    "AccessRule",
    "ApiKeys",
    "Authenticator",
    "Authorizer",
    "create_key",
    "ensure_key_file",
    "is_public",
    "list_keys",
    "revoke_keys",
]

_PUBLIC_SERVICES = frozenset(
    {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection", "grpc.reflection.v1.ServerReflection"}
)


class Authenticator(Protocol):
    """Turns the bearer token of a call into a principal. API keys do; an OIDC issuer can."""

    async def authenticate(self, token: str) -> Principal:
        """The principal; raises Unauthenticated."""


@dataclass(frozen=True, slots=True)
class AccessRule:
    """What a call of one RPC needs; see labelmill.access.v1.MethodAccess."""

    roles: frozenset[Role]
    project_field: tuple[str, ...] = ()
    any_project: bool = False

    def project(self, request: Message) -> str | None:
        """The project that the request is about; None where the RPC belongs to no project."""
        if not self.project_field:
            return None
        value = request
        for field in self.project_field:
            value = getattr(value, field)
        return names.project_of(str(value), field=".".join(self.project_field))


_OPERATION_ROLES = frozenset({Role.OWNER, Role.MANAGER, Role.PRIVACY_OFFICER, Role.SERVICE, Role.REVIEWER})
_OPERATIONS = "google.longrunning.Operations"
# google/longrunning/operations.proto cannot carry our option, so its rules stand here.
_OPERATION_RULES = {
    f"/{_OPERATIONS}/{method}": AccessRule(_OPERATION_ROLES, ("name",))
    for method in ("GetOperation", "ListOperations", "CancelOperation", "DeleteOperation", "WaitOperation")
}


def is_public(method: str) -> bool:
    """Whether the RPC ("/package.Service/Method") is served to anyone: health and reflection."""
    return method[1:].partition("/")[0] in _PUBLIC_SERVICES


class Authorizer:
    """Knows the rule of every RPC; an RPC without one is refused."""

    def __init__(self, descriptors: Iterable[FileDescriptor]) -> None:
        self._rules = dict(_OPERATION_RULES)
        for descriptor in descriptors:
            for service in descriptor.services_by_name.values():
                for method in service.methods:
                    self._add(f"/{service.full_name}/{method.name}", method.GetOptions())

    def _add(self, method: str, options: MethodOptions) -> None:
        if not options.HasExtension(access_pb2.access):
            structlog.get_logger().error("access.no_rule", method=method)
            return
        access = options.Extensions[access_pb2.access]
        path = tuple(access.project_field.split(".")) if access.project_field else ()
        self._rules[method] = AccessRule(frozenset(Role(role) for role in access.roles), path, access.any_project)

    def rule(self, method: str) -> AccessRule | None:
        """The rule of "/package.Service/Method"; None if it has none."""
        return self._rules.get(method)

    def authorize(self, principal: Principal, method: str, rule: AccessRule | None, request: Message | None) -> None:
        """Lets the call pass or raises; `request` is needed where the rule names a project field.

        Raises:
            PermissionDenied: PERMISSION_DENIED, the same whether or not the project or the resource exists.
            InvalidArgument: INVALID_NAME if the project field holds no project.
        """
        if rule is None:
            raise PermissionDenied("METHOD_WITHOUT_ACCESS_RULE", "This method has no access rule and is refused.")
        if rule.any_project and not rule.project_field:
            held = principal.roles_anywhere()
        else:
            project = rule.project(request) if request is not None else None
            held = principal.roles(EVERY_PROJECT if project is None else project)
        if held.isdisjoint(rule.roles):
            raise PermissionDenied(
                "PERMISSION_DENIED",
                "The caller holds none of the roles that this method admits.",
                metadata={"method": method, "roles": ",".join(sorted(role.name for role in rule.roles))},
            )
