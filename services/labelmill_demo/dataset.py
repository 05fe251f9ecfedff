"""The demo's data: sentences of New York Times editorials with twenty human ratings each (ICWSM-2014, MIT).

Hutto, C.J. and Gilbert, E.E.: VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text.
ICWSM-14.
The raters have no ids: a position in the list of ratings is not one person across sentences.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

CLASSES = ("negative", "neutral", "positive")
RATER_COUNT = 20
GOLD_BAND = 0.5
"""The gold is neutral while the mean of all ratings (-4 to 4) is nearer to 0 than to the first step either way."""


@dataclass(frozen=True)
class RatedSentence:
    """One sentence and what twenty people said of it."""

    sentence_id: str
    text: str
    ratings: tuple[float, ...]
    """From -4 (extremely negative) to 4 (extremely positive)."""

    @property
    def gold(self) -> str:
        """The class of the mean of all ratings."""
        mean = sum(self.ratings) / len(self.ratings)
        if mean >= GOLD_BAND:
            return "positive"
        return "negative" if mean <= -GOLD_BAND else "neutral"

    def judgement(self, rater: int) -> str:
        """The class of one rating: its sign."""
        rating = self.ratings[rater]
        if rating > 0:
            return "positive"
        return "negative" if rating < 0 else "neutral"


def read(folder: Path, name: str = "nytEditorialSnippets") -> list[RatedSentence]:
    """Reads one of the four sets (nytEditorialSnippets, tweets, movieReviewSnippets, amazonReviewSnippets).

    Raises:
        FileNotFoundError: The data was not fetched; `make setup` does it.
    """
    texts = {}
    for line in _lines(folder / f"{name}_GroundTruth.txt"):
        sentence_id, _, text = line.split("\t", 2)
        texts[sentence_id] = text.strip()
    sentences = []
    for line in _lines(folder / f"{name}_anonDataRatings.txt"):
        sentence_id, _, _, ratings = line.split("\t", 3)
        sentences.append(RatedSentence(sentence_id, texts[sentence_id], tuple(map(float, ast.literal_eval(ratings)))))
    return sentences


def _lines(path: Path) -> list[str]:
    # Some files begin with a byte-order mark; a few bytes are not UTF-8.
    return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
