"""A prediction job that dies between keeping a page and noting that it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from labelmill_prelabel.asset_prediction import AssetPrediction, PredictionJob, PredictionProgress
from labelmill_prelabel.models import ModelName, ModelSpec, ModelVersion
from labelmill_prelabel.ports import AssetContent, Guard, KeptPrediction
from labelmill_prelabel.prediction import Served
from tests.prelabel.project_assets import PROJECT, AssetShelf

SPEC = ModelSpec(ModelName(PROJECT, "tone"), ("a", "b"), "tone", "encoders/words")
MODEL = ModelVersion(SPEC, 1, "0" * 64, 4, 1, 0)


class Shelf:
    """Keeps predictions in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def made_by(self, model: ModelVersion, assets: Sequence[str]) -> dict[str, str]:
        return {asset: self.kept[asset] for asset in assets if asset in self.kept}

    async def save(
        self, predictions: Sequence[KeptPrediction], operation: str, seen_ms: int, guard: Guard | None = None
    ) -> None:
        if guard is not None:
            await guard(None)
        self.kept.update({prediction.asset: operation for prediction in predictions})


class Coin:
    """Predicts without a model."""

    async def predict_contents(
        self, served: Served, assets: Any, project: str, contents: Sequence[AssetContent], timeout_s: float
    ) -> Mapping[str, Any]:
        return {content.asset: np.array([0.5, 0.5]) for content in contents}


class Loaded:
    """Every version is loaded."""

    async def keep_loaded(self, model: ModelVersion) -> None:
        return


async def test_predictions_of_a_page_that_was_kept_but_not_noted_count_once():
    assets, store = AssetShelf(), Shelf()
    names = assets.put("one", "two", "three")
    store.kept[names[2]] = "another operation"
    jobs: Any = AssetPrediction(Coin(), Loaded(), assets, store)  # type: ignore[arg-type]
    job = PredictionJob(PROJECT, Served(MODEL, MODEL), "", "this operation")

    async def die(_progress: PredictionProgress) -> None:
        raise ConnectionError

    async def note(_progress: PredictionProgress) -> None:
        return

    async def own(_session: object) -> None:
        return

    with pytest.raises(ConnectionError):
        await jobs.run(job, PredictionProgress(), die, own)
    assert len(store.kept) == 3
    done = await jobs.run(job, PredictionProgress(), note, own)
    assert (done.predicted, done.skipped, done.failed) == (2, 1, 0)


async def test_a_job_that_was_taken_over_keeps_nothing():
    assets, store = AssetShelf(), Shelf()
    assets.put("one")
    jobs: Any = AssetPrediction(Coin(), Loaded(), assets, store)  # type: ignore[arg-type]

    async def lost(_session: object) -> None:
        raise PermissionError

    async def note(_progress: PredictionProgress) -> None:
        return

    with pytest.raises(PermissionError):
        await jobs.run(PredictionJob(PROJECT, Served(MODEL, MODEL), "", "x"), PredictionProgress(), note, lost)
    assert store.kept == {}


def test_a_checkpoint_is_all_that_is_needed_to_go_on():
    progress = PredictionProgress(10, 3, 2, 1, "token", False, (("a", PermissionError()),))  # type: ignore[arg-type]
    restored = PredictionProgress.restored(progress.checkpoint())
    assert restored == PredictionProgress(10, 3, 2, 1, "token", False)
