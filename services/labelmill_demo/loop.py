"""The loop, step by step, through the public SDK."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from labelmill import audit, labels
from labelmill.aio import Client
from labelmill.annotation.v1 import resources_pb2 as annotation
from labelmill.annotation.v1 import service_pb2 as annotation_service
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as anonymization
from labelmill.anonymization.v1 import service_pb2 as anonymization_service
from labelmill.errors import PermissionDenied
from labelmill.prelabel.v1 import service_pb2 as prelabel_service
from labelmill.quality.v1 import service_pb2 as quality_service
from labelmill.storage.v1 import resources_pb2 as storage
from labelmill.storage.v1 import service_pb2 as storage_service
from labelmill.storage.v1.audit_service_pb2 import AuditEntry, AuditHead, ExportAuditLogRequest
from labelmill.training.v1 import service_pb2 as training_service
from labelmill_demo.arms import SEED, SEED_BATCH, Arm, create_tasks, label_count, score
from labelmill_demo.dataset import CLASSES, RATER_COUNT, RatedSentence
from labelmill_demo.labelers import FEATURE, ReplayLabeler, label
from labelmill_demo.record import Confusion, Interval, LabelerRow, Record
from labelmill_demo.server import DemoServer

PROJECT_ID = "editorials"
PROJECT = f"projects/{PROJECT_ID}"
POLICY = f"{PROJECT}/policies/newsroom"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    evaluation_count: int = 1500
    benchmark_count: int = 60
    seed_count: int = 150
    round_size: int = 250
    round_count: int = 3


@dataclass
class Loop:
    """One run over a server; `record` fills up on the way."""

    server: DemoServer
    sentences: Sequence[RatedSentence]
    plan: Plan
    say: Say
    record: Record = field(default_factory=Record)
    by_asset: dict[str, RatedSentence] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        """The owner's client."""
        return self.server.owner

    async def run(self) -> Record:
        """Runs every step in order."""
        await self.create_project()
        with self.timed("ingest"):
            await self.ingest()
        with self.timed("anonymize"):
            await self.anonymize()
        labelers = [
            ReplayLabeler(self.server.labeler(f"labeler-{n + 1:02}", PROJECT_ID), PROJECT, n, self.by_asset)
            for n in range(RATER_COUNT)
        ]
        await self.show_refusal(labelers[0].client)
        await self.follow_audit_log()
        try:
            await self.learn(labelers)
        finally:
            for labeler in labelers:
                await labeler.client.close()
        return self.record

    async def create_project(self) -> None:
        """A project with one question, three labels an asset and a tenth of benchmarks."""
        ontology = labels.ontology(labels.single_choice_feature(FEATURE, CLASSES))
        plan = annotation.QualityPlan(labels_per_asset=3, overlap_share=1.0, benchmark_share=0.1)
        await self.client.projects.create_project(
            annotation_service.CreateProjectRequest(
                project_id=PROJECT_ID,
                project=annotation.Project(display_name="Editorials", ontology=ontology, quality_plan=plan),
            )
        )

    async def ingest(self) -> None:
        """Every sentence into RAW; the same sentence twice is one asset."""
        for start in range(0, len(self.sentences), 500):
            part = self.sentences[start : start + 500]
            answer = await self.client.storage.batch_create_assets(
                storage_service.BatchCreateAssetsRequest(
                    parent=PROJECT,
                    items=[
                        storage_service.BatchCreateAssetsRequest.Item(
                            content=sentence.text.encode(),
                            media_type="text/plain",
                            external_id=sentence.sentence_id,
                            labels={"source": "icwsm2014-nyt"},
                        )
                        for sentence in part
                    ],
                )
            )
            for sentence, result in zip(part, answer.results, strict=True):
                if result.status.code:
                    self.record.failed_count += 1
                else:
                    self.by_asset.setdefault(result.asset.name, sentence)
        self.record.sentence_count = len(self.sentences)
        self.record.asset_count = len(self.by_asset)
        self.record.duplicate_count = len(self.sentences) - len(self.by_asset) - self.record.failed_count
        self.say(
            f"ingested {self.record.sentence_count} sentences into RAW: {self.record.asset_count} assets, "
            f"{self.record.duplicate_count} duplicates, {self.record.failed_count} refused"
        )

    async def anonymize(self) -> None:
        """RAW to CLEAN under a policy, with a receipt for every asset."""
        await self.client.anonymization.create_policy(
            anonymization_service.CreatePolicyRequest(parent=PROJECT, policy_id="newsroom", policy=newsroom_policy())
        )
        operation = await self.client.anonymization.anonymize_assets(
            anonymization_service.AnonymizeAssetsRequest(parent=PROJECT, policy=POLICY)
        )
        done: anonymization_service.AnonymizeAssetsResponse = await operation.result()
        if done.failed_count:
            raise RuntimeError(f"{done.failed_count} assets could not be anonymized")
        self.record.affected_count = done.affected_count
        self.record.entity_counts = {entry.entity_type: entry.count for entry in done.entity_counts}
        counts = ", ".join(f"{name} {count}" for name, count in self.record.entity_counts.items())
        self.say(f"anonymized {done.admitted_count} assets; personal data in {done.affected_count}: {counts}")
        await self._collect_examples()

    async def _collect_examples(self) -> None:
        names = list(self.by_asset)[:300]
        answer = await self.client.storage.batch_read_assets(
            storage_service.BatchReadAssetsRequest(parent=PROJECT, names=names, zone=storage.ZONE_CLEAN)
        )
        for result in answer.results:
            if b"<LOCATION>" in result.content and len(self.record.examples) < 5:
                self.record.examples.append(result.content.decode())

    async def show_refusal(self, annotator: Client) -> None:
        """An annotator asks for a RAW content and is refused."""
        asset = next(iter(self.by_asset))
        try:
            await annotator.storage.download(asset, zone=storage.ZONE_RAW)
        except PermissionDenied as error:
            self.record.refusal = f"{error.code.name} {error.reason}"
        else:
            raise RuntimeError("an annotator could read RAW")
        self.say(f"an annotator who asks for RAW is refused: {self.record.refusal}")

    async def follow_audit_log(self) -> None:
        """Checks the log entry by entry: nothing was altered, and it admitted all that is CLEAN."""
        entries: list[AuditEntry] = []
        admissions, head = audit.Admissions(), AuditHead()
        async for part in self.client.audit.export_audit_log(ExportAuditLogRequest(parent=PROJECT)):
            entries += part.entries
            head = part.head
        for entry in entries:
            admissions.add(entry)
        intact = audit.verify(entries, project=PROJECT_ID, head=head).intact
        wanted = storage_service.ListAssetsRequest(parent=PROJECT, filter="zone = CLEAN", page_size=1000)
        clean = [asset async for asset in self.client.storage.list_assets(wanted)]
        if not intact or not all(admissions.fits(asset.name, asset.clean.sha256) for asset in clean):
            raise RuntimeError("the audit log does not account for what is CLEAN")
        self.record.audited_count = len(clean)
        self.say(f"the audit log is intact and accounts for all {len(clean)} CLEAN assets ({len(entries)} entries)")

    async def learn(self, labelers: Sequence[ReplayLabeler]) -> None:
        """Seed labels, then rounds of both arms, then the better model pre-labels the rest."""
        evaluation, benchmarks, seed = self._draw()
        await self.create_gold(evaluation, annotation.Benchmark.PURPOSE_EVALUATION)
        await self.create_gold(benchmarks, annotation.Benchmark.PURPOSE_LABELERS)
        self.record.evaluation_count = len(evaluation)
        with self.timed("label seed"):
            await create_tasks(self.client, PROJECT, seed, SEED_BATCH)
            await label(labelers, SEED_BATCH)
        bought = await label_count(self.client, PROJECT, SEED_BATCH)
        self.say(f"{len(labelers)} labelers bought {bought} labels of {len(seed)} seed sentences")
        strategy = prelabel_service.RankAssetsRequest.Strategy
        arms = [
            Arm(
                *(name, chosen, self.client, PROJECT, labelers, self.by_asset, [*evaluation, *benchmarks]),
                labelled=list(seed),
                labels_bought=bought,
            )
            for name, chosen in (("active", strategy.STRATEGY_MARGIN), ("random", strategy.STRATEGY_RANDOM))
        ]
        for number in range(self.plan.round_count + 1):
            for arm in arms:
                await self.round(arm, number)
        await self.report_quality(arms)
        await self.prelabel_rest(arms, evaluation)

    async def round(self, arm: Arm, number: int) -> None:
        """One round of one arm; round 0 has the seed labels alone."""
        if number:
            with self.timed(f"{arm.name}: choose"):
                chosen = await arm.choose(self.plan.round_size)
            with self.timed(f"{arm.name}: label"):
                await arm.buy_labels(chosen, f"{arm.name}-{number}")
        with self.timed(f"{arm.name}: score, train, promote"):
            point = await arm.train(number)
        self.record.curve.append(point)
        accuracy = point.accuracy
        self.say(
            f"round {number}, {arm.name}: {point.labels_bought} labels, accuracy on held-out gold {accuracy.value:.3f} "
            f"[{accuracy.lower:.3f}, {accuracy.upper:.3f}], consensus right {point.consensus_accuracy:.3f}"
        )

    def _draw(self) -> tuple[list[str], list[str], list[str]]:
        names = sorted(self.by_asset, key=lambda name: self.by_asset[name].sentence_id)
        random.Random(SEED).shuffle(names)  # noqa: S311 - a reproducible draw, not a secret
        plan = self.plan
        first, second = plan.evaluation_count, plan.evaluation_count + plan.benchmark_count
        return names[:first], names[first:second], names[second : second + plan.seed_count]

    async def create_gold(self, assets: Sequence[str], purpose: annotation.Benchmark.Purpose.ValueType) -> None:
        """The mean of all twenty ratings as gold."""
        for start in range(0, len(assets), 1000):
            answer = await self.client.annotations.batch_create_benchmarks(
                annotation_service.BatchCreateBenchmarksRequest(
                    parent=PROJECT,
                    benchmarks=[
                        annotation.Benchmark(
                            asset=asset,
                            annotations=[labels.single_choice(FEATURE, self.by_asset[asset].gold)],
                            purpose=purpose,
                        )
                        for asset in assets[start : start + 1000]
                    ],
                )
            )
            refused = [result.status.message for result in answer.results if result.status.code]
            if refused:
                raise RuntimeError(f"{len(refused)} gold annotations were refused: {refused[0]}")

    async def report_quality(self, arms: Sequence[Arm]) -> None:
        """Labelers and agreement over everything that was labelled."""
        report = await score(self.client, PROJECT, sorted({batch for arm in arms for batch in arm.batches}))
        self.record.alpha = Interval.of(report.alpha)
        self.record.benchmark_accuracy = Interval.of(report.benchmark_accuracy)
        self.record.labeler_confusion = Confusion.of(report.benchmark_confusion)
        self.record.labelers = [
            LabelerRow(
                labeler=row.labeler,
                label_count=row.label_count,
                benchmark_accuracy=Interval.of(row.benchmark_accuracy),
                consensus_agreement=Interval.of(row.consensus_agreement),
            )
            for row in report.labelers
        ]
        asked = quality_service.GetQualityReportPageRequest(name=report.name)
        parts = [part.html async for part in self.client.quality.get_quality_report_page(asked)]
        self.record.quality_page = b"".join(parts)
        alpha = self.record.alpha
        self.say(f"agreement of the labelers: alpha {alpha.value:.3f} [{alpha.lower:.3f}, {alpha.upper:.3f}]")

    async def prelabel_rest(self, arms: Sequence[Arm], evaluation: Sequence[str]) -> None:
        """The better arm's model predicts every asset; the rest is what nobody labelled and no gold was told of."""
        last = {point.arm: point for point in self.record.curve}
        best = max(arms, key=lambda arm: last[arm.name].accuracy.value or 0.0)
        version = await self.client.training.get_model_version(
            training_service.GetModelVersionRequest(name=last[best.name].model_version)
        )
        self.record.model_confusion = Confusion.of(version.evaluation.confusion)
        self.record.majority_class_accuracy = version.evaluation.majority_class_accuracy
        with self.timed("prelabel"):
            operation = await self.client.prelabel.predict_assets(
                prelabel_service.PredictAssetsRequest(model=best.model)
            )
            done: prelabel_service.PredictAssetsResponse = await operation.result()
        self.record.predicted_count = done.predicted_count
        seen = {*evaluation, *(asset for arm in arms for asset in arm.labelled), *arms[0].held_out}
        right = [
            prediction.annotations[0].classification.single == self.by_asset[prediction.asset].gold
            async for prediction in self.client.prelabel.list_predictions(
                prelabel_service.ListPredictionsRequest(
                    parent=PROJECT, filter=f'model = "{best.model}"', page_size=1000
                )
            )
            if prediction.asset not in seen
        ]
        self.record.rest_count, self.record.rest_accuracy = len(right), sum(right) / len(right)
        self.say(
            f"model {best.name!r} pre-labelled {done.predicted_count} assets; on the {len(right)} that nobody labelled "
            f"it agrees with the mean of twenty raters in {self.record.rest_accuracy:.3f}"
        )

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Adds the seconds of a step to the record."""
        start = time.monotonic()
        yield
        self.record.seconds[step] = self.record.seconds.get(step, 0.0) + time.monotonic() - start


def newsroom_policy() -> anonymization.Policy:
    """Names to pseudonyms; places, groups and contact data away. Dates stay: an editorial's dates tell of no person."""
    operators = {
        "PERSON": operators_pb2.Operator(pseudonym=operators_pb2.Pseudonym()),
        "LOCATION": operators_pb2.Operator(replace=operators_pb2.Replace()),
        "NRP": operators_pb2.Operator(replace=operators_pb2.Replace()),
        "EMAIL_ADDRESS": operators_pb2.Operator(hash=operators_pb2.Hash()),
        "PHONE_NUMBER": operators_pb2.Operator(mask=operators_pb2.Mask()),
        "CREDIT_CARD": operators_pb2.Operator(redact=operators_pb2.Redact()),
        "US_SSN": operators_pb2.Operator(redact=operators_pb2.Redact()),
        "IP_ADDRESS": operators_pb2.Operator(redact=operators_pb2.Redact()),
        "URL": operators_pb2.Operator(replace=operators_pb2.Replace()),
    }
    rules = [anonymization.Rule(entity_type=name, operator=operator) for name, operator in operators.items()]
    return anonymization.Policy(display_name="Newsroom", language="en", rules=rules)
