"""Pictures: the speed of finding and blurring faces beside the bare model, and what is found of faces, plates and text.

    python -m benchmarks.media [--quick] [--json]

Speed: one process, one thread. Ours is what a media worker does for one JPEG of 640 x 480 under a policy that blurs
faces: decode, find, blur, encode, decode the result, look again. The peer is ONNX Runtime on the very same model and a
tensor that lies ready. Rounds alternate; the least CPU time of each counts.

Found: faces of scikit-image's astronaut at several sizes, of its lfw_subset (100 faces, 100 other cuttings of 25
pixels), plates drawn in the forms of several countries, and values of a form in letters of two sizes, with and without
noise.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import skimage
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from labelmill_anonymization.adapters.media import centerface, picture_worker
from labelmill_anonymization.adapters.media.worker_processes import prepare_process
from labelmill_anonymization.media.boxes import Box, iou
from labelmill_anonymization.media.plates import plates
from labelmill_anonymization.media.ports import Limits, MediaJob
from labelmill_anonymization.media.rules import Cover, MediaRules

FACES = MediaRules(cover=Cover.BLUR, keep_text=True, keep_license_plates=True, keep_codes=True)
LIMITS = Limits(pixels=50_000_000, pages=1, frames=1, seconds=1)
PLATES = [
    "B AB 1234",
    "M-XY 987",
    "LD71 ABC",
    "AB-123-CD",
    "1234 BCD",
    "7ABC123",
    "ABC-1234",
    "ABC1D23",
    "MH 12 AB 1234",
]
VALUES = [
    *("Jane Margaret Doe", "12 March 1961", "742 Evergreen Terrace", "415-555-2671", "jane.doe@example.com"),
    *("078-05-1120", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "192.168.10.55", "Robert Smith"),
]


def speed(rounds: int) -> tuple[float, float]:
    """CPU milliseconds for a picture: ours, and the bare model's."""
    jpeg = io.BytesIO()
    Image.fromarray(data.astronaut()).resize((640, 480)).save(jpeg, "JPEG", quality=90)
    job = MediaJob(jpeg.getvalue(), "image/jpeg", FACES, LIMITS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(centerface.MODEL), options, providers=["CPUExecutionProvider"])
    pixels = np.asarray(Image.open(jpeg), np.float32).transpose(2, 0, 1)[None].copy()

    def ours() -> None:
        look, covered = picture_worker.look_and_cover(job)
        assert len(look.sightings) == 1
        assert not covered.again.sightings

    def bare() -> None:
        session.run(None, {"pixels": pixels})

    ours()
    bare()
    pairs = [(_cpu_ms(ours), _cpu_ms(bare)) for _ in range(rounds)]
    return min(mine for mine, _ in pairs), min(theirs for _, theirs in pairs)


def _cpu_ms(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


def faces_by_size() -> Iterator[tuple[int, bool]]:
    """(height of the face in pixels, whether it was found) in a picture of 640 x 480."""
    face = Image.fromarray(data.astronaut()).crop((120, 0, 320, 220))
    for height in (240, 120, 64, 48, 32, 24, 16):
        factor = height / 120  # of the face in its cutting
        small = face.resize((round(200 * factor), round(220 * factor)))
        picture = Image.fromarray(data.coffee()).resize((640, 480))
        picture.paste(small, (100, 20))
        place = Box(100 + 62 * factor, 20 + 55 * factor, 100 + 150 * factor, 20 + 178 * factor)
        found = picture_worker.tools().faces.find(np.asarray(picture), 0)
        yield height, any(iou(sighting.box, place) > 0.3 for sighting in found)


def lfw() -> tuple[int, int]:
    """Faces found of 100, and false ones in 100 other cuttings."""
    pictures = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")
    found = []
    for grey in pictures:
        frame = np.full((96, 96, 3), 127, np.uint8)
        frame[35:60, 35:60] = (grey * 255).astype(np.uint8)[..., None]
        found.append(bool(picture_worker.tools().faces.find(frame, 0)))
    return sum(found[:100]), sum(found[100:])


def plates_found() -> tuple[int, int]:
    """Of `PLATES`, each drawn in a photograph: by their letters, and by OpenCV's cascade of plates."""
    cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data/haarcascade_russian_plate_number.xml"))
    by_letters = by_cascade = 0
    for text in PLATES:
        picture = Image.fromarray(data.coffee()).resize((640, 480))
        plate = Image.new("RGB", (180, 42), "white")
        ImageDraw.Draw(plate).text((10, 4), text, fill="black", font=ImageFont.load_default(28))
        picture.paste(plate, (300, 300))
        pixels = np.asarray(picture)
        by_letters += bool(plates(picture_worker.tools().reader.read(pixels)))
        by_cascade += bool(len(cascade.detectMultiScale(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), 1.1, 4)))
    return by_letters, by_cascade


def values_read(size: int, noise: float) -> int:
    """Of `VALUES`, written as a form of 800 x 600; read exactly, but for spaces."""
    picture = Image.new("RGB", (800, 600), "white")
    for row, value in enumerate(VALUES):
        ImageDraw.Draw(picture).text((30, 20 + 55 * row), value, fill="black", font=ImageFont.load_default(size))
    pixels = np.asarray(picture) + np.random.default_rng(0).normal(0, noise, (600, 800, 3))
    words = picture_worker.tools().reader.read(_bytes(pixels))
    text = "".join(word.text for word in words).replace(" ", "")
    return sum(value.replace(" ", "") in text for value in VALUES)


def _bytes(pixels: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(pixels, 0, 255).astype(np.uint8)


def main() -> None:
    """Measures, and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    prepare_process()
    ours, bare = speed(24 if arguments.quick else 60)
    figure("faces found and blurred, 640x480", 1000 / ours, 1000 / bare, "pictures/s/core", 0.8, arguments.json)
    by_size = dict(faces_by_size())
    smallest = min(height for height, found in by_size.items() if all(by_size[h] for h in by_size if h >= height))
    figure("smallest face found, all larger ones too", smallest, None, "pixels", None, arguments.json)
    true, false = lfw()
    figure("faces of lfw_subset found", true, None, "of 100", None, arguments.json)
    figure("other cuttings of lfw_subset taken for faces", false, None, "of 100", None, arguments.json)
    by_letters, by_cascade = plates_found()
    figure(
        "plates found by their letters, beside OpenCV's cascade",
        by_letters,
        by_cascade,
        f"of {len(PLATES)}",
        None,
        arguments.json,
    )
    for size, noise in ((24, 0.0), (14, 0.0), (14, 40.0)):
        name = f"values of a form read, {size} px, noise {noise:g}"
        figure(name, values_read(size, noise), None, f"of {len(VALUES)}", None, arguments.json)


def figure(name: str, ours: float, peer: float | None, unit: str, target: float | None, as_json: bool) -> None:
    """Prints one figure; a ratio above 1 means that ours is better."""
    ratio = ours / peer if peer else None
    if as_json:
        row = {"figure": name, "ours": ours, "peer": peer, "unit": unit, "ratio": ratio, "target": target}
        print(json.dumps(row), flush=True)
    else:
        beside = f" beside {peer:.1f}" if peer is not None else ""
        print(f"{name}: {ours:.1f}{beside} {unit}" + (f", ratio {ratio:.2f}" if ratio else ""), flush=True)


if __name__ == "__main__":
    main()
