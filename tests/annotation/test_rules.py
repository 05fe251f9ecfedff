"""The pure rules: overlap, benchmark mixing, tokens, ontologies, checks, corrections."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_annotation import keyed, leasing, overlap, tokens, versions
from labelmill_annotation.checking import require_fit
from labelmill_annotation.errors import (
    AnnotationsRefused,
    LeaseExpired,
    LeaseInvalid,
    LeaseLost,
    OntologyInvalid,
    TaskAlreadySubmitted,
)
from labelmill_annotation.leasing import Ledger
from labelmill_annotation.ontology import Feature, Ontology, require_valid
from labelmill_annotation.projects import Project, QualityPlan
from labelmill_annotation.statements import (
    Answer,
    AssetFacts,
    Box,
    FeatureKind,
    ImageSize,
    Keypoint,
    Keypoints,
    Relation,
    Statement,
    TextSpan,
    TimeSegment,
    Value,
)
from labelmill_annotation.tasks import Kind, State, Task

PROJECT = Project("p-one", "", 1, QualityPlan(), b"k" * 32, 1, 0, 0)
TASK = Task("t" * 32, "p-one", "a1", Kind.LABEL, State.LEASED, "default", 0, 1, 0, 0, "annotator-1", 77, 1000, 5000)
SIZE = ImageSize(100, 100)


def project(**plan: float | int) -> Project:
    return replace(PROJECT, plan=QualityPlan(**plan))  # type: ignore[arg-type]


@given(share=st.floats(0, 1), copies=st.integers(1, 10))
@settings(max_examples=30)
def test_the_overlap_share_of_assets_gets_more_labels_the_same_ones_every_time(share: float, copies: int) -> None:
    planned = project(overlap_share=share, labels_per_asset=copies)
    counts = [overlap.labels_for(planned, f"{number:032x}") for number in range(2000)]
    assert counts == [overlap.labels_for(planned, f"{number:032x}") for number in range(2000)]
    assert set(counts) <= {1, copies}
    if copies > 1:
        assert abs(counts.count(copies) / 2000 - share) < 0.05


@given(
    share=st.floats(0, 1),
    labeler=st.text(max_size=8),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12),
)
def test_the_benchmark_share_is_kept_within_two_from_the_first_task_on(
    share: float, labeler: str, sizes: list[int]
) -> None:
    def jitter(number: int) -> float:
        return keyed.fraction(b"k", labeler, number)

    ledger, given_gold = Ledger(), 0
    for size in sizes:
        labels = [replace(TASK, id=str(number)) for number in range(size)]
        gold = [f"g{number}" for number in range(size)]
        answer, ledger = leasing.mix(ledger, share, jitter, size, labels, gold)
        assert len(answer) == size
        given_gold += sum(isinstance(entry, str) for entry in answer)
        assert abs(given_gold - share * ledger.tasks) < 2
        assert ledger.benchmarks == given_gold


def test_without_gold_left_labels_take_the_place_and_nothing_is_made_up_for() -> None:
    labels = [replace(TASK, id=str(number)) for number in range(40)]
    answer, ledger = leasing.mix(Ledger(), 0.5, lambda _: 0.0, 40, labels, [])
    assert answer == labels
    later, _ = leasing.mix(ledger, 0.5, lambda _: 0.0, 10, labels, [f"g{n}" for n in range(10)])
    assert sum(isinstance(entry, str) for entry in later) == 5


def test_gold_never_comes_alone_unless_the_plan_wants_nothing_else() -> None:
    assert leasing.mix(Ledger(), 0.9, lambda _: 0.0, 5, [], ["g"])[0] == []
    assert leasing.mix(Ledger(), 1.0, lambda _: 0.0, 5, [], ["g", "h"])[0] == ["g", "h"]


def test_the_slots_planned_are_the_slots_filled() -> None:
    planned = leasing.slots(Ledger(7, 1), 0.3, lambda n: n * 0.37 % 1, 20)
    labels = [replace(TASK, id=str(number)) for number in range(20)]
    answer, _ = leasing.mix(Ledger(7, 1), 0.3, lambda n: n * 0.37 % 1, 20, labels, [f"g{n}" for n in range(20)])
    assert [isinstance(entry, str) for entry in answer] == planned


@given(st.integers(0, 2**62), st.text(min_size=1, max_size=20), st.integers(0, 200), st.integers(1, 255))
def test_a_token_opens_only_as_it_was_made(fence: int, labeler: str, place: int, change: int) -> None:
    token = tokens.make(PROJECT, TASK.id, fence, labeler)
    assert tokens.open_token(PROJECT, token, TASK.id, labeler, field="f") == fence
    altered = bytearray(token.encode())
    altered[place % len(altered)] ^= change
    wrong = [
        (replace(PROJECT, secret=b"other"), token, TASK.id, labeler),
        (replace(PROJECT, id="p-two"), token, TASK.id, labeler),
        (PROJECT, token, "u" * 32, labeler),
        (PROJECT, token, TASK.id, labeler + "x"),
        (PROJECT, token[:-4], TASK.id, labeler),
        (PROJECT, altered.decode("latin-1"), TASK.id, labeler),
        (PROJECT, "", TASK.id, labeler),
    ]
    for attempt in wrong:
        with pytest.raises(LeaseInvalid):
            tokens.open_token(*attempt, field="f")


def test_a_lease_that_is_over_says_how() -> None:
    leasing.require_held(TASK, 77, "annotator-1", 4999)
    with pytest.raises(LeaseExpired):
        leasing.require_held(TASK, 77, "annotator-1", 5000)
    with pytest.raises(LeaseLost):
        leasing.require_held(replace(TASK, fence=78, labeler="annotator-2"), 77, "annotator-1", 0)
    with pytest.raises(LeaseExpired):
        leasing.require_held(replace(TASK, state=State.AVAILABLE, labeler=""), 77, "annotator-1", 0)
    with pytest.raises(TaskAlreadySubmitted):
        leasing.require_held(replace(TASK, state=State.SUBMITTED), 77, "annotator-1", 9999)


K = FeatureKind
RICH = Ontology(
    (
        Feature("mood", K.SINGLE_CHOICE, ("bad", "good"), required=True),
        Feature("topics", K.MULTIPLE_CHOICE, ("a", "b")),
        Feature("stars", K.ORDINAL, ("1", "2", "3")),
        Feature("note", K.FREE_TEXT),
        Feature("who", K.TEXT_SPAN, ("person",), attributes=(Feature("age", K.NUMBER, required=True),)),
        Feature("link", K.RELATION),
        Feature("car", K.BOX, ("car", "van")),
        Feature("pose", K.KEYPOINTS, ("elbow", "knee")),
        Feature("speech", K.TIME_SEGMENT),
    )
)
TEXT = AssetFacts("a1", "text/plain", text_length=10)
IMAGE = AssetFacts("a1", "image/png", image_size=SIZE)
SOUND = AssetFacts("a1", "audio/wav")
AGE = (("age", Answer(K.NUMBER)),)


def say(feature: str, value: Value, **other: object) -> Statement:
    return Statement(feature, value, b"", **other)  # type: ignore[arg-type]


MOOD = say("mood", Answer(K.SINGLE_CHOICE, ("good",)))
WHO = say("who", TextSpan(0, 4), class_name="person", attributes=AGE, local_id="w")
CAR = say("car", Box(0, 0, 10, 10, 0, SIZE), class_name="van")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (TEXT, [MOOD, WHO, replace(WHO, local_id="v"), say("link", Relation("w", "v"))]),
        (TEXT, [MOOD, say("topics", Answer(K.MULTIPLE_CHOICE, ())), say("stars", Answer(K.ORDINAL, ("3",)))]),
        (TEXT, [replace(MOOD, value=Answer(K.SINGLE_CHOICE, ("good",), (("good", 0.8), ("bad", 0.2))))]),
        (TEXT, [replace(MOOD, asset="projects/p-one/assets/a1"), say("note", Answer(K.FREE_TEXT))]),
        (IMAGE, [MOOD, CAR, CAR, say("pose", Keypoints([Keypoint("elbow", (1.0, 1.0), False)], SIZE))]),
        (SOUND, [MOOD, say("speech", TimeSegment(0, 10))]),
    ],
)
def test_annotations_that_fit_pass(facts: AssetFacts, said: list[Statement]) -> None:
    require_fit(said, RICH, facts, "projects/p-one/assets/a1", "annotations")


@pytest.mark.parametrize(
    ("facts", "wrong", "reason", "path"),
    [
        (TEXT, say("colour", Answer(K.FREE_TEXT)), "NOT_IN_ONTOLOGY", "feature"),
        (TEXT, say("note", Answer(K.NUMBER)), "ANNOTATION_INVALID", "classification"),
        (TEXT, say("stars", Answer(K.SINGLE_CHOICE, ("3",))), "ANNOTATION_INVALID", "classification"),
        (TEXT, say("stars", Answer(K.ORDINAL, ("4",))), "NOT_IN_ONTOLOGY", "classification.ordinal"),
        (
            TEXT,
            say("topics", Answer(K.MULTIPLE_CHOICE, ("a", "z"))),
            "NOT_IN_ONTOLOGY",
            "classification.multiple.class_names",
        ),
        (
            TEXT,
            say("stars", Answer(K.ORDINAL, ("1",), (("1", 0.5), ("2", 0.4)))),
            "ANNOTATION_INVALID",
            "classification.distribution",
        ),
        (
            TEXT,
            say("stars", Answer(K.ORDINAL, ("1",), (("1", 0.5), ("9", 0.5)))),
            "NOT_IN_ONTOLOGY",
            "classification.distribution",
        ),
        (TEXT, say("note", Answer(K.FREE_TEXT), class_name="x"), "ANNOTATION_INVALID", "class_name"),
        (TEXT, replace(WHO, class_name="place"), "NOT_IN_ONTOLOGY", "class_name"),
        (TEXT, replace(WHO, class_name=""), "NOT_IN_ONTOLOGY", "class_name"),
        (TEXT, replace(WHO, value=TextSpan(4, 11)), "SPAN_OUTSIDE_TEXT", "text_span.end"),
        (TEXT, replace(WHO, attributes=()), "ANNOTATION_INVALID", "attributes"),
        (TEXT, replace(WHO, attributes=(*AGE, *AGE)), "ANNOTATION_INVALID", "attributes[1].feature"),
        (TEXT, replace(WHO, attributes=(*AGE, ("name", AGE[0][1]))), "NOT_IN_ONTOLOGY", "attributes[1].feature"),
        (TEXT, replace(WHO, attributes=(("age", Answer(K.FREE_TEXT)),)), "ANNOTATION_INVALID", "attributes[0].answer"),
        (TEXT, say("link", Relation("w", "v")), "ANNOTATION_INVALID", "relation.from_local_id"),
        (TEXT, say("speech", TimeSegment(0, 10)), "ANNOTATION_INVALID", "time_segment"),
        (TEXT, CAR, "ANNOTATION_INVALID", "box"),
        (IMAGE, WHO, "ANNOTATION_INVALID", "text_span"),
        (IMAGE, replace(CAR, class_name="bus"), "NOT_IN_ONTOLOGY", "class_name"),
        (
            IMAGE,
            replace(CAR, value=Box(0, 0, 10, 10, 0, ImageSize(100, 101))),
            "ANNOTATION_INVALID",
            "box.image_size",
        ),
        (IMAGE, replace(CAR, value=Box(95, 0, 10, 10, 0, SIZE)), "ANNOTATION_INVALID", "box"),
        (
            IMAGE,
            say("pose", Keypoints([Keypoint("nose", (1.0, 1.0), False)], SIZE)),
            "NOT_IN_ONTOLOGY",
            "keypoints.keypoints[0].keypoint_name",
        ),
        (TEXT, replace(MOOD, feature="topics"), "ANNOTATION_INVALID", "classification"),
        (TEXT, replace(MOOD), "ANNOTATION_INVALID", "feature"),
        (TEXT, say("note", Answer(K.FREE_TEXT), asset="projects/p-one/assets/a2"), "ANNOTATION_INVALID", "asset"),
        (TEXT, replace(WHO, payload=b"x" * 800_000), "ANNOTATION_INVALID", ""),
    ],
)
def test_annotations_that_do_not_fit_name_the_reason_and_the_field(
    facts: AssetFacts, wrong: Statement, reason: str, path: str
) -> None:
    with pytest.raises(AnnotationsRefused) as refused:
        require_fit([MOOD, wrong], RICH, facts, "projects/p-one/assets/a1", "items[3].annotations")
    assert refused.value.reason == reason
    assert f"items[3].annotations[1].{path}".rstrip(".") in refused.value.fields


def test_local_ids_are_used_once_and_required_features_are_there() -> None:
    for said in ([MOOD, WHO, WHO], [WHO]):
        with pytest.raises(AnnotationsRefused, match="ANNOTATION_INVALID"):
            require_fit(said, RICH, TEXT, "projects/p-one/assets/a1", "annotations")


def test_an_ontology_that_contradicts_itself_names_the_fields() -> None:
    require_valid(RICH, "ontology")
    wrong = Ontology(
        (
            Feature("a", K.ORDINAL, ("x",)),
            Feature("a", K.FREE_TEXT, ("x",)),
            Feature("b", K.BOX, ("x", "x"), attributes=(Feature("c", K.SINGLE_CHOICE), Feature("d", K.BOX))),
            Feature("e", K.BOX, attributes=(Feature("f", K.NUMBER, attributes=(Feature("g", K.NUMBER),)),)),
        )
    )
    with pytest.raises(OntologyInvalid) as refused:
        require_valid(wrong, "o")
    assert set(refused.value.fields) == {
        "o.features[0].feature_name",
        "o.features[1].feature_name",
        "o.features[0].classes",
        "o.features[1].classes",
        "o.features[2].classes",
        "o.features[2].attributes[0].classes",
        "o.features[2].attributes[1].kind",
        "o.features[3].attributes[0].attributes",
    }
    with pytest.raises(OntologyInvalid):
        require_valid(Ontology(()), "o")


@given(st.lists(st.sampled_from(["keep", "change", "drop"]), max_size=8), st.integers(0, 4))
def test_a_correction_keeps_what_is_alike_and_versions_the_rest(fates: list[str], added: int) -> None:
    said = [say("who", TextSpan(n, n + 1), local_id=str(n)) for n in range(len(fates))]
    said = [replace(statement, payload=statement.local_id.encode()) for statement in said]
    first = versions.first_versions(TASK, said, iter(versions.new_ids(len(said), 5)), "annotator-1", 5, None)
    sent = [
        replace(statement, name=kept.name, payload=statement.payload + (b"!" if fate == "change" else b""))
        for statement, kept, fate in zip(said, first, fates, strict=True)
        if fate != "drop"
    ]
    sent += [say("who", TextSpan(0, 1)) for _ in range(added)]
    revision = versions.revise(TASK, {kept.id: kept for kept in first}, sent, "reviewer-1", 9)
    after = {annotation.id: annotation for annotation in revision.current}
    for kept, fate in zip(first, fates, strict=True):
        now = after.pop(kept.id)
        assert (now.version, now.withdrawn) == {"keep": (1, False), "change": (2, False), "drop": (2, True)}[fate]
        assert now.labeler == ("annotator-1" if fate == "keep" else "reviewer-1")
    assert all(new.version == 1 for new in after.values())
    assert len(after) == added
    assert len(revision.new) == added + sum(fate != "keep" for fate in fates)


def test_new_ids_are_different_and_in_order() -> None:
    made = versions.new_ids(1000, 1_700_000_000_000)
    assert made == sorted(set(made))
    assert max(made) < min(versions.new_ids(10, 1_700_000_000_001))
