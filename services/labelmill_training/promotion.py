"""Bringing a version into service: the gate, and the hand-over to the model server. Pure."""

from __future__ import annotations

import asyncio

from labelmill_runtime.errors import Aborted
from labelmill_training.errors import ArtifactDamaged, GateClosed
from labelmill_training.job_folder import JobFolder
from labelmill_training.ports import Deployment, ModelServer
from labelmill_training.registry import ModelVersion


def require_accuracy(version: ModelVersion, least: float) -> None:
    """Raises GateClosed for a version whose accuracy on held-out gold is below the least; 0: no gate."""
    accuracy = version.result.evaluation.accuracy.value
    if accuracy < least:
        raise GateClosed(accuracy, least)


async def deploy(version: ModelVersion, folder: JobFolder, server: ModelServer) -> None:
    """Hands the artifact over; returns when the server answers with it.

    Raises:
        ArtifactDamaged: The stored artifact is not what was registered.
        ModelRejected: The server could not load it.
        Aborted: PROMOTION_OVERTAKEN, another artifact answers.
    """
    artifact = await asyncio.to_thread(folder.artifact, version.result.artifact_sha256)
    if artifact is None:
        raise ArtifactDamaged(version.name)
    served_sha256 = await server.deploy_classifier(
        Deployment(
            version.project,
            version.model_id,
            version.name,
            version.spec.class_names,
            version.spec.feature,
            version.spec.encoder,
            version.result.temperature,
            artifact,
        )
    )
    if served_sha256 != version.result.artifact_sha256:
        raise Aborted("PROMOTION_OVERTAKEN", "Another artifact answers for the model; promote again.", retry_after_s=1)
