"""A fit that fails leaves the estimator as it was."""
import numpy as np
import pytest
from sklearn_tools import in_words

import fastnet
from fastnet import nn

pytest.importorskip("sklearn", minversion="1.7")
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError

from fastnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def classes():
    return make_classification(300, 10, n_informative=6, n_classes=3, random_state=0)


def as_it_is(model):
    """The visible state of an estimator in a comparable form."""
    return {name: value.tolist() if isinstance(value, np.ndarray) else list(value) if isinstance(value, list) else value
            for name, value in vars(model).items()} | {"coefs": [c.tolist() for c in model.coefs_]}


class Fail(fastnet.callbacks.Callback):
    def on_epoch_end(self, trainer):
        raise RuntimeError("on purpose")


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("change, arguments", [
    ({}, {"y": "other", "sample_weight": np.ones(3)}), ({}, {"X": np.full((300, 4), np.inf)}), ({}, {"y": "one"}),
    ({"loss": nn.CrossEntropyLoss}, {}), ({"callbacks": Fail()}, {}), ({"activation": "wobble"}, {"y": "other"}),
    ({"solver": "sgd", "learning_rate_init": 1e30}, {}), ({"class_weight": {"a": -1}}, {}),
    ({"early_stopping": True, "callbacks": Fail()}, {}),
], ids=in_words)
def test_a_failed_fit_changes_nothing(classes, warm_start, change, arguments):
    X, y = classes
    labels = {"same": np.array(list("abc"))[y], "other": np.array(list("defg"))[np.arange(300) % 4],
              "one": np.full(300, "a")}
    model = MLPClassifier(max_iter=4, random_state=0, warm_start=warm_start).fit(X, labels["same"])
    model.set_params(**change)
    before, predicted = as_it_is(model), model.predict_proba(X)
    if "activation" in change and warm_start:           # the network is there already
        change = {"dtype": "float16"}
        before |= change
        model.set_params(**change)
    given = {"X": X, "y": "same", **arguments}
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        model.fit(given["X"], labels[given["y"]], given.get("sample_weight"))
    assert as_it_is(model) == before
    np.testing.assert_array_equal(model.predict_proba(X), predicted)
    assert set(model.predict(X)) <= set("abc")


@pytest.mark.parametrize("scale, parameters", [
    (1e200, {"dtype": "float64"}), (1, {"solver": "sgd", "learning_rate_init": 1e30}), (1e200, {"solver": "lbfgs"}),
], ids=in_words)
def test_a_failed_first_fit_leaves_it_unfitted(classes, scale, parameters):
    X, y = classes
    model = MLPRegressor(max_iter=3, **parameters)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        model.fit(X * scale, y)
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("scale, callbacks, batch_norm", [(1e30, None, False), (2, Fail(), True)])
def test_partial_fit_continues_after_a_bad_batch(kind, solver, scale, callbacks, batch_norm, classes):
    """With the bits that it would have without that batch."""
    X, y = classes
    X = X.astype(np.float32)
    first = {"classes": [0, 1, 2]} if kind is MLPClassifier else {}
    good, model = (kind(solver=solver, batch_norm=batch_norm, random_state=0).partial_fit(X, y, **first)
                   for _ in range(2))
    for _ in range(2):
        with pytest.raises((ValueError, RuntimeError), match=r"non-finite parameter weights|on purpose"):
            model.set_params(callbacks=callbacks).partial_fit(X * np.float32(scale), y)
        assert model.loss_curve_ == good.loss_curve_ and model.t_ == good.t_
        for each in (good, model.set_params(callbacks=None)):
            each.partial_fit(X, y)
        for a, b in zip(good.module_.state_dict().values(), model.module_.state_dict().values()):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert model.loss_curve_ == good.loss_curve_ and len(model.loss_curve_) == 3
