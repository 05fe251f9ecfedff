"""The outermost layer: whatever goes wrong inside leaves as a proper status.

grpcio sends the text of an unhandled exception to the client, personal data included; nothing unhandled passes here.
"""

from __future__ import annotations

import asyncio
from typing import NoReturn

import grpc
import grpc.aio
import structlog

from labelmill_runtime import faults
from labelmill_runtime.errors import LabelmillError, Unavailable
from labelmill_runtime.ids import ulid
from labelmill_runtime.interceptors.call import Call, Method, Proceed
from labelmill_runtime.status import internal_error, to_status

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Edge:
    """Maps errors to statuses."""

    def bind(self, method: Method, proceed: Proceed) -> Proceed:
        """Surrounds the calls of one method."""

        async def guarded(call: Call) -> None:
            try:
                await proceed(call)
            except grpc.aio.AbortError:
                raise  # the servicer chose its status
            except LabelmillError as error:
                await _abort(call, error)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling() or call.context.cancelled():
                    raise  # the client gave up, or the server is closing
                await _abort(call, Unavailable("INTERRUPTED", "The work was interrupted; try again.", retry_after_s=1))
            except Exception as error:
                incident = call.request_id or ulid()
                structlog.get_logger().error(
                    "rpc.fault", method=method.path, request_id=incident, **faults.describe(error)
                )
                await _abort(call, internal_error(incident))

        return guarded


async def _abort(call: Call, error: LabelmillError) -> NoReturn:
    trailers: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", to_status(error).SerializeToString())]
    if call.request_id:
        trailers.append(("x-request-id", call.request_id))
    await call.context.abort(_CODES[int(error.code)], error.message, tuple(trailers))
