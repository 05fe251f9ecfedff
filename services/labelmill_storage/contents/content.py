"""What some bytes are: their hash, size, media type and text length, found while they stream past. Pure.

Memory is constant, whatever the size: an inspection keeps a hash state, a decoder state and both ends of the content.
"""

from __future__ import annotations

import codecs
import hashlib
import re

from labelmill_runtime.errors import InvalidArgument, ResourceExhausted
from labelmill_storage.assets import Content
from labelmill_storage.contents import images, media_types
from labelmill_storage.contents.samples import Ends, Sample

BLOCK_BYTES = 4 * 1024 * 1024
"""Contents are verified block by block when they are read, so that a range needs no more than its own blocks."""

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")


class EmptyContent(InvalidArgument):
    """Nothing was sent."""

    def __init__(self) -> None:
        super().__init__("EMPTY_CONTENT", "The content is empty.", fields={"content": "must not be empty"})


class InvalidUtf8(InvalidArgument):
    """Text that is not UTF-8."""

    def __init__(self, offset_bytes: int) -> None:
        super().__init__(
            "INVALID_UTF8",
            "The content has a media type of text but is not valid UTF-8.",
            metadata={"offset_bytes": str(offset_bytes)},
            fields={"content": f"must be valid UTF-8; it is not at byte {offset_bytes}"},
        )


class ContentTooLarge(ResourceExhausted):
    """More than the limit."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            "CONTENT_TOO_LARGE",
            f"The content is larger than the limit of {limit_bytes} bytes.",
            metadata={"limit_bytes": str(limit_bytes)},
        )


def media_type_of(declared: str) -> str:
    """The bare media type in lower case of one with parameters; empty stays empty.

    Raises:
        InvalidArgument: INVALID_MEDIA_TYPE.
    """
    bare = declared.partition(";")[0].strip().lower()
    if declared and not _MEDIA_TYPE.fullmatch(bare):
        problem = {"media_type": 'must have the form "type/subtype"'}
        raise InvalidArgument("INVALID_MEDIA_TYPE", "media_type is not a media type.", fields=problem)
    return bare


def check_size(size_bytes: int, limit_bytes: int) -> None:
    """Refuses a size beyond the limit with CONTENT_TOO_LARGE."""
    if size_bytes > limit_bytes:
        raise ContentTooLarge(limit_bytes)


class Inspection:
    """Looks at a content while it streams past.

    `finish` fills `sample`, the content's two ends; `told`, its media type by its bytes alone (empty: unknown); and
    `image_sizes`, the size of an image and of its further pages.
    """

    def __init__(self, declared_media_type: str, limit_bytes: int) -> None:
        self._media_type = media_type_of(declared_media_type)
        self._limit_bytes = limit_bytes
        self._size = 0
        self._whole = hashlib.sha256()
        self._blocks = _BlockDigests()
        self._ends = Ends()
        self.sample = Sample(b"", b"", 0)
        self.told = ""
        self._described: Content | None = None
        self.image_sizes: list[images.Size] = []
        self._text: _TextLength | None = _TextLength()

    @classmethod
    def of_ends(cls, declared_media_type: str, sample: Sample, sha256: str) -> Inspection | None:
        """The inspection of a content that somebody else has hashed, by its two ends: what streaming would tell.

        Its description has no block digests.

        Returns:
            None for what may be text: every byte of that counts.

        Raises:
            InvalidUtf8: The media type is one of text, and the content begins with bytes that are none.
        """
        seen = cls(declared_media_type, sample.size_bytes)
        text = _TextLength()
        text.update(sample.head)
        seen._check_text(text)
        if seen._text is not None and not text.has_nul:
            return None
        seen._text, seen._size = None, sample.size_bytes
        media_type = seen._describe(sample, sha256, b"").media_type
        return None if media_type.startswith("text/") else seen

    def update(self, chunk: bytes) -> None:
        """Takes the next bytes.

        Raises:
            ContentTooLarge: With these bytes, it is over the limit.
            InvalidUtf8: The media type is one of text, and the bytes so far are none.
        """
        check_size(self._size + len(chunk), self._limit_bytes)
        self._size += len(chunk)
        self._whole.update(chunk)
        self._blocks.update(chunk)
        self._ends.update(chunk)
        if self._text is not None:
            self._text.update(chunk)
            self._check_text(self._text)

    @property
    def seen_bytes(self) -> int:
        """How many bytes it has seen."""
        return self._size

    def finish(self, *, may_be_empty: bool = False) -> Content:
        """The description of all the bytes, but for what takes a closer look (see `describing.Describer`).

        Raises:
            EmptyContent: There were none.
            InvalidUtf8: The media type is one of text, and the last character is cut off.
            MediaTypeMismatch: The content is of another kind than the media type.
        """
        if self._described is not None:
            return self._described
        if not self._size and not may_be_empty:
            raise EmptyContent
        if self._text is not None:
            self._text.finish()
            self._check_text(self._text)
        return self._describe(self._ends.finish(), self._whole.hexdigest(), self._blocks.finish())

    def _describe(self, sample: Sample, sha256: str, block_digests: bytes) -> Content:
        self.sample = sample
        self.told = self._look(sample)
        # Nothing at all contradicts no type.
        media_type = media_types.settle(self._media_type, self.told) if self._size else self._media_type or self.told
        self.image_sizes = images.sizes(self.told, sample)
        self._described = Content(
            sha256=sha256,
            size_bytes=self._size,
            media_type=media_type,
            text_length=self._text.length if self._text is not None and media_type.startswith("text/") else None,
            image_size=self.image_sizes[0] if self.image_sizes else None,
            block_digests=block_digests,
        )
        return self._described

    def _look(self, sample: Sample) -> str:
        # No text file holds NUL; a file full of zeros is valid UTF-8 all the same.
        if self._text is not None and not self._text.has_nul:
            return media_types.told_from_text(sample.head)
        return media_types.told_from_binary(sample)

    def _check_text(self, text: _TextLength) -> None:
        if text.invalid_at is None:
            return
        if self._media_type.startswith("text/"):
            raise InvalidUtf8(text.invalid_at)
        self._text = None


class _TextLength:
    """Counts code points of UTF-8 that comes in pieces."""

    def __init__(self) -> None:
        self.length = 0
        self.invalid_at: int | None = None
        self.has_nul = False
        self._seen = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")

    def update(self, chunk: bytes, *, final: bool = False) -> None:
        pending = len(self._decoder.getstate()[0])
        try:
            self.length += len(self._decoder.decode(chunk, final))
        except UnicodeDecodeError as error:
            self.invalid_at = self._seen - pending + error.start
            return
        self.has_nul = self.has_nul or b"\0" in chunk
        self._seen += len(chunk)

    def finish(self) -> None:
        self.update(b"", final=True)


class _BlockDigests:
    """The SHA-256 of every block, where there are more than one."""

    def __init__(self) -> None:
        self._digests = bytearray()
        self._block = hashlib.sha256()
        self._filled = 0

    def update(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            if self._filled == BLOCK_BYTES:
                self._close()
            part = view[: BLOCK_BYTES - self._filled]
            self._block.update(part)
            self._filled += len(part)
            view = view[len(part) :]

    def finish(self) -> bytes:
        if not self._digests:
            return b""
        self._close()
        return bytes(self._digests)

    def _close(self) -> None:
        self._digests += self._block.digest()
        self._block = hashlib.sha256()
        self._filled = 0
