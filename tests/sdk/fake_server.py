"""A small real gRPC server whose answers a test scripts."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from labelmill.annotation.v1 import resources_pb2 as annotation_resources
from labelmill.annotation.v1 import service_pb2 as annotation_pb
from labelmill.annotation.v1 import service_pb2_grpc as annotation_grpc
from labelmill.anonymization.v1 import service_pb2 as anonymization_pb
from labelmill.anonymization.v1 import service_pb2_grpc as anonymization_grpc
from labelmill.storage.v1 import resources_pb2 as storage_resources
from labelmill.storage.v1 import service_pb2 as storage_pb
from labelmill.storage.v1 import service_pb2_grpc as storage_grpc

OPERATION = "projects/demo/operations/anonymization-01"


def packed(message: Message) -> AnyMessage:
    holder = AnyMessage()
    holder.Pack(message)
    return holder


def status(code: int, *details: Message, message: str = "no") -> status_pb2.Status:
    return status_pb2.Status(code=code, message=message, details=[packed(detail) for detail in details])


UNAVAILABLE = status(code_pb2.UNAVAILABLE)


@dataclass
class Script:
    """What the server is to do, and what it has seen."""

    failures: list[status_pb2.Status] = field(default_factory=list)
    """Each fails one call, in order; afterwards calls succeed."""
    requests: list[Any] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    uploads: list[list[storage_pb.UploadAssetRequest]] = field(default_factory=list)
    operation_states: list[operations_pb2.Operation] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    busy_s: float = 0.0
    """How long a batch takes, unless `hold` is set."""
    damaged: bool = False
    """Whether downloads have the checksum of something else."""
    urls: list[storage_pb.ObjectUrl] = field(default_factory=list)
    """What CreateDownloadUrl answers, in order."""

    def take(self, request: Any, context: grpc.ServicerContext) -> None:
        self.requests.append(request)
        self.metadata.append({item.key: item.value for item in context.invocation_metadata()})
        if self.failures:
            failure = self.failures.pop(0)
            context.set_trailing_metadata((("grpc-status-details-bin", failure.SerializeToString()),))
            code = next(code for code in grpc.StatusCode if code.value[0] == failure.code)
            context.abort(code, failure.message)


class Projects(annotation_grpc.ProjectServiceServicer):
    def __init__(self, script: Script) -> None:
        self.script = script

    def CreateProject(  # noqa: N802
        self, request: annotation_pb.CreateProjectRequest, context: grpc.ServicerContext
    ) -> annotation_resources.Project:
        self.script.take(request, context)
        return annotation_resources.Project(name=f"projects/{request.project_id}")

    def GetProject(  # noqa: N802
        self, request: annotation_pb.GetProjectRequest, context: grpc.ServicerContext
    ) -> annotation_resources.Project:
        self.script.take(request, context)
        if request.name == "projects/slow":
            self.script.hold.wait(5)
        return annotation_resources.Project(name=request.name)

    def ListProjects(  # noqa: N802
        self, request: annotation_pb.ListProjectsRequest, context: grpc.ServicerContext
    ) -> annotation_pb.ListProjectsResponse:
        self.script.take(request, context)
        start = int(request.page_token or 0)
        names = [f"projects/p{number}" for number in range(7)][start : start + 3]
        response = annotation_pb.ListProjectsResponse(projects=[annotation_resources.Project(name=n) for n in names])
        response.next_page_token = str(start + 3) if start + 3 < 7 else ""
        return response


class Storage(storage_grpc.StorageServiceServicer):
    def __init__(self, script: Script) -> None:
        self.script = script

    def UploadAsset(  # noqa: N802
        self, request_iterator: Iterable[storage_pb.UploadAssetRequest], context: grpc.ServicerContext
    ) -> storage_resources.Asset:
        messages: list[storage_pb.UploadAssetRequest] = []
        self.script.uploads.append(messages)
        for message in request_iterator:
            messages.append(message)
            if len(messages) == 1:
                self.script.take(message, context)
        content = b"".join(message.chunk for message in messages)
        digest = hashlib.sha256(content).hexdigest()
        assert messages[-1].sha256 == digest
        raw = storage_resources.Content(sha256=digest, size_bytes=len(content))
        return storage_resources.Asset(name=f"{messages[0].header.parent}/assets/1", raw=raw)

    def DownloadAsset(  # noqa: N802
        self, request: storage_pb.DownloadAssetRequest, context: grpc.ServicerContext
    ) -> Iterator[storage_pb.DownloadAssetResponse]:
        self.script.take(request, context)
        digest = hashlib.sha256(b"abc" if self.script.damaged else b"abcdef").hexdigest()
        yield storage_pb.DownloadAssetResponse(content=storage_resources.Content(size_bytes=6, sha256=digest))
        yield storage_pb.DownloadAssetResponse(chunk=b"abc")
        yield storage_pb.DownloadAssetResponse(chunk=b"def")

    def BatchCreateAssets(  # noqa: N802
        self, request: storage_pb.BatchCreateAssetsRequest, context: grpc.ServicerContext
    ) -> storage_pb.BatchCreateAssetsResponse:
        self.script.take(request, context)
        self.script.hold.wait(self.script.busy_s)
        return storage_pb.BatchCreateAssetsResponse(results=[created(request.parent, item) for item in request.items])

    def CreateDownloadUrl(  # noqa: N802
        self, request: storage_pb.CreateDownloadUrlRequest, context: grpc.ServicerContext
    ) -> storage_pb.ObjectUrl:
        self.script.take(request, context)
        return self.script.urls.pop(0)


def created(parent: str, item: storage_pb.BatchCreateAssetsRequest.Item) -> storage_pb.AssetResult:
    if item.content == b"bad":
        return storage_pb.AssetResult(status=status(code_pb2.INVALID_ARGUMENT, error_info("INVALID_UTF8")))
    raw = storage_resources.Content(sha256=hashlib.sha256(item.content).hexdigest(), size_bytes=len(item.content))
    return storage_pb.AssetResult(asset=storage_resources.Asset(name=f"{parent}/assets/{item.external_id}", raw=raw))


class Anonymization(anonymization_grpc.AnonymizationServiceServicer):
    def __init__(self, script: Script) -> None:
        self.script = script

    def AnonymizeAssets(  # noqa: N802
        self, request: anonymization_pb.AnonymizeAssetsRequest, context: grpc.ServicerContext
    ) -> operations_pb2.Operation:
        self.script.take(request, context)
        return running(0)

    def StreamAnonymizeTexts(  # noqa: N802
        self, request_iterator: Iterable[anonymization_pb.StreamAnonymizeTextsRequest], context: grpc.ServicerContext
    ) -> Iterator[anonymization_pb.StreamAnonymizeTextsResponse]:
        for message in request_iterator:
            for item in message.batch.items:
                if item.text == "stop":
                    return
                result = anonymization_pb.StreamAnonymizeTextsResponse.Result(item_id=item.item_id)
                result.anonymized.text = item.text.upper()
                yield anonymization_pb.StreamAnonymizeTextsResponse(results=[result])


class Operations(operations_pb2_grpc.OperationsServicer):
    def __init__(self, script: Script) -> None:
        self.script = script

    def GetOperation(self, request: Any, context: grpc.ServicerContext) -> operations_pb2.Operation:  # noqa: N802
        self.script.take(request, context)
        return self.script.operation_states[0]

    def WaitOperation(self, request: Any, context: grpc.ServicerContext) -> operations_pb2.Operation:  # noqa: N802
        self.script.take(request, context)
        states = self.script.operation_states
        return states.pop(0) if len(states) > 1 else states[0]

    def CancelOperation(self, request: Any, context: grpc.ServicerContext) -> Empty:  # noqa: N802
        self.script.take(request, context)
        self.script.operation_states[:] = [ended(error=status(code_pb2.CANCELLED))]
        return Empty()


def running(done_count: int) -> operations_pb2.Operation:
    metadata = anonymization_pb.AnonymizeAssetsMetadata(policy="projects/demo/policies/default")
    metadata.progress.done_count = done_count
    return operations_pb2.Operation(name=OPERATION, metadata=packed(metadata))


def ended(admitted: int = 0, error: status_pb2.Status | None = None) -> operations_pb2.Operation:
    operation = running(admitted)
    operation.done = True
    if error is not None:
        operation.error.CopyFrom(error)
    else:
        operation.response.Pack(anonymization_pb.AnonymizeAssetsResponse(admitted_count=admitted))
    return operation


def error_info(reason: str, **metadata: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain="labelmill.io", metadata=metadata)


def start(script: Script, port: int = 0) -> tuple[grpc.Server, int]:
    """Serves the script in threads."""
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    adders: list[tuple[Callable[[Any, grpc.Server], None], Any]] = [
        (annotation_grpc.add_ProjectServiceServicer_to_server, Projects(script)),
        (storage_grpc.add_StorageServiceServicer_to_server, Storage(script)),
        (anonymization_grpc.add_AnonymizationServiceServicer_to_server, Anonymization(script)),
        (operations_pb2_grpc.add_OperationsServicer_to_server, Operations(script)),
    ]
    for add, servicer in adders:
        add(servicer, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, bound
