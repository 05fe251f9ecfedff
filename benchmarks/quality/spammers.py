"""Finding spammers: a quarter of the workers of public crowd sets answer without looking, and each score ranks all.

Every figure is the area under the ROC curve (the probability that a spammer is ranked below an honest worker) among
workers with at least 10 answers, for spammers that always say one class of their own, or a random one each time; means
of 5 draws. Peer: the share of answers equal to the majority, own vote included, which most tools show. The scores are
those of AnalyzeLabelers, `mean_rank` its spammer_rank: the only one with a target, the others are there to show that
none holds everywhere. The last figures are the worst sets of each score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from benchmarks.quality.figure import Figure, better
from benchmarks.quality.labels import CROWD, SMALL_SETS, crowd_set
from labelmill_quality import aggregation
from labelmill_quality.labelers.reference import references
from labelmill_quality.labelers.spammers import SCORES, mean_ranks, spammer_scores
from labelmill_quality.labels import LabelTable

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

METHOD = "dawid_skene"
MIN_ANSWERS, SHARE, DRAWS = 10, 0.25, 5
TARGETS = {"constant": 1.0, "random": 0.9}
SETS = (*SMALL_SETS, "S_Rel", "TREC")


def figures(*, quick: bool) -> Iterator[Figure]:
    """Each score on each set, then the worst of each score."""
    if not CROWD.is_dir():
        return
    worst: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for name in SMALL_SETS if quick else SETS:
        table = crowd_set(name).table()
        for kind in ("constant", "random"):
            draws = [areas(*planted(table, kind, seed)) for seed in range(2 if quick else DRAWS)]
            means = {score: float(np.mean([draw[score] for draw in draws])) for score in draws[0]}
            peer = means.pop("majority")
            for score, area in means.items():
                worst[kind, score].append((area, peer))
                yield figure(f"{score}, {kind} spammers, {name}", area, peer, TARGETS[kind])
    for (kind, score), found in worst.items():
        low, peer = (min(column) for column in zip(*found, strict=True))
        yield figure(f"{score}, {kind} spammers, the worst set", low, peer, TARGETS[kind])


def figure(name: str, area: float, peer: float, target: float) -> Figure:
    """A line; only the mean rank has a target."""
    return better(name, area, peer, target=target if name.startswith("mean_rank") else 0.0, unit="AUC")


def planted(table: LabelTable, kind: str, seed: int) -> tuple[LabelTable, Flags]:
    """The table with a quarter of its workers turned into spammers, and which they are."""
    generator = np.random.default_rng(seed)
    size, classes = len(table.labelers), len(table.classes)
    spammers = np.zeros(size, bool)
    spammers[generator.permutation(size)[: int(SHARE * size)]] = True
    own = generator.integers(0, classes, size)[table.labeler_codes]
    said = own if kind == "constant" else generator.integers(0, classes, len(table))
    codes = np.where(spammers[table.labeler_codes], said, table.class_codes).astype(np.int32)
    return replace(table, class_codes=codes), spammers


def areas(table: LabelTable, spammers: Flags) -> Mapping[str, float]:
    """The area of every score."""
    answers = np.bincount(table.labeler_codes, minlength=len(table.labelers))
    enough = answers >= MIN_ANSWERS
    found = spammer_scores(references(table, aggregation.aggregate(table, METHOD), None), replicates=2)
    scores = {name: np.array([_value(getattr(each, name).value) for each in found]) for name in SCORES}
    scores = {name: score[enough] for name, score in scores.items()}
    scores["mean_rank"] = np.nan_to_num(mean_ranks([each for each, taken in zip(found, enough, strict=True) if taken]))
    majority = aggregation.aggregate(table, "majority_vote").winners[table.item_codes] == table.class_codes
    scores["majority"] = (np.bincount(table.labeler_codes, majority, minlength=len(answers)) / answers)[enough]
    return {name: area_under_curve(score, spammers[enough]) for name, score in scores.items()}


def area_under_curve(scores: Floats, spammers: Flags) -> float:
    """The probability that a spammer scores lower than an honest worker; ties count half (Mann and Whitney)."""
    ranks = rankdata(scores)
    bad, good = int(spammers.sum()), int((~spammers).sum())
    below = ranks[~spammers].sum() - good * (good + 1) / 2
    return float(below / (bad * good))


def _value(value: float | None) -> float:
    return 0.0 if value is None else value  # nothing to compare: as suspicious as can be
