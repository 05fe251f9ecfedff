"""The length of audio and video, by MediaInfo."""

from __future__ import annotations

from pathlib import Path

from pymediainfo import MediaInfo

_LONGEST_MS = 1 << 53


def duration_ms(path: Path) -> int | None:
    """In milliseconds; None when the file does not tell."""
    tracks = MediaInfo.parse(path, parse_speed=0).general_tracks
    try:
        found = round(float(tracks[0].duration))
    except (IndexError, TypeError, ValueError, OverflowError):
        return None
    return found if 0 <= found < _LONGEST_MS else None
