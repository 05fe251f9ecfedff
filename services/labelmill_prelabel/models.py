"""Served models: their names, what a deployer says of them, and their versions. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from labelmill_prelabel.errors import ModelRejected
from labelmill_runtime.names import invalid_name

DEFAULT_MAX_TOKENS = 256

_ID = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ENCODER = re.compile(rf"encoders/(?P<model>{_ID})")
_CLASSIFIER = re.compile(rf"projects/(?P<project>[a-z][a-z0-9-]{{1,61}}[a-z0-9])/models/(?P<model>{_ID})")
_FEATURE = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_MAX_CLASS_NAME = 63


class ModelKind(Enum):
    """What a model computes."""

    TEXT_ENCODER = "text_encoder"
    EMBEDDING_CLASSIFIER = "embedding_classifier"


class ModelState(Enum):
    """Whether a version answers."""

    READY = "ready"
    FAILED = "failed"
    RETIRED = "retired"


@dataclass(frozen=True)
class ModelName:
    """encoders/{model}, or projects/{project}/models/{model}."""

    project: str
    """Empty for encoders, which belong to no project."""
    model: str

    @classmethod
    def parse(cls, name: str, *, field: str = "name") -> ModelName:
        """Takes a resource name apart; raises InvalidArgument INVALID_NAME."""
        match = _ENCODER.fullmatch(name) or _CLASSIFIER.fullmatch(name)
        if match is None:
            raise invalid_name(field, "projects/{project}/models/{model} or encoders/{encoder}")
        return cls(match.groupdict().get("project") or "", match["model"])

    @property
    def kind(self) -> ModelKind:
        """Encoders are text encoders, a project's models are classifiers."""
        return ModelKind.EMBEDDING_CLASSIFIER if self.project else ModelKind.TEXT_ENCODER

    @property
    def folder(self) -> str:
        """The folder in the model repository, and the model's name in Triton. Ids have no "_", so none collide."""
        return f"project_{self.project}_{self.model}" if self.project else f"encoder_{self.model}"

    def __str__(self) -> str:
        return f"projects/{self.project}/models/{self.model}" if self.project else f"encoders/{self.model}"


@dataclass(frozen=True)
class ModelSpec:
    """What the deployer says of a model."""

    name: ModelName
    class_names: tuple[str, ...] = ()
    feature: str = ""
    encoder: str = ""
    temperature: float = 1.0
    max_tokens: int = DEFAULT_MAX_TOKENS
    lineage: str = ""
    """The training service's model version."""
    trained_on: int = field(default=0, compare=False)
    """The encoder's version that a classifier insists on; 0: whichever answers. Not kept: ModelVersion has it."""

    def __post_init__(self) -> None:
        if self.name.kind is ModelKind.EMBEDDING_CLASSIFIER:
            self._check_classifier()
        elif self.class_names or self.feature or self.encoder:
            raise ModelRejected("is an encoder and has classes, a feature or an encoder", "header.kind")

    def _check_classifier(self) -> None:
        if len(self.class_names) < 2 or len(set(self.class_names)) != len(self.class_names):
            raise ModelRejected("needs at least two different classes", "header.class_names")
        if any(not 1 <= len(name) <= _MAX_CLASS_NAME for name in self.class_names):
            raise ModelRejected(f"has a class name that is not 1 to {_MAX_CLASS_NAME} long", "header.class_names")
        if not _FEATURE.fullmatch(self.feature):
            raise ModelRejected("needs the feature that it answers", "header.feature")
        if not _ENCODER.fullmatch(self.encoder):
            raise ModelRejected("needs the encoder that it reads, encoders/{encoder}", "header.encoder")

    @property
    def encoder_name(self) -> ModelName:
        """The encoder that a classifier reads."""
        return ModelName.parse(self.encoder, field="encoder")


@dataclass(frozen=True)
class ModelVersion:
    """One immutable version in the repository."""

    spec: ModelSpec
    version: int
    artifact_sha256: str
    embedding_length: int
    """What an encoder makes, or a classifier reads."""
    encoder_version: int
    """The version of the encoder that a classifier was deployed against and goes on reading; 0 for encoders."""
    deploy_time_ms: int
    state: ModelState = ModelState.READY
    state_message: str = ""

    @property
    def name(self) -> ModelName:
        """The model that it is a version of."""
        return self.spec.name

    @property
    def folder(self) -> str:
        """See ModelName.folder."""
        return self.spec.name.folder

    def serves(self, spec: ModelSpec, artifact_sha256: str) -> bool:
        """Whether deploying this again would change nothing."""
        return self.spec == spec and self.artifact_sha256 == artifact_sha256
