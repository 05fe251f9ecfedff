"""Contents of any media type, and the operation over a project's assets."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill.anonymization.v1 import content_service_pb2, content_service_pb2_grpc, service_pb2
from labelmill_anonymization.assembly.parts import Area, Parts
from labelmill_anonymization.contents.handling import ContentAnonymizer, ContentHandler
from labelmill_anonymization.operations import KIND, AnonymizeAssets
from labelmill_anonymization.servicers.contents import ContentServicer


def contents(parts: Parts, handlers: Sequence[ContentHandler]) -> Area:
    """The service of contents; registers AnonymizeAssets."""
    anonymizer = ContentAnonymizer(handlers)
    work = AnonymizeAssets(
        assets=parts.assets,
        anonymizer=anonymizer,
        records=parts.records,
        signer=parts.signer,
        keys=parts.keys,
        page_assets=parts.settings.page_assets,
    )
    parts.operations.register(KIND, work.run, service_pb2.AnonymizeAssetsRequest, service_pb2.AnonymizeAssetsMetadata)
    servicer = ContentServicer(anonymizer, parts.policies, parts.keys)
    return Area(
        servicers=((content_service_pb2_grpc.add_ContentServiceServicer_to_server, servicer),),
        descriptors=(content_service_pb2.DESCRIPTOR,),
    )
