"""Measures the tagger on development texts: `python -m tools.tagger.evaluate`.

With `--card`, writes the figures and the hashes of the files into the model's card (card.json beside the model), and
into the tables of MODEL_CARD.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.adapters.tagger import Tagger
from labelmill_anonymization.findings import Finding
from labelmill_anonymization.tagger.blocks import join
from labelmill_anonymization.tagger.labels import TYPES
from tools.tagger.generate import Generator, Marked
from tools.tagger.lexicon import FILE as LEXICON
from tools.tagger.pools import LANGUAGES
from tools.tagger.scoring import Score
from tools.tagger.train import MODEL

CARD = MODEL.with_name("card.json")
PAGE = Path(__file__).with_name("MODEL_CARD.md")

_SEED = 2_000_003
_TEXTS, _TEXTS_A_LANGUAGE = 4_000, 1_000
_BATCH = 32
_BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.001)


def main() -> None:
    """Prints the figures; writes them with `--card`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--lexicon", type=Path, default=LEXICON)
    parser.add_argument("--card", action="store_true", help="write card.json and MODEL_CARD.md")
    options = parser.parse_args()
    model, lexicon = options.model.read_bytes(), options.lexicon.read_bytes()
    tagger = Tagger(model, lexicon)
    figures = measure(tagger, list(Generator(_SEED, developing=True).texts(_TEXTS)))
    figures["languages"] = {language: _in(language, tagger) for language in LANGUAGES}
    figures |= {"files": {"model.onnx": _hash(model), "lexicon.npz": _hash(lexicon)}}
    sys.stdout.write(table(figures))
    if options.card:
        CARD.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        page = PAGE.read_text(encoding="utf-8")
        page = re.sub(r"(?s)(<!-- figures -->\n).*(<!-- end -->)", lambda m: m[1] + table(figures) + m[2], page)
        PAGE.write_text(page, encoding="utf-8")


def measure(tagger: Tagger, texts: Sequence[Marked]) -> dict[str, Any]:
    """Figures on marked texts."""
    score = Score()
    sure: list[tuple[float, bool]] = []
    for text, findings in _tagged(tagger, texts):
        gold = _gold(text)
        score.add(gold, findings)
        sure += [(finding.score, _is_right(finding, gold)) for finding in findings]
    scores, right = np.array([s for s, _ in sure]), np.array([r for _, r in sure])
    return {
        "version": tagger.version,
        "texts": len(texts),
        "leaked_characters": round(score.leak, 4),
        "character_precision": round(score.precision, 4),
        "types": {
            kind: {
                "spans": score.gold[kind],
                "recall": round(score.recall(kind), 3),
                "precision": round(score.precision_of(kind), 3),
                "leaked_characters": round(score.leaked[kind] / max(score.personal[kind], 1), 3),
            }
            for kind in TYPES
            if score.gold[kind]
        },
        "calibration": [_bin(low, high, scores, right) for low, high in pairwise(_BINS)],
    }


def _in(language: str, tagger: Tagger) -> dict[str, float]:
    """The main figures on texts in one language."""
    figures = measure(tagger, list(Generator(_SEED, True, language).texts(_TEXTS_A_LANGUAGE)))
    return {name: figures[name] for name in ("leaked_characters", "character_precision")}


def _bin(low: float, high: float, scores: NDArray[np.float64], right: NDArray[np.bool_]) -> dict[str, Any]:
    """Findings with a score in a range: how many, how sure, how often right."""
    within = (scores >= low) & (scores < high)
    number = int(within.sum())
    score, share = (round(float(values[within].mean()), 3) if number else 0.0 for values in (scores, right))
    return {"from": low, "to": min(high, 1.0), "findings": number, "score": score, "right": share}


def _gold(text: Marked) -> list[tuple[int, int, str]]:
    """What is personal in a text, each address in one as the tagger gives them."""
    marked = [Finding(kind, start, end, 1.0, "") for start, end, kind in text.spans]
    return [(finding.start, finding.end, finding.entity_type) for finding in join(marked, text.text)]


def _is_right(finding: Finding, gold: list[tuple[int, int, str]]) -> bool:
    return any(kind == finding.entity_type and finding.start < end and finding.end > start for start, end, kind in gold)


def _tagged(tagger: Tagger, texts: Sequence[Marked]) -> Iterator[tuple[Marked, list[Any]]]:
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        yield from zip(batch, tagger.tag([text.text for text in batch]), strict=True)


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        f"Texts: {figures['texts']}. Personal characters that leaked: {figures['leaked_characters']:.2%}.",
        f"Character precision: {figures['character_precision']:.3f}.",
        "",
        "| type | spans | recall (overlap) | precision (overlap) | leaked characters |",
        "|---|---|---|---|---|",
    ]
    for kind, row in figures["types"].items():
        shares = " | ".join(f"{row[name]:.3f}" for name in ("recall", "precision", "leaked_characters"))
        lines.append(f"| {kind} | {row['spans']} | {shares} |")
    lines += ["", "| language | leaked characters | character precision |", "|---|---|---|"]
    for language, row in figures["languages"].items():
        lines.append(f"| {language} | {row['leaked_characters']:.3f} | {row['character_precision']:.3f} |")
    lines += ["", "| score | findings | mean score | right |", "|---|---|---|---|"]
    for row in figures["calibration"]:
        lines.append(f"| {row['from']} to {row['to']} | {row['findings']} | {row['score']:.3f} | {row['right']:.3f} |")
    return "\n".join(lines) + "\n"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main()
