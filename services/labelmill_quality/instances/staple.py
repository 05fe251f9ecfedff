"""STAPLE: the true pixels and every labeler's sensitivity and specificity, each inferred from the other. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from labelmill_quality.instances.tally import tally

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NAME = "staple"
VERSION = "1"


@dataclass(frozen=True)
class Options:
    """How EM is run."""

    pseudo_right: float = 90.0
    """Pixels of the object, and others, that every labeler is taken to have got right besides those of the data."""
    pseudo_wrong: float = 10.0
    """The same, wrong."""
    max_iterations: int = 100
    tolerance: float = 1e-6
    """EM has converged when no sensitivity or specificity moves by more."""


_DEFAULT = Options()


@dataclass(frozen=True)
class Votes:
    """Pixels of some images, those of one image that the same labelers hold being one entry."""

    image: Integers
    """(entries,)"""
    pixels: Floats
    """(entries,): how many."""
    entry: Integers
    """(votes,)"""
    labeler: Integers
    """(votes,)"""
    said: npt.NDArray[np.bool_]
    """(votes,): the labeler holds the pixels; labelers who did not look at the image have no vote."""
    labeler_count: int


@dataclass(frozen=True)
class Staple:
    """What EM found."""

    posterior: Floats
    """(entries,): that the pixels are the object's. Not calibrated."""
    sensitivity: Floats
    specificity: Floats
    object_pixels: Floats
    other_pixels: Floats
    """(labelers,): expected pixels of the object, and others, in the images that the labeler voted on."""


def staple(votes: Votes, options: Options = _DEFAULT) -> Staple:
    """Simultaneous truth and performance level estimation for two classes.

    Labeler l holds a pixel of the object with probability p_l and another one with probability 1 - q_l, independently.
    With f the prior of the image (the mean share of pixels that its labelers hold),

        E:  W = f prod p^d (1-p)^(1-d) / (f prod p^d (1-p)^(1-d) + (1-f) prod (1-q)^d q^(1-d))
        M:  p_l = sum W d / sum W,   q_l = sum (1-W) (1-d) / sum (1-W)

    All pixels that the same labelers hold have the same W, so sums run over entries and not over pixels. p and q are of
    the labeler, over all images, with pseudo-counts; no spatial prior.

    (S. K. Warfield, K. H. Zou and W. M. Wells, IEEE Transactions on Medical Imaging 23, 2004.)
    """
    count, entries = votes.labeler_count, len(votes.pixels)
    per_vote = votes.pixels[votes.entry]
    image_of_vote = votes.image[votes.entry]
    images = int(votes.image.max()) + 1 if entries else 0
    held = tally(image_of_vote, per_vote * votes.said, images)
    looked = tally(image_of_vote, per_vote, images)
    prior = np.clip(held / np.maximum(looked, 1), 1e-12, 1 - 1e-12)
    prior_logit = (np.log(prior) - np.log1p(-prior))[votes.image]
    seen = tally(votes.labeler, per_vote, count)
    hits = tally(votes.labeler, per_vote * votes.said, count)
    sensitivity, specificity = np.full(count, 0.99999), np.full(count, 0.99999)
    pseudo, right = options.pseudo_right + options.pseudo_wrong, options.pseudo_right
    objects = np.zeros(count)
    posterior = np.zeros(entries)
    for _ in range(options.max_iterations):
        held_weight = _log(sensitivity) - _log(1 - specificity)
        left_weight = _log(1 - sensitivity) - _log(specificity)
        weight = np.where(votes.said, held_weight[votes.labeler], left_weight[votes.labeler])
        posterior = expit(prior_logit + tally(votes.entry, weight, entries))
        expected = per_vote * posterior[votes.entry]
        objects = tally(votes.labeler, expected, count)
        both = tally(votes.labeler, expected * votes.said, count)
        before = np.concatenate([sensitivity, specificity])
        neither = (seen - objects) - (hits - both)
        with np.errstate(invalid="ignore", divide="ignore"):
            sensitivity = (both + right) / (objects + pseudo)
            specificity = (neither + right) / (seen - objects + pseudo)
        moved = np.abs(np.concatenate([sensitivity, specificity]) - before)
        if np.nanmax(moved, initial=0.0) < options.tolerance:
            break
    return Staple(posterior, sensitivity, specificity, objects, seen - objects)


def _log(values: Floats) -> Floats:
    return np.log(np.clip(values, 1e-12, None))
