"""Sparse input of the estimators: the rows of a batch, never the whole matrix, and no others, are looked at."""
import numpy as np
import pytest
from gradcheck import gradcheck
from sklearn_tools import in_words

import fastnet
from fastnet import nn

pytest.importorskip("sklearn", minversion="1.7")
from scipy import sparse

from fastnet.sklearn import MLPClassifier, MLPRegressor
from fastnet.sklearn.sparse import SparseLinear, SparseRows, csr_product

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = sparse.random_array((250, 150), density=0.04, rng=rng).toarray()
    return X, (X @ rng.standard_normal((150, 3))).argmax(1)


PARAMETERS = [{}, {"solver": "lbfgs", "max_iter": 20}, {"dropout": 0.2, "batch_norm": True, "dtype": "float64"},
              {"hidden_layer_sizes": ()},
              {"early_stopping": True}, {"solver": "sgd", "alpha": 3.0, "dtype": "float64"},
              {"module": lambda n, m: nn.Sequential(nn.Linear(n, 9), nn.ReLU(), nn.Linear(9, m))}]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=in_words)
def test_trains_as_on_dense_input(data, parameters):
    X, y = data
    dense = MLPClassifier(**{"max_iter": 8, "random_state": 0, **parameters}).fit(X, y)
    model = MLPClassifier(**{"max_iter": 8, "random_state": 0, **parameters}).fit(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(model.predict_proba(sparse.csc_array(X)), dense.predict_proba(X), atol=2e-3)
    np.testing.assert_allclose(model.predict_proba(X), model.predict_proba(sparse.csr_array(X)), atol=1e-5)
    if "module" not in parameters:
        assert isinstance(model.module_[0], SparseLinear) and model.coefs_[0].shape[0] == X.shape[1]


def test_dense_and_sparse_take_turns(data):
    X, y = data
    for first, second in ((X, sparse.csr_array(X)), (sparse.csr_array(X), X)):
        model = MLPClassifier(random_state=0).partial_fit(first, y, classes=[0, 1, 2])
        model.partial_fit(second, y).partial_fit(first, y)
        assert model.loss_curve_[2] < model.loss_curve_[1] < model.loss_curve_[0]


def test_a_matrix_that_is_hardly_sparse_is_made_dense_by_batches(data):
    X = np.abs(data[0][:, :5]) + 1
    dense, model = (MLPClassifier(max_iter=3, random_state=0).fit(x, data[1]) for x in (X, sparse.csr_array(X)))
    assert not isinstance(model.module_[0], SparseLinear)
    np.testing.assert_allclose(model.predict_proba(sparse.csr_array(X)), dense.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize("fill", [0.01, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("module", [None, PARAMETERS[-1]["module"]], ids=["layers", "module"])
def test_lbfgs_takes_rows_of_any_fill(fill, module):
    rng = np.random.default_rng(0)
    X = sparse.random_array((120, 30), density=fill, rng=rng, format="csr")
    y = X @ rng.standard_normal(30)
    parameters = {"hidden_layer_sizes": (8,), "solver": "lbfgs", "max_iter": 15, "random_state": 0, "module": module}
    dense, model = (MLPRegressor(**parameters).fit(x, y) for x in (X.toarray(), X))
    np.testing.assert_allclose(model.predict(X), dense.predict(X), rtol=1e-6, atol=1e-8)


def test_the_matrix_is_never_dense(monkeypatch):
    """Eight gigabytes if it were dense, four for each batch."""
    X = sparse.random_array((50_000, 20_000), density=1e-5, format="csr", rng=0)
    model = MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, batch_size=25_000)
    for name in ("toarray", "todense"):
        monkeypatch.setattr(type(X), name, None)
    model.fit(X, np.asarray(X.sum(1)))
    assert model.predict(X).shape == (50_000,)


def test_nan_is_told_by_row_and_column(data):
    X = sparse.csr_array(data[0])
    row, place = 7, X.indptr[7] + 1
    X.data[place] = np.nan
    with pytest.raises(ValueError, match=rf"NaN in row {row}, column {X.indices[place]},"):
        MLPClassifier().fit(X, data[1])


def test_gradient_of_the_product():
    rng = np.random.default_rng(0)
    matrix = sparse.random_array((6, 5), density=0.4, format="csr", rng=rng)
    rows = fastnet.tensor([4, 0, 0, 5])
    gradcheck(lambda w: csr_product(matrix, rows, w), fastnet.from_numpy(rng.standard_normal((5, 3))))


def test_replays_follow_the_rows():
    matrix = sparse.random_array((30, 8), density=0.3, format="csr", rng=0, dtype=np.float32)
    layer = SparseLinear(8, 3)
    with fastnet.no_grad():
        layer.weight.uniform_(-1, 1, generator=fastnet.Generator(0))
    run = fastnet.compile(lambda rows: layer(SparseRows(matrix, rows)).detach())
    for rows in ([0, 1, 2], [29, 3, 3], [5, 6, 7]):
        expected = matrix[rows] @ layer.weight.detach().numpy()
        np.testing.assert_allclose(run(fastnet.tensor(rows)).numpy(), expected, rtol=1e-6)
    assert len(run) == 1
