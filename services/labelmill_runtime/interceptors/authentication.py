"""Finds out who calls, from `authorization: Bearer ...`, before a byte of the request is parsed."""

from __future__ import annotations

from labelmill_runtime.access import Authenticator, is_public
from labelmill_runtime.errors import Unauthenticated
from labelmill_runtime.interceptors.call import Call, Method, Proceed
from labelmill_runtime.principal import set_current_principal

_SCHEME = "bearer "


class Authentication:
    """Sets the principal of the call; health and reflection need none."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def bind(self, method: Method, proceed: Proceed) -> Proceed:
        """Surrounds the calls of one method."""
        if is_public(method.path):
            return proceed

        async def authenticated(call: Call) -> None:
            header = call.metadata.get("authorization", "")
            if header[: len(_SCHEME)].lower() != _SCHEME:
                raise Unauthenticated("MISSING_API_KEY", "Send the API key as metadata `authorization: Bearer <key>`.")
            call.principal = await self._authenticator.authenticate(header[len(_SCHEME) :].strip())
            set_current_principal(call.principal)
            await proceed(call)

        return authenticated
