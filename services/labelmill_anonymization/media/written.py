"""What is written in pictures: words -> one text -> findings -> the places that are covered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.media.boxes import around
from labelmill_anonymization.media.plates import plates
from labelmill_anonymization.media.sightings import LICENSE_PLATE, TEXT, Sighting
from labelmill_anonymization.media.words import Reading, Word, joined
from labelmill_anonymization.operators import Keep
from labelmill_anonymization.patience import patiently
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Anonymizer

_READABLE = 0.5
"""Words that the reader is less sure of count as unread, and are covered: nobody knows what they say."""
_KNOWN_PART = 3
"""Letters and digits that a part of a known value must have to be looked for."""
_SEPARATORS = re.compile(r"[^\w]+|_")


@dataclass(frozen=True)
class Written:
    """What is to be covered of the words of some pages, and what the policy found and keeps."""

    covered: tuple[Sighting, ...] = ()
    kept: tuple[str, ...] = ()
    """Entity types, one for each finding."""


@dataclass(frozen=True)
class WrittenSearch:
    """Searches words under one policy."""

    anonymizer: Anonymizer
    policy: Policy
    keys: ProjectKeys
    known_values: frozenset[str] = field(default=frozenset(), repr=False)
    """Casefolded; see `known_parts`."""

    async def search(self, words: Sequence[Word], *, again: bool = False) -> Written:
        """What of some words is covered.

        Args:
            words: In reading order.
            again: They were read after something had been covered. What cannot be read is then an edge of a cover:
                letters that were there before had been read or covered.

        Raises:
            LabelmillError: The text cannot be searched.
        """
        rules = self.policy.media_rules
        readable = [word for word in words if _is_readable(word)]
        covered = [] if rules.keep_license_plates else plates(words)
        if rules.cover_all_text:
            every = readable if again else words
            return Written((*covered, *(_sighting(TEXT, [word], 1.0) for word in every)))
        if rules.keep_text:
            return Written(tuple(covered))
        covered += [_sighting(TEXT, [word], 1.0) for word in words if self._is_known(word)]
        if not self.policy.wanted_types:
            return Written(tuple(covered))
        if not again:
            covered += [_sighting(TEXT, [word], 1.0 - word.score) for word in words if not _is_readable(word)]
        reading = joined([word for word in words if word.text])
        if not reading.text:
            return Written(tuple(covered))
        clean = await patiently(lambda: self.anonymizer.anonymize(reading.text, self.policy, self.keys))
        kept: list[str] = []
        for applied in clean.findings:
            finding = applied.finding
            if applied.operator_name == Keep.name or (
                finding.entity_type == LICENSE_PLATE and rules.keep_license_plates
            ):
                kept.append(finding.entity_type)
            else:
                covered += _places(reading, finding.entity_type, finding.start, finding.end, finding.score)
        return Written(tuple(covered), tuple(kept))

    def _is_known(self, word: Word) -> bool:
        return any(part in self.known_values for part in _parts(word.text))


def _is_readable(word: Word) -> bool:
    return bool(word.text) and word.score >= _READABLE


def known_parts(values: Sequence[str]) -> frozenset[str]:
    """The parts of known values (of a DICOM header, say) that words are compared with."""
    return frozenset(part for value in values for part in _parts(value) if len(part) >= _KNOWN_PART)


def _parts(text: str) -> Iterator[str]:
    folded = text.casefold()
    yield from _SEPARATORS.split(folded)
    yield _SEPARATORS.sub("", folded)


def _places(reading: Reading, entity_type: str, start: int, end: int, score: float) -> list[Sighting]:
    """One place for each line that a finding touches."""
    by_line: dict[tuple[int, int], list[Word]] = {}
    for word in reading.words_in(start, end):
        by_line.setdefault((word.page, word.line), []).append(word)
    return [_sighting(entity_type, line, score) for line in by_line.values()]


def _sighting(entity_type: str, words: Sequence[Word], score: float) -> Sighting:
    return Sighting(entity_type, around(word.box for word in words), score, "OCR", words[0].page)
