"""Resource names: "projects/{project}/assets/{asset}" taken apart and put together. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from labelmill_runtime.errors import InvalidArgument

PROJECT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""What a project id looks like."""

_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}"
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def parse(pattern: str, name: str, *, field: str = "name") -> dict[str, str]:
    """Takes a name apart by a pattern such as "projects/{project}/assets/{asset}": {"project": ..., "asset": ...}.

    Raises:
        InvalidArgument: INVALID_NAME, with `field` as the field path. The message shows the pattern, never the name.
    """
    match = _compiled(pattern).fullmatch(name)
    if match is None:
        raise invalid_name(field, pattern)
    return match.groupdict()


def matches(pattern: str, name: str) -> bool:
    """Whether the name has the form of the pattern."""
    return _compiled(pattern).fullmatch(name) is not None


def format(pattern: str, **parts: str) -> str:  # noqa: A001 - names.format reads best at the call site
    """Puts a name together; the parts must be legal segments."""
    name = pattern.format(**parts)
    parse(pattern, name)
    return name


def project_of(name: str, *, field: str = "name") -> str:
    """The project id of "projects/{project}" or of anything below it."""
    head, _, rest = name.partition("/")
    project, slash, below = rest.partition("/")
    if head != "projects" or not PROJECT_ID.fullmatch(project) or (slash and not below):
        raise invalid_name(field, "projects/{project}/...")
    return project


def require_project(name: str, project: str, *, field: str = "name") -> None:
    """Refuses a name of another project; for names that a request carries beside the one it was authorised by."""
    if project_of(name, field=field) != project:
        message = "All names in one request belong to one project."
        raise InvalidArgument("FOREIGN_PROJECT", message, fields={field: "is in another project"})


def ids_of(pattern: str, names: Iterable[str], project: str, *, field: str = "names") -> list[str]:
    """The last segments of names that a request lists, each once, in order.

    Raises:
        InvalidArgument: INVALID_NAME or FOREIGN_PROJECT, with the field path of the name.
    """
    ids: dict[str, None] = {}
    for index, name in enumerate(names):
        parse(pattern, name, field=f"{field}[{index}]")
        require_project(name, project, field=f"{field}[{index}]")
        ids[name.rpartition("/")[2]] = None
    return list(ids)


def invalid_name(field: str, pattern: str) -> InvalidArgument:
    """The error for a name that does not have the form of `pattern`."""
    return InvalidArgument(
        "INVALID_NAME",
        f"{field} is not a resource name of the form {pattern}.",
        metadata={"field": field, "pattern": pattern},
        fields={field: f"must have the form {pattern}"},
    )


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    out, end = [], 0
    for placeholder in _PLACEHOLDER.finditer(pattern):
        key = placeholder.group(1)
        segment = PROJECT_ID.pattern if key == "project" else _SEGMENT
        out += [re.escape(pattern[end : placeholder.start()]), f"(?P<{key}>{segment})"]
        end = placeholder.end()
    return re.compile("".join(out) + re.escape(pattern[end:]))
