"""The linear classifier: its optimum, its choices, and what it exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from labelmill_training.adapters import onnx_head
from labelmill_training.evaluation import Floats, Ints, softmax
from labelmill_training.recipes.frozen_embedding_classifier import PENALTIES, Settings, fit_temperature, train

# Optimum of the same loss found by scikit-learn 1.9's LogisticRegression, soft targets as weighted copies of the items.
WEIGHTS = np.array(
    [
        [-0.556173, 0.668898, -0.112725],
        [-0.429984, -0.083487, 0.513471],
        [1.11552, -0.97112, -0.1444],
        [-0.132371, -0.857783, 0.990154],
    ]
)
BIASES = np.array([0.286095, -0.030686, -0.25541])


def small_problem() -> tuple[Floats, Floats]:
    random = np.random.default_rng(7)
    embeddings = np.round(random.normal(size=(60, 4)), 3)
    classes = (embeddings @ random.normal(size=(4, 3)) + random.normal(size=(60, 3))).argmax(axis=1)
    return embeddings, np.eye(3)[classes]


def noisy_problem(items: int, *, noise: float, seed: int = 3, classes: int = 3) -> tuple[Floats, Ints]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, items)
    centres = np.random.default_rng(0).normal(size=(classes, 32))
    rows = centres[truth] + random.normal(size=(items, 32)) * noise
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), truth


def test_optimum_is_the_one_scikit_learn_finds() -> None:
    fitted = train(*small_problem(), Settings(l2_penalty=0.05))
    assert fitted.weights == pytest.approx(WEIGHTS, abs=2e-4)
    assert fitted.biases - fitted.biases.mean() == pytest.approx(BIASES, abs=2e-4)
    assert fitted.l2_penalty == 0.05


def test_same_input_and_seed_give_the_same_bits() -> None:
    first, second = (train(*small_problem(), Settings(seed=11)) for _ in range(2))
    assert first.weights.tobytes() == second.weights.tobytes()
    assert first.temperature == second.temperature


def test_noisier_items_get_a_stronger_penalty() -> None:
    chosen = []
    for noise in (0.3, 8.0):
        rows, truth = noisy_problem(200, noise=noise)
        chosen.append(train(rows, np.eye(3)[truth], Settings()).l2_penalty)
    assert set(chosen) <= set(PENALTIES)
    assert chosen[0] < chosen[1]


def test_soft_targets_beat_wrong_hard_ones() -> None:
    rows, truth = noisy_problem(300, noise=1.5)
    unseen, gold = noisy_problem(2000, noise=1.5, seed=99)
    random = np.random.default_rng(1)
    sure = random.random(300) > 0.4
    posteriors = np.where(sure[:, None], np.eye(3)[truth] * 0.94 + 0.02, 0.0)
    doubtful = np.full((300, 3), 0.31)  # the likeliest class of a doubtful item is drawn by chance
    doubtful[np.arange(300), random.integers(0, 3, 300)] = 0.38
    posteriors += np.where(sure[:, None], 0.0, doubtful)
    accuracies = []
    for hard in (False, True):
        fitted = train(rows, posteriors, Settings(hard_labels=hard))
        accuracies.append(float(((unseen @ fitted.weights + fitted.biases).argmax(axis=1) == gold).mean()))
    assert accuracies[0] > accuracies[1]


def test_balancing_finds_more_of_a_rare_class() -> None:
    rows, truth = noisy_problem(600, noise=3.0, classes=2)
    kept = (truth == 0) | (np.arange(600) % 12 == 0)
    recalls = []
    for balanced in (False, True):
        fitted = train(rows[kept], np.eye(2)[truth[kept]], Settings(balance_classes=balanced))
        unseen, gold = noisy_problem(2000, noise=3.0, seed=99, classes=2)
        recalls.append(float((unseen @ fitted.weights + fitted.biases).argmax(axis=1)[gold == 1].mean()))
    assert recalls[1] > recalls[0] + 0.1


def test_class_that_nobody_chose_keeps_a_finite_and_low_probability() -> None:
    rows, truth = noisy_problem(50, noise=1.0, classes=2)
    fitted = train(rows, np.eye(3)[truth], Settings(l2_penalty=0.01))
    logits = rows @ fitted.weights + fitted.biases
    assert np.isfinite(logits).all()
    assert 0 < softmax(logits)[:, 2].max() < 0.05


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_temperature_is_found_again(true_temperature: float) -> None:
    random = np.random.default_rng(2)
    logits = random.normal(size=(20_000, 4)) * 2
    drawn = (logits / true_temperature + random.gumbel(size=logits.shape)).argmax(axis=1)
    assert fit_temperature(logits, np.eye(4)[drawn]) == pytest.approx(true_temperature, rel=0.05)


def test_temperature_of_a_faultless_model_stays_in_bounds() -> None:
    assert fit_temperature(np.eye(3) * 5, np.eye(3)) == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_exported_graph_gives_the_classifiers_logits(tmp_path: Path, batch: int) -> None:
    rows, truth = noisy_problem(500, noise=1.0)
    fitted = train(rows, np.eye(3)[truth], Settings(l2_penalty=0.001))
    path = tmp_path / "model.onnx"
    onnx_head.write_head(path, fitted.weights, fitted.biases)
    expected = rows[:batch] @ fitted.weights + fitted.biases
    assert np.abs(onnx_head.run_head(path, rows[:batch]) - expected).max() < 1e-5


def test_exported_graph_has_the_agreed_names_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        onnx_head.write_head(tmp_path / name, WEIGHTS, BIASES)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    graph = onnx.load(tmp_path / "a.onnx").graph
    assert [value.name for value in graph.input] == ["embedding"]
    assert [value.name for value in graph.output] == ["logits"]
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


@pytest.mark.parametrize("bias", [np.nan, 1e39])
def test_graph_that_does_not_compute_the_classifier_is_refused(tmp_path: Path, bias: float) -> None:
    biases = np.array([0.0, 0.0, bias])  # the second has no single precision form
    with pytest.raises(onnx_head.HeadDiffers), np.errstate(over="ignore"):
        onnx_head.write_head(tmp_path / "model.onnx", WEIGHTS, biases)
