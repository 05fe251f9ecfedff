"""Ontology versions at hand: they never change, so each is read and taken apart once. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from labelmill_annotation.errors import OntologyVersionNotFound
from labelmill_annotation.ontology import Ontology
from labelmill_annotation.ports import Records

_KEEP = 1024


@dataclass(frozen=True, slots=True)
class OntologyVersion:
    """One version: to check against, and as it was sent."""

    ontology: Ontology
    payload: bytes


class Ontologies:
    """Reads ontology versions through a memory of the last ones."""

    def __init__(self, parse: Callable[[bytes], Ontology]) -> None:
        self._parse = parse
        self._known: OrderedDict[tuple[str, int], OntologyVersion] = OrderedDict()

    async def version(self, records: Records, project: str, version: int) -> OntologyVersion:
        """One version of a project's ontology; never ask for one that this transaction has just written.

        Raises:
            OntologyVersionNotFound: ONTOLOGY_VERSION_NOT_FOUND.
        """
        key = project, version
        known = self._known.get(key)
        if known is None:
            payload = await records.projects.ontology(project, version)
            if payload is None:
                raise OntologyVersionNotFound(project, version)
            known = self._known[key] = OntologyVersion(self._parse(payload), payload)
            if len(self._known) > _KEEP:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return known
