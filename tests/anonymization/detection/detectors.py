"""The real detector, loaded once for all tests of detection."""

from functools import cache

from labelmill_anonymization import worker
from labelmill_anonymization.detection.detector import TextDetector
from labelmill_anonymization.entity_types import entity_types
from labelmill_runtime.errors import LabelmillError

ALL = entity_types("en")


@cache
def detector() -> TextDetector:
    worker.prepare_process()
    from labelmill_anonymization.assembly.detector import text_detector

    return text_detector()


@cache
def without_models() -> TextDetector:
    """The rules and finders alone."""
    detector()
    from labelmill_anonymization.assembly.detector import text_detector

    return text_detector(with_models=False)


def found(text: str, *types: str, language: str = "en") -> dict[str, str]:
    """What rules find of some types (all, if none is given): value -> type."""
    [findings] = without_models().detect([text], language, [frozenset(types) or ALL])
    assert not isinstance(findings, LabelmillError), findings
    return {text[f.start : f.end]: f.entity_type for f in findings}
