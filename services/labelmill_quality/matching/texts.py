"""Texts: edit similarity. Pure."""

from __future__ import annotations


def text_similarity(one: str, other: str) -> float:
    """1 - Levenshtein distance in code points / length of the longer; 1 for two empty texts."""
    from rapidfuzz.distance import Levenshtein

    return float(Levenshtein.normalized_similarity(one, other))
