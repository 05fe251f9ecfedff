"""Text in pictures by RapidOCR (PP-OCRv6 in ONNX Runtime); the models come inside the package.

RapidOCR's own call logs failures and answers as if there were no text, and drops lines that it is unsure of or cannot
read. Here failures are raised, and such lines come back, so that they can be covered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import rapidocr
from numpy.typing import NDArray
from rapidocr import RapidOCR
from rapidocr.ch_ppocr_rec.typings import TextRecOutput
from rapidocr.main import RapidOCRError
from rapidocr.utils.process_img import map_boxes_to_original, map_img_to_original

from labelmill_anonymization.media.boxes import Box, shifted, tiles
from labelmill_anonymization.media.ports import Picture
from labelmill_anonymization.media.words import Word

_SIDE = 1760
"""Larger pictures are read in tiles (A4 at 150 dots an inch is not): made smaller, small letters would be lost."""
_OVERLAP = 400
"""Neighbouring tiles share this much, so that a word that one of them cuts is whole in the other."""
_UPSIDE_DOWN = "180"
_TURNED = 0.9
"""RapidOCR turns lines of which its classifier is surer than this."""
_MODELS = Path(rapidocr.__file__).parent / "models"
_PARAMETERS = {
    "Det.model_path": str(_MODELS / "PP-OCRv6_det_small.onnx"),  # named, so that it never looks for them elsewhere
    "Cls.model_path": str(_MODELS / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
    "Rec.model_path": str(_MODELS / "PP-OCRv6_rec_small.onnx"),
    "Global.log_level": "critical",
    "Global.max_side_len": _SIDE,
    "Global.return_word_box": True,
    "Cls.cls_thresh": _TURNED,
    "Det.max_candidates": 100_000,  # lines of text in a tile: beyond this they would be dropped without a word
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


class RapidOcrReader:
    """Reads Latin, Chinese and Japanese letters, in lines of any direction."""

    def __init__(self) -> None:
        self.version = f"RapidOCR {version('rapidocr')} PP-OCRv6-small"
        self._ocr = RapidOCR(params=_PARAMETERS)

    def read(self, picture: Picture) -> list[Word]:
        """See `TextReader`."""
        words: list[Word] = []
        for tile in tiles((picture.shape[1], picture.shape[0]), _SIDE, _OVERLAP):
            first = words[-1].line + 1 if words else 0
            part = picture[int(tile.top) : int(tile.bottom), int(tile.left) : int(tile.right)]
            words += [
                replace(word, box=shifted(word.box, tile.left, tile.top), line=first + word.line)
                for word in self._read(part)
            ]
        return words

    def _read(self, picture: Picture) -> list[Word]:
        original = np.ascontiguousarray(picture[:, :, ::-1])  # blue, green, red
        height, width = original.shape[:2]
        smaller, record = self._ocr.preprocess_img(original)
        crops, boxes = self._lines(smaller, record)
        if not crops:
            return []
        turned, directions = self._ocr.cls_and_rotate(crops)
        read = self._ocr.recognize_txt(turned)
        ratios = record["preprocess"]
        boxes = map_boxes_to_original(boxes, record, height, width)
        crops = map_img_to_original(crops, ratios["ratio_h"], ratios["ratio_w"])
        return [
            word
            for line, (box, crop, result, (label, score)) in enumerate(
                zip(boxes, crops, _single(read), directions.cls_res or (), strict=True)
            )
            for word in self._words(line, box, crop, result, label == _UPSIDE_DOWN and score > _TURNED)
        ]

    def _lines(self, picture: NDArray[np.uint8], record: dict[str, Any]) -> tuple[list[Any], Any]:
        """Cuttings of the picture, one for each line of text, and their corners."""
        try:
            crops, found = self._ocr.detect_and_crop(picture, record)
        except RapidOCRError:  # its only meaning here: there is no text
            return [], None
        return crops, found.boxes

    def _words(
        self, line: int, corners: NDArray[Any], crop: Any, read: TextRecOutput, is_turned: bool
    ) -> Iterator[Word]:
        text, score = _texts(read)[0], float(read.scores[0])
        placed = self._placed(corners, crop, read) if text.strip() else []
        if "".join(text.split()) == "".join("".join(word.split()) for word, _ in placed):
            if is_turned:  # the line was read the other way round, but its words were placed as if it had not
                placed = [(word, _opposite(box, corners.mean(0))) for word, box in placed]
            yield from (Word(word.strip(), box, score, line) for word, box in placed if word.strip())
        else:  # its words cannot be told apart
            yield Word(text.strip(), _box(corners), score, line)

    def _placed(self, corners: NDArray[Any], crop: Any, read: TextRecOutput) -> list[tuple[str, Box]]:
        if not read.word_results or not read.word_results[0]:
            return []
        words = self._ocr.calc_word_boxes([crop], corners[None], read)
        return [(text, _box(np.asarray(box))) for text, _score, box in (words[0] if words else ())]


def _single(read: TextRecOutput) -> Iterator[TextRecOutput]:
    """The lines of a result, one by one."""
    for text, score, words in zip(_texts(read), read.scores, read.word_results, strict=True):
        yield TextRecOutput(txts=(text,), scores=[score], word_results=(words,))


def _opposite(box: Box, centre: NDArray[Any]) -> Box:
    """The box, turned by half a turn about the middle of its line."""
    x, y = (2 * float(at) for at in centre)
    return Box(x - box.right, y - box.bottom, x - box.left, y - box.top)


def _texts(read: TextRecOutput) -> tuple[str, ...]:
    return read.txts or ()


def _box(corners: NDArray[Any]) -> Box:
    (left, top), (right, bottom) = corners.min(0), corners.max(0)
    return Box(float(left), float(top), float(right), float(bottom))
