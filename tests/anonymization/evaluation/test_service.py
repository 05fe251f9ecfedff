"""Evaluation over a real socket: who may ask, what comes back, and that the page shows the leaks and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.anonymization.v1 import evaluation_service_pb2 as service
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1.service_pb2 import PolicySource
from labelmill.type.v1.geometry_pb2 import TextSpan
from labelmill_runtime.principal import Role
from tests.anonymization.server import anonymization

REPLACE = operators_pb2.Operator(replace=operators_pb2.Replace())
ALL = PolicySource(inline=pb.Policy(display_name="everything", default_operator=REPLACE))
NAMES = PolicySource(inline=pb.Policy(display_name="names", rules=[pb.Rule(entity_type="PERSON", operator=REPLACE)]))
MASK = PolicySource(
    inline=pb.Policy(default_operator=operators_pb2.Operator(mask=operators_pb2.Mask(character_count=4)))
)
KEEP = PolicySource(inline=pb.Policy(default_operator=operators_pb2.Operator(keep=operators_pb2.Keep())))


def text(content: str, **marked: str) -> service.AnnotatedText:
    """A text in which, of each type, a word is marked."""
    spans = [
        service.GoldSpan(
            entity_type=kind, span=TextSpan(start=content.index(word), end=content.index(word) + len(word))
        )
        for kind, word in marked.items()
    ]
    return service.AnnotatedText(document_id=f"doc {content[:5]}", text=content, gold_spans=spans)


SAMPLE = [
    text("NameJane went to PlaceRome", PERSON="NameJane", GPE="PlaceRome"),
    text("Secret Jane <b>stayed</b> 🙂", PERSON="Jane"),
    text("nobody here"),
]


def evaluate(policy: PolicySource = ALL, sample: list[service.AnnotatedText] = SAMPLE, **options: object):  # type: ignore[no-untyped-def]
    return service.EvaluatePolicyRequest(
        parent="projects/demo",
        policy=policy,
        sample=sample,
        options=service.EvaluationOptions(**options),  # type: ignore[arg-type]
    )


async def test_a_policy_is_measured_on_the_callers_sample(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        report = (await server.client.evaluation.evaluate_policy(evaluate())).report
    overall = report.evaluation.overall
    assert (overall.gold_count, overall.found_count, overall.exact_count) == (3, 2, 2)
    assert overall.leaked_share.value == pytest.approx(4 / 21)
    assert report.evaluation.documents_with_leak.value == pytest.approx(1 / 3)
    assert [(t.entity_type, t.exact.recall.value) for t in report.evaluation.types] == [
        ("LOCATION", 1),
        ("PERSON", 0.5),
    ]
    assert not report.HasField("against")
    assert report.page_html == ""


async def test_two_policies_are_compared_on_the_same_texts(tmp_path: Path) -> None:
    request = service.ComparePoliciesRequest(
        parent="projects/demo",
        policy=NAMES,
        against=ALL,
        sample=SAMPLE,
        options=service.EvaluationOptions(include_page=True),
    )
    async with anonymization(tmp_path) as server:
        report = (await server.client.evaluation.compare_policies(request)).report
    assert report.evaluation.overall.leaked_characters == 13
    assert report.against.overall.leaked_characters == 4
    leaked = next(d for d in report.differences if d.figure == "leaked_share" and not d.entity_type)
    assert leaked.difference.value == pytest.approx(-9 / 21)
    page = report.page_html
    assert "names" in page
    assert "everything" in page
    assert '<mark class="leaked" title="marked LOCATION, found nothing">PlaceRome</mark>' in page
    assert '<mark class="hidden" title="marked LOCATION, found LOCATION">PlaceRome</mark>' in page


async def test_the_page_escapes_the_sample_and_loads_nothing(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        report = (await server.client.evaluation.evaluate_policy(evaluate(include_page=True))).report
    page = report.page_html
    assert "&lt;b&gt;stayed&lt;/b&gt; 🙂" in page
    assert "<b>stayed" not in page
    assert "nobody here" not in page  # nothing leaks there
    assert "default-src 'none'" in page
    for loading in ("src=", "href=", "url(", "@import", "<script"):
        assert loading not in page


async def test_what_a_mask_leaves_readable_leaks_and_so_does_what_is_kept(tmp_path: Path) -> None:
    sample = [text("NameJane went", PERSON="NameJane")]
    async with anonymization(tmp_path) as server:
        masked = (await server.client.evaluation.evaluate_policy(evaluate(MASK, sample))).report
        kept = (await server.client.evaluation.evaluate_policy(evaluate(KEEP, sample))).report
    assert masked.evaluation.overall.leaked_characters == 4
    assert kept.evaluation.overall.leaked_characters == 8
    assert kept.evaluation.overall.exact.recall.value == 1


async def test_a_text_that_cannot_be_searched_is_named_and_in_no_figure(tmp_path: Path) -> None:
    sample = [*SAMPLE, text("FAIL NameBob", PERSON="NameBob")]
    async with anonymization(tmp_path) as server:
        report = (await server.client.evaluation.evaluate_policy(evaluate(sample=sample))).report
        with pytest.raises(errors.InvalidArgument) as caught:
            await server.client.evaluation.evaluate_policy(evaluate(sample=sample[-1:]))
    assert report.evaluation.document_count == 3
    assert report.evaluation.overall.gold_count == 3
    assert [(f.document_id, f.status.code) for f in report.failures] == [("doc FAIL ", 13)]
    assert caught.value.reason == "SAMPLE_NOT_SEARCHABLE"
    assert caught.value.metadata["first_reason"] == "DETECTION_FAILED"


async def test_a_large_sample_comes_in_parts(tmp_path: Path) -> None:
    async def sent() -> AsyncIterator[service.StreamEvaluatePoliciesRequest]:
        header = service.StreamEvaluatePoliciesRequest.Header(parent="projects/demo", policy=ALL)
        yield service.StreamEvaluatePoliciesRequest(header=header)
        for _ in range(3):
            yield service.StreamEvaluatePoliciesRequest(batch={"sample": SAMPLE * 100})

    async with anonymization(tmp_path) as server:
        report = (await server.client.evaluation.stream_evaluate_policies(sent())).report
    assert report.evaluation.document_count == 900
    assert report.evaluation.overall.leaked_share.value == pytest.approx(4 / 21)
    assert (
        0.15 < report.evaluation.overall.leaked_share.low < 4 / 21 < report.evaluation.overall.leaked_share.high < 0.25
    )


async def test_a_marked_span_outside_of_its_text_is_refused_by_its_place(tmp_path: Path) -> None:
    bad = service.AnnotatedText(
        text="short", gold_spans=[service.GoldSpan(entity_type="PERSON", span=TextSpan(start=3, end=9))]
    )
    async with anonymization(tmp_path) as server:
        with pytest.raises(errors.InvalidArgument) as caught:
            await server.client.evaluation.evaluate_policy(evaluate(sample=[*SAMPLE, bad]))
    assert caught.value.reason == "SAMPLE_SPAN_INVALID"
    assert list(caught.value.fields) == ["sample[3].gold_spans[0].span"]


async def test_only_who_answers_for_raw_data_may_send_a_sample(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        for role in (Role.PRIVACY_OFFICER, Role.SERVICE):
            await server.clients[role].evaluation.evaluate_policy(evaluate())
        for role in (Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.ANNOTATOR):
            with pytest.raises(errors.PermissionDenied):
                await server.clients[role].evaluation.evaluate_policy(evaluate())


async def test_no_text_of_a_sample_is_logged(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        await server.client.evaluation.evaluate_policy(evaluate(include_page=True))
        with pytest.raises(errors.InvalidArgument) as caught:  # a detector that raises, quoting the text
            await server.client.evaluation.evaluate_policy(
                evaluate(sample=[text("CRASH NameCanary", PERSON="NameCanary")])
            )
        logged = server.log.getvalue()
    assert caught.value.metadata["first_reason"] == "DETECTION_FAILED"
    for said in (logged, str(caught.value)):
        assert "Canary" not in said
        assert "Jane" not in said
