"""What our detector and Presidio's leave readable of documents with marked personal data, type by type.

    python -m benchmarks.pii_coverage [--quick] [--json]

The documents are presidio-research's (../shared/data/pii, see its README; nothing is printed where they are absent).
They are made from templates and serve for measuring only: no rule and no model of ours was made from them.

- leaked: the share of marked characters that no finding of any type covers.
- precision of characters: of the covered characters, the marked ones.
- by type: a marked span is found where a finding of its type overlaps it; a finding is right where it overlaps a marked
  span of its type. F2 weighs recall four times as much as precision.
- HIPAA: the same by the identifiers of the Safe Harbor rule, of which street, town and code are one.
- wholly covered: the share of marked spans of which no character is left, whatever they were taken for.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.anonymization import default_engine, run_ours
from labelmill_anonymization import worker

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ROOT.parent / "shared" / "data" / "pii" / "synth_dataset_v2.json"
PEER = "presidio-analyzer"
_TYPES = {"GPE": "LOCATION", "ZIP_CODE": "POSTAL_CODE", "DOMAIN_NAME": "URL"}
_SAFE_HARBOR = {
    "A names": {"PERSON"},
    "B places smaller than a state": {"LOCATION", "STREET_ADDRESS", "POSTAL_CODE"},
    "C dates and ages": {"DATE_TIME", "AGE"},
    "D telephones": {"PHONE_NUMBER"},
    "F e-mail addresses": {"EMAIL_ADDRESS"},
    "G social security numbers": {"US_SSN"},
    "J accounts": {"CREDIT_CARD", "IBAN_CODE"},
    "K licences": {"US_DRIVER_LICENSE"},
    "N URLs": {"URL"},
    "O IP addresses": {"IP_ADDRESS"},
}
"""45 CFR 164.514(b)(2)(i): the identifiers that occur in the documents, and our types of them."""
_NOTHING = (0.0, 0.0, 0.0)
Span = tuple[str, int, int]
"""Type, start, end."""


@dataclass(frozen=True)
class Documents:
    """Texts and the spans marked in them."""

    texts: Sequence[str]
    marked: Sequence[Sequence[Span]]

    @property
    def types(self) -> list[str]:
        """The marked types, the most frequent first."""
        counts: dict[str, int] = {}
        for spans in self.marked:
            for kind, _, _ in spans:
                counts[kind] = counts.get(kind, 0) + 1
        return sorted(counts, key=lambda kind: -counts[kind])


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every fifth document")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    if not DOCUMENTS.exists():
        return
    for name in ("presidio-analyzer", "tldextract", "filelock"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    documents = read_documents(every=5 if arguments.quick else 1)
    worker.initialize()
    for made in figures(documents, find_ours(documents.texts), find_theirs(documents.texts)):
        print(json.dumps(made) if arguments.json else readable(made))


def read_documents(every: int = 1) -> Documents:
    """Every so many of the documents."""
    loaded = json.loads(DOCUMENTS.read_text(encoding="utf-8"))[::every]
    return Documents(
        [document["full_text"] for document in loaded],
        [
            [
                (_TYPES.get(s["entity_type"], s["entity_type"]), s["start_position"], s["end_position"])
                for s in d["spans"]
            ]
            for d in loaded
        ],
    )


def find_ours(texts: Sequence[str]) -> list[list[Span]]:
    """What the service would transform."""
    return [
        [(a.finding.entity_type, a.finding.start, a.finding.end) for a in clean.findings] for clean in run_ours(texts)
    ]


def find_theirs(texts: Sequence[str]) -> list[list[Span]]:
    """What Presidio's engine reports."""
    engine = default_engine()
    return [[(r.entity_type, r.start, r.end) for r in engine.analyze(text, "en")] for text in texts]


def figures(
    documents: Documents, ours: Sequence[Sequence[Span]], theirs: Sequence[Sequence[Span]]
) -> Iterable[dict[str, Any]]:
    """All figures."""
    (leaked, precision), (peer_leaked, peer_precision) = characters(documents, ours), characters(documents, theirs)
    yield beside("leaked personal characters, at most 0.05 wanted", leaked, peer_leaked, lower_is_better=True)
    yield beside("precision of characters, at least 0.85 wanted", precision, peer_precision)
    for name, kinds in _SAFE_HARBOR.items():
        recalls = (by_type(documents, found, kinds)[1] for found in (ours, theirs))
        yield beside(f"recall, HIPAA {name}, at least 0.9 wanted", *recalls)
    for kind in documents.types:
        both = zip(by_type(documents, ours, {kind}), by_type(documents, theirs, {kind}), strict=True)
        for name, (own, peer) in zip(("precision", "recall", "F2"), both, strict=True):
            yield beside(f"{name}, {kind}", own, peer)
        yield beside(f"wholly covered, {kind}", covered(documents, ours, kind), covered(documents, theirs, kind))


def beside(name: str, ours: float, peer: float, *, lower_is_better: bool = False) -> dict[str, Any]:
    """A figure with the peer's, which may be 0; the ratio says how many times better ours is."""
    better, worse = (peer, ours) if lower_is_better else (ours, peer)
    return {
        "figure": name,
        "ours": round(ours, 4),
        "peer": round(peer, 4),
        "peer_name": PEER,
        "unit": "share",
        "ratio": round(better / worse, 2) if worse else None,
        "target": None,
    }


def readable(figure: dict[str, Any]) -> str:
    """One line for people."""
    return f"{figure['figure']}: ours {figure['ours']:g}, {figure['peer_name']} {figure['peer']:g}"


def characters(documents: Documents, found: Sequence[Sequence[Span]]) -> tuple[float, float]:
    """(share of marked characters not covered, share of covered characters that are marked)."""
    marked = missed = covered = right = 0
    for spans, findings in zip(documents.marked, found, strict=True):
        gold, own = set(_positions(spans)), set(_positions(findings))
        marked += len(gold)
        missed += len(gold - own)
        covered += len(own)
        right += len(gold & own)
    return missed / marked, right / covered if covered else 0.0


def by_type(documents: Documents, found: Sequence[Sequence[Span]], kinds: set[str]) -> tuple[float, float, float]:
    """(precision, recall, F2) of types that count as one, by overlap."""
    marked = hit = findings = right = 0
    for spans, all_found in zip(documents.marked, found, strict=True):
        gold = [span for span in spans if span[0] in kinds]
        own = [span for span in all_found if span[0] in kinds]
        marked += len(gold)
        findings += len(own)
        hit += sum(any(_overlap(g, f) for f in own) for g in gold)
        right += sum(any(_overlap(g, f) for g in gold) for f in own)
    precision = right / findings if findings else 0.0
    recall = hit / marked if marked else 0.0
    if not precision and not recall:
        return _NOTHING
    return precision, recall, 5 * precision * recall / (4 * precision + recall)


def covered(documents: Documents, found: Sequence[Sequence[Span]], kind: str) -> float:
    """The share of the marked spans of one type of which no character is left readable, whatever it was taken for."""
    whole = [
        set(range(span[1], span[2])) <= set(_positions(findings))
        for spans, findings in zip(documents.marked, found, strict=True)
        for span in spans
        if span[0] == kind
    ]
    return sum(whole) / len(whole)


def _positions(spans: Iterable[Span]) -> Iterator[int]:
    for _, start, end in spans:
        yield from range(start, end)


def _overlap(one: Span, other: Span) -> bool:
    return one[1] < other[2] and other[1] < one[2]


if __name__ == "__main__":
    main()
