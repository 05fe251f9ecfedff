"""A perceptual hash of an image, by which FindLabelErrors finds near duplicates without seeing the image.

Needs Pillow: `pip install labelmill[images]`.
"""

from __future__ import annotations

import io
import itertools
from pathlib import Path

__all__ = ["dhash"]

_WIDTH, _HEIGHT = 9, 8


def dhash(image: bytes | str | Path) -> int:
    """The difference hash (dHash, N. Krawetz, 2013): 64 bits for LabeledItem.image_hash.

    The image is made grey and 9 by 8 pixels; each bit says whether a pixel is brighter than the one to its left.
    Scaling, compression and changes of brightness or contrast leave most bits as they are.

    Args:
        image: The content of the file, or its path.

    Raises:
        OSError: It is no image, or larger than Pillow takes for harmless.
    """
    from PIL import Image  # here: the client does without, otherwise

    source = io.BytesIO(image) if isinstance(image, bytes) else image
    try:
        with Image.open(source) as opened:
            small = opened.convert("L").resize((_WIDTH, _HEIGHT), Image.Resampling.BOX)
    except Image.DecompressionBombError as error:
        raise OSError("the image has too many pixels") from error
    pixels = small.tobytes()
    rows = (pixels[start : start + _WIDTH] for start in range(0, len(pixels), _WIDTH))
    bits = [right > left for row in rows for left, right in itertools.pairwise(row)]
    return sum(1 << place for place, bit in enumerate(bits) if bit)
