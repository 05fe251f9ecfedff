"""JSON logs on stderr: one line per event, the request id on every line of a call, never a payload.

Libraries log through `logging`; of their records only the unfilled template's first line is kept, since arguments and
exception texts may quote data.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from labelmill_runtime import faults

_TEMPLATE_LIMIT = 200


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Sets up structlog and `logging` for the whole process."""
    out = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _faults_without_text,
            structlog.processors.JSONRenderer(default=_type_only),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_LibraryRecords()]
    # Libraries narrate at INFO (alembic, urllib3); what matters of them starts at WARNING.
    root.setLevel(max(threshold, logging.WARNING))


def quiet_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Makes the loop report forgotten exceptions by type and place instead of quoting them."""
    loop.set_exception_handler(_report)


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    details = faults.describe(error) if isinstance(error, BaseException) else {}
    structlog.get_logger().error("loop.fault", what=str(context.get("message", ""))[:_TEMPLATE_LIMIT], **details)


def _faults_without_text(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()[1]
    elif isinstance(info, tuple):
        info = info[1]
    if isinstance(info, BaseException):
        event.update(faults.describe(info))
    for key, value in event.items():
        if isinstance(value, BaseException):
            event[key] = type(value).__qualname__
    return event


def _type_only(value: object) -> str:
    return f"<{type(value).__qualname__}>"


class _LibraryRecords(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        template = record.msg if isinstance(record.msg, str) else type(record.msg).__qualname__
        details = faults.describe(record.exc_info[1]) if record.exc_info and record.exc_info[1] else {}
        structlog.get_logger().log(
            record.levelno,
            "library",
            logger=record.name,
            what=template.partition("\n")[0][:_TEMPLATE_LIMIT],
            **details,
        )
