"""Which finding answers which marked span."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.evaluation.matching import exact_matches, overlap_matches
from labelmill_anonymization.evaluation.sample import Span


def person(start: int, end: int) -> Span:
    return Span("PERSON", start, end)


def test_a_span_must_have_the_type_and_both_ends_to_match_exactly() -> None:
    gold = [person(0, 4), person(10, 14)]
    assert exact_matches(gold, [person(0, 4), person(10, 15), Span("LOCATION", 10, 14)]) == 1


def test_a_span_found_twice_is_one_match() -> None:
    assert exact_matches([person(0, 4)], [person(0, 4), person(0, 4)]) == 1
    assert overlap_matches([person(0, 4)], [person(0, 4), person(1, 3)]) == 1


def test_one_long_finding_over_two_names_finds_one_of_them() -> None:
    assert overlap_matches([person(0, 4), person(5, 9)], [person(0, 9)]) == 1


def test_touching_is_not_overlapping() -> None:
    assert overlap_matches([person(0, 4)], [person(4, 8)]) == 0


def test_a_pair_is_given_up_where_that_makes_one_more() -> None:
    # Taken in order, the first name would take the long finding and leave the second name without one.
    assert overlap_matches([person(0, 4), person(6, 9)], [person(3, 7), person(0, 2)]) == 2


spans = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 8), st.integers(1, 4)).map(lambda t: Span(t[0], t[1], t[1] + t[2])),
    max_size=4,
)


@given(spans, spans)
def test_no_assignment_makes_more_pairs(gold: list[Span], found: list[Span]) -> None:
    def pairs(order: tuple[int, ...]) -> int:
        chosen = zip(gold, order, strict=False)
        return sum(
            j < len(found)
            and g.entity_type == found[j].entity_type
            and g.start < found[j].end
            and found[j].start < g.end
            for g, j in chosen
        )

    places = range(max(len(gold), len(found)))
    assert overlap_matches(gold, found) == max(map(pairs, itertools.permutations(places)))
    assert overlap_matches(gold, found) == overlap_matches(found, gold)
