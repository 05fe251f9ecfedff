"""IBCC, MACE and GLAD: against their formulas written with loops, and against what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import digamma, expit

from labelmill_quality import aggregation
from labelmill_quality.aggregation import glad, ibcc, mace
from labelmill_quality.labels import NO_GOLD, LabelTable, make_table

ROUNDS = 6
NEW = ("ibcc", "mace", "glad")


def simulated(items: int = 120, *, habits: bool = True) -> tuple[LabelTable, np.ndarray]:
    """Three classes, five of ten labelers an item, right in 90 %; every second one always says the first class."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 3, items)
    rows = []
    for item in range(items):
        for labeler in generator.choice(10, 5, replace=False):
            said = truth[item] if generator.random() < 0.85 else generator.integers(0, 3)
            rows.append((f"i{item:03d}", f"l{labeler}", str(0 if habits and labeler % 2 else said)))
    return make_table(*(list(column) for column in zip(*rows, strict=True))), truth


def by_bayes(table: LabelTable, prior: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """(items, classes): the prior times what each label makes of it; confusion is (labelers, true, said)."""
    posterior = np.tile(prior, (len(table.items), 1))
    for item, labeler, said in zip(table.item_codes, table.labeler_codes, table.class_codes, strict=True):
        posterior[item] *= confusion[labeler, :, said]
    return posterior / posterior.sum(axis=1, keepdims=True)


def counted(table: LabelTable, posterior: np.ndarray) -> np.ndarray:
    """(labelers, true, said)."""
    counts = np.zeros((len(table.labelers), len(table.classes), len(table.classes)))
    for item, labeler, said in zip(table.item_codes, table.labeler_codes, table.class_codes, strict=True):
        counts[labeler, :, said] += posterior[item]
    return counts


def ibcc_by_loops(table: LabelTable, rounds: int, options: ibcc.Options) -> np.ndarray:
    size = len(table.classes)
    guess = options.spread / size + options.diagonal * np.eye(size)
    pseudo, posterior, before = guess.copy(), table.votes / table.labels_per_item[:, None], None
    for _ in range(rounds):
        counts = counted(table, posterior)
        if before is not None:
            step = pseudo.copy()
            for c in range(size):
                lost = sum(digamma(n[c].sum() + pseudo[c].sum()) - digamma(pseudo[c].sum()) for n in before)
                for k in range(size):
                    gained = sum(digamma(n[c, k] + pseudo[c, k]) - digamma(pseudo[c, k]) for n in before)
                    step[c, k] = (pseudo[c, k] * gained + options.rate * guess[c, k]) / (lost + options.rate)
            pseudo = step
        before = counts
        mass = counts + pseudo
        items = posterior.sum(axis=0) + options.spread / size
        confusion = np.exp(digamma(mass) - digamma(mass.sum(axis=2, keepdims=True)))
        posterior = by_bayes(table, np.exp(digamma(items) - digamma(items.sum())), confusion)
    return posterior


def test_ibcc_equals_its_formulas_written_with_loops() -> None:
    table, _ = simulated(items=40)
    options = ibcc.Options(max_iterations=ROUNDS, tolerance=0)
    posterior = ibcc.fit(table, options=options).apply(table).posterior
    assert posterior == pytest.approx(ibcc_by_loops(table, ROUNDS, options), abs=1e-9)


def mace_by_loops(table: LabelTable, rounds: int, smoothing: float) -> np.ndarray:
    labelers, size = len(table.labelers), len(table.classes)
    skill, habits = np.full(labelers, 0.75), np.full((labelers, size), 1 / size)
    posterior = table.votes / table.labels_per_item[:, None]
    for _ in range(rounds):
        known, habitual = np.zeros(labelers), np.zeros((labelers, size))
        for item, labeler, said in zip(table.item_codes, table.labeler_codes, table.class_codes, strict=True):
            by_habit = (1 - skill[labeler]) * habits[labeler, said]
            knew = posterior[item, said] * skill[labeler] / (skill[labeler] + by_habit)
            known[labeler] += knew
            habitual[labeler, said] += 1 - knew
        skill = (known + smoothing / size) / (known + habitual.sum(axis=1) + 2 * smoothing / size)
        habits = habitual + smoothing / size
        habits /= habits.sum(axis=1, keepdims=True)
        prior = (posterior.sum(axis=0) + 1) / (len(table.items) + size)
        confusion = skill[:, None, None] * np.eye(size) + (1 - skill)[:, None, None] * habits[:, None, :]
        posterior = by_bayes(table, prior, confusion)
    return posterior


def test_mace_equals_its_formulas_written_with_loops() -> None:
    table, _ = simulated(items=40)
    options = mace.Options(max_iterations=ROUNDS, tolerance=0)
    posterior = mace.fit(table, options=options).apply(table).posterior
    assert posterior == pytest.approx(mace_by_loops(table, ROUNDS, options.smoothing), abs=1e-9)


def glad_objective(table: LabelTable, skill: np.ndarray, log_ease: np.ndarray) -> float:
    """The log-likelihood and the log-priors, by the paper's formula."""
    size = len(table.classes)
    right = expit(skill[table.labeler_codes] * np.exp(log_ease)[table.item_codes])
    logs = np.full((len(table.items), size), -np.log(size))
    for item, said, p in zip(table.item_codes, table.class_codes, right, strict=True):
        logs[item] += np.where(np.arange(size) == said, np.log(p), np.log((1 - p) / (size - 1)))
    likelihood = np.log(np.exp(logs).sum(axis=1)).sum()
    return float(likelihood - ((skill - 1) ** 2).sum() / 2 - (log_ease**2).sum() / 2)


def test_glad_ends_where_no_skill_and_no_ease_fits_better() -> None:
    table, _ = simulated(items=40)
    model = glad.fit(table, options=glad.Options(tolerance=0, max_iterations=2000))
    log_ease = model.log_ease(table)
    best = glad_objective(table, model.skill, log_ease)
    for step in (-0.02, 0.02):
        for place in range(len(model.skill)):
            assert glad_objective(table, model.skill + step * (np.arange(len(model.skill)) == place), log_ease) < best
        for place in range(len(log_ease)):
            assert glad_objective(table, model.skill, log_ease + step * (np.arange(len(log_ease)) == place)) < best


def test_glad_finds_the_hard_items() -> None:
    """On every second item, labelers guess."""
    generator = np.random.default_rng(3)
    items, labelers = np.repeat(np.arange(200), 8), np.tile(np.arange(8), 200)
    guess, right = generator.integers(0, 4, 1600), generator.random(1600) < 0.9
    said = np.where((items % 2 == 0) & right, items % 4, guess)
    table = make_table([f"{i:03d}" for i in items], [f"l{n}" for n in labelers], [str(n) for n in said])
    log_ease = glad.fit(table).log_ease(table)
    assert log_ease[::2].mean() > log_ease[1::2].mean() + 1


def test_mace_knows_a_labeler_of_habit_from_one_who_knows() -> None:
    table, _ = simulated(items=400)
    confusion = mace.fit(table).confusion  # (labelers, said, true)
    assert confusion[1, 0] == pytest.approx(np.ones(3), abs=0.02)
    assert confusion[0].diagonal() == pytest.approx(np.full(3, 0.9), abs=0.06)


@pytest.mark.parametrize("method", ["ibcc", "mace"])
def test_labelers_of_habit_do_not_count_where_they_are_half(method: str) -> None:
    table, truth = simulated(items=400)
    majority, inferred = (aggregation.aggregate(table, name).winners for name in ("majority_vote", method))
    assert (inferred == truth).mean() > (majority == truth).mean() + 0.25


def test_ibcc_learns_what_labelers_are_like_from_all_of_them() -> None:
    """Forty labelers with five labels each say the second for half of the first class: no one's five show it."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 40)
    rows = []
    for item in range(40):
        for labeler in generator.choice(40, 5, replace=False):
            said = 1 - truth[item] if truth[item] == 0 and generator.random() < 0.5 else truth[item]
            rows.append((f"i{item}", f"l{labeler:02d}", str(said)))
    table = make_table(*(list(column) for column in zip(*rows, strict=True)))
    average = ibcc.fit(table).average  # (said, true)
    assert average[1, 0] > 3 * average[0, 1]


@pytest.mark.parametrize("method", NEW)
def test_an_unknown_labeler_who_comes_later_is_an_average_one(method: str) -> None:
    table, _ = simulated(habits=False)
    later = make_table(["x"] * 3, ["new", "l0", "l2"], ["2", "1", "1"], class_names=table.classes)
    codes = np.array([10 if name == "new" else int(name[1:]) for name in later.labelers], np.int32)
    grown = LabelTable(
        later.items, [*table.labelers, "new"], later.classes, later.item_codes, codes[later.labeler_codes],
        later.class_codes,
    )  # fmt: skip
    posterior = aggregation.METHODS[method](table, None).apply(grown).posterior
    assert posterior.sum() == pytest.approx(1)
    assert posterior[0].argmax() == 1


@pytest.mark.parametrize("method", NEW)
def test_half_a_label_counts_half(method: str) -> None:
    """Every label twice at half weight is every label once."""
    table, _ = simulated(items=60)
    twice = LabelTable(
        table.items, table.labelers, table.classes, np.repeat(table.item_codes, 2), np.repeat(table.labeler_codes, 2),
        np.repeat(table.class_codes, 2), np.full(2 * len(table), 0.5),
    )  # fmt: skip
    once, halves = (aggregation.aggregate(each, method).posterior for each in (table, twice))
    assert halves == pytest.approx(once, abs=1e-3)


def test_restarts_of_mace_are_seeded_and_never_fit_worse() -> None:
    table, _ = simulated(items=60)
    once, other = (
        mace.fit(table, options=mace.Options(restarts=4, seed=seed)).apply(table).posterior for seed in (1, 1)
    )
    assert (once == other).all()


@pytest.mark.parametrize("variational", [False, True])
def test_the_bound_of_mace_grows_in_every_round(variational: bool) -> None:
    """EM stops as soon as a round gains nothing."""
    table, _ = simulated(items=60)
    options = mace.Options(variational=variational, tolerance=0, max_iterations=30)
    assert not mace.fit(table, options=options).converged


def test_the_bound_of_ibcc_grows_in_every_round() -> None:
    table, _ = simulated(items=60)
    assert not ibcc.fit(table, options=ibcc.Options(tolerance=0, max_iterations=30)).converged


def liars() -> tuple[LabelTable, np.ndarray, np.ndarray]:
    """Two of three labelers lie about 40 items of two classes; the truth, and the truth of 16 items only."""
    truth, items = np.arange(40) % 2, [f"i{n:02d}" for n in range(40)]
    said = [str(n) for n in [*truth, *(1 - truth), *(1 - truth)]]
    return make_table(items * 3, ["a"] * 40 + ["b"] * 40 + ["c"] * 40, said), truth, np.where(truth >= 0, truth, 0)


@pytest.mark.parametrize("method", ["ibcc", "glad"])
def test_anchors_give_liars_away(method: str) -> None:
    table, truth, anchors = liars()
    anchors[16:] = NO_GOLD
    alone, anchored = aggregation.aggregate(table, method), aggregation.aggregate(table, method, anchors)
    assert (alone.winners == 1 - truth).all()
    assert (anchored.winners == truth).all()


def test_who_lies_is_taken_by_mace_for_one_who_knows_nothing() -> None:
    table, truth, anchors = liars()
    model = mace.fit(table, anchors.astype(np.int32))
    assert model.confusion[1, 0] == pytest.approx([0.5, 0.5], abs=0.01)  # (labelers, said, true)
    assert (model.apply(table).winners == truth).all()
