"""Boxes, polygons, lines, keypoints, masks, spans, segments: any number an item. Pure."""

from __future__ import annotations

from labelmill_quality.features.kind import Answer, Answers, Inferred, Kind, rows, unlikeness
from labelmill_quality.shapes.instance import Instance


def drawn(answer: Answer) -> list[Instance]:
    """The shapes that are drawn."""
    return [each for each in answer if isinstance(each, Instance)]


def likeness(one: Answer, other: Answer) -> float:
    """Shapes of equal class matched one to one: the sum of their similarities by the number of different shapes."""
    from labelmill_quality.matching.assignment import match
    from labelmill_quality.matching.similarity import similarities

    first, second = drawn(one), drawn(other)
    if not first and not second:
        return 1.0
    if not first or not second:
        return 0.0
    alike = similarities([each.shape for each in first], [each.shape for each in second])
    for row, each in enumerate(first):
        for column, instance in enumerate(second):
            if each.class_name != instance.class_name:
                alike[row, column] = 0.0
    score = match(alike, threshold=1e-9).score
    return 1.0 if score is None else float(score)


def infer(answers: Answers) -> Inferred:
    """The objects that are rather there than not; whoever is in `answers` saw the item, also without a shape."""
    from labelmill_quality.instances import existence
    from labelmill_quality.instances.consensus import NAME, VERSION, Options, infer_objects
    from labelmill_quality.instances.seen import Seen

    instances = [each for _, _, answer in rows(answers) for each in drawn(answer)]
    found: dict[str, list[Instance]] = {item: [] for item in answers}
    if not instances:
        return Inferred(dict.fromkeys(answers, ()), "", "")
    seen = Seen.of((item, labeler) for item, labeler, _ in rows(answers))
    consensus = infer_objects(instances[0].feature, instances, seen, Options())
    for each in consensus.objects:
        if each.accepted:
            shape = Instance(
                each.item,
                "",
                consensus.feature,
                each.class_name,
                each.shape,
                confidence=each.existence,
                local_id=each.local_id,
            )
            found[each.item].append(shape)
    return Inferred(
        {item: tuple(shapes) for item, shapes in found.items()},
        NAME,
        VERSION,
        f"Existence by {existence.NAME}, geometry by {consensus.fused.method}.",
        consensus.existence.iterations,
        consensus.existence.converged,
    )


SHAPES = Kind(likeness, infer, "krippendorff_alpha_shapes", unlikeness(likeness))
