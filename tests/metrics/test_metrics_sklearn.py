"""Metrics against scikit-learn's functions, for samples in any batches."""
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from metric_tools import SHAPES, samples, updated
from property_tools import SEEDS, searched

from fastnet import metrics

judge = pytest.importorskip("sklearn.metrics")
pytestmark = pytest.mark.usefixtures("backend")


def predictions(output):
    """What a classifier of these outputs predicts."""
    return output.argmax(1) if output.ndim == 2 and output.shape[1] in (2, 4) else (output > 0).astype(int)


def of_predictions(function, **options):
    return lambda y, output: function(y, predictions(output), **options)


def top(k):
    return lambda y, output: judge.top_k_accuracy_score(y, output, k=k, labels=range(4))


def probabilities(output):
    exps = np.exp(output - output.max(1, keepdims=True), dtype=np.float64)
    return exps / exps.sum(1, keepdims=True)


CLASSES, TWO, ALL = ("classes",), ("two", "binary", "column"), ("classes", "two", "binary", "column", "labels")
NUMBERS = ("numbers", "columns")
# name -> (a function that makes the metric, scikit-learn's function of (targets, outputs), kinds of samples)
ROWS = {
    "accuracy": (metrics.Accuracy, of_predictions(judge.accuracy_score), ALL),
    "top_1": (lambda: metrics.TopKAccuracy(1), top(1), CLASSES),
    "top_2": (lambda: metrics.TopKAccuracy(2), top(2), CLASSES),
    "confusion": (metrics.ConfusionMatrix, of_predictions(judge.confusion_matrix, labels=range(2)), TWO),
    "confusion-4": (metrics.ConfusionMatrix, of_predictions(judge.confusion_matrix, labels=range(4)), CLASSES),
    "confusion-labels": (metrics.ConfusionMatrix, of_predictions(judge.multilabel_confusion_matrix), ("labels",)),
    "auc": (metrics.AUC, lambda y, o: judge.roc_auc_score(y, o), ("binary", "column", "labels")),
    "auc-2": (metrics.AUC, lambda y, o: judge.roc_auc_score(y, probabilities(o)[:, 1]), ("two",)),
    "auc-4": (metrics.AUC, lambda y, o: judge.roc_auc_score(y, probabilities(o), multi_class="ovr"), CLASSES),
    "mae": (metrics.MAE, judge.mean_absolute_error, NUMBERS), "mse": (metrics.MSE, judge.mean_squared_error, NUMBERS),
    "rmse": (metrics.RMSE, judge.root_mean_squared_error, NUMBERS), "r2": (metrics.R2, judge.r2_score, NUMBERS),
}
SCORES = {"precision": (metrics.Precision, judge.precision_score), "recall": (metrics.Recall, judge.recall_score),
          "f1": (metrics.F1, judge.f1_score)}


def expected(function, output, target):
    """scikit-learn's figure, its warnings unheeded."""
    if output.shape[1:] == (1,):
        output, target = output[:, 0], target[:, 0]
    exact = output.astype(np.float64), target.astype(np.float64 if target.dtype.kind == "f" else np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(exact[1], exact[0])


def agree(make, function, kind, n, seed, cuts):
    output, target = samples(kind, n, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole, cut = updated(make(), output, target).compute(), updated(make(), output, target, sorted(cuts)).compute()
    compare = np.testing.assert_array_equal if kind not in NUMBERS else _close
    compare(cut, whole)
    _close(whole, expected(function, output, target))


def _close(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


few = settings(searched, max_examples=20)
CUTS = st.lists(st.integers(0, 60), max_size=6)


@pytest.mark.parametrize("name, kind", [(name, kind) for name, row in ROWS.items() for kind in row[2]])
@few
@given(n=st.integers(40, 60), seed=SEEDS, cuts=CUTS)
def test_any_batches_equal_scikit_learn(name, kind, n, seed, cuts):
    agree(*ROWS[name][:2], kind, n, seed, cuts)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", "binary"])
@pytest.mark.parametrize("kind", ["classes", "two", "binary", "column", "labels"])
@pytest.mark.parametrize("name", SCORES)
@few
@given(n=st.integers(1, 8), seed=SEEDS, cuts=CUTS, nothing=st.sampled_from([0.0, 1.0, math.nan]))
def test_scores_of_few_samples(name, kind, average, n, seed, cuts, nothing):
    """So few that classes lack."""
    if average == "binary" and kind in ("classes", "labels"):
        with pytest.raises(ValueError, match="expected two classes for average='binary', got"):
            updated(SCORES[name][0](average), *samples(kind, n, seed))
        return
    make, function = SCORES[name]
    agree(lambda: make(average, nothing), of_predictions(function, average=average, zero_division=nothing), kind, n,
          seed, cuts)


@pytest.mark.parametrize("kind", ["classes", "binary", "labels"])
@pytest.mark.parametrize("name", SCORES)
def test_scores_of_each_class(name, kind):
    make, function = SCORES[name]
    classes = None if kind == "labels" else range(4 if kind == "classes" else 2)
    agree(lambda: make(None), of_predictions(function, average=None, labels=classes, zero_division=0), kind, 5, 1, [2])


@pytest.mark.parametrize("name", SCORES)
def test_the_average_follows_from_the_classes(name):
    for kind in SHAPES.keys() - set(NUMBERS):
        average = "macro" if kind in ("classes", "labels") else "binary"
        figures = [updated(SCORES[name][0](a), *samples(kind, 30)).compute() for a in ("auto", average)]
        assert figures[0] == figures[1]


# ---- precision ------------------------------------------------------------------------------------------------------

def far_targets(n=1000):
    """Float64 numbers with a spread of 1 at 10^8: a sum of squares would keep no digit of it."""
    rng = np.random.default_rng(3)
    target = 1e8 + rng.standard_normal(n)
    return target + 0.1 * rng.standard_normal(n), target


@pytest.mark.parametrize("cuts", [(), (1, 2, 500), tuple(range(1, 1000))], ids=len)
def test_r2_far_from_zero(cuts):
    output, target = far_targets()
    got = updated(metrics.R2(), output, target, cuts).compute()
    center = target.astype(np.longdouble) - 10**8
    wanted = 1 - float(((output - target) ** 2).sum() / ((center - center.mean()) ** 2).sum())
    assert got == pytest.approx(wanted, rel=1e-9, abs=0)
    assert got == pytest.approx(judge.r2_score(target, output), rel=1e-9, abs=0)


@pytest.mark.parametrize("shift, wanted", [(0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("cuts", [(), (3, 10)])
def test_r2_of_equal_targets(shift, wanted, cuts):
    target = np.full(21, 0.5)
    assert judge.r2_score(target, target + shift) == wanted
    for y in target, target / 5:                # a mean of 0.1 is not quite 0.1, which makes scikit-learn inexact
        assert updated(metrics.R2(), y + shift, y, cuts).compute() == wanted


def test_auc_of_logits_that_probabilities_cannot_tell_apart():
    """Beyond 37 or so, probabilities in float64 are all 1."""
    logits = np.array([[0, 50], [0, 60]], np.float32)
    assert updated(metrics.AUC(), logits, np.array([0, 1])).compute() == 1
    assert updated(metrics.AUC(), logits[:, 1], np.array([1, 0])).compute() == 0
