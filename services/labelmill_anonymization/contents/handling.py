"""Who handles which media type. A type that nobody handles is refused: nothing passes unlooked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from labelmill_anonymization.contents.content import CleanContent, RawContent
from labelmill_anonymization.errors import AssetTooLarge, UnsupportedMediaType
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.policy import Policy


class ContentHandler(Protocol):
    """Anonymizes contents of some media types."""

    @property
    def media_types(self) -> Sequence[str]:
        """What it takes: full types such as "image/png", or all of a kind such as "text/*"."""

    @property
    def max_bytes(self) -> int:
        """Larger contents are refused."""

    async def anonymize(self, content: RawContent, policy: Policy, keys: ProjectKeys) -> CleanContent:
        """The outcome; raises LabelmillError, and then nothing of the content may pass."""


class ContentAnonymizer:
    """Hands each content to the handler of its type; a full type goes before "kind/*"."""

    def __init__(self, handlers: Sequence[ContentHandler]) -> None:
        self._handlers = {media_type: handler for handler in handlers for media_type in handler.media_types}

    def require(self, media_type: str, size: int) -> None:
        """Raises UnsupportedMediaType or AssetTooLarge, before anything is read."""
        limit = self._handler(media_type).max_bytes
        if size > limit:
            raise AssetTooLarge(limit)

    async def anonymize(self, content: RawContent, policy: Policy, keys: ProjectKeys) -> CleanContent:
        """See `ContentHandler.anonymize`."""
        self.require(content.media_type, len(content.data))
        return await self._handler(content.media_type).anonymize(content, policy, keys)

    def _handler(self, media_type: str) -> ContentHandler:
        essence = media_type.partition(";")[0].strip().lower() or "text/plain"
        kind = essence.partition("/")[0]
        handler = self._handlers.get(essence) or self._handlers.get(f"{kind}/*")
        if handler is None:
            raise UnsupportedMediaType(sorted(self._handlers))
        return handler
