"""Pictures, documents, sound and film for tests, drawn here. The face is NASA's, public domain."""

import io
from functools import cache
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage import data

CANARY = "CANARY7F3A"
FACE_BOX = (175, 55, 275, 180)
"""Left, top, right, bottom of the face in `portrait`, roughly."""


@cache
def _astronaut() -> Image.Image:
    return Image.fromarray(data.astronaut())


def portrait(*lines: str) -> Image.Image:
    """512 x 512 with one face, and lines of text at its foot."""
    picture = _astronaut().copy()
    if lines:
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, 512 - 50 * len(lines), 512, 512), fill="white")
        for index, line in enumerate(lines):
            draw.text((20, 512 - 50 * (len(lines) - index) + 10), line, fill="black", font=ImageFont.load_default(26))
    return picture


def page(*lines: str, size: tuple[int, int] = (500, 200), mode: str = "RGB") -> Image.Image:
    """Black text on white."""
    picture = Image.new(mode, size, "white")
    draw = ImageDraw.Draw(picture)
    for index, line in enumerate(lines):
        draw.text((20, 20 + 50 * index), line, fill="black", font=ImageFont.load_default(26))
    return picture


def encoded(picture: Image.Image, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, file_format, **options)
    return out.getvalue()


def decoded(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def recording(seconds: float = 2.0, rate: int = 16_000, file_format: str = "WAV") -> bytes:
    """A quiet tone of 100 Hz."""
    out = io.BytesIO()
    soundfile.write(out, tone(seconds, rate), rate, format=file_format)
    return out.getvalue()


def tone(seconds: float, rate: int) -> NDArray[np.int16]:
    return (np.sin(2 * np.pi * 100 * np.arange(int(seconds * rate)) / rate) * 3000).astype(np.int16)


def film(frames: list[Image.Image], *, sound: bool = False, container: str = "mp4", codec: str = "libx264") -> bytes:
    """Ten frames a second."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as sink:
        sink.metadata["title"] = CANARY
        video = sink.add_stream(codec, rate=10, options={"crf": "12"})
        video.width, video.height = frames[0].size
        video.pix_fmt = "yuv420p"
        audio = sink.add_stream("aac", rate=48_000, layout="mono") if sound else None
        for frame in frames:
            for packet in video.encode(av.VideoFrame.from_ndarray(np.asarray(frame.convert("RGB")), format="rgb24")):
                sink.mux(packet)
        for packet in video.encode(None):
            sink.mux(packet)
        if audio is not None:
            _tone_into(sink, audio, len(frames) / 10)
    return out.getvalue()


def _tone_into(sink: Any, stream: Any, seconds: float) -> None:
    samples = tone(seconds, 48_000).astype(np.float32) / 32768
    for start in range(0, len(samples) - 1024, 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48_000, start
        for packet in stream.encode(frame):
            sink.mux(packet)
    for packet in stream.encode(None):
        sink.mux(packet)


def film_frames(content: bytes) -> list[NDArray[np.uint8]]:
    with av.open(io.BytesIO(content)) as source:
        return [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]


def walk(count: int = 20) -> list[Image.Image]:
    """A face that walks from left to right through a green room, with a name below it."""
    face = _astronaut().crop((120, 0, 320, 220)).resize((100, 110))
    frames = []
    for index in range(count):
        frame = Image.new("RGB", (320, 240), (90, 120, 90))
        frame.paste(face, (10 + 5 * index, 60))
        ImageDraw.Draw(frame).text((90, 200), "NameJane", fill="white", font=ImageFont.load_default(24))
        frames.append(frame)
    return frames
