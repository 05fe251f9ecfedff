"""Runs policies over a sample, as they would run over texts that nobody has marked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from labelmill_anonymization.errors import SampleAllFailed, SampleTooLarge
from labelmill_anonymization.evaluation.evaluation import Comparison, compare
from labelmill_anonymization.evaluation.figures import Certainty
from labelmill_anonymization.evaluation.outcome import Outcome, outcome_of
from labelmill_anonymization.evaluation.sample import Document
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.patience import patiently
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Anonymizer
from labelmill_anonymization.text_stream import require_length
from labelmill_runtime.errors import LabelmillError

MAX_DOCUMENTS = 50_000
MAX_CHARACTERS = 50_000_000
_UNDER_WAY = 128


@dataclass(frozen=True, slots=True)
class FailedDocument:
    """A text that could not be searched; it is in no figure, because it would not have passed either."""

    document_id: str
    error: LabelmillError


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures, and what they are about."""

    comparison: Comparison
    documents: Sequence[Document]
    first: Sequence[Outcome]
    second: Sequence[Outcome] | None
    failures: Sequence[FailedDocument]


@dataclass(frozen=True)
class SampleRunner:
    """Measures policies on samples."""

    anonymizer: Anonymizer

    async def measure(
        self,
        documents: Sequence[Document],
        policy: Policy,
        against: Policy | None,
        keys: ProjectKeys,
        certainty: Certainty,
    ) -> Measured:
        """The figures of one policy, or of two on the texts that both could search.

        Raises:
            SampleTooLarge: More than is measured in one call.
            SampleAllFailed: No text could be searched.
        """
        require_size(len(documents), sum(len(document.text) for document in documents))
        first = await self._outcomes(documents, policy, keys)
        second = first if against is None else await self._outcomes(documents, against, keys)
        failures: list[FailedDocument] = []
        searched: list[Document] = []
        ones: list[Outcome] = []
        others: list[Outcome] = []
        for document, one, other in zip(documents, first, second, strict=True):
            if isinstance(one, LabelmillError):
                failures.append(FailedDocument(document.document_id, one))
            elif isinstance(other, LabelmillError):
                failures.append(FailedDocument(document.document_id, other))
            else:
                searched.append(document)
                ones.append(one)
                others.append(other)
        if not searched:
            raise SampleAllFailed(failures[0].error.reason if failures else "")
        compared = None if against is None else others
        comparison = await asyncio.to_thread(compare, searched, ones, compared, certainty)
        return Measured(comparison, searched, ones, compared, failures)

    async def _outcomes(
        self, documents: Sequence[Document], policy: Policy, keys: ProjectKeys
    ) -> list[Outcome | LabelmillError]:
        room = asyncio.Semaphore(_UNDER_WAY)

        async def one(document: Document) -> Outcome | LabelmillError:
            async with room:
                try:
                    require_length(document.text)
                    clean = await patiently(lambda: self.anonymizer.anonymize(document.text, policy, keys))
                except LabelmillError as error:
                    return error
            return outcome_of(document.text, clean)

        return list(await asyncio.gather(*map(one, documents)))


def require_size(documents: int, characters: int) -> None:
    """Refuses a sample that is too large for one call."""
    if documents > MAX_DOCUMENTS or characters > MAX_CHARACTERS:
        raise SampleTooLarge(MAX_DOCUMENTS, MAX_CHARACTERS)
