"""Errors and warnings of the estimators for invalid parameters and data."""
import warnings

import numpy as np
import pytest
from sklearn_tools import in_words

import fastnet
from fastnet import nn

pytest.importorskip("sklearn", minversion="1.7")
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from fastnet.sklearn import MLPClassifier, MLPRegressor


@pytest.fixture(scope="module")
def classes():
    return make_classification(300, 10, n_informative=6, n_classes=3, random_state=0)


@pytest.mark.parametrize("parameters, message", [
    ({"alpha": -1}, "'alpha' parameter of MLPClassifier must be a number from 0. Got -1"),
    ({"max_iter": 0.5}, "must be an integer from 1"), ({"beta_1": 1.0}, "from 0 to below 1"),
    ({"momentum": 2}, "from 0 to 1"), ({"shuffle": "no"}, "must be True or False"),
    ({"batch_size": "all"}, "'auto' or an integer"), ({"max_grad_norm": 0}, "None or a number above 0"),
    ({"solver": "newton"}, "unknown solver 'newton'; choose from 'adam'"), ({"dtype": "float16"}, "unknown dtype"),
    ({"learning_rate": "fast"}, "unknown learning_rate"), ({"activation": "wobble"}, "unknown activation 'wobble'"),
    ({"activation": ["relu", "tanh"]}, "activation has 2 values, expected one or 1"),
    ({"dropout": [0.1, 0.2]}, "dropout has 2 values"), ({"dropout": 1.5}, "between 0 and 1"),
    ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes must be > 0"), ({"loss": "hinge"}, "unknown loss 'hinge'"),
    ({"module": nn.Linear(10, 5)}, "module gives 5 outputs for each sample, expected 3"),
    ({"solver": "lbfgs", "dropout": 0.1}, "needs a deterministic loss"),
    ({"solver": "lbfgs", "early_stopping": True}, "which early_stopping needs"),
    ({"solver": "sgd", "learning_rate_init": 1e30}, "non-finite parameter weights"),
    ({"loss": lambda output, target: nn.functional.cross_entropy(output, target), "class_weight": "balanced"},
     "one number per sample"),
    ({"early_stopping": True, "validation_fraction": 0}, "validation set is too small"),
    ({"class_weight": {0: -5, 1: 1, 2: 1}}, r"class_weight gives sample \d+ the weight -5"),
    ({"class_weight": {0: np.nan, 1: 1, 2: 1}}, r"class_weight gives sample \d+ the weight nan"),
    ({"class_weight": {0: 1e300, 1: 1, 2: 1}}, "sample_weight times class_weight, are too large for float32"),
    ({"class_weight": {0: 0, 1: 0, 2: 0}}, "sample_weight times class_weight, are zero everywhere"),
], ids=in_words)
def test_bad_parameters(classes, parameters, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**{"max_iter": 3, **parameters}).fit(*classes)


@pytest.mark.parametrize("loss, message", [(nn.CrossEntropyLoss, r"class CrossEntropyLoss: give CrossEntropyLoss\(\)"),
                                           (5, "a loss module or a function, got 5")], ids=in_words)
def test_a_loss_that_is_none(classes, loss, message):
    with pytest.raises(TypeError, match=message):
        MLPClassifier(loss=loss).fit(*classes)


def test_weights_of_classes_in_partial_fit(classes):
    X, y = classes
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])
    model = MLPClassifier(class_weight={0: 1, 1: 2, 2: 0})
    assert model.partial_fit(X, y, classes=[0, 1, 2]).loss_ > 0
    with pytest.raises(ValueError, match="are zero everywhere: no sample would count"):
        model.partial_fit(X[y == 2], y[y == 2])


def test_bad_data(classes):
    X, y = classes
    with pytest.raises(ValueError, match="needs samples of at least 2 classes, but y has one class only: 1"):
        MLPClassifier().fit(X, np.ones(len(y), int))
    with pytest.raises(ValueError, match="Unknown label type"):
        MLPClassifier().fit(X, X[:, 0])
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X)
    with pytest.raises(ValueError, match="NaN in row 4"):
        MLPRegressor().fit(X, np.where(np.arange(len(y)) == 4, np.nan, 1.0))
    for value, dtype in ((None, None), (np.inf, None), (1e300, "float32")):
        target = np.arange(len(y)) / 9
        target = target.astype(object) if value is None else target
        target[4] = value
        text = {None: "NaN", np.inf: "infinity", 1e300: r"1e\+300, which is too large for float32,"}[value]
        with pytest.raises(ValueError, match=f"Input y contains {text} in row 4, counted from 0"):
            MLPRegressor(dtype=dtype or "auto").fit(X, target)
    with pytest.raises(ValueError, match="targets that are not negative"):
        MLPRegressor("poisson").fit(X, -y)
    place = np.arange(X.size).reshape(X.shape) == X.shape[1] + 2
    for value, text in ((1e300, r"1e\+300, which is too large for float32,"), (-np.inf, "infinity")):
        with pytest.raises(ValueError, match=f"X contains {text} in row 1, column 2, counted from 0$"):
            MLPClassifier().fit(np.where(place, value, X), y)
    with pytest.raises(ValueError, match=r"NaN in row 1, column 2, counted from 0\. Fill in missing values"):
        MLPClassifier().fit(np.where(place, np.nan, X), y)
    with pytest.raises(ValueError, match="sample_weight is zero everywhere"):
        MLPClassifier().fit(X, y, np.zeros(len(y)))
    with pytest.raises(ValueError, match="several columns with values other than 0 and 1"):
        MLPClassifier().fit(X, np.column_stack([y, y]))
    with pytest.raises(AttributeError, match="has no coefs_ before it is fitted"):
        _ = MLPClassifier().coefs_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warnings(classes):
    X, y = classes
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        MLPClassifier(max_iter=2).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
        MLPClassifier(max_iter=2, solver="lbfgs").fit(X, y)
    with pytest.warns(UserWarning, match="batch_size is 1000, larger than the 300 samples"):
        MLPClassifier(max_iter=2, batch_size=1000).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(tol=1.0, n_iter_no_change=1).fit(X, y)


def test_interrupted_training_leaves_a_model(classes):
    class Interrupt(fastnet.callbacks.Callback):
        def on_epoch_end(self, trainer):
            if trainer.logs["epoch"] == 2:
                raise KeyboardInterrupt
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = MLPClassifier(callbacks=[Interrupt()]).fit(*classes)
    assert model.n_iter_ == 2 and model.predict(classes[0]).shape == (300,)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_verbose(classes, capsys):
    MLPClassifier(verbose=True, max_iter=2, early_stopping=True).fit(*classes)
    assert "Iteration 2, loss = " in (printed := capsys.readouterr().out) and "Validation score: " in printed
    MLPClassifier(verbose=True, max_iter=2, solver="lbfgs").fit(*classes)
    assert "Iteration 2, loss = " in capsys.readouterr().out
