"""The page of a quality report, made with Jinja2: figures on top, plots with tables beside them, then disputed items.

Everything that comes from the project is escaped, and the page loads nothing from anywhere.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from labelmill.quality.v1 import resources_pb2 as pb
from labelmill.type.v1.ontology_pb2 import Feature
from labelmill_quality.adapters.thumbnails import thumbnail
from labelmill_quality.convert import page_figures as figures
from labelmill_quality.page import plots
from labelmill_quality.page.contents import FeaturePage, Missing, Shown
from labelmill_quality.page.scales import date

_MAX_PLOTTED, _MAX_HEATED, _MAX_CONFUSIONS, _MAX_CHARACTERS = 60, 30, 12, 900


def render(project: str, features: Sequence[FeaturePage]) -> bytes:
    """The page, UTF-8."""
    template = Environment(
        loader=PackageLoader("labelmill_quality", "adapters"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("report_page.html.jinja")
    sections = [_section(pb.QualityReport.FromString(feature.report), feature) for feature in features]
    return template.render(project=project, sections=sections).encode()


def _section(report: pb.QualityReport, feature: FeaturePage) -> dict[str, Any]:
    labelers = sorted(report.labelers, key=figures.labeler_order)
    return {
        "report": report,
        "anchor": f"f-{report.feature}",
        "kind": Feature.Kind.Name(report.feature_kind).removeprefix("KIND_").replace("_", " ").lower(),
        "method": _method(report),
        "of_classes": bool(report.classes),
        "created": report.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M UTC"),
        "reading": figures.reading(report.alpha),
        "periods": report.periods,
        "time_plot": _time_plot(report) if len(report.periods) > 1 else None,
        "labelers": labelers,
        "labeler_plot": plots.dot_plot(
            [
                (each.labeler, (figures.value(each.benchmark_accuracy), figures.value(each.consensus_agreement)))
                for each in labelers[:_MAX_PLOTTED]
            ]
        ),
        "classes": report.classes,
        "class_plot": plots.dot_plot(
            [(each.class_name, (figures.value(each.alpha),)) for each in report.classes[:_MAX_PLOTTED]]
        ),
        "confusions": [
            (title, _heat_map(matrix), figures.worst_confusions(matrix, _MAX_CONFUSIONS))
            for title, matrix in (
                ("Answers against gold", report.benchmark_confusion),
                ("Answers against the consensus", report.consensus_confusion),
            )
            if sum(matrix.counts)
        ],
        "disputed": [_disputed(pb.ConsensusLabel.FromString(label), feature) for label in feature.disputed],
        "notes": figures.notes(report),
        "date": date,
    }


def _method(report: pb.QualityReport) -> str:
    """Empty where consensus is no class: the note says how it was made then."""
    if not report.consensus_method:
        return ""
    return pb.ConsensusMethod.Name(report.consensus_method).removeprefix("CONSENSUS_METHOD_").lower().replace("_", " ")


def _time_plot(report: pb.QualityReport) -> plots.TimePlot:
    return plots.time_plot(
        [
            plots.Moment(
                period.start_time.ToMilliseconds(),
                period.end_time.ToMilliseconds(),
                period.label_count,
                figures.value(period.alpha),
                f"{date(period.start_time.ToMilliseconds())}: {figures.spoken(period.alpha)}",
            )
            for period in report.periods
        ]
    )


def _heat_map(matrix: pb.ConfusionMatrix) -> plots.HeatMap | None:
    """None where there are too many classes to see anything."""
    size = len(matrix.class_names)
    if size > _MAX_HEATED:
        return None
    rows = [list(matrix.counts[start : start + size]) for start in range(0, size * size, size)]
    return plots.heat_map(list(matrix.class_names), rows)


def _disputed(label: pb.ConsensusLabel, feature: FeaturePage) -> dict[str, Any]:
    text, picture, missing = _shown(feature.contents.get(label.item))
    shares = sorted(label.distribution, key=lambda share: -share.probability)
    return {
        "label": label,
        "asset": label.item.rpartition("/")[2],
        "text": text,
        "picture": picture,
        "missing": missing,
        "shares": [share for share in shares if share.probability >= 0.005][:6],
        "answers": feature.answers.get(label.item, ()),
        "inferred": [answer for said in label.annotations if (answer := figures.answer(said))],
    }


def _shown(content: Shown | None) -> tuple[str, str, str]:
    """The text, the picture in base64, or why there is neither."""
    if content is None:
        return "", "", ""
    if isinstance(content, Missing):
        return "", "", content.reason
    if content.media_type.startswith("image/"):
        small = thumbnail(content.data)
        return ("", "", small.reason) if isinstance(small, Missing) else ("", base64.b64encode(small).decode(), "")
    if content.media_type.startswith("text/"):
        return plots.shortened(content.data.decode(errors="replace"), _MAX_CHARACTERS), "", ""
    return "", "", f"There is no picture of {content.media_type}."
