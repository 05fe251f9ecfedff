"""Which finding answers which marked span: one to one.

Exact: same type, same start, same end. Overlap: same type and at least one code point in common. A span has at most one
partner, and as many pairs are made as can be made (a maximum matching), so that the numbers do not depend on an order:
one long finding over two marked names finds one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from labelmill_anonymization.evaluation.sample import Span


def exact_matches(gold: Sequence[Span], found: Sequence[Span]) -> int:
    """How many pairs are equal."""
    return (Counter(gold) & Counter(found)).total()


def overlap_matches(gold: Sequence[Span], found: Sequence[Span]) -> int:
    """How many pairs of spans of one type overlap, at most (augmenting paths, Kuhn 1955)."""
    partner: dict[int, int] = {}  # index in found -> index in gold
    candidates = [[j for j, other in enumerate(found) if _overlap(span, other)] for span in gold]

    def matched(start: int) -> bool:
        # Depth first without recursion: (gold index, its remaining candidates); `taken` is the path's found spans.
        seen: set[int] = set()
        path = [(start, iter(candidates[start]))]
        taken: list[int] = []
        while path:
            for j in path[-1][1]:
                if j in seen:
                    continue
                seen.add(j)
                taken.append(j)
                if j not in partner:
                    for (index, _), free in zip(path, taken, strict=True):
                        partner[free] = index
                    return True
                path.append((partner[j], iter(candidates[partner[j]])))
                break
            else:
                path.pop()
                if taken:
                    taken.pop()
        return False

    return sum(matched(i) for i in range(len(gold)))


def _overlap(one: Span, other: Span) -> bool:
    return one.entity_type == other.entity_type and one.start < other.end and other.start < one.end
