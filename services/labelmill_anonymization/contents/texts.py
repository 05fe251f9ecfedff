"""Texts as contents: UTF-8 in, UTF-8 out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelmill_anonymization.contents.content import CleanContent, RawContent, counted
from labelmill_anonymization.errors import TextNotUtf8
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Anonymizer


@dataclass(frozen=True)
class TextHandler:
    """Hands texts to the workers."""

    anonymizer: Anonymizer
    max_bytes: int

    @property
    def media_types(self) -> Sequence[str]:
        """See `ContentHandler`."""
        return ("text/*",)

    async def anonymize(self, content: RawContent, policy: Policy, keys: ProjectKeys) -> CleanContent:
        """See `ContentHandler`."""
        try:
            text = content.data.decode("utf-8")
        except UnicodeDecodeError:
            raise TextNotUtf8 from None
        clean = await self.anonymizer.anonymize(text, policy, keys)
        return CleanContent(
            data=clean.text.encode("utf-8"),
            media_type=content.media_type,
            entity_counts=counted(applied.finding.entity_type for applied in clean.findings),
            operator_counts=counted(applied.operator_name for applied in clean.findings),
            protection=clean.protection,
            detector_versions=await self.anonymizer.versions(),
            key_ids=clean.key_ids,
            offsets=clean.offsets,
        )
