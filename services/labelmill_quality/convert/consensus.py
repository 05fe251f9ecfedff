"""How a consensus came about, as messages."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill.quality.v1 import resources_pb2 as pb
from labelmill_quality.aggregation import ordinal
from labelmill_quality.aggregation.calibration import Calibration, Form
from labelmill_quality.aggregation.selection import Basis, Selection
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.convert.resources import method_number
from labelmill_quality.errors import ClassOrderMissing

_BASES = {
    Basis.GOLD: pb.ConsensusSelection.BASIS_GOLD,
    Basis.HELD_OUT_LABELS: pb.ConsensusSelection.BASIS_HELD_OUT_LABELS,
    Basis.NOTHING: pb.ConsensusSelection.BASIS_NOTHING,
}
_FORMS = {
    Form.CORRELATED_LABELS: pb.ConsensusCalibration.FORM_CORRELATED_LABELS,
    Form.SOFTMAX_OF_SHARES: pb.ConsensusCalibration.FORM_SOFTMAX_OF_SHARES,
}


def is_ordered(method: str, given: bool, class_names: Sequence[str]) -> bool:
    """Whether the classes are taken for ordered.

    Raises:
        ClassOrderMissing: They are, and nobody says in which order.
    """
    ordered = given or method == ordinal.NAME
    if ordered and not class_names:
        raise ClassOrderMissing
    return ordered


def selection(value: Selection | None) -> pb.ConsensusSelection | None:
    """What auto mixed; None for other methods."""
    if value is None:
        return None
    return pb.ConsensusSelection(
        basis=_BASES[value.basis],
        judgements=[
            pb.ConsensusSelection.Judgement(
                method=method_number(each.method),
                weight=each.weight,
                held_out_log_likelihood=each.log_likelihood,
                gold_accuracy=estimate(each.gold_accuracy),
            )
            for each in value.judgements
        ],
        held_out_label_count=value.held_out_labels,
        sampled_item_count=value.sampled_items,
        reason=value.reason(),
    )


def calibration(value: Calibration | None) -> pb.ConsensusCalibration | None:
    """How probabilities were calibrated; None where they were not."""
    if value is None:
        return None
    return pb.ConsensusCalibration(
        form=_FORMS[value.form],
        strength=value.strength,
        gold_count=value.gold_count,
        calibrated=value.on_this_data,
        error=estimate(value.error),
        error_before=estimate(value.error_before),
        error_by_chance=value.error_by_chance,
    )
