"""Perceptual hashes of images."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from labelmill.image_hash import dhash


def encoded(pixels: np.ndarray, form: str, **how: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **how)
    return buffer.getvalue()


def different(first: int, second: int) -> int:
    return (first ^ second).bit_count()


def test_a_hash_has_a_bit_for_each_step_to_the_right() -> None:
    rising = np.tile(np.linspace(0, 255, 90).astype(np.uint8), (80, 1))
    assert dhash(encoded(rising, "PNG")) == 2**64 - 1
    assert dhash(encoded(rising[:, ::-1].copy(), "PNG")) == 0


def test_the_same_picture_in_other_sizes_and_qualities_has_nearly_the_same_hash(tmp_path: Path) -> None:
    picture = data.astronaut()
    path = tmp_path / "astronaut.png"
    path.write_bytes(encoded(picture, "PNG"))
    original = dhash(path)
    smaller = np.asarray(Image.fromarray(picture).resize((200, 200)))
    assert different(original, dhash(encoded(smaller, "JPEG", quality=40))) <= 4
    assert different(original, dhash(encoded((picture * 0.7).astype(np.uint8), "JPEG"))) <= 4
    assert different(original, dhash(encoded(data.coffee(), "PNG"))) > 12


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(OSError, match="identify"):
        dhash(b"no image")
