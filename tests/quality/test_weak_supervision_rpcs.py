"""ApplyLabelingFunctions and FitLabelModel over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from labelmill import errors, weak_supervision
from labelmill.quality.v1 import labels_pb2 as labels_pb
from labelmill.quality.v1 import weak_supervision_service_pb2 as pb
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.conftest import Mill, serve
from tests.quality.fakes import FakeAnnotations

pytestmark = pytest.mark.asyncio(loop_scope="module")

Item = pb.ApplyLabelingFunctionsRequest.Item
TEXTS = {
    "1": "Subscribe to my channel http://a.example",
    "2": "I love this song",
    "3": "check out my page, subscribe please",
    "4": "best song ever",
    "5": "what is this",
    "6": "this song! subscribe",
}
FUNCTIONS = [
    pb.LabelingFunction(function_id="subscribe", keywords=pb.KeywordRule(class_name="spam", keywords=["subscribe"])),
    pb.LabelingFunction(function_id="link", pattern=pb.PatternRule(class_name="spam", expression=r"https?://")),
    pb.LabelingFunction(
        function_id="words",
        gazetteer=pb.GazetteerRule(
            entries=[
                pb.GazetteerRule.Entry(term="song", class_name="ham"),
                pb.GazetteerRule.Entry(term="check out", class_name="spam"),
            ]
        ),
    ),
    pb.LabelingFunction(function_id="few", threshold=pb.ThresholdRule(class_name="ham", field="words", below=4)),
]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quality")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mill(data_dir: Path) -> AsyncIterator[Mill]:
    """One server for all: nothing here leaves a trace."""
    async with AsyncExitStack() as stack:
        yield await serve(RuntimeSettings(data_dir=data_dir, port=0, drain_seconds=2.0), FakeAnnotations(), stack)


def apply_request(
    functions: list[pb.LabelingFunction] = FUNCTIONS, texts: dict[str, str] = TEXTS
) -> pb.ApplyLabelingFunctionsRequest:
    items = [Item(item=item, text=text) for item, text in texts.items()]
    return pb.ApplyLabelingFunctionsRequest(functions=functions, items=items)


async def test_functions_vote_and_votes_become_labels(mill: Mill) -> None:
    service = mill.as_("manager").weak_supervision
    applied = await service.apply_labeling_functions(apply_request())
    assert [(vote.item, vote.labeler, vote.class_name) for vote in applied.votes] == [
        ("1", "subscribe", "spam"),
        ("1", "link", "spam"),
        ("2", "words", "ham"),
        ("3", "subscribe", "spam"),
        ("3", "words", "spam"),
        ("4", "words", "ham"),
        ("4", "few", "ham"),
        ("5", "few", "ham"),
        ("6", "subscribe", "spam"),
        ("6", "words", "ham"),
        ("6", "few", "ham"),
    ]
    request = pb.FitLabelModelRequest(votes=applied.votes, items=["1", "7"], class_names=["ham", "spam"])
    answer = await service.fit_label_model(request)
    labels = {label.item: label for label in answer.labels}
    assert [labels[item].class_name for item in "1234"] == ["spam", "ham", "spam", "ham"]
    assert (labels["7"].vote_count, labels["6"].vote_count) == (0, 3)
    assert sum(share.probability for share in labels["3"].distribution) == pytest.approx(1)
    summary = answer.summary
    assert summary.label_model == pb.LABEL_MODEL_CLASS_CONDITIONAL
    assert "several classes" in summary.reason
    assert (summary.item_count, summary.coverage.value) == (7, pytest.approx(6 / 7))
    assert [one.function_id for one in summary.functions] == ["few", "link", "subscribe", "words"]
    assert list(summary.functions[3].class_names) == ["ham", "spam"]
    assert summary.functions[0].conflict.value == pytest.approx(1 / 7)
    assert not summary.HasField("temperature")
    assert summary.accuracy.undefined_reason


async def test_gold_and_balance_take_part(mill: Mill) -> None:
    rows = [
        (f"i{n:03}", f, "a" if (n % 2) ^ (f == "bad" and n % 3 == 0) else "b")
        for n in range(80)
        for f in ("good", "bad")
    ]
    votes = [labels_pb.LabelRow(item=item, labeler=function, class_name=said) for item, function, said in rows]
    gold = [labels_pb.GoldRow(item=f"i{n:03}", class_name="a" if n % 2 else "b") for n in range(40)]
    balance = [pb.ClassShare(class_name="a", share=0.5), pb.ClassShare(class_name="b", share=0.5)]
    answer = await mill.as_("manager").weak_supervision.fit_label_model(
        pb.FitLabelModelRequest(votes=votes, gold=gold, class_balance=balance)
    )
    bad, good = answer.summary.functions
    assert (good.empirical_accuracy.value, good.empirical_accuracy.sample_count) == (1.0, 40)
    assert bad.empirical_accuracy.value == pytest.approx(26 / 40)
    assert good.learned_accuracy.value > bad.learned_accuracy.value
    assert answer.summary.HasField("temperature")
    assert answer.summary.accuracy.sample_count == 40
    assert {label.class_name for label in answer.labels if label.item == "i039"} == {"a"}


async def test_a_stream_of_votes_gets_the_same_answer_in_parts(mill: Mill) -> None:
    service = mill.as_("manager").weak_supervision
    votes = (await service.apply_labeling_functions(apply_request())).votes
    gold = [labels_pb.GoldRow(item="1", class_name="spam")]
    whole = await service.fit_label_model(
        pb.FitLabelModelRequest(votes=votes, items=["7"], gold=gold, class_names=["ham", "spam"])
    )
    messages = [
        pb.StreamFitLabelModelRequest(options=pb.LabelModelOptions(class_names=["ham", "spam"]), votes=votes[:4]),
        pb.StreamFitLabelModelRequest(items=["7"], gold=gold),
        pb.StreamFitLabelModelRequest(votes=votes[4:]),
    ]
    parts = [part async for part in service.stream_fit_label_model(iter(messages))]
    assert [label for part in parts for label in part.labels] == list(whole.labels)
    assert parts[-1].summary == whole.summary


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([pb.StreamFitLabelModelRequest(items=["x"])], "STREAM_SEQUENCE"),
        ([pb.StreamFitLabelModelRequest(options=pb.LabelModelOptions())] * 2, "STREAM_SEQUENCE"),
        ([pb.StreamFitLabelModelRequest(options=pb.LabelModelOptions())], "VOTES_MISSING"),
    ],
)
async def test_a_stream_of_votes_begins_with_options_and_has_votes(
    mill: Mill, messages: list[pb.StreamFitLabelModelRequest], reason: str
) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        async for _ in mill.as_("manager").weak_supervision.stream_fit_label_model(iter(messages)):
            pass
    assert caught.value.reason == reason


async def test_functions_in_python_vote_in_the_client(mill: Mill) -> None:
    @weak_supervision.labeling_function
    def has_song(text: str) -> str | None:
        return "ham" if "song" in text else None

    @weak_supervision.labeling_function(name="has-subscribe")
    def other(text: str) -> str | None:
        return "spam" if "ubscribe" in text else None

    votes = weak_supervision.votes([has_song, other], TEXTS)
    assert [(vote.item, vote.labeler) for vote in votes][:2] == [("1", "has-subscribe"), ("2", "has_song")]
    answer = await mill.as_("reviewer").weak_supervision.fit_label_model(pb.FitLabelModelRequest(votes=votes))
    assert answer.summary.label_model == pb.LABEL_MODEL_ONE_ACCURACY


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"class_names": ["ham", "other"]}, "UNKNOWN_CLASS", "votes[1].class_name"),
        ({"votes": [labels_pb.LabelRow(item="1", labeler="f", class_name="ham")]}, "TOO_FEW_CLASSES", "class_names"),
        ({"class_balance": [pb.ClassShare(class_name="ham", share=0.5)]}, "WRONG_CLASS_BALANCE", "class_balance"),
        ({"gold": [labels_pb.GoldRow(item="1", class_name="ham")] * 2}, "DUPLICATE_GOLD", "gold[1].item"),
    ],
)
async def test_votes_that_cannot_be_put_together_are_refused(
    mill: Mill, change: dict[str, object], reason: str, field: str
) -> None:
    votes = [
        labels_pb.LabelRow(item="1", labeler="f", class_name="ham"),
        labels_pb.LabelRow(item="1", labeler="g", class_name="spam"),
    ]
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.as_("manager").weak_supervision.fit_label_model(
            pb.FitLabelModelRequest(**{"votes": votes, **change})  # type: ignore[arg-type]
        )
    assert (caught.value.reason, list(caught.value.fields)) == (reason, [field])


async def test_a_matrix_that_does_not_fit_is_refused(mill: Mill) -> None:
    votes = [labels_pb.LabelRow(item=f"{n}", labeler=f"{n}", class_name="ab"[n % 2]) for n in range(8000)]
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.as_("manager").weak_supervision.fit_label_model(pb.FitLabelModelRequest(votes=votes))
    assert caught.value.reason == "TOO_MANY_CELLS"


def function(**rule: object) -> pb.LabelingFunction:
    return pb.LabelingFunction(function_id="f", **rule)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("functions", "reason"),
    [
        ([function(pattern=pb.PatternRule(class_name="a", expression="("))], "INVALID_PATTERN"),
        ([FUNCTIONS[0], FUNCTIONS[0]], "DUPLICATE_FUNCTION"),
        ([function(threshold=pb.ThresholdRule(class_name="a", field="words"))], "THRESHOLD_MISSING"),
    ],
)
async def test_functions_that_cannot_work_are_refused(
    mill: Mill, functions: list[pb.LabelingFunction], reason: str
) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.as_("manager").weak_supervision.apply_labeling_functions(apply_request(functions))
    assert caught.value.reason == reason


async def test_a_model_of_somebody_elses_project_is_not_asked(mill: Mill) -> None:
    functions = [function(model=pb.ModelRule(model="projects/p-two/models/mood"))]
    with pytest.raises(errors.PermissionDenied) as caught:
        await mill.as_("manager").weak_supervision.apply_labeling_functions(apply_request(functions))
    assert caught.value.reason == "MODEL_NOT_YOURS"


async def test_an_item_comes_once(mill: Mill) -> None:
    request = apply_request()
    request.items.add(item="1", text="again")
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.as_("manager").weak_supervision.apply_labeling_functions(request)
    assert (caught.value.reason, list(caught.value.fields)) == ("DUPLICATE_ITEM", ["items[6].item"])


async def test_no_text_is_in_an_error(mill: Mill) -> None:
    request = apply_request()
    request.items.add(item="1", text="Jane Roe, 555-0100")
    with pytest.raises(errors.InvalidArgument) as caught:
        await mill.as_("manager").weak_supervision.apply_labeling_functions(request)
    assert "Jane" not in f"{caught.value} {caught.value.fields} {caught.value.metadata}"
