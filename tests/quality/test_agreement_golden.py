"""Coefficients of agreement equal the reference implementations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtrit

from labelmill_quality.agreement.coefficients import Coefficient, Labels, Question, agreement
from labelmill_quality.agreement.krippendorff import Metric, krippendorff_alpha
from labelmill_quality.agreement.weights import Scheme, scheme_weights
from labelmill_quality.estimate import Estimate
from labelmill_quality.labels import LabelTable, make_table
from tests.quality import golden_agreement as golden
from tests.quality import reliability

NAMES = {
    "gwet": Coefficient.GWET_AC,
    "fleiss": Coefficient.FLEISS_KAPPA_GENERALIZED,
    "conger": Coefficient.CONGER_KAPPA,
    "bp": Coefficient.BRENNAN_PREDIGER,
    "krippendorff": Coefficient.KRIPPENDORFF_ALPHA,
}


def table_named(name: str) -> LabelTable:
    if name == "four_coders":
        return reliability.table_of(reliability.FOUR_CODERS)
    rows = [
        (f"i{item:02d}", f"l{labeler}", said)
        for item, line in enumerate(golden.TABLES[name].split("|"))
        for labeler, said in enumerate(line.split())
        if said != "."
    ]
    items, labelers, classes = (list(column) for column in zip(*rows, strict=True))
    return make_table(items, labelers, classes, class_names=sorted(set(classes), key=int))


def asked(table: LabelTable, coefficient: Coefficient, scheme: str = "identity") -> Estimate:
    places = np.array([float(name) for name in table.classes])
    weights = scheme_weights(Scheme(scheme), places)
    question = Question((coefficient,), numbers=places, scheme=Scheme(scheme), weights=weights, replicates=0)
    if coefficient is Coefficient.KRIPPENDORFF_ALPHA and scheme != "identity":
        question = Question((coefficient,), Metric.CUSTOM, distances=1 - weights, replicates=0)
    return agreement(Labels(table), question)[0]


@pytest.mark.parametrize(("name", "coefficient", "scheme", "value", "error", "lower"), golden.IRRCAC)
def test_values_and_intervals_equal_irrcac(
    name: str, coefficient: str, scheme: str, value: float, error: float, lower: float
) -> None:
    estimate = asked(table_named(name), NAMES[coefficient], scheme)
    assert estimate.value == pytest.approx(value, abs=1e-9)
    assert estimate.lower == pytest.approx(lower, abs=1e-9)
    assert estimate.upper == pytest.approx(min(1.0, value + stdtrit(estimate.n - 1, 0.975) * error), abs=1e-9)
    assert estimate.interval_method == "linearized_items"


def test_fleiss_kappa_equals_statsmodels() -> None:
    estimate = asked(table_named("complete"), Coefficient.FLEISS_KAPPA)
    assert estimate.value == pytest.approx(golden.STATSMODELS_FLEISS, abs=1e-9)


@pytest.mark.parametrize(("scheme", "kappa", "error"), golden.STATSMODELS_COHEN)
def test_cohens_kappa_and_its_error_equal_statsmodels_and_scikit_learn(scheme: str, kappa: float, error: float) -> None:
    estimate = asked(table_named("two"), Coefficient.COHEN_KAPPA, scheme)
    assert estimate.value == pytest.approx(kappa, abs=1e-9)
    assert estimate.upper == pytest.approx(kappa + 1.959963984540054 * error, abs=1e-9)


def test_the_interval_of_cohens_kappa_equals_statsmodels() -> None:
    estimate = asked(table_named("two"), Coefficient.COHEN_KAPPA)
    assert (estimate.lower, estimate.upper) == pytest.approx(golden.STATSMODELS_COHEN_ENDS, abs=1e-9)


@pytest.mark.parametrize(("name", "metric", "value"), golden.KRIPPENDORFF)
def test_alpha_equals_the_krippendorff_package(name: str, metric: str, value: float) -> None:
    table = table_named(name)
    numbers = np.array([float(each) for each in table.classes])
    values = numbers if metric in ("interval", "ratio") else None
    estimate = krippendorff_alpha(table.sparse_votes, Metric(metric), values=values, replicates=10)
    assert estimate.value == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("name", "form", "value", "lower", "upper"), golden.PINGOUIN)
def test_intraclass_correlations_and_their_intervals_equal_pingouin(
    name: str, form: str, value: float, lower: float, upper: float
) -> None:
    estimate = asked(table_named(name), Coefficient(form))
    assert (estimate.value, estimate.lower, estimate.upper) == pytest.approx((value, lower, upper), abs=1e-9)
    assert estimate.interval_method == "f_distribution"


def test_scotts_pi_is_fleiss_kappa_of_two_labelers() -> None:
    two = table_named("two")
    scott, fleiss = asked(two, Coefficient.SCOTT_PI), asked(two, Coefficient.FLEISS_KAPPA)
    assert (scott.value, scott.lower) == (fleiss.value, fleiss.lower)
    assert scott.value == pytest.approx(0.4983277591973244, abs=1e-9)  # irrCAC's fleiss of two raters
