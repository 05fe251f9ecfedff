"""Judges changed items anew, and fits whole features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labelmill_quality.convert.likeness import likeness
from labelmill_quality.live.answers import Change
from labelmill_quality.live.figures import ItemGroup, LiveFigures, figures
from labelmill_quality.live.ports import FeatureFacts
from labelmill_quality.live.refitting import Difference, refit
from labelmill_quality.live.state import LiveFeature, LiveLabeler, LiveState
from labelmill_quality.live.updating import update


@dataclass(frozen=True)
class FeatureChanges:
    """Changes of one feature, with what is known of their items and labelers."""

    state: LiveState
    changes: Sequence[Change]
    gold: Mapping[str, str]


def update_features(some: Sequence[FeatureChanges]) -> list[LiveState]:
    """What is different in each feature."""
    return [update(each.state, each.changes, each.gold, likeness(each.state.feature.kind)) for each in some]


def refit_feature(
    before: LiveState, everything: Sequence[Change], gold: Mapping[str, str]
) -> tuple[LiveState, Difference]:
    """The feature anew."""
    return refit(before, everything, gold, likeness(before.feature.kind))


def feature_figures(
    feature: LiveFeature,
    groups: Sequence[ItemGroup],
    labelers: Mapping[str, LiveLabeler],
    facts: FeatureFacts,
    replicates: int,
) -> LiveFigures:
    """The figures of a feature."""
    return figures(
        feature,
        groups,
        labelers,
        facts.class_names,
        choice=feature.is_choice,
        ordered=facts.ordered,
        replicates=replicates,
    )
