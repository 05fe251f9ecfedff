"""Examples for `labelmill policy test`: texts, and what a policy is expected to do with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import typer

from labelmill.anonymization.v1 import service_pb2

_KEYS = ("text", "found", "only", "gone", "kept", "output")


@dataclass(frozen=True)
class Example:
    """A text and its expectations; what is not given is not checked."""

    text: str
    found: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values that must be found, by type; each as often as it is listed."""
    only: bool = False
    """Nothing else may be found."""
    gone: tuple[str, ...] = ()
    """Parts that must not be in the output."""
    kept: tuple[str, ...] = ()
    """Parts that must still be in the output."""
    output: str | None = None
    """The whole output."""


@dataclass(frozen=True)
class Outcome:
    """What a policy made of an example."""

    example: Example
    response: service_pb2.AnonymizeTextResponse

    @cached_property
    def problems(self) -> list[str]:
        """Where the expectations are not met."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        text, output, expected = self.example.text, self.response.text, Counter[tuple[str, str]]()
        for entity_type, values in self.example.found.items():
            expected.update((entity_type, value) for value in values)
        found = Counter((f.entity_type, text[f.raw_span.start : f.raw_span.end]) for f in self.response.findings)
        yield from (f"not found: {kind} {value!r}" for kind, value in (expected - found).elements())
        if self.example.only:
            yield from (f"found, too: {kind} {value!r}" for kind, value in (found - expected).elements())
        yield from (f"still there: {part!r}" for part in self.example.gone if part in output)
        yield from (f"no longer there: {part!r}" for part in self.example.kept if part not in output)
        if self.example.output is not None and self.example.output != output:
            yield f"expected: {self.example.output!r}"


def read_examples(path: Path) -> list[Example]:
    """Examples from a file: a list, or a mapping with the list as `examples`."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} is neither YAML nor JSON: {error}") from None
    listed = content.get("examples") if isinstance(content, Mapping) else content
    if not isinstance(listed, list) or not listed:
        raise typer.BadParameter(f"{path} holds no list of examples")
    return [_example(given, f"{path}: example {number}") for number, given in enumerate(listed, 1)]


def _example(given: Any, path: str) -> Example:
    if not isinstance(given, Mapping) or not isinstance(given.get("text"), str):
        raise typer.BadParameter(f"{path} has no text")
    if unknown := [str(key) for key in given if key not in _KEYS]:
        raise typer.BadParameter(f"{path}: unknown: {', '.join(unknown)}; known are {', '.join(_KEYS)}")
    if len(given) == 1:
        raise typer.BadParameter(f"{path} expects nothing")
    found = given.get("found") or {}
    if not isinstance(found, Mapping):
        raise typer.BadParameter(f"{path}: found must be a mapping of types to values")
    output = given.get("output")
    return Example(
        text=given["text"],
        found={str(kind): _texts(values, f"{path}: found.{kind}") for kind, values in found.items()},
        only=bool(given.get("only")),
        gone=_texts(given.get("gone", []), f"{path}: gone"),
        kept=_texts(given.get("kept", []), f"{path}: kept"),
        output=None if output is None else str(output),
    )


def _texts(given: Any, path: str) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, list):
        raise typer.BadParameter(f"{path} must be a list of texts")
    return tuple(map(str, given))
