"""Pictures, documents, sound and film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from labelmill_anonymization.adapters.media.worker_processes import MediaProcesses
from labelmill_anonymization.assembly.parts import Area, Parts
from labelmill_anonymization.contents.content import CleanContent, RawContent
from labelmill_anonymization.contents.handling import ContentHandler
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.media.errors import MediaNotInstalled
from labelmill_anonymization.media.films import FilmHandler
from labelmill_anonymization.media.pictures import PictureHandler
from labelmill_anonymization.media.ports import Limits
from labelmill_anonymization.media.sounds import SoundHandler
from labelmill_anonymization.policy import Policy

_PACKAGES = ("PIL", "av", "cv2", "numpy", "onnxruntime", "pydicom", "pypdfium2", "rapidocr", "soundfile")


def media(parts: Parts) -> Area:
    """The handlers of media; where their packages are missing, they say so."""
    settings = parts.settings
    limits = Limits(settings.max_pixels, settings.max_pages, settings.max_frames, settings.max_seconds)
    workers = MediaProcesses(
        settings.media_workers, timeout_s=settings.media_timeout_s, max_pending=settings.max_pending_media
    )
    handlers: list[ContentHandler] = [
        PictureHandler(workers, parts.anonymizer, limits, settings.max_media_bytes),
        SoundHandler(workers, parts.anonymizer, limits, settings.max_media_bytes),
        FilmHandler(workers, parts.anonymizer, limits, settings.max_media_bytes),
    ]
    if not all(find_spec(package) for package in _PACKAGES):
        handlers = [NotInstalled(handler.media_types, handler.max_bytes) for handler in handlers]
    return Area(handlers=handlers, close=(workers.close,))


@dataclass(frozen=True)
class NotInstalled:
    """Stands where a handler would be, had its packages been installed; see `ContentHandler`."""

    media_types: Sequence[str]
    max_bytes: int

    async def anonymize(self, content: RawContent, policy: Policy, keys: ProjectKeys) -> CleanContent:
        """Raises MediaNotInstalled."""
        raise MediaNotInstalled
