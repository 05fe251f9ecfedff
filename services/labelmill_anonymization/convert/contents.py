"""Contents of any media type, to and from the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import content_service_pb2 as service
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.type.v1.geometry_pb2 import Box, ImageSize, TimeSegment
from labelmill_anonymization.contents.content import CleanContent, RawContent, Region, SpokenWord
from labelmill_anonymization.convert.scalars import counts_to_proto, level

_DEFAULT_MEDIA_TYPE = "text/plain"


def raw_content_from_proto(message: service.Content) -> RawContent:
    """A content as it came. An empty transcript means that none is known."""
    words = tuple(SpokenWord(w.text, w.segment.start_ms, w.segment.end_ms) for w in message.transcript)
    return RawContent(message.content, message.media_type or _DEFAULT_MEDIA_TYPE, words or None, message.subject)


def clean_content_to_proto(clean: CleanContent) -> service.AnonymizeContentResponse:
    """The outcome for one content."""
    return service.AnonymizeContentResponse(
        content=clean.data,
        media_type=clean.media_type,
        entity_counts=counts_to_proto(clean.entity_counts),
        protection_level=level(clean.protection),
        regions=[_region_to_proto(region) for region in clean.regions],
        detector_versions=clean.detector_versions,
        key_ids=clean.key_ids,
    )


def _region_to_proto(region: Region) -> pb.Region:
    message = pb.Region(entity_type=region.entity_type, page=region.page, score=region.score, detector=region.detector)
    if region.box is not None:
        left, top, width, height = region.box
        message.box.CopyFrom(Box(left_px=left, top_px=top, width_px=width, height_px=height))
        if region.size is not None:
            message.box.image_size.CopyFrom(ImageSize(width_px=region.size[0], height_px=region.size[1]))
    if region.segment is not None:
        message.segment.CopyFrom(TimeSegment(start_ms=region.segment[0], end_ms=region.segment[1]))
    return message
