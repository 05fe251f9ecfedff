"""What can be wrong with an annotation. Pure."""

from __future__ import annotations

from dataclasses import dataclass

NOT_IN_ONTOLOGY = "NOT_IN_ONTOLOGY"
ANNOTATION_INVALID = "ANNOTATION_INVALID"
SPAN_OUTSIDE_TEXT = "SPAN_OUTSIDE_TEXT"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, at a request field."""

    reason: str
    path: str
    what: str
