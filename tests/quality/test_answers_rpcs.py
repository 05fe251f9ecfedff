"""AggregateNumbers, AggregateTexts and AggregateChoices over a real socket."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.quality.v1 import answers_service_pb2 as pb
from labelmill.quality.v1 import labels_pb2 as labels_pb
from labelmill.type.v1 import annotation_pb2 as types_pb
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.fakes import FakeAnnotations

pytestmark = pytest.mark.asyncio(loop_scope="module")

Numbers = pb.AggregateNumbersRequest
Texts = pb.AggregateTextsRequest
Choices = pb.AggregateChoicesRequest


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    folder: Path = tmp_path_factory.mktemp("quality")
    async with AsyncExitStack() as stack:
        yield await serve(RuntimeSettings(data_dir=folder, port=0, drain_seconds=2.0), FakeAnnotations(), stack)


def numbers(*rows: tuple[str, str, float]) -> list[labels_pb.LabelRow]:
    return [labels_pb.LabelRow(item=item, labeler=labeler, number=number) for item, labeler, number in rows]


def texts(*rows: tuple[str, str, str]) -> list[labels_pb.LabelRow]:
    return [labels_pb.LabelRow(item=item, labeler=labeler, text=text) for item, labeler, text in rows]


def choices(*rows: tuple[str, str, list[str]]) -> list[labels_pb.LabelRow]:
    return [
        labels_pb.LabelRow(item=item, labeler=labeler, class_names=types_pb.ClassNames(class_names=names))
        for item, labeler, names in rows
    ]


AGES = numbers(
    *((f"i{n:02d}", name, 20 + n + shift) for n in range(30) for name, shift in (("a", 3), ("b", -1), ("c", -2)))
)
HEARD = texts(
    ("x", "anna", "the cat sad on the mat"), ("x", "ben", "the cat sat on a mat"),
    ("x", "cleo", "the bat sat on the mat"),
    ("y", "anna", "Good morning"), ("y", "ben", "good morning"), ("y", "cleo", "good morning."),
)  # fmt: skip


async def test_a_number_has_an_interval_and_says_how_it_was_made(mill: Mill) -> None:
    found = await mill.as_("manager").answers.aggregate_numbers(Numbers(labels=AGES, method=Numbers.METHOD_MEAN))
    first = found.numbers[0]
    assert (first.item, first.number.value, first.label_count) == ("i00", pytest.approx(20), 3)
    assert first.number.lower < 20 < first.number.upper
    assert (first.number.method, first.number.interval_method) == ("mean", "student_t")
    assert not found.labelers


async def test_the_default_says_how_labelers_differ(mill: Mill) -> None:
    found = await mill.as_("manager").answers.aggregate_numbers(Numbers(labels=AGES))
    assert (found.method, found.method_version, found.converged) == (Numbers.METHOD_LABELER_MODEL, "1", True)
    assert found.note
    anna = found.labelers[0]
    assert (anna.labeler, anna.label_count) == ("a", 30)
    assert anna.bias.value == pytest.approx(3, abs=0.3)
    assert anna.bias.lower < anna.bias.value < anna.bias.upper
    assert anna.gain.value == pytest.approx(1, abs=0.05)
    assert anna.deviation.lower < anna.deviation.value < anna.deviation.upper


async def test_gold_is_kept_and_said(mill: Mill) -> None:
    gold = [pb.NumberGoldRow(item=f"i{n:02d}", number=n) for n in range(25)]
    found = await mill.as_("manager").answers.aggregate_numbers(Numbers(labels=AGES, gold=gold))
    assert (found.numbers[3].gold, found.numbers[3].number.value, found.gold_count) == (True, pytest.approx(3), 25)
    assert not found.numbers[29].gold
    assert found.numbers[29].number.value == pytest.approx(29, abs=2)  # all labelers say 20 more


async def test_an_interval_that_there_is_not_is_absent_with_the_reason(mill: Mill) -> None:
    found = await mill.as_("manager").answers.aggregate_numbers(Numbers(labels=AGES, method=Numbers.METHOD_MEDIAN))
    assert not found.numbers[0].number.HasField("lower")
    assert "six answers" in found.numbers[0].number.undefined_reason


async def test_repeated_numbers_follow_the_policy(mill: Mill) -> None:
    labels = numbers(("x", "a", 1), ("x", "a", 3))
    for policy, value in ((labels_pb.REPEAT_POLICY_LAST, 3), (labels_pb.REPEAT_POLICY_ALL, 2)):
        found = await mill.as_("manager").answers.aggregate_numbers(
            Numbers(labels=labels, method=Numbers.METHOD_MEAN, repeat_policy=policy)
        )
        assert (found.numbers[0].number.value, found.repeat_policy, found.repeated_label_count) == (value, policy, 1)


@pytest.mark.parametrize(
    ("labels", "reason", "field"),
    [
        (texts(("x", "a", "1")), "WRONG_ANSWER_KIND", "labels[0].text"),
        (numbers(("x", "a", 1), ("x", "b", 1e16)), "NOT_A_NUMBER", "labels[1].number"),
    ],
)
async def test_what_is_no_number_is_refused(
    mill: Mill, labels: list[labels_pb.LabelRow], reason: str, field: str
) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        await mill.as_("manager").answers.aggregate_numbers(Numbers(labels=labels))
    assert (refused.value.reason, refused.value.metadata["field"]) == (reason, field)


@pytest.mark.parametrize("number", [math.nan, math.inf])
async def test_what_is_not_finite_is_refused(mill: Mill, number: float) -> None:
    with pytest.raises(errors.InvalidArgument):
        await mill.as_("manager").answers.aggregate_numbers(Numbers(labels=numbers(("x", "a", number))))


async def test_texts_are_mended_with_one_another(mill: Mill) -> None:
    found = await mill.as_("manager").answers.aggregate_texts(
        Texts(labels=HEARD, ignore_case=True, ignore_punctuation=True)
    )
    assert [(text.item, text.text, text.label_count) for text in found.texts] == [
        ("x", "the cat sat on the mat", 3),
        ("y", "good morning", 3),
    ]
    assert found.texts[1].similarity == 1
    assert 0.7 < found.texts[0].similarity < 1
    assert (found.method, found.method_version) == (Texts.METHOD_ROVER, "1")


async def test_agreement_and_labelers_of_texts_have_intervals(mill: Mill) -> None:
    found = await mill.as_("manager").answers.aggregate_texts(Texts(labels=HEARD, method=Texts.METHOD_MEDOID))
    assert found.agreement.lower <= found.agreement.value <= found.agreement.upper
    assert (found.agreement.interval_method, found.agreement.sample_count) == ("bootstrap_items_1000", 2)
    assert [labeler.labeler for labeler in found.labelers] == ["anna", "ben", "cleo"]
    assert all(labeler.similarity.lower <= labeler.similarity.value for labeler in found.labelers)


async def test_texts_of_one_labeler_cannot_be_mixed(mill: Mill) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        await mill.as_("manager").answers.aggregate_texts(
            Texts(labels=HEARD, repeat_policy=labels_pb.REPEAT_POLICY_ALL)
        )
    assert refused.value.reason == "REPEATS_NOT_WEIGHED"


async def test_texts_that_would_take_too_long_are_refused_without_their_content(mill: Mill) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        await mill.as_("manager").answers.aggregate_texts(Texts(labels=texts(("x", "a", "secret " * 2_001))))
    assert refused.value.reason == "TEXTS_TOO_LONG"
    assert "secret" not in str(refused.value)


async def test_annotators_may_not_ask(mill: Mill) -> None:
    for call, request in (("aggregate_numbers", Numbers(labels=AGES)), ("aggregate_texts", Texts(labels=HEARD))):
        with pytest.raises(errors.PermissionDenied):
            await getattr(mill.as_("annotator").answers, call)(request)


SEEN = choices(
    ("x", "a", ["car", "dog"]),
    ("x", "b", ["car"]),
    ("x", "c", ["car", "dog"]),
    ("y", "a", []),
    ("y", "b", ["tree"]),
    ("y", "c", []),
)


async def test_sets_of_classes_become_one_for_each_item(mill: Mill) -> None:
    answer = await mill.as_("manager").answers.aggregate_choices(Choices(labels=[*SEEN[:1], *SEEN]))
    assert [(each.item, list(each.class_names)) for each in answer.choices] == [("x", ["car", "dog"]), ("y", [])]
    assert list(answer.class_names) == ["car", "dog", "tree"]
    assert all(0 <= each <= 1 for choice in answer.choices for each in choice.probabilities)
    assert [each.labeler for each in answer.labelers] == ["a", "b", "c"]
    assert answer.repeated_label_count == 1
    assert not answer.calibration.calibrated


async def test_known_sets_are_kept(mill: Mill) -> None:
    gold = [pb.ChoiceGoldRow(item="y", class_names=types_pb.ClassNames(class_names=["tree"]))]
    answer = await mill.as_("manager").answers.aggregate_choices(Choices(labels=SEEN, gold=gold))
    assert (list(answer.choices[1].class_names), answer.choices[1].gold) == (["tree"], True)
    assert list(answer.choices[1].probabilities) == [0.0, 0.0, 1.0]
    assert answer.calibration.gold_count == 3


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (Choices(labels=numbers(("x", "a", 1.0))), "WRONG_ANSWER_KIND", "labels[0].number"),
        (Choices(labels=SEEN, class_names=["car", "tree"]), "UNKNOWN_CLASS", "labels[0].class_names"),
        (Choices(labels=choices(("x", "a", []))), "NO_CLASSES", "class_names"),
        (
            Choices(labels=SEEN, gold=[pb.ChoiceGoldRow(item="x", class_names=types_pb.ClassNames())] * 2),
            "DUPLICATE_GOLD",
            "gold[1].item",
        ),
    ],
)
async def test_sets_that_cannot_be_aggregated_are_refused(
    mill: Mill, request_: pb.AggregateChoicesRequest, reason: str, field: str
) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.as_("manager").answers.aggregate_choices(request_)
    assert caught.value.reason == reason
    assert list(caught.value.fields) == [field]
