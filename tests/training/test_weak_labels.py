"""Labeling functions label a project's texts, and a model is trained on the probabilistic labels, over one socket."""

from __future__ import annotations

import pytest

from labelmill import errors, weak_supervision
from labelmill.quality.v1 import resources_pb2 as quality
from labelmill.quality.v1 import service_pb2 as quality_service
from labelmill.quality.v1 import weak_supervision_service_pb2 as pb
from labelmill.training.v1 import service_pb2
from tests.training.test_with_all_services import PROJECT, World, job_request, world

__all__ = ["world"]
pytestmark = pytest.mark.timeout(300)

FUNCTIONS = [
    pb.LabelingFunction(
        function_id="praise", keywords=pb.KeywordRule(class_name="good", keywords=["wonderful", "delightful", "great"])
    ),
    pb.LabelingFunction(
        function_id="blame",
        gazetteer=pb.GazetteerRule(
            entries=[pb.GazetteerRule.Entry(term=term, class_name="bad") for term in ("terrible", "complete waste")]
        ),
    ),
    pb.LabelingFunction(function_id="stars", pattern=pb.PatternRule(class_name="bad", expression=r"one star\b")),
    pb.LabelingFunction(function_id="wrong", keywords=pb.KeywordRule(class_name="bad", keywords=["coffee"])),
]


@weak_supervision.labeling_function
def loved(text: str) -> str | None:
    return "good" if "loved" in text else None


def request(world: World, **changes: object) -> pb.SuperviseProjectRequest:
    votes = weak_supervision.votes(
        [loved], {asset: "I loved it" for asset, said in world.truth.items() if said == "good"}
    )
    given = {"parent": PROJECT, "feature": "mood", "functions": FUNCTIONS, "votes": votes, **changes}
    return pb.SuperviseProjectRequest(**given)  # type: ignore[arg-type]


async def test_probabilistic_labels_flow_to_training_like_any_other(world: World) -> None:
    operation = await world.owner.weak_supervision.supervise_project(request(world))
    answer = await operation.result(timeout_s=120)
    report, summary = answer.quality_report, answer.summary
    assert report.consensus_method == quality.CONSENSUS_METHOD_WEAK_SUPERVISION
    assert report == await world.owner.quality.get_quality_report(
        quality_service.GetQualityReportRequest(name=report.name)
    )
    assert [labeler.labeler for labeler in report.labelers] == ["blame", "loved", "praise", "stars", "wrong"]
    assert report.labelers[1].confusion.class_names == report.consensus_confusion.class_names == ["bad", "good"]
    assert report.alpha.undefined_reason
    assert report.consensus_note.startswith("label model one_accuracy")
    assert summary.item_count == len(world.truth) == operation.metadata().progress.done_count
    assert [one.function_id for one in summary.functions] == ["praise", "blame", "stars", "wrong", "loved"]
    assert list(summary.functions[0].repeated_by) == ["loved"]

    labels = {
        label.item: label
        async for label in world.owner.quality.list_consensus_labels(
            quality_service.ListConsensusLabelsRequest(parent=report.name)
        )
    }
    right = [label.class_name == world.truth[item] for item, label in labels.items()]
    assert len(right) == report.item_count
    assert sum(right) > 0.9 * len(right)
    assert all(0 < share.probability < 1 for share in next(iter(labels.values())).distribution)

    job = job_request(world)
    job.training_job.labels.quality_report = report.name
    trained = await (await world.owner.training.create_training_job(job)).result(timeout_s=200)
    version = await world.owner.training.get_model_version(
        service_pb2.GetModelVersionRequest(name=trained.model_version)
    )
    assert version.lineage.training_item_count == len(labels.keys() - set(world.held_out))
    await world.owner.training.promote_model_version(
        service_pb2.PromoteModelVersionRequest(name=trained.model_version, min_accuracy=0.8)
    )

    # The model that came of it is a labeling function, too.
    asked = pb.LabelingFunction(function_id="model", model=pb.ModelRule(model=f"{PROJECT}/models/mood"))
    item = pb.ApplyLabelingFunctionsRequest.Item(item="1", text="The sofa was terrible, I hated it.")
    applied = await world.owner.weak_supervision.apply_labeling_functions(
        pb.ApplyLabelingFunctionsRequest(functions=[asked], items=[item])
    )
    assert [(vote.labeler, vote.class_name) for vote in applied.votes] == [("model", "bad")]


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"functions": [], "votes": []}, errors.InvalidArgument, "VOTES_MISSING"),
        ({"feature": "tone"}, errors.InvalidArgument, "UNKNOWN_FEATURE"),
        ({"filter": "colour = 1"}, errors.InvalidArgument, "INVALID_FILTER"),
        ({"filter": 'external_id = "none"'}, errors.FailedPrecondition, "NO_VOTES"),
    ],
)
async def test_what_cannot_be_labeled_is_refused(
    world: World, changes: dict[str, object], kind: type[errors.LabelmillError], reason: str
) -> None:
    with pytest.raises(kind) as caught:
        await (await world.owner.weak_supervision.supervise_project(request(world, **changes))).result(timeout_s=60)
    assert caught.value.reason == reason
