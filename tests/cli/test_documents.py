"""Messages as JSON for scripts."""

import json

from google.protobuf.any_pb2 import Any

from labelmill.annotation.v1 import resources_pb2, service_pb2
from labelmill.cli.documents import document
from labelmill.storage.v1 import resources_pb2 as storage_resources
from labelmill.type.v1 import annotation_pb2


def test_integers_are_numbers_enums_names_and_maps_objects() -> None:
    asset = storage_resources.Asset(name="projects/p/assets/a", zone=storage_resources.ZONE_RAW, labels={"set": "x"})
    asset.raw.size_bytes = 2**40
    asset.create_time.FromSeconds(0)
    told = document(asset)
    assert told["raw"]["size_bytes"] == 2**40
    assert told["zone"] == "ZONE_RAW"
    assert told["labels"] == {"set": "x"}
    assert told["create_time"] == "1970-01-01T00:00:00Z"
    assert "clean" not in told
    json.dumps(told)


def test_defaults_are_told_and_absent_values_are_not() -> None:
    assert document(service_pb2.TaskStatistics()) == {"counts": [], "total_count": 0}
    plan = resources_pb2.QualityPlan()
    assert "overlap_share" not in document(plan)
    plan.overlap_share = 0
    assert document(plan)["overlap_share"] == 0
    annotation = annotation_pb2.Annotation(feature="f")
    assert "classification" not in document(annotation)


def test_bytes_and_unknown_enum_numbers_are_told() -> None:
    assert document(service_pb2.ExportAnnotationsResponse(json_lines=b"\x00\xff"))["json_lines"] == "AP8="
    assert document(resources_pb2.Task(state=99))["state"] == 99


def test_packed_messages_are_unpacked() -> None:
    packed = Any()
    packed.Pack(service_pb2.TaskStatistics(total_count=3))
    assert document(packed) == {
        "@type": "type.googleapis.com/labelmill.annotation.v1.TaskStatistics",
        "counts": [],
        "total_count": 3,
    }
