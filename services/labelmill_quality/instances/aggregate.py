"""Annotations of several features as objects and relations. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from labelmill_quality.instances import cvat_merge
from labelmill_quality.instances.classes import Rules
from labelmill_quality.instances.consensus import ConsensusObject, FeatureConsensus, Options, infer_objects
from labelmill_quality.instances.drawn import require_reach
from labelmill_quality.instances.kinds import kind_of
from labelmill_quality.instances.relations import Relations, infer_relations
from labelmill_quality.instances.seen import Seen
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Relation


@dataclass(frozen=True)
class Plan:
    """How annotations are aggregated."""

    options: Options = field(default_factory=Options)
    oriented_features: frozenset[str] = frozenset()
    like_cvat: bool = False
    quorum: float = cvat_merge.QUORUM


@dataclass(frozen=True)
class MergedFeature:
    """Objects of one feature as CVAT would merge them."""

    feature: str
    objects: Sequence[ConsensusObject]
    threshold: float


@dataclass(frozen=True)
class RelatedFeature:
    """Relations of one feature."""

    feature: str
    relations: Relations
    accepted: Sequence[bool]


Outcome = FeatureConsensus | MergedFeature | RelatedFeature


def aggregate(
    instances: Sequence[Instance],
    views: Iterable[tuple[str, str]],
    plan: Plan,
    gold: Sequence[Instance] = (),
    gold_items: frozenset[str] = frozenset(),
) -> list[Outcome]:
    """Every feature, shapes before relations, ordered by name.

    Args:
        instances: Of all features and labelers.
        views: (item, labeler) pairs of those who saw an item; whoever annotated an item saw it.
        plan: How.
        gold: True objects; the items on which there is one of any feature are fully known.
        gold_items: Items that hold no other objects than those in `gold`.

    Raises:
        InvalidAnnotation: A shape lies too far out, or masks of one item have different sizes.
        MixedShapes: A feature has shapes of several kinds.
        TooManyInstances: More than 4,000 shapes of one feature and item.
    """
    require_reach(instances)
    require_reach(gold, "gold.annotations")
    seen = Seen.of([*views, *((instance.item, instance.labeler) for instance in instances)])
    by_feature: dict[str, list[Instance]] = {}
    for instance in instances:
        by_feature.setdefault(instance.feature, []).append(instance)
    outcomes: list[Outcome] = []
    endpoints: dict[tuple[str, str, str], str] = {}
    accepted: dict[tuple[str, str], bool] = {}
    relations = [name for name in by_feature if isinstance(by_feature[name][0].shape, Relation)]
    for feature in sorted(by_feature.keys() - set(relations)):
        drawn = by_feature[feature]
        if plan.like_cvat:
            outcome: FeatureConsensus | MergedFeature = _merged(feature, drawn, seen, plan)
        else:
            options = replace(plan.options, oriented=feature in plan.oriented_features)
            known = [instance for instance in gold if instance.feature == feature]
            outcome = infer_objects(feature, drawn, seen, options, known, gold_items)
        outcomes.append(outcome)
        by_index = {instance.index: instance for instance in drawn}
        for found in outcome.objects:
            accepted[found.item, found.local_id] = found.accepted
            for index in found.members:
                if by_index[index].local_id:
                    endpoints[found.item, by_index[index].labeler, by_index[index].local_id] = found.local_id
    rules = Rules(plan.options.class_method, plan.options.cell_limit)
    for feature in sorted(relations):
        related = infer_relations(by_feature[feature], seen.labelers, endpoints, rules)
        flags = [
            relation.existence >= plan.options.existence
            and accepted[relation.item, relation.from_object]
            and accepted[relation.item, relation.to_object]
            for relation in related.relations
        ]
        outcomes.append(RelatedFeature(feature, related, flags))
    return outcomes


def _merged(feature: str, instances: Sequence[Instance], seen: Seen, plan: Plan) -> MergedFeature:
    kind_of(feature, instances)
    threshold = plan.options.threshold or cvat_merge.THRESHOLD
    by_item: dict[str, list[Instance]] = {}
    for instance in sorted(instances, key=lambda one: (one.item, one.labeler, one.index)):
        by_item.setdefault(instance.item, []).append(instance)
    viewers: dict[str, int] = {}
    for item in seen.item_codes.tolist():
        viewers[seen.items[item]] = viewers.get(seen.items[item], 0) + 1
    objects = []
    for item, drawn in by_item.items():
        merged = cvat_merge.merge(drawn, viewers[item], threshold=threshold, quorum=plan.quorum)
        for number, found in enumerate(merged, 1):
            objects.append(
                ConsensusObject(
                    item,
                    f"{feature[:48]}-{number}",
                    found.instance.shape,
                    found.instance.class_name,
                    (),
                    found.score,
                    accepted=True,
                    members=tuple(sorted(drawn[member].index for member in found.members)),
                    seen_by=viewers[item],
                    spreads=(),
                    attributes=found.instance.attributes,
                )
            )
    return MergedFeature(feature, objects, threshold)
