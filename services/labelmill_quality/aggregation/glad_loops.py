"""The loops of GLAD, compiled.

Everywhere: `offsets` (items + 1) says where the labels of each item begin; `labelers`, `said` and `weights` (labels)
are who said which class, and how much of it counts, or empty: all of each; `skill` (labelers); `ease` (items).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]

_LARGEST_STEP = 1.0


@compiled
def judge(
    offsets: Offsets,
    labelers: Codes,
    said: Codes,
    weights: Floats,
    anchors: Codes,
    skill: Floats,
    ease: Floats,
    posterior: Floats,
) -> float:
    """E: fills in the posterior (items, classes); the log-likelihood.

    Args:
        offsets: See the module.
        labelers: See the module.
        said: See the module.
        weights: See the module.
        anchors: (items): the known class or -1, or empty: none is known.
        skill: See the module.
        ease: See the module.
        posterior: Filled in.
    """
    classes = posterior.shape[1]
    extra = np.log(max(classes - 1, 1))
    likelihood = 0.0
    for item in range(len(offsets) - 1):
        scores, wrong = posterior[item], 0.0
        scores[:] = 0.0
        for row in range(offsets[item], offsets[item + 1]):
            weight = weights[row] if len(weights) else 1.0
            x = skill[labelers[row]] * ease[item]
            # log of (1 - sigma(x)) / (C - 1), without overflow
            wrong += weight * (-max(x, 0.0) - np.log1p(np.exp(-abs(x))) - extra)
            scores[said[row]] += weight * (x + extra)
        top = scores.max()
        total = 0.0
        for c in range(classes):
            total += np.exp(scores[c] - top)
        evidence = top + np.log(total)
        anchor = anchors[item] if len(anchors) else -1
        if anchor >= 0:
            likelihood += wrong + scores[anchor] - np.log(classes)
            scores[:] = 0.0
            scores[anchor] = 1.0
        else:
            likelihood += wrong + evidence - np.log(classes)
            for c in range(classes):
                scores[c] = np.exp(scores[c] - evidence)
    return likelihood


@compiled
def move_ease(
    offsets: Offsets,
    labelers: Codes,
    said: Codes,
    weights: Floats,
    skill: Floats,
    ease: Floats,
    posterior: Floats,
    variance: float,
) -> float:
    """M for the items: one Newton step for the logarithm of each item's ease; the log-density of its prior before.

    Args:
        offsets: See the module.
        labelers: See the module.
        said: See the module.
        weights: See the module.
        skill: See the module.
        ease: See the module; replaced.
        posterior: (items, classes).
        variance: Of the normal prior of the logarithm, around 0.
    """
    density = 0.0
    for item in range(len(offsets) - 1):
        place = np.log(ease[item])
        slope, curve = -place / variance, 1 / variance
        density -= place * place / (2 * variance)
        for row in range(offsets[item], offsets[item + 1]):
            weight = weights[row] if len(weights) else 1.0
            x = skill[labelers[row]] * ease[item]
            right = 1 / (1 + np.exp(-x))
            slope += weight * (posterior[item, said[row]] - right) * x
            curve += weight * right * (1 - right) * x * x
        ease[item] = np.exp(place + min(max(slope / curve, -_LARGEST_STEP), _LARGEST_STEP))
    return density


@compiled
def move_skill(
    offsets: Offsets,
    labelers: Codes,
    said: Codes,
    weights: Floats,
    skill: Floats,
    ease: Floats,
    posterior: Floats,
    mean: float,
    variance: float,
) -> float:
    """M for the labelers: one Newton step for each skill; the log-density of its prior before.

    Args:
        offsets: See the module.
        labelers: See the module.
        said: See the module.
        weights: See the module.
        skill: See the module; replaced.
        ease: See the module.
        posterior: (items, classes).
        mean: Of the normal prior of skill.
        variance: Of the same.
    """
    slopes = (mean - skill) / variance
    curves = np.full(len(skill), 1 / variance)
    density: float = -((skill - mean) ** 2).sum() / (2 * variance)
    for item in range(len(offsets) - 1):
        for row in range(offsets[item], offsets[item + 1]):
            weight = weights[row] if len(weights) else 1.0
            labeler = labelers[row]
            right = 1 / (1 + np.exp(-skill[labeler] * ease[item]))
            slopes[labeler] += weight * (posterior[item, said[row]] - right) * ease[item]
            curves[labeler] += weight * right * (1 - right) * ease[item] ** 2
    for labeler in range(len(skill)):
        skill[labeler] += min(max(slopes[labeler] / curves[labeler], -_LARGEST_STEP), _LARGEST_STEP)
    return density
