"""The two ways to choose what to label next, and the rounds of one arm: choose, label, score, train, promote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labelmill.aio import Client
from labelmill.annotation.v1 import service_pb2 as annotation_service
from labelmill.prelabel.v1 import service_pb2 as prelabel_service
from labelmill.quality.v1 import resources_pb2 as quality
from labelmill.quality.v1 import service_pb2 as quality_service
from labelmill.training.v1 import resources_pb2 as training
from labelmill.training.v1 import service_pb2 as training_service
from labelmill_demo.dataset import RatedSentence
from labelmill_demo.labelers import FEATURE, ReplayLabeler, label
from labelmill_demo.record import CurvePoint, Interval

SEED_BATCH = "seed"
SEED = 20141


@dataclass
class Arm:
    """One line of models, and the labels it was bought."""

    name: str
    strategy: prelabel_service.RankAssetsRequest.Strategy.ValueType
    client: Client
    project: str
    labelers: Sequence[ReplayLabeler]
    sentences: Mapping[str, RatedSentence]
    held_out: Sequence[str]
    """Assets with gold: never labelled for training."""
    labelled: list[str]
    labels_bought: int
    batches: list[str] = field(default_factory=lambda: [SEED_BATCH])

    @property
    def model(self) -> str:
        """The arm's model."""
        return f"{self.project}/models/{self.name}"

    async def choose(self, count: int) -> list[str]:
        """The assets to label next, by the arm's strategy."""
        operation = await self.client.prelabel.rank_assets(
            prelabel_service.RankAssetsRequest(
                model=self.model,
                strategy=self.strategy,
                excluded_assets=[*self.held_out, *self.labelled],
                limit=count,
                seed=SEED + len(self.batches),
            )
        )
        ranking: prelabel_service.RankAssetsResponse = await operation.result()
        return [ranked.asset for ranked in ranking.assets]

    async def buy_labels(self, assets: Sequence[str], batch: str) -> None:
        """Has the assets labelled as a batch."""
        before = await label_count(self.client, self.project, batch)
        await create_tasks(self.client, self.project, assets, batch)
        await label(self.labelers, batch)
        self.labels_bought += await label_count(self.client, self.project, batch) - before
        self.labelled.extend(assets)
        self.batches.append(batch)

    async def train(self, round_number: int) -> CurvePoint:
        """Scores the arm's labels, trains on their consensus, promotes, and says how good the version is."""
        report = await score(self.client, self.project, self.batches)
        operation = await self.client.training.create_training_job(
            training_service.CreateTrainingJobRequest(
                parent=self.project,
                training_job=training.TrainingJob(
                    model=self.model,
                    recipe=training.Recipe(frozen_embedding_classifier=training.FrozenEmbeddingClassifier(), seed=SEED),
                    labels=training.LabelSource(quality_report=report.name),
                    evaluation=training.EvaluationSet(),
                ),
            )
        )
        job: training.TrainingJob = await operation.result()
        version = await self.client.training.promote_model_version(
            training_service.PromoteModelVersionRequest(name=job.model_version)
        )
        return CurvePoint(
            arm=self.name,
            round=round_number,
            labels_bought=self.labels_bought,
            assets_labelled=len(self.labelled),
            accuracy=Interval.of(version.evaluation.accuracy),
            macro_f1=Interval.of(version.evaluation.macro_f1),
            consensus_accuracy=await self._consensus_accuracy(report.name),
            model_version=version.name,
        )

    async def _consensus_accuracy(self, report: str) -> float:
        right = [
            label.class_name == self.sentences[label.item].gold
            async for label in self.client.quality.list_consensus_labels(
                quality_service.ListConsensusLabelsRequest(parent=report, page_size=1000)
            )
        ]
        return sum(right) / len(right)


async def create_tasks(client: Client, project: str, assets: Sequence[str], batch: str) -> None:
    """Creates the tasks that the project's quality plan asks for; a refused asset ends the demo."""
    answer = await client.tasks.batch_create_tasks(
        annotation_service.BatchCreateTasksRequest(parent=project, assets=assets, batch=batch)
    )
    refused = [result.status.message for result in answer.results if result.status.code]
    if refused:
        raise RuntimeError(f"{len(refused)} assets were refused: {refused[0]}")


async def label_count(client: Client, project: str, batch: str) -> int:
    """Submitted label tasks of a batch, benchmarks left out."""
    statistics = await client.tasks.get_task_statistics(
        annotation_service.GetTaskStatisticsRequest(
            parent=project, filter=f'batch = "{batch}" AND kind = LABEL AND state = SUBMITTED'
        )
    )
    return int(statistics.total_count)


async def score(client: Client, project: str, batches: Sequence[str]) -> quality.QualityReport:
    """The quality report over some batches."""
    operation = await client.quality.score_project(
        quality_service.ScoreProjectRequest(
            parent=project,
            feature=FEATURE,
            annotation_filter=" OR ".join(f'batch = "{batch}"' for batch in batches),
            consensus_method=quality.CONSENSUS_METHOD_DAWID_SKENE,
            seed=SEED,
        )
    )
    report: quality.QualityReport = await operation.result()
    return report
