"""Callbacks of the estimators: access to the network in training, and files of it."""
import numpy as np
import pytest
from sklearn_tools import in_words

import fastnet
from fastnet import nn

pytest.importorskip("sklearn", minversion="1.7")
from scipy import sparse
from sklearn.datasets import make_classification

from fastnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def classes():
    return make_classification(300, 10, n_informative=6, n_classes=3, random_state=0)


@pytest.fixture(scope="module")
def few():
    """Rows with few numbers that are not 0, so that they stay sparse."""
    X = sparse.random_array((250, 150), density=0.04, rng=np.random.default_rng(0), format="csr", dtype=np.float32)
    return X, np.arange(250) % 3


class Look(fastnet.callbacks.Callback):
    """Asks everything of the network that one can ask, in the middle of an epoch and after it."""

    def __init__(self, X, y):
        self.X, self.y, self.estimator, self.seen = X, y, None, []

    def on_batch_end(self, trainer):
        assert trainer.model.training
        self.estimator.predict(self.X)
        assert trainer.model.training

    def on_epoch_end(self, trainer):
        scores = trainer.model.eval()(fastnet.from_numpy(self.X)).detach().numpy()
        np.testing.assert_array_equal(trainer.decision_function(self.X), scores)
        np.testing.assert_array_equal(self.estimator.predict(self.X), trainer.predict(self.X))
        with pytest.raises((TypeError, ValueError, RuntimeError)):      # no numbers of rows, but features
            trainer.model(fastnet.tensor([0, 1, 2]))
        self.seen.append(trainer.evaluate(self.X, self.y)["loss"])


@pytest.mark.parametrize("parameters", [
    {}, {"batch_norm": True, "dropout": 0.2}, {"early_stopping": True},
    {"module": lambda n, m: nn.Sequential(nn.Linear(n, 9), nn.ReLU(), nn.Linear(9, m))}], ids=in_words)
@pytest.mark.parametrize("data", ["classes", "few"])
def test_callbacks_use_the_network(data, parameters, request):
    X, y = request.getfixturevalue(data)
    dense = (X.toarray() if sparse.issparse(X) else X).astype(np.float32)
    look = Look(dense, y)
    plain, model = (MLPClassifier(max_iter=3, random_state=0, callbacks=c, **parameters) for c in (None, look))
    look.estimator = model
    model.fit(X, y)
    assert len(look.seen) == 3 and look.seen[-1] < look.seen[0]
    np.testing.assert_array_equal(model.predict_proba(X), plain.fit(X, y).predict_proba(X))
    model.partial_fit(X, y) if "early_stopping" not in parameters else model.fit(X, y)
    assert len(look.seen) > 3


@pytest.mark.parametrize("data", ["classes", "few"])
def test_saved_networks_come_back(data, request, tmp_path):
    X, y = request.getfixturevalue(data)
    files = [tmp_path / "callback.safetensors", tmp_path / "after.safetensors"]
    state = fastnet.get_rng_state()
    keep = fastnet.callbacks.ModelCheckpoint(files[0], monitor=None)
    model = MLPClassifier((7,), dropout=0.1, batch_norm=True, max_iter=2, callbacks=keep).fit(X, y)
    model.module_.save(files[1], metadata={"classes": [0, 1, 2]})
    np.testing.assert_array_equal(fastnet.get_rng_state(), state)
    rows = fastnet.from_numpy((X.toarray() if sparse.issparse(X) else X).astype(np.float32))
    for file in files:
        loaded = fastnet.load(file)
        assert [type(m).__name__ for m in loaded] == ["Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear"]
        np.testing.assert_allclose(loaded(rows).softmax(1).detach().numpy(), model.predict_proba(X), atol=1e-5)
    assert fastnet.load_metadata(files[1]) == {"classes": [0, 1, 2]}


def test_a_trainer_is_kept_without_its_history(classes):
    """The state that partial_fit keeps does not grow with the number of calls."""
    lengths = []

    class Count(fastnet.callbacks.Callback):
        def on_epoch_end(self, trainer):
            lengths.append(len(trainer.history.rows))
    model = MLPRegressor(callbacks=Count())
    for _ in range(3):
        model.partial_fit(*classes)
    assert lengths == [1, 1, 1]
