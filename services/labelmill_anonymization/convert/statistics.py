"""Statistics, releases and budgets, to and from the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import statistics_service_pb2 as pb
from labelmill_anonymization.convert.contents import raw_content_from_proto
from labelmill_anonymization.convert.scalars import timestamp
from labelmill_anonymization.statistics.ports import CONFIDENCE, Noisy, Release, Value
from labelmill_anonymization.statistics.price import Budget, Price
from labelmill_anonymization.statistics.statistic import (
    DEFAULT_CANDIDATES,
    AssetData,
    Count,
    Data,
    EntityData,
    Figure,
    Histogram,
    LabelData,
    Mean,
    Property,
    Quantile,
    Statistic,
    Sum,
    TableData,
)
from labelmill_runtime import names

RELEASE = "projects/{project}/releases/{release}"


def statistic_from_proto(message: pb.Statistic) -> Statistic:
    """What is asked."""
    return Statistic(_data_from_proto(message), _figure_from_proto(message))


def statistic_to_proto(statistic: Statistic) -> pb.Statistic:
    """What was asked; a table that was sent along is left out."""
    message = pb.Statistic()
    match statistic.data:
        case TableData() as table:
            message.table.asset = table.asset
            if table.content is not None:
                message.table.content.media_type = table.content.media_type
            message.table.column, message.table.subject_column = table.column, table.subject_column
            message.table.max_contributions = table.max_contributions
        case AssetData() as assets:
            message.assets.filter, message.assets.label_key = assets.filter, assets.label_key
            message.assets.property = pb.AssetData.Property.ValueType(int(assets.property))
            message.assets.max_contributions = assets.max_contributions
        case EntityData() as entities:
            message.entities.policy, message.entities.max_contributions = entities.policy, entities.max_contributions
        case LabelData() as labels:
            message.labels.feature, message.labels.filter = labels.feature, labels.filter
            message.labels.max_contributions = labels.max_contributions
    _figure_to_proto(statistic.figure, message)
    return message


def budget_to_proto(budget: Budget) -> pb.PrivacyBudget:
    """A budget with what was spent of it."""
    message = pb.PrivacyBudget(
        name=f"projects/{budget.project}/privacyBudget",
        epsilon_total=budget.total.epsilon,
        delta_total=budget.total.delta,
        epsilon_spent=budget.spent.epsilon,
        delta_spent=budget.spent.delta,
        release_count=budget.release_count,
        etag=budget.etag,
    )
    if budget.version:
        message.update_time.CopyFrom(timestamp(budget.update_time_ms))
    return message


def release_to_proto(release: Release) -> pb.Release:
    """A release, answered or not."""
    noisy = release.noisy
    return pb.Release(
        name=names.format(RELEASE, project=release.project, release=release.release_id),
        statistic=statistic_to_proto(release.statistic),
        epsilon=release.price.epsilon,
        delta=release.price.delta,
        mechanism=noisy.mechanism if noisy else "",
        unit=release.statistic.unit,
        max_contributions=release.statistic.data.max_contributions,
        values=[_value_to_proto(value) for value in noisy.values] if noisy else (),
        confidence_level=CONFIDENCE,
        create_time=timestamp(release.create_time_ms),
        principal=release.principal,
    )


def release_from_proto(message: pb.Release) -> Release:
    """A release as it is kept, without what tells its request again."""
    parts = names.parse(RELEASE, message.name)
    values = tuple(_value_from_proto(value) for value in message.values)
    return Release(
        project=parts["project"],
        release_id=parts["release"],
        statistic=statistic_from_proto(message.statistic),
        price=Price.of(message.epsilon, message.delta),
        principal=message.principal,
        create_time_ms=message.create_time.ToMilliseconds(),
        request_key="",
        body=b"",
        noisy=Noisy(message.mechanism, values) if message.mechanism else None,
    )


def _data_from_proto(message: pb.Statistic) -> Data:
    match message.WhichOneof("data"):
        case "table":
            table = message.table
            content = raw_content_from_proto(table.content) if table.HasField("content") else None
            return TableData(table.asset, content, table.column, table.subject_column, max(table.max_contributions, 1))
        case "assets":
            assets = message.assets
            told = Property(assets.property or Property.MEDIA_TYPE)
            return AssetData(assets.filter, told, assets.label_key, max(assets.max_contributions, 1))
        case "labels":
            labels = message.labels
            return LabelData(labels.feature, labels.filter, max(labels.max_contributions, 1))
    return EntityData(message.entities.policy, max(message.entities.max_contributions, 1))


def _figure_from_proto(message: pb.Statistic) -> Figure:
    match message.WhichOneof("figure"):
        case "count":
            return Count(message.count.value)
        case "histogram":
            return Histogram(tuple(message.histogram.categories), tuple(message.histogram.edges))
        case "sum":
            return Sum(message.sum.bounds.lower, message.sum.bounds.upper)
        case "mean":
            return Mean(message.mean.bounds.lower, message.mean.bounds.upper)
    asked = message.quantile
    return Quantile(asked.fraction, asked.bounds.lower, asked.bounds.upper, asked.candidate_count or DEFAULT_CANDIDATES)


def _figure_to_proto(figure: Figure, message: pb.Statistic) -> None:
    match figure:
        case Count(value):
            message.count.CopyFrom(pb.CountFigure(value=value))
        case Histogram(categories, edges):
            message.histogram.CopyFrom(pb.HistogramFigure(categories=categories, edges=edges))
        case Sum(lower, upper):
            message.sum.CopyFrom(pb.SumFigure(bounds=pb.Bounds(lower=lower, upper=upper)))
        case Mean(lower, upper):
            message.mean.CopyFrom(pb.MeanFigure(bounds=pb.Bounds(lower=lower, upper=upper)))
        case Quantile(fraction, lower, upper, count):
            bounds = pb.Bounds(lower=lower, upper=upper)
            message.quantile.CopyFrom(pb.QuantileFigure(fraction=fraction, bounds=bounds, candidate_count=count))


def _value_to_proto(value: Value) -> pb.ReleasedValue:
    return pb.ReleasedValue(
        label=value.label, value=value.value, noise_scale=value.noise_scale, lower=value.lower, upper=value.upper
    )


def _value_from_proto(message: pb.ReleasedValue) -> Value:
    return Value(
        label=message.label,
        value=message.value,
        noise_scale=message.noise_scale if message.HasField("noise_scale") else None,
        lower=message.lower if message.HasField("lower") else None,
        upper=message.upper if message.HasField("upper") else None,
    )
