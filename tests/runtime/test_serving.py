"""The server as a whole: health that tells the truth, limits, TLS, operations over the wire, several services."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.longrunning import operations_pb2, operations_pb2_grpc
from grpc_health.v1 import health_pb2
from pydantic import SecretStr

from labelmill_runtime.errors import Unavailable
from labelmill_runtime.service import RuntimeContext, Service, running
from labelmill_runtime.settings import RuntimeSettings
from labelmill_runtime.tls import InsecureServer
from tests.runtime.calls import call, health_stub, refused, say
from tests.runtime.conftest import LogLines, Running, make_keys
from tests.runtime.echo_protos import echo_pb2_grpc
from tests.runtime.echo_service import Echo

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def _health(channel: grpc.aio.Channel, name: str = "") -> Any:
    return (await health_stub(channel).Check(health_pb2.HealthCheckRequest(service=name))).status


async def test_readiness_follows_the_service_and_liveness_does_not(run: Running) -> None:
    assert await _health(run.channel, "echo") == SERVING
    run.echo.is_ready = False
    await asyncio.sleep(2.5)
    assert await _health(run.channel) == await _health(run.channel, "echo") == NOT_SERVING
    assert await _health(run.channel, "liveness") == SERVING
    run.echo.is_ready = True
    await asyncio.sleep(2.5)
    assert await _health(run.channel) == SERVING


async def test_calls_beyond_the_limit_are_refused_at_once(settings: RuntimeSettings, log: LogLines) -> None:
    keys = make_keys(settings.keys_path)
    metadata = (("authorization", f"Bearer {keys['manager']}"),)
    small = settings.model_copy(update={"max_concurrent_rpcs": 4})
    async with running(small, [Echo().build]) as server, grpc.aio.insecure_channel(server.address) as channel:
        stub = echo_pb2_grpc.EchoServiceStub(channel)
        request = say(mode="sleep", times=50)
        outcomes = await asyncio.gather(
            *(call(stub, "Say", [request], metadata) for _ in range(10)), return_exceptions=True
        )
    codes = [outcome.code() for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert codes == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 6


async def test_operations_are_listed_filtered_and_paged_over_the_wire(run: Running) -> None:
    stub, metadata = operations_pb2_grpc.OperationsStub(run.channel), run.as_("manager")
    names = [(await call(run.stub, "Count", [say(times=0)], metadata))[0].name for _ in range(5)]
    [stuck] = await call(run.stub, "Count", [say(mode="stuck")], metadata)
    for name in names:
        waited = await stub.WaitOperation(operations_pb2.WaitOperationRequest(name=name), metadata=metadata)
        assert waited.done
    listed, token = [], ""
    while True:
        request = operations_pb2.ListOperationsRequest(
            name="projects/p1", filter="done = true", page_size=2, page_token=token
        )
        page = await stub.ListOperations(request, metadata=metadata)
        assert len(page.operations) <= 2
        listed += [operation.name for operation in page.operations]
        token = page.next_page_token
        if not token:
            break
    assert listed == sorted(names)
    everything = await stub.ListOperations(operations_pb2.ListOperationsRequest(name="projects/p1"), metadata=metadata)
    assert len(everything.operations) == 6
    others = operations_pb2.ListOperationsRequest(name="projects/p1", filter="done = false", page_token="x")
    assert (await refused(stub, "ListOperations", [others], metadata)).reason == "INVALID_PAGE_TOKEN"
    wrong = operations_pb2.ListOperationsRequest(name="projects/p1", filter="secret = 1")
    assert (await refused(stub, "ListOperations", [wrong], metadata)).reason == "INVALID_FILTER"
    await stub.CancelOperation(operations_pb2.CancelOperationRequest(name=stuck.name), metadata=metadata)


async def test_an_operation_of_an_unknown_service_is_not_found(run: Running) -> None:
    stub = operations_pb2_grpc.OperationsStub(run.channel)
    for name, reason in {
        "projects/p1/operations/nobody-01": "OPERATION_NOT_FOUND",
        "projects/p1/operations/echo-01": "OPERATION_NOT_FOUND",
        "projects/p1/jobs/echo-01": "INVALID_NAME",
    }.items():
        request = operations_pb2.GetOperationRequest(name=name)
        assert (await refused(stub, "GetOperation", [request], run.as_("manager"))).reason == reason


async def test_waiting_ends_before_the_callers_deadline(run: Running) -> None:
    [operation] = await call(run.stub, "Count", [say(mode="stuck")], run.as_("manager"))
    stub = operations_pb2_grpc.OperationsStub(run.channel)
    request = operations_pb2.WaitOperationRequest(name=operation.name)
    for timeout in (0.8, None):  # None: the server's default deadline, 1 s here
        assert not (await stub.WaitOperation(request, metadata=run.as_("manager"), timeout=timeout)).done


class _Second(Echo):
    """Another service in the same process, with a database and operations of its own."""

    async def build(self, context: RuntimeContext) -> Service:
        other = RuntimeContext(context.settings.model_copy(update={"data_dir": context.settings.data_dir / "second"}))
        service = await super().build(other)
        self.peer_address = context.address
        return Service(name="second", servicers=[], descriptors=[], close=service.close)


async def test_several_services_share_one_port(settings: RuntimeSettings, log: LogLines) -> None:
    second = _Second()
    async with (
        running(settings, [Echo().build, second.build]) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        assert [service.name for service in server.services] == ["echo", "second"]
        assert await _health(channel, "second") == SERVING
        assert second.peer_address == server.address


async def test_a_service_that_cannot_be_built_leaves_nothing_open(settings: RuntimeSettings, log: LogLines) -> None:
    echo = Echo()

    async def broken(_context: RuntimeContext) -> Service:
        raise RuntimeError("no such model")

    with pytest.raises(RuntimeError, match="no such model"):
        async with running(settings, [echo.build, broken]):
            pytest.fail("it started")
    async with running(settings, [Echo().build]):
        pass


async def test_plaintext_beyond_loopback_is_refused(settings: RuntimeSettings) -> None:
    with pytest.raises(InsecureServer):
        async with running(settings.model_copy(update={"host": "0.0.0.0"}), [Echo().build]):
            pytest.fail("it started")
    async with running(settings.model_copy(update={"host": "0.0.0.0", "allow_insecure": True}), []) as server:
        assert server.address == f"127.0.0.1:{server.port}"


def _certificate(folder: Path, name: str, issuer: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    return certificate, key


@pytest.fixture
async def tls(settings: RuntimeSettings, tmp_path: Path, log: LogLines) -> AsyncIterator[tuple[str, Path]]:
    """A server that wants client certificates; (address, folder of the certificates)."""
    authority = _certificate(tmp_path, "ca")
    for name in ("server", "client"):
        _certificate(tmp_path, name, authority)
    secured = settings.model_copy(
        update={
            "tls_cert_file": tmp_path / "server.crt",
            "tls_key_file": tmp_path / "server.key",
            "tls_client_ca_file": tmp_path / "ca.crt",
        }
    )
    async with running(secured, [Echo().build]) as server:
        yield server.address, tmp_path


def _credentials(folder: Path, client: str | None) -> grpc.ChannelCredentials:
    key, chain = ((folder / f"{client}.{end}").read_bytes() for end in ("key", "crt")) if client else (None, None)
    return grpc.ssl_channel_credentials((folder / "ca.crt").read_bytes(), key, chain)


async def test_mtls_admits_known_clients_only(tls: tuple[str, Path]) -> None:
    address, folder = tls
    async with grpc.aio.secure_channel(address, _credentials(folder, "client")) as channel:
        assert await _health(channel) == SERVING
    for credentials in (_credentials(folder, None), None):
        make: Any = grpc.aio.insecure_channel if credentials is None else grpc.aio.secure_channel
        async with make(address, *([credentials] if credentials else [])) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await _health(channel)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_new_certificate_is_served_without_a_restart(tls: tuple[str, Path]) -> None:
    address, folder = tls
    async with grpc.aio.secure_channel(address, _credentials(folder, "client")) as channel:
        assert await _health(channel) == SERVING
    authority = _certificate(folder, "ca")  # a new authority: only its own children are trusted now
    for name in ("server", "client"):
        _certificate(folder, name, authority)
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(address, _credentials(folder, "client"), options=options) as channel:
        assert await _health(channel) == SERVING


async def test_services_reach_each_other_through_the_client_with_the_service_key(run: Running) -> None:
    await call(run.stub, "Count", [say(times=0)], run.as_("manager"))
    with_key = run.settings.model_copy(update={"service_key": SecretStr(run.keys["service"])})
    context = RuntimeContext(with_key, run.server.address)
    assert context.peers() is context.peers()
    assert len([operation async for operation in context.peers().list_operations("projects/p1")]) == 1
    await context.close()


async def test_without_a_service_key_no_other_key_is_used(run: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELMILL_API_KEY", run.keys["owner"])
    with pytest.raises(Unavailable) as caught:
        RuntimeContext(run.settings, run.server.address).peers()
    assert caught.value.reason == "SERVICE_KEY_MISSING"


async def test_what_a_call_costs_does_not_grow_with_the_number_of_methods(settings: RuntimeSettings) -> None:
    async with running(settings, [Echo().build]):
        waiting = [task for task in asyncio.all_tasks() if "_request_registered_call" in repr(task)]
    assert len(waiting) <= 1  # gRPC goes through all of them at every call; reflection registers its one method
