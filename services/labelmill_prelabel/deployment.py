"""Deploys a version beside the one that answers, and switches when it does.

The order of the steps is what makes a crash harmless: the files get their place in one rename, then the backend loads
them beside the old ones, and only then does one transaction in the catalogue make the version the current one. Before
it the old version answers, after it the new one; the version before stays loaded for requests in flight.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import structlog

from labelmill_prelabel import artifact_upload, triton_config
from labelmill_prelabel.artifact_upload import Part
from labelmill_prelabel.errors import EncoderChanged, EncoderNotReady, ModelRejected
from labelmill_prelabel.models import ModelKind, ModelName, ModelSpec, ModelState, ModelVersion
from labelmill_prelabel.ports import Inferencer, ModelCatalogue, ModelProbe, ModelRepository, Projects, StagedArtifact
from labelmill_prelabel.prediction import HEAD_BATCH
from labelmill_prelabel.triton_config import TritonTuning
from labelmill_runtime.errors import LabelmillError


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class DeploymentLimits:
    """Bounds and tuning."""

    max_artifact_bytes: int
    encoder_batch: int
    tuning: TritonTuning


class Deployer:
    """Brings versions into service."""

    def __init__(
        self,
        repository: ModelRepository,
        probe: ModelProbe,
        inferencer: Inferencer,
        catalogue: ModelCatalogue,
        projects: Projects,
        limits: DeploymentLimits,
        now_ms: Callable[[], int] = _now_ms,
    ) -> None:
        self._repository = repository
        self._probe = probe
        self._inferencer = inferencer
        self._catalogue = catalogue
        self._projects = projects
        self._limits = limits
        self._now_ms = now_ms
        self._turns: dict[str, asyncio.Lock] = {}

    async def deploy(self, project: str, parts: AsyncIterator[Part]) -> ModelVersion:
        """Receives, tries, loads and switches to a version; returns the one that answers then.

        Raises:
            ModelRejected, ChecksumMismatch, UploadSequence, ArtifactTooLarge: Bad uploads; nothing is left of them.
            EncoderNotReady: The encoder of a classifier is not served.
            EncoderChanged: It is, but not the version that the classifier was trained on.
            BackendUnavailable: Nothing has changed; try again.
        """
        spec = await artifact_upload.first_spec(parts)
        await self._projects.require(project)
        encoder = await self._encoder_of(spec)
        async with self._repository.stage() as staged:
            sha256 = await artifact_upload.receive(spec, parts, staged, self._limits.max_artifact_bytes)
            async with self._turns.setdefault(spec.name.folder, asyncio.Lock()):
                current = await self._catalogue.current(spec.name)
                if current is not None and current.serves(spec, sha256):
                    return current
                return await self._bring_up(spec, sha256, encoder, staged)

    async def restore(self) -> None:
        """Brings the backend to what the catalogue says; at start. A backend that is away is not waited for."""
        names = await self._catalogue.names()
        known = {name.folder: {one.version for one in await self._catalogue.versions(name)} for name in names}
        await self._repository.sweep(known)
        for name in names:
            current = await self._catalogue.current(name)
            if current is None:
                continue
            try:
                await self._load(current, await self._catalogue.in_use(name))
            except LabelmillError as error:  # requests find out, and try again
                structlog.get_logger().error("model.not_restored", model=str(name), reason=error.reason)

    async def keep_loaded(self, model: ModelVersion) -> None:
        """Makes sure that a version answers although it may be an old one; for jobs that began with it."""
        async with self._turns.setdefault(model.folder, asyncio.Lock()):
            in_use = await self._catalogue.in_use(model.name)
            if model.version not in in_use:
                await self._load(model, in_use | {model.version})

    async def _encoder_of(self, spec: ModelSpec) -> ModelVersion | None:
        if spec.name.kind is ModelKind.TEXT_ENCODER:
            return None
        encoder = await self._catalogue.current(spec.encoder_name)
        if encoder is None:
            raise EncoderNotReady(spec.encoder)
        if spec.trained_on not in (0, encoder.version):
            raise EncoderChanged(spec.encoder, spec.trained_on, encoder.version)
        return encoder

    async def _bring_up(
        self, spec: ModelSpec, sha256: str, encoder: ModelVersion | None, staged: StagedArtifact
    ) -> ModelVersion:
        if encoder is None:
            length = await self._probe.try_encoder(staged.folder, spec.max_tokens)
        else:
            length = encoder.embedding_length
            await self._probe.try_classifier(staged.folder, length, len(spec.class_names))
        model = ModelVersion(
            spec=spec,
            version=await self._next_version(spec.name),
            artifact_sha256=sha256,
            embedding_length=length,
            encoder_version=encoder.version if encoder else 0,
            deploy_time_ms=self._now_ms(),
        )
        await staged.publish(model)
        before = await self._catalogue.in_use(spec.name)
        try:
            await self._load(model, {*before, model.version})
            await self._catalogue.activate(model)
        except BaseException as error:
            # Also when the caller gives up: the work of undoing must not be cut short by the same cancellation.
            await asyncio.shield(asyncio.create_task(self._undo(model, before, error)))
            raise
        structlog.get_logger().info("model.deployed", model=str(model.name), version=model.version)
        return model

    async def _next_version(self, name: ModelName) -> int:
        recorded = max((one.version for one in await self._catalogue.versions(name)), default=0)
        return max(recorded + 1, await self._repository.next_version(name.folder))

    async def _load(self, model: ModelVersion, versions: set[int]) -> None:
        encodes = model.name.kind is ModelKind.TEXT_ENCODER
        batch = self._limits.encoder_batch if encodes else HEAD_BATCH
        text = triton_config.render(model, sorted(versions), self._limits.tuning, batch)
        await self._repository.write_config(model.folder, text)
        await self._inferencer.load(model.folder, sorted(versions))

    async def _undo(self, model: ModelVersion, before: set[int], error: BaseException) -> None:
        current = await self._catalogue.current(model.name)
        if current is not None and current.version == model.version:
            return  # the switch was committed before the caller gave up
        if isinstance(error, ModelRejected):
            await self._catalogue.record_failure(
                replace(model, state=ModelState.FAILED, state_message=f"The model {error.problem}.")
            )
        structlog.get_logger().warning("model.not_deployed", model=str(model.name), version=model.version)
        if current is not None:
            try:
                await self._load(current, before)
            except LabelmillError:  # the backend is away; it is told again when it is back
                structlog.get_logger().warning("model.not_restored", model=str(model.name))
        await self._repository.discard(model)
