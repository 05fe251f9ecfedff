"""Released statistics over a real socket: what is asked, what comes back, and what it costs."""

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from labelmill import errors
from labelmill.anonymization.v1 import content_service_pb2, operators_pb2, service_pb2
from labelmill.anonymization.v1 import resources_pb2 as resources
from labelmill.anonymization.v1 import statistics_service_pb2 as pb
from labelmill_runtime.principal import Role
from tests.anonymization.server import Anonymization, anonymization

pytestmark = pytest.mark.asyncio(loop_scope="module")
BUDGET = "projects/demo/privacyBudget"
PEOPLE = "who,age,city\n" + "".join(f"p{n % 50},{20 + n % 40},{('Rome', 'Oslo')[n % 2]}\n" for n in range(200))
BOUNDS = pb.Bounds(lower=0, upper=100)
NEARLY_EXACT = 50.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Anonymization]:
    async with anonymization(tmp_path_factory.mktemp("statistics")) as server:
        await give(server, 900.0, 1e-3)
        yield server


async def give(server: Anonymization, epsilon: float, delta: float = 0.0) -> pb.PrivacyBudget:
    wanted = pb.PrivacyBudget(name=BUDGET, epsilon_total=epsilon, delta_total=delta)
    return await server.client.statistics.update_privacy_budget(pb.UpdatePrivacyBudgetRequest(privacy_budget=wanted))


async def budget(server: Anonymization) -> pb.PrivacyBudget:
    return await server.client.statistics.get_privacy_budget(pb.GetPrivacyBudgetRequest(name=BUDGET))


def table(column: str = "", **fields: object) -> pb.TableData:
    content = content_service_pb2.Content(content=PEOPLE.encode(), media_type="text/csv")
    return pb.TableData(content=content, column=column, **fields)  # type: ignore[arg-type]


def request(
    epsilon: float = NEARLY_EXACT, delta: float = 0.0, request_id: str = "", **fields: object
) -> pb.ReleaseStatisticRequest:
    return pb.ReleaseStatisticRequest(
        parent="projects/demo",
        statistic=pb.Statistic(**fields),  # type: ignore[arg-type]
        epsilon=epsilon,
        delta=delta,
        request_id=request_id or str(uuid.uuid4()),
    )


async def test_a_count_of_rows_comes_with_its_price_and_noise(running: Anonymization) -> None:
    before = await budget(running)
    answer = await running.client.statistics.release_statistic(request(0.5, table=table(), count=pb.CountFigure()))
    (value,) = answer.values
    assert value.value == pytest.approx(200, abs=100)
    assert value.noise_scale == pytest.approx(2, rel=1e-6)
    assert value.lower < value.value < value.upper
    assert (answer.epsilon, answer.delta, answer.mechanism) == (0.5, 0.0, "discrete Laplace")
    assert (answer.unit, answer.max_contributions, answer.confidence_level) == ("row", 1, 0.95)
    assert answer.principal == "privacy_officer"
    assert (await budget(running)).epsilon_spent == pytest.approx(before.epsilon_spent + 0.5)
    assert not answer.statistic.table.content.content
    assert await running.client.statistics.get_release(pb.GetReleaseRequest(name=answer.name)) == answer


@pytest.mark.parametrize(
    ("fields", "expected", "close"),
    [
        ({"table": table("city"), "count": pb.CountFigure(value="Rome")}, [100], 2),
        (
            {"table": table("city"), "histogram": pb.HistogramFigure(categories=["Oslo", "Rio", "Rome"])},
            [100, 0, 100],
            2,
        ),
        ({"table": table("age"), "histogram": pb.HistogramFigure(edges=[20, 30, 40, 59])}, [50, 50, 100], 2),
        ({"table": table("age"), "sum": pb.SumFigure(bounds=BOUNDS)}, [7900], 50),
        ({"table": table("age"), "mean": pb.MeanFigure(bounds=BOUNDS)}, [39.5], 1),
        ({"table": table("age"), "mean": pb.MeanFigure(bounds=pb.Bounds(lower=0, upper=30))}, [28.75], 1),
        ({"table": table("age"), "quantile": pb.QuantileFigure(fraction=0.5, bounds=BOUNDS)}, [39.5], 2),
        ({"table": table(subject_column="who"), "count": pb.CountFigure()}, [50], 2),
        ({"table": table(subject_column="who", max_contributions=3), "count": pb.CountFigure()}, [150], 3),
    ],
)
async def test_at_a_high_price_figures_are_nearly_exact(
    running: Anonymization, fields: dict[str, object], expected: list[float], close: float
) -> None:
    answer = await running.client.statistics.release_statistic(request(**fields))
    assert [value.value for value in answer.values] == pytest.approx(expected, abs=close)


async def test_a_repeated_request_is_free_and_gets_the_same_answer(running: Anonymization) -> None:
    asked = request(0.1, table=table(), count=pb.CountFigure())
    first = await running.client.statistics.release_statistic(asked)
    spent = (await budget(running)).epsilon_spent
    assert await running.client.statistics.release_statistic(asked) == first
    assert (await budget(running)).epsilon_spent == spent
    asked.epsilon = 0.2
    with pytest.raises(errors.InvalidArgument) as caught:
        await running.client.statistics.release_statistic(asked)
    assert caught.value.reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"assets": pb.AssetData(), "mean": pb.MeanFigure(bounds=BOUNDS)}, "INVALID_STATISTIC", "statistic.mean"),
        (
            {"table": table("age"), "sum": pb.SumFigure(bounds=pb.Bounds(lower=1, upper=1))},
            "INVALID_STATISTIC",
            "statistic.sum.bounds",
        ),
        (
            {"table": table(), "histogram": pb.HistogramFigure(categories=["a"])},
            "INVALID_STATISTIC",
            "statistic.table.column",
        ),
        ({"table": table("age"), "histogram": pb.HistogramFigure()}, "INVALID_STATISTIC", "statistic.histogram"),
        (
            {"table": table("age"), "histogram": pb.HistogramFigure(edges=[2, 1])},
            "INVALID_STATISTIC",
            "statistic.histogram.edges",
        ),
        ({"table": table("height"), "sum": pb.SumFigure(bounds=BOUNDS)}, "UNKNOWN_COLUMN", "statistic.table.column"),
        (
            {"table": table(subject_column="x"), "count": pb.CountFigure()},
            "UNKNOWN_COLUMN",
            "statistic.table.subject_column",
        ),
        ({"table": table("age"), "delta": 1e-6, "mean": pb.MeanFigure(bounds=BOUNDS)}, "INVALID_STATISTIC", "delta"),
    ],
)
async def test_what_cannot_be_answered_costs_nothing(
    running: Anonymization, fields: dict[str, object], reason: str, field: str
) -> None:
    before = await budget(running)
    fields = dict(fields)
    delta = float(str(fields.pop("delta", 0.0)))
    with pytest.raises(errors.InvalidArgument) as caught:
        await running.client.statistics.release_statistic(request(delta=delta, **fields))
    assert caught.value.reason == reason
    assert field in caught.value.fields
    assert await budget(running) == before


async def test_types_found_in_assets_are_counted_by_receipts(running: Anonymization) -> None:
    for text in ("NameJane in PlaceRome", "NameBob", "NameEve", "nobody"):
        running.zones.add("demo", text)
    replace = operators_pb2.Operator(replace=operators_pb2.Replace())
    policy = await running.client.anonymization.create_policy(
        service_pb2.CreatePolicyRequest(
            parent="projects/demo", policy_id="counted", policy=resources.Policy(default_operator=replace)
        )
    )
    operation = await running.client.anonymization.anonymize_assets(
        service_pb2.AnonymizeAssetsRequest(parent="projects/demo", policy=policy.name)
    )
    await operation.result(timeout_s=60)
    histogram = pb.HistogramFigure(categories=["PERSON", "LOCATION"])
    answer = await running.client.statistics.release_statistic(
        request(entities=pb.EntityData(policy=policy.name), histogram=histogram)
    )
    assert [(v.label, round(v.value)) for v in answer.values] == [
        ("PERSON", pytest.approx(3, abs=1)),
        ("LOCATION", pytest.approx(1, abs=1)),
    ]
    assert answer.values[0].noise_scale == pytest.approx(2 / NEARLY_EXACT, rel=1e-6)  # an asset may have both


async def test_the_ledger_lists_releases_in_the_order_of_spending(running: Anonymization) -> None:
    answers = [
        await running.client.statistics.release_statistic(request(0.01, table=table(), count=pb.CountFigure()))
        for _ in range(3)
    ]
    listing = running.client.statistics.list_releases(pb.ListReleasesRequest(parent="projects/demo", page_size=2))
    listed = [release async for release in listing]
    assert listed[-3:] == answers
    assert len(listed) == (await budget(running)).release_count


async def test_only_a_privacy_officer_sets_the_budget(running: Anonymization) -> None:
    wanted = pb.PrivacyBudget(name=BUDGET, epsilon_total=999)
    with pytest.raises(errors.PermissionDenied):
        await running.clients[Role.OWNER].statistics.update_privacy_budget(
            pb.UpdatePrivacyBudgetRequest(privacy_budget=wanted)
        )
    with pytest.raises(errors.PermissionDenied):
        await running.clients[Role.ANNOTATOR].statistics.release_statistic(
            request(table=table(), count=pb.CountFigure())
        )


async def test_a_spent_budget_refuses_and_says_what_is_left(running: Anonymization) -> None:
    current = await budget(running)
    with pytest.raises(errors.InvalidArgument) as below:
        await give(running, current.epsilon_spent / 2)
    assert below.value.reason == "BUDGET_BELOW_SPENT"
    await give(running, current.epsilon_spent + 0.25)
    with pytest.raises(errors.FailedPrecondition) as caught:
        await running.client.statistics.release_statistic(request(0.5, table=table(), count=pb.CountFigure()))
    assert caught.value.reason == "BUDGET_SPENT"
    assert float(caught.value.metadata["epsilon_left"]) == pytest.approx(0.25)
    await running.client.statistics.release_statistic(request(0.25, table=table(), count=pb.CountFigure()))
