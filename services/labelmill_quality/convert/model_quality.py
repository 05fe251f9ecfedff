"""Labeled items as columns, and what is doubtful about them as messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from labelmill.quality.v1 import model_quality_service_pb2 as pb
from labelmill.quality.v1 import resources_pb2
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.errors import UnknownClass
from labelmill_quality.label_errors.class_counts import ClassCount
from labelmill_quality.label_errors.errors import (
    DuplicateItem,
    WrongEmbeddings,
    WrongLabelCount,
    WrongProbabilities,
)
from labelmill_quality.label_errors.label_doubts import Doubts
from labelmill_quality.label_errors.labeled_items import Issue, IssueType, Kind, LabeledItems, Options
from labelmill_quality.label_errors.pruning import VERSION

Floats = npt.NDArray[np.float64]

_KINDS = {
    pb.LabelErrorOptions.KIND_UNSPECIFIED: Kind.SINGLE,
    pb.LabelErrorOptions.KIND_SINGLE: Kind.SINGLE,
    pb.LabelErrorOptions.KIND_MULTIPLE: Kind.MULTIPLE,
    pb.LabelErrorOptions.KIND_TOKENS: Kind.TOKENS,
}
_FILTER, _SCORE = "FILTER_", "SCORE_"
_TYPES = {
    IssueType.LABEL_ERROR: pb.LabelIssue.TYPE_LABEL_ERROR,
    IssueType.CONFLICTING_DUPLICATE: pb.LabelIssue.TYPE_CONFLICTING_DUPLICATE,
    IssueType.NEAR_DUPLICATE: pb.LabelIssue.TYPE_NEAR_DUPLICATE,
    IssueType.OUTLIER: pb.LabelIssue.TYPE_OUTLIER,
}
_SUM_TOLERANCE = 1e-3


def options(given: pb.LabelErrorOptions) -> Options:
    """How labels are doubted."""
    default = Options()
    named = pb.LabelErrorOptions
    return Options(
        kind=_KINDS[given.kind],
        method=named.Filter.Name(given.filter).removeprefix(_FILTER).lower() if given.filter else default.method,
        score=named.Score.Name(given.score).removeprefix(_SCORE).lower() if given.score else default.score,
        folds=given.fold_count if given.fold_count > 1 else default.folds,
        seed=given.seed,
        least_cosine=given.least_cosine or default.least_cosine,
        least_jaccard=given.least_jaccard or default.least_jaccard,
        most_bits=given.most_different_bits or default.most_bits,
        least_z=given.least_outlier_z or default.least_z,
    )


class ItemColumns:
    """Gathers items, checking each."""

    def __init__(self, classes: Sequence[str], kind: Kind) -> None:
        self._classes = tuple(classes)
        self._kind = kind
        self._codes = {name: code for code, name in enumerate(classes)}
        self._places: dict[str, int] = {}
        self._labels: list[int] = []
        self._counts: list[int] = []
        self._probabilities: list[npt.NDArray[np.float32]] = []
        self._embeddings: list[npt.NDArray[np.float32]] = []
        self._texts: list[str] = []
        self._hashes: list[int] = []
        self._any_text = False

    def add(self, items: Iterable[pb.LabeledItem]) -> None:
        """Appends items; raises what is wrong with one."""
        for one in items:
            row = len(self._places)
            field = f"items[{row}]"
            if self._places.setdefault(one.item, row) != row:
                raise DuplicateItem(f"{field}.item")
            self._add_labels(one, field)
            if one.probabilities or self._probabilities:
                self._require_same(len(self._probabilities), row, WrongProbabilities(f"{field}.probabilities"))
                self._probabilities.append(self._probabilities_of(one, f"{field}.probabilities"))
            if one.embedding or self._embeddings:
                self._require_same(len(self._embeddings), row, WrongEmbeddings(f"{field}.embedding"))
                self._embeddings.append(self._embedding_of(one, f"{field}.embedding"))
            self._texts.append(one.text)
            self._any_text |= bool(one.text)
            if one.HasField("image_hash"):
                self._hashes.append(one.image_hash)

    def items(self) -> LabeledItems:
        """All of them."""
        return LabeledItems(
            list(self._places),
            self._classes,
            np.array(self._labels, np.int32),
            np.array(self._counts, np.int64),
            np.concatenate(self._probabilities).astype(np.float64) if self._probabilities else None,
            np.stack(self._embeddings) if self._embeddings else None,
            self._texts if self._any_text else None,
            np.array(self._hashes, np.uint64) if self._hashes and len(self._hashes) == len(self._places) else None,
        )

    def _add_labels(self, one: pb.LabeledItem, field: str) -> None:
        codes = [self._codes.get(name, -1) for name in one.class_names]
        if -1 in codes:
            raise UnknownClass(f"{field}.class_names[{codes.index(-1)}]")
        wrong = {
            Kind.SINGLE: len(codes) != 1,
            Kind.MULTIPLE: len(set(codes)) != len(codes),
            Kind.TOKENS: not codes,
        }
        if wrong[self._kind]:
            raise WrongLabelCount(f"{field}.class_names")
        self._labels.extend(codes)
        self._counts.append(len(codes))

    def _probabilities_of(self, one: pb.LabeledItem, field: str) -> npt.NDArray[np.float32]:
        rows = self._counts[-1] if self._kind is Kind.TOKENS else 1
        given = np.array(one.probabilities, np.float32)
        if len(given) != rows * len(self._classes) or not ((given >= 0) & (given <= 1)).all():
            raise WrongProbabilities(field)
        shaped = given.reshape(rows, len(self._classes))
        if self._kind is not Kind.MULTIPLE and (np.abs(shaped.sum(axis=1) - 1) > _SUM_TOLERANCE).any():
            raise WrongProbabilities(field)
        return shaped

    def _embedding_of(self, one: pb.LabeledItem, field: str) -> npt.NDArray[np.float32]:
        given = np.array(one.embedding, np.float32)
        if not len(given) or not np.isfinite(given).all():
            raise WrongEmbeddings(field)
        if self._embeddings and len(given) != len(self._embeddings[0]):
            raise WrongEmbeddings(field)
        return given

    @staticmethod
    def _require_same(have: int, row: int, error: Exception) -> None:
        if have != row:
            raise error


def issues(items: LabeledItems, found: Iterable[Issue]) -> Iterator[pb.LabelIssue]:
    """Reasons to look at items."""
    for one in found:
        yield pb.LabelIssue(
            item=items.items[one.item],
            type=_TYPES[one.kind],
            score=one.score,
            class_name="" if one.label is None else items.classes[one.label],
            suggested_class_name="" if one.suggested is None else items.classes[one.suggested],
            reason=one.reason,
            other_items=[items.items[place] for place in one.others],
            token=one.token,
        )


def summary(items: LabeledItems, doubts: Doubts, counts: Sequence[ClassCount], given: Options) -> pb.LabelErrorSummary:
    """What the labels are like as a whole."""
    labels = len(items.items) * len(items.classes) if given.kind is Kind.MULTIPLE else len(items.labels)
    message = pb.LabelErrorSummary(
        label_count=labels,
        error_rate=estimate(doubts.error_rate),
        classes=[
            pb.ClassCount(
                class_name=name,
                label_count=count.label_count,
                share=estimate(count.share),
                rare=count.rare,
                error_rate=estimate(rate),
            )
            for name, count, rate in zip(items.classes, counts, doubts.class_error_rates, strict=True)
        ],
        model_agreement=estimate(doubts.model_agreement),
        probabilities_from=doubts.probabilities_from,
        method=f"confident_learning_{given.method}",
        method_version=VERSION,
    )
    if doubts.joint is not None:
        joint = resources_pb2.ConfusionMatrix(
            class_names=items.classes, counts=doubts.joint.T.ravel(), reference="confident_joint"
        )
        message.confident_joint.CopyFrom(joint)
    return message


def predictions(
    given: Sequence[pb.ScoreModelRequest.Prediction], classes: Sequence[str], *, named: bool
) -> tuple[list[str], npt.NDArray[np.int32], Floats | None]:
    """Items, predicted classes, and probabilities where every prediction has them.

    Args:
        given: The predictions.
        classes: All classes, in order.
        named: The caller named them, so that probabilities have an order.

    Raises:
        DuplicateItem: An item is predicted twice.
        UnknownClass: A class is not among them.
        WrongProbabilities: Probabilities are none, or there is neither a class nor a probability.
    """
    codes = {name: code for code, name in enumerate(classes)}
    places: dict[str, int] = {}
    said, shares = [], []
    for row, one in enumerate(given):
        if places.setdefault(one.item, row) != row:
            raise DuplicateItem(f"predictions[{row}].item")
        if one.probabilities:
            share = np.array(one.probabilities, np.float64)
            valid = named and len(share) == len(classes) and ((share >= 0) & (share <= 1)).all()
            if not valid or abs(share.sum() - 1) > _SUM_TOLERANCE:
                raise WrongProbabilities(f"predictions[{row}].probabilities")
            shares.append(share)
        elif not one.class_name:
            raise WrongProbabilities(f"predictions[{row}].probabilities")
        code = codes.get(one.class_name, -1) if one.class_name else int(shares[-1].argmax())
        if code < 0:
            raise UnknownClass(f"predictions[{row}].class_name")
        said.append(code)
    known = np.stack(shares) if shares and len(shares) == len(given) else None
    return list(places), np.array(said, np.int32), known
