"""The estimators: scikit-learn's own checks, and their additional features."""
import copy
import pickle

import numpy as np
import pytest
from sklearn_tools import in_words

import fastnet
from fastnet import nn

pytest.importorskip("sklearn", minversion="1.7")
from sklearn import neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, make_classification, make_multilabel_classification, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def classes():
    return make_classification(300, 10, n_informative=6, n_classes=3, random_state=0)


@pytest.fixture(scope="module")
def two(classes):
    X, y = classes
    return X, np.where(y == 0, "no", "yes")


@pytest.fixture(scope="module")
def values():
    X, y = make_regression(300, 8, n_informative=5, noise=1.0, random_state=0)
    return X, y / y.std()


# ---- the same as scikit-learn's -------------------------------------------------------------------------------------

@pytest.mark.parametrize("parameters", [
    {}, {"solver": "sgd", "learning_rate_init": 0.05}, {"activation": "logistic", "alpha": 1.0},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1, "momentum": 0.0},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.2, "momentum": 0.0, "tol": 0.1,
     "n_iter_no_change": 2}, {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
    {"hidden_layer_sizes": (20, 10), "activation": "tanh", "batch_size": 64}, {"hidden_layer_sizes": ()},
    {"shuffle": False, "activation": "identity"},
], ids=in_words)
def test_trains_as_scikit_learn(classes, parameters):
    """The same first weights and batches, hence the same losses: in float64 but for what Adam adds its epsilon to."""
    X, y = classes
    both = [library(random_state=0, max_iter=30, **extra, **parameters).fit(X, y)
            for library, extra in ((MLPClassifier, {"dtype": "float64"}), (neural_network.MLPClassifier, {}))]
    ours, theirs = both
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4 if ours.solver == "adam" else 1e-12)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-3)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert [w.shape for w in ours.coefs_] == [w.shape for w in theirs.coefs_]
    np.testing.assert_allclose(ours.best_loss_, theirs.best_loss_, rtol=1e-4)


@pytest.mark.parametrize("parameters", [{}, {"loss": "poisson"}, {"early_stopping": True, "n_iter_no_change": 3}],
                         ids=in_words)
def test_regression_trains_as_scikit_learn(values, parameters):
    X, y = values
    y = np.abs(y) if "loss" in parameters else y
    ours, theirs = (kind(random_state=0, max_iter=40, **extra, **parameters).fit(X, y) for kind, extra in (
        (MLPRegressor, {"dtype": "float64"}), (neural_network.MLPRegressor, {})))
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-3)
    if ours.early_stopping:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-3)
        np.testing.assert_allclose(ours.best_validation_score_, theirs.best_validation_score_, rtol=1e-3)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_lbfgs_finds_as_good_a_minimum(kind, classes, values):
    X, y = classes if kind is MLPClassifier else values
    y = y > 0 if kind is MLPClassifier else y
    theirs = getattr(neural_network, kind.__name__)
    ours, theirs = (k(hidden_layer_sizes=(5,), activation="tanh", solver="lbfgs", alpha=1.0, max_iter=2000,
                      random_state=0).fit(X, y) for k in (kind, theirs))
    assert ours.loss_ < theirs.loss_ * 1.05
    assert ours.n_iter_ > 5 and not hasattr(ours, "partial_fit") and not hasattr(ours, "loss_curve_")


def test_sample_weights_and_penalty_as_scikit_learn(classes):
    X, y = classes
    weight = np.random.default_rng(0).uniform(0, 2, len(y))
    ours, theirs = (kind(random_state=0, max_iter=10, solver="sgd", alpha=5.0, **extra).fit(X, y, weight)
                    for kind, extra in ((MLPClassifier, {"dtype": "float64"}), (neural_network.MLPClassifier, {})))
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)


def test_float32_scores_as_well():
    X, y = load_digits(return_X_y=True)
    X = X / 16
    for dtype in (np.float64, np.float32):
        ours = MLPClassifier(random_state=0, max_iter=25).fit(X[:1000].astype(dtype), y[:1000])
        assert ours.coefs_[0].dtype == np.float32 and ours.predict_proba(X.astype(dtype)).dtype == dtype
        assert ours.score(X[1000:], y[1000:]) > 0.87


def test_dtype_auto(classes):
    X, y = classes

    def dtype(n=300, **parameters):
        return MLPClassifier(max_iter=2, **parameters).fit(X[:n], y[:n]).coefs_[0].dtype
    assert dtype() == dtype(dtype="float32") == np.float32
    assert dtype(n=200) == dtype(solver="lbfgs") == dtype(batch_size=300) == dtype(dtype="float64") == np.float64
    assert MLPClassifier().partial_fit(X[:9], y[:9], classes=[0, 1, 2]).coefs_[0].dtype == np.float32


# ---- scikit-learn's tools -------------------------------------------------------------------------------------------

def test_clone_pickle_and_deepcopy(classes):
    X, y = classes
    model = MLPClassifier((7,), dropout=0.2, batch_norm=True, max_iter=5, random_state=0).fit(X, y)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
        a, b = (copy.deepcopy(m).set_params(dropout=0.1).partial_fit(X, y) for m in (other, model))
        np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    fresh = clone(model)
    assert fresh.get_params() == model.get_params() and not hasattr(fresh, "coefs_")
    np.testing.assert_array_equal(fresh.fit(X, y).predict_proba(X), model.predict_proba(X))


def test_search_gives_the_same_in_other_processes(classes):
    X, y = classes
    grid = {"alpha": [1e-4, 1.0], "dropout": [0.0, 0.3]}
    scores = [GridSearchCV(MLPClassifier((8,), max_iter=10, random_state=0), grid, cv=2, n_jobs=n).fit(X, y)
              .cv_results_["mean_test_score"] for n in (1, 2)]
    np.testing.assert_array_equal(*scores)


def test_pipelines_calibration_and_cross_validation(two):
    X, y = two
    model = MLPClassifier((16,), max_iter=100, learning_rate_init=0.01, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model)
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.75
    calibrated = CalibratedClassifierCV(pipeline, cv=2).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(1), 1, rtol=1e-6)


def test_frames_keep_their_names(classes):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(classes[0]).add_prefix("f")
    model = MLPClassifier(max_iter=2).fit(X, classes[1])
    assert list(model.feature_names_in_) == list(X.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X.rename(columns={"f0": "g"}))
    X.iloc[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"contains NaN in row 3, column 2 \('f2'\)"):
        model.predict(X)


# ---- random state ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("parameters", [
    {}, {"dropout": 0.5}, {"module": lambda n, m: nn.Sequential(nn.Linear(n, 5), nn.Dropout(0.1), nn.Linear(5, m))}])
def test_same_bits_again_and_nobody_elses_state_changes(classes, parameters):
    X, y = classes
    fastnet.manual_seed(7)
    state, of_numpy = fastnet.get_rng_state(), repr(np.random.get_state())            # noqa: NPY002
    first = MLPClassifier(max_iter=4, random_state=3, **parameters).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(fastnet.get_rng_state(), state)
    assert repr(np.random.get_state()) == of_numpy                                   # noqa: NPY002
    MLPClassifier(max_iter=1, **parameters).fit(X, y)
    np.testing.assert_array_equal(fastnet.get_rng_state(), state)
    assert repr(np.random.get_state()) == of_numpy                                   # noqa: NPY002
    fastnet.rand(5)
    again, other = (MLPClassifier(max_iter=4, random_state=s, **parameters).fit(X, y).predict_proba(X) for s in (3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_fits_in_threads_do_not_mix(classes):
    from concurrent.futures import ThreadPoolExecutor
    X, y = classes

    def fit(seed):
        return MLPClassifier((9,), dropout=0.4, max_iter=5, random_state=seed).fit(X, y).predict_proba(X)
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(fit, range(3)))
    for seed in range(3):
        np.testing.assert_array_equal(together[seed], fit(seed))


# ---- warm starts and partial fits -----------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_partial_fit_is_a_fit_epoch_by_epoch(kind, classes, values):
    X, y = classes if kind is MLPClassifier else values
    extra = {"classes": [0, 1, 2]} if kind is MLPClassifier else {}
    whole = kind(max_iter=5, shuffle=False, random_state=0).fit(X, y)
    parts = kind(shuffle=False, random_state=0)
    for _ in range(5):
        parts.partial_fit(X, y, **extra)
    for a, b in zip(whole.coefs_, parts.coefs_):
        np.testing.assert_array_equal(a, b)
    assert parts.loss_curve_ == whole.loss_curve_ and parts.t_ == whole.t_ and parts.best_loss_ == whole.best_loss_
    with pytest.raises(ValueError, match="does not support early_stopping"):
        kind(early_stopping=True).partial_fit(X, y, **extra)


def test_partial_fit_follows_alpha_as_scikit_learn_does(classes):
    """Also in a copy; and what it keeps from call to call is recorded once, however the batches weigh."""
    X, y = classes
    ours, theirs = (kind(solver="sgd", random_state=0, **extra).partial_fit(X, y, classes=[0, 1, 2])
                    for kind, extra in ((MLPClassifier, {"dtype": "float64"}), (neural_network.MLPClassifier, {})))
    ours = pickle.loads(pickle.dumps(ours))
    penalty = ours._penalty
    for alpha in (20.0, 0.0, 5.0):
        for model in (ours, theirs):
            model.set_params(alpha=alpha)
            for n in (90, 91, 200):
                model.partial_fit(X[:n], y[:n], np.linspace(0.5, 1, n))
        np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-7)
        np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-7, atol=1e-12)
    assert ours._penalty is penalty and len(penalty._norm) == 1


def test_partial_fit_wants_the_classes_it_knows(two):
    X, y = two
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier().partial_fit(X, y)
    model = MLPClassifier().partial_fit(X[:5], ["no"] * 5, classes=["no", "yes"])
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(X, y, classes=["no", "perhaps"])
    with pytest.raises(ValueError, match="`y` has classes not in"):
        model.partial_fit(X[:2], ["no", "perhaps"])
    with pytest.raises(ValueError, match="`y` has classes not in"):
        model.partial_fit(X[:2], [0, 1])
    assert model.partial_fit(X, y).predict(X).dtype.kind == "U"


def test_warm_start_continues(classes):
    X, y = classes
    model = MLPClassifier(max_iter=3, warm_start=True, random_state=0).fit(X, y)
    before = model.loss_
    model.fit(X, y)
    assert model.loss_ < before and len(model.loss_curve_) == 6 and model.n_iter_ == 3
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
        model.fit(X[:50], y[:50] + 1)
    for change in ({"early_stopping": True}, {"solver": "lbfgs", "early_stopping": False}, {"solver": "sgd"}):
        before = model.coefs_[0].copy()
        assert np.abs(model.set_params(**change).fit(X, y).coefs_[0] - before).max() > 0 and model.score(X, y) > 0.4
    assert len(model.set_params(warm_start=False).fit(X, y).loss_curve_) == 3


# ---- more than scikit-learn has -------------------------------------------------------------------------------------

@pytest.mark.parametrize("parameters", [
    {"solver": "adamw"}, {"solver": "rmsprop"}, {"solver": "adagrad", "learning_rate_init": 0.05},
    {"solver": lambda groups: fastnet.optim.Adam(groups, 0.01, amsgrad=True)},
    {"activation": "gelu"}, {"activation": nn.LeakyReLU(0.2)}, {"activation": nn.Mish},
    {"activation": ["silu", nn.Tanh], "hidden_layer_sizes": (20, 10), "dropout": [0.1, 0.0]},
    {"batch_norm": True, "batch_size": 23}, {"max_grad_norm": 0.5}, {"class_weight": "balanced"},
    {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)}, {"loss": "cross_entropy"},
    {"loss": lambda output, target: nn.functional.cross_entropy(output, target)},
    {"module": lambda n, m: nn.Sequential(nn.Linear(n, 30), nn.LayerNorm(30), nn.ReLU(), nn.Linear(30, m))},
    {"module": nn.Sequential(nn.Linear(10, 30), nn.ReLU(), nn.Linear(30, 3))},
], ids=in_words)
def test_what_scikit_learn_lacks_learns_too(classes, parameters):
    X, y = classes
    parameters = {"learning_rate_init": 0.01} | parameters
    model = MLPClassifier(max_iter=60, random_state=0, **parameters).fit(X, y)
    assert model.score(X, y) > 0.8 and model.loss_ < model.loss_curve_[0]
    clone(model).fit(X, y)


def test_the_network_is_what_was_asked_for():
    X, y = np.zeros((4, 3)), [0, 1, 0, 1]
    model = MLPClassifier((6, 5), ["relu", "gelu"], dropout=0.25, batch_norm=True, max_iter=1).fit(X, y)
    assert [type(m).__name__ for m in model.module_] == [
        "Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear", "BatchNorm1d", "GELU", "Dropout", "Linear"]
    assert not any(m.training for m in model.module_.modules())
    given = nn.Linear(3, 1)
    start = given.weight.detach().clone()
    trained = MLPClassifier(module=given, max_iter=1).fit(np.random.default_rng(0).random((4, 3)), y)
    assert fastnet.equal(given.weight, start) and not fastnet.equal(trained.module_.weight, start)


def test_first_weights_do_not_depend_on_how_the_activation_is_given(classes):
    a, b, c = (MLPClassifier(activation=activation, random_state=0, max_iter=2).fit(*classes).coefs_[0]
               for activation in ("logistic", nn.Sigmoid, nn.Sigmoid()))
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(a, c)


def test_early_stopping_keeps_the_best_of_the_held_out_curve(classes):
    X, y = classes
    model = MLPClassifier(early_stopping=True, n_iter_no_change=3, learning_rate_init=0.02, random_state=0).fit(X, y)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_
    assert model.n_iter_ < 200 and model.best_validation_score_ == max(model.validation_scores_)
    assert model.validation_loss_curve_[0] > min(model.validation_loss_curve_)
    with pytest.raises(ValueError, match="validation set is too small"):
        MLPClassifier(early_stopping=True, validation_fraction=0.01).fit(X[:20], y[:20])


def test_callbacks_see_the_validation(classes, tmp_path):
    X, y = classes
    log = fastnet.callbacks.CSVLogger(tmp_path / "log.csv")
    stop = fastnet.callbacks.EarlyStopping("validation_loss", patience=1)
    model = MLPClassifier(early_stopping=True, max_iter=50, learning_rate_init=0.05, callbacks=[log, stop])
    model.set_params(random_state=0).fit(X, y)
    header, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert {"loss", "validation_loss", "validation_score"} <= set(header.split(",")) and 1 < len(rows) < 50
    assert model.set_params(callbacks=stop).fit(X, y).n_iter_ == len(rows)      # one alone, too


def test_class_weight_is_a_sample_weight(two):
    X, y = two
    weights = {"no": 3.0, "yes": 0.5}
    a = MLPClassifier(class_weight=weights, max_iter=5, random_state=0).fit(X, y)
    b = MLPClassifier(max_iter=5, random_state=0).fit(X, y, [weights[label] for label in y])
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])
    plain = MLPClassifier(max_iter=5, random_state=0).fit(X, y)
    assert (a.predict(X) == "no").sum() > (plain.predict(X) == "no").sum()


def test_several_labels_and_several_values(values):
    X, labels = make_multilabel_classification(200, 12, n_classes=4, random_state=0)
    X = StandardScaler().fit_transform(X)
    model = MLPClassifier(max_iter=300, learning_rate_init=0.01, random_state=0).fit(X, labels)
    assert model.out_activation_ == "logistic" and model.predict_proba(X).shape == labels.shape
    assert model.score(X, labels) > 0.9
    X, y = values
    model = MLPRegressor(learning_rate_init=0.01, max_iter=100, random_state=0).fit(X, np.column_stack([y, -y]))
    assert model.predict(X).shape == (300, 2) and model.score(X, np.column_stack([y, -y])) > 0.9


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "mse", nn.SmoothL1Loss(),
                                  lambda output, target: (output - target).abs().sqrt()], ids=in_words)
def test_losses_of_regression(values, loss):
    X, y = values
    weight = np.linspace(0.5, 1.5, len(y))
    model = MLPRegressor(loss, learning_rate_init=0.01, max_iter=60, random_state=0).fit(X, y, weight)
    assert model.score(X, y) > 0.8


def test_saved_weights_can_be_changed_in_place(values):
    X, y = values
    model = MLPRegressor(max_iter=2).fit(X, y)
    model.coefs_[-1][...] = 0
    model.intercepts_[-1][...] = 3
    np.testing.assert_array_equal(model.predict(X), 3)
