"""Targets far from zero relative to their spread, such as dates as numbers, which float32 cannot tell apart."""
import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.7")
from sklearn.metrics import r2_score

from fastnet.sklearn import MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FAR = [(2459000.5, 1.0), (2459000.5, 3000.0), (1.7e9, 10.0), (1.7e9, 1e6), (-1e12, 1e4)]


def data(offset, spread):
    X = np.random.default_rng(0).standard_normal((400, 3))
    return X, offset + spread * (X[:, 0] - 0.5 * X[:, 1])


@pytest.mark.parametrize("offset, spread", FAR)
@pytest.mark.parametrize("options", [{"learning_rate_init": 0.02, "max_iter": 60}, {"solver": "lbfgs"},
                                     {"learning_rate_init": 0.02, "early_stopping": True}], ids=str)
def test_dates_are_learnt(offset, spread, options):
    X, y = data(offset, spread)
    model = MLPRegressor(hidden_layer_sizes=(16,), random_state=0, **options).fit(X.astype(np.float32), y)
    found = model.predict(X.astype(np.float32))
    assert found.dtype == np.float64 and found.shape == y.shape
    assert r2_score(y - offset, found - offset) > 0.99 and model.score(X.astype(np.float32), y) > 0.99


def test_one_far_output_beside_a_near_one():
    X, y = data(1.7e9, 10.0)
    near = X[:, 2] * 3
    model = MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", random_state=0).fit(X, np.stack([near, y], 1))
    assert model.target_mean_[0] == 0 and model.target_scale_[0] == 1 and model.target_mean_[1] == pytest.approx(1.7e9)
    assert r2_score(np.stack([near, y], 1), model.predict(X)) > 0.99


def test_partial_fit_and_warm_start_keep_the_shift():
    X, y = data(1.7e9, 10.0)
    model = MLPRegressor(hidden_layer_sizes=(16,), learning_rate_init=0.02, random_state=0)
    for _ in range(60):
        model.partial_fit(X[:200], y[:200])
    model.partial_fit(X[:1], y[:1])
    assert r2_score(y[200:], model.predict(X[200:])) > 0.98


@pytest.mark.parametrize("make", [lambda X, y: y, lambda X, y: np.full(400, 1.7e9), lambda X, y: np.zeros(400)])
def test_other_targets_are_as_they_are(make):
    X, y = data(20.0, 1.0)
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(X, make(X, y))
    assert model.target_mean_.tolist() == [0.0] and model.target_scale_.tolist() == [1.0]
    assert model.predict(X.astype(np.float32)).dtype == np.float32


def test_counts_are_not_shifted():
    X = np.random.default_rng(0).standard_normal((50, 3))
    model = MLPRegressor("poisson", (4,), max_iter=2, random_state=0).fit(X, 1e6 + np.arange(50) % 2)
    assert model.target_mean_.tolist() == [0.0]
