"""Metrics of retrieval: values worked by hand, scikit-learn's and torchmetrics' definitions, states and errors."""
import importlib.metadata
import math
import sys
import warnings

import numpy as np
import pytest

import fastnet
from fastnet import metrics

pytestmark = pytest.mark.usefixtures("backend")

SCORES = np.array([[0.9, 0.5, 0.1, 0.3], [0.2, 0.4, 0.6, 0.8]])
TARGETS = np.array([[0, 1, 1, 0], [1, 0, 0, 1]])        # relevant ranks 2 and 4; ranks 1 and 4


def value(metric, *batches):
    for batch in batches:
        metric.update(*batch)
    return metric.compute()


BY_HAND = [
    (metrics.RetrievalRecall(top_k=2), 0.5), (metrics.RetrievalRecall(top_k=1), 0.25), (metrics.RetrievalRecall(), 1.0),
    (metrics.RetrievalRecall(top_k=9), 1.0),
    (metrics.RetrievalHitRate(top_k=1), 0.5), (metrics.RetrievalHitRate(top_k=2), 1.0),
    (metrics.RetrievalPrecision(top_k=2), 0.5), (metrics.RetrievalPrecision(top_k=8), 0.25),
    (metrics.RetrievalPrecision(), 0.5),
    (metrics.RetrievalMAP(), ((1 / 2 + 2 / 4) / 2 + (1 + 2 / 4) / 2) / 2), (metrics.RetrievalMAP(top_k=1), 0.5),
    (metrics.RetrievalMRR(), 0.75), (metrics.RetrievalMRR(top_k=1), 0.5),
    (metrics.RetrievalNormalizedDCG(), sum(
        (1 / math.log2(a + 1) + 1 / math.log2(5)) / (1 + 1 / math.log2(3)) for a in (2, 1)) / 2),
    (metrics.RetrievalNormalizedDCG(top_k=1), 0.5),
]


@pytest.mark.parametrize("metric, expected", BY_HAND, ids=[repr(metric) for metric, _ in BY_HAND])
def test_by_hand_in_both_forms(metric, expected):
    metric = metrics.get(metric)
    assert value(metric, (SCORES, TARGETS)) == pytest.approx(expected)
    metric.reset()
    assert value(metric, *((SCORES[i:i + 1], TARGETS[i:i + 1]) for i in range(2))) == pytest.approx(expected)
    metric.reset()
    order = np.random.default_rng(0).permutation(8)
    flat = SCORES.ravel()[order], TARGETS.ravel()[order], np.array([7, 3]).repeat(4)[order]
    batches = [tuple(x[part] for x in flat) for part in (slice(3), slice(3, None))]     # a query in both batches
    assert value(metric, *batches) == pytest.approx(expected)


@pytest.mark.parametrize("top_k", [None, 1, 3, 10])
def test_ndcg_is_that_of_scikit_learn(top_k):
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    scores, gains = rng.integers(0, 5, (20, 9)) / 4, rng.integers(0, 4, (20, 9))        # with ties
    gains[:, 0] += 1
    expected = sklearn.ndcg_score(gains, scores, k=top_k)
    assert value(metrics.RetrievalNormalizedDCG(top_k=top_k), (scores, gains)) == pytest.approx(expected, abs=1e-12)


@pytest.fixture
def retrieval(monkeypatch):
    """torchmetrics.retrieval, without torchvision, which needs the very PyTorch that it was built for."""
    installed = importlib.metadata.version

    def version(name):
        if name == "torchvision":
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    pytest.importorskip("torch")
    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torchmetrics.retrieval")


@pytest.mark.parametrize("name", ["Recall", "HitRate", "Precision", "MAP", "MRR", "NormalizedDCG"])
@pytest.mark.parametrize("action", ["neg", "pos", "skip"])
def test_values_of_torchmetrics(name, action, retrieval):
    import torch
    rng = np.random.default_rng(2)
    scores, targets = rng.permutation(60).astype(np.float32) / 60, (rng.random(60) < 0.2).astype(np.int64)
    indexes = rng.integers(0, 12, 60)
    for top_k in (None, 1, 2, 4):
        theirs = getattr(retrieval, f"Retrieval{name}")(empty_target_action=action, top_k=top_k)
        expected = theirs(*(torch.from_numpy(x) for x in (scores, targets, indexes))).item()
        ours = getattr(metrics, f"Retrieval{name}")(empty_target_action=action, top_k=top_k)
        assert value(ours, (scores, targets, indexes)) == pytest.approx(expected, abs=1e-6)


def test_one_item_for_each_query_is_its_number():
    scores, items = np.random.default_rng(3).random((30, 10)), np.random.default_rng(4).integers(0, 10, 30)
    for metric in (metrics.RetrievalRecall(top_k=3), metrics.RetrievalMRR(), metrics.RetrievalNormalizedDCG()):
        other = metrics.get(metric)
        assert value(metric, (scores, items)) == value(other, (scores, np.eye(10, dtype=int)[items]))
    top = value(metrics.TopKAccuracy(3), (scores, items))
    assert value(metrics.RetrievalRecall(top_k=3), (scores, items)) == top


def test_the_first_of_equal_scores_counts_as_the_higher():
    assert value(metrics.RetrievalMRR(), (np.zeros((1, 3)), np.array([1]))) == 0.5


def test_queries_without_targets():
    batch = np.ones((2, 3)), np.array([[0, 0, 0], [1, 0, 0]])
    found = {action: value(metrics.RetrievalRecall(empty_target_action=action, top_k=1), batch)
             for action in ("neg", "pos", "skip")}
    assert found == {"neg": 0.5, "pos": 1.0, "skip": 1.0}
    assert value(metrics.RetrievalMRR(empty_target_action="skip"), (batch[0][:1], batch[1][:1])) == 0.0
    with pytest.raises(ValueError, match="got none for query 0"):
        value(metrics.RetrievalRecall(empty_target_action="error"), batch)


def test_state():
    metric = metrics.RetrievalRecall(top_k=2)
    metric.update(SCORES, TARGETS)
    metric.update(SCORES[0], TARGETS[0], np.zeros(4, int))
    other = metrics.get(metric)
    assert other.queries == 0
    other.load_state_dict(metric.state_dict())
    assert other.compute() == metric.compute() == pytest.approx(0.5)
    other.reset()
    with pytest.raises(RuntimeError, match="at least one sample"):
        other.compute()


def test_names():
    assert [metrics.RetrievalRecall().name, metrics.RetrievalRecall(top_k=5).name] == ["retrieval_recall",
                                                                                      "retrieval_recall_5"]
    assert metrics.RetrievalRecall(top_k=5, name="r5").name == "r5"


def test_in_a_trainer():
    """Retrieval among the outputs of a model: the number of the sought output is the target."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 4)).astype(np.float32)
    trainer = fastnet.Trainer(fastnet.nn.Linear(4, 6), loss="cross_entropy", metrics=[metrics.RetrievalMRR()])
    history = trainer.fit(x, rng.integers(0, 6, 64), epochs=1, progress=False)
    assert 1 / 6 < history["retrieval_mrr"][-1] < 1


@pytest.mark.parametrize("batch, error, message", [
    ((SCORES, TARGETS[:1]), ValueError, r"expected scores \(Q, M\), and targets"),
    ((SCORES[0], TARGETS[0]), ValueError, r"got \(4,\) and \(4,\)"),
    ((SCORES, np.array([0, 4])), IndexError, "from 0 to 3, got 4 for query 1"),
    ((SCORES, TARGETS + 1), ValueError, "expected targets of 0 or 1, got 2"),
    ((SCORES * math.nan, TARGETS), ValueError, "got NaN"),
    ((SCORES[0], TARGETS[0], np.zeros(3, int)), ValueError, r"the shape \(n,\), got \(4,\), \(4,\) and \(3,\)"),
    ((SCORES[0], TARGETS[0], np.zeros(4)), ValueError, "expected integers as indexes, got float64"),
])
def test_errors(batch, error, message):
    with pytest.raises(error, match=message):
        metrics.RetrievalRecall().update(*batch)


def test_errors_of_arguments():
    with pytest.raises(ValueError, match="unknown empty_target_action 'none'"):
        metrics.RetrievalMRR(empty_target_action="none")
    with pytest.raises(ValueError, match="top_k"):
        metrics.RetrievalMRR(top_k=0)
    with pytest.raises(ValueError, match="targets of 0 or more, got -1"):
        metrics.RetrievalNormalizedDCG().update(SCORES, TARGETS - 1)
