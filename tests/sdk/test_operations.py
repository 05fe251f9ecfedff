"""Operations: typed results, progress, cancel."""

import pytest
from google.rpc import code_pb2

from labelmill import aio, errors
from labelmill.anonymization.v1 import service_pb2

from .fake_server import OPERATION, UNAVAILABLE, Script, ended, error_info, running, status

REQUEST = service_pb2.AnonymizeAssetsRequest(parent="projects/demo", policy="projects/demo/policies/default")


async def test_the_result_is_typed_and_progress_is_told(client: aio.Client, script: Script) -> None:
    script.operation_states = [running(1), running(1), running(2), ended(3)]
    operation = await client.anonymization.anonymize_assets(REQUEST)
    seen: list[int] = []
    result = await operation.result(on_progress=lambda metadata: seen.append(metadata.progress.done_count))
    assert result == service_pb2.AnonymizeAssetsResponse(admitted_count=3)
    assert seen == [0, 1, 2, 3]
    assert operation.done
    assert operation.metadata().policy == "projects/demo/policies/default"


async def test_progress_may_be_told_to_a_coroutine(client: aio.Client, script: Script) -> None:
    script.operation_states = [ended(3)]
    seen: list[int] = []

    async def tell(metadata: service_pb2.AnonymizeAssetsMetadata) -> None:
        seen.append(metadata.progress.done_count)

    await (await client.anonymization.anonymize_assets(REQUEST)).result(on_progress=tell)
    assert seen == [0, 3]


async def test_a_failed_operation_raises_its_error(client: aio.Client, script: Script) -> None:
    failure = status(code_pb2.FAILED_PRECONDITION, error_info("NO_LABELS"), message="There are no labels.")
    script.operation_states = [ended(error=failure)]
    operation = await client.anonymization.anonymize_assets(REQUEST)
    with pytest.raises(errors.FailedPrecondition, match="NO_LABELS"):
        await operation.result()
    assert operation.error is not None
    assert operation.error.reason == "NO_LABELS"


async def test_waiting_ends_at_its_timeout_and_the_operation_goes_on(client: aio.Client, script: Script) -> None:
    script.operation_states = [running(1)]
    operation = await client.anonymization.anonymize_assets(REQUEST)
    with pytest.raises(errors.DeadlineExceeded):
        await operation.result(timeout_s=0.2)
    script.operation_states = [ended(3)]
    assert (await operation.result()).admitted_count == 3


async def test_a_cancelled_operation_raises_cancelled(client: aio.Client, script: Script) -> None:
    script.operation_states = [running(1)]
    operation = await client.anonymization.anonymize_assets(REQUEST)
    await operation.cancel()
    with pytest.raises(errors.Cancelled):
        await operation.result()


async def test_an_operation_is_picked_up_by_its_name(client: aio.Client, script: Script) -> None:
    script.operation_states = [running(1), ended(3)]
    operation = await client.operation(OPERATION)
    assert isinstance(operation.metadata(), service_pb2.AnonymizeAssetsMetadata)
    assert await operation.result() == service_pb2.AnonymizeAssetsResponse(admitted_count=3)


async def test_waiting_survives_a_server_that_goes_away(client: aio.Client, script: Script) -> None:
    script.operation_states = [running(1), ended(3)]
    operation = await client.anonymization.anonymize_assets(REQUEST)
    script.failures = [UNAVAILABLE, UNAVAILABLE]
    assert (await operation.result()).admitted_count == 3


async def test_calls_about_an_operation_name_its_service(client: aio.Client, script: Script) -> None:
    script.operation_states = [ended(3)]
    await (await client.operation(OPERATION)).refresh()
    assert [seen["x-labelmill-service"] for seen in script.metadata] == ["anonymization", "anonymization"]


async def test_a_result_of_an_unknown_type_is_said_to_be_one(client: aio.Client, script: Script) -> None:
    strange = ended(3)
    strange.response.type_url = "type.googleapis.com/labelmill.future.v1.Thing"
    script.operation_states = [strange]
    with pytest.raises(TypeError, match=r"labelmill\.future\.v1\.Thing"):
        await (await client.operation(OPERATION)).result()
