"""FeatureAblation, Occlusion, FeaturePermutation and permutation_importance."""
import numpy as np
import pytest

import fastnet
from fastnet import explain, nn
from fastnet.explain import FeatureAblation, FeaturePermutation, Occlusion, permutation_importance


@pytest.fixture
def images():
    return fastnet.tensor(np.random.default_rng(0).normal(size=(2, 3, 7, 6)), dtype=fastnet.float32)


def weighted(x):
    """A function of images with interactions."""
    return (x.reshape(len(x), -1).cumsum(1) ** 2).mean(1)


def occluded(x, window, strides, baseline):
    """Occlusion by a loop over the windows."""
    total, count = np.zeros(x.shape), np.zeros(x.shape)
    steps = [range(0, -(-(n - w) // s) * s + 1, s) for n, w, s in zip(x.shape[1:], window, strides)]
    for corner in np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, len(window)):
        place = (slice(None), *(slice(c, c + w) for c, w in zip(corner, window)))
        changed = x.numpy().copy()
        changed[place] = baseline
        change = (weighted(x) - weighted(fastnet.tensor(changed))).numpy()
        total[place] += change[:, None, None, None]
        count[place] += 1
    return total / count


@pytest.mark.parametrize("window, strides", [((3, 2, 2), (3, 1, 2)), ((1, 3, 4), (1, 2, 3)), ((3, 7, 6), (1, 1, 1)),
                                             ((2, 3, 4), (2, 3, 4))])
@pytest.mark.parametrize("evaluated", [None, 1, 5])
def test_occlusion(images, window, strides, evaluated):
    found = Occlusion(weighted).attribute(images, window, strides, baselines=0.5, perturbations_per_eval=evaluated)
    np.testing.assert_allclose(found.numpy(), occluded(images, window, strides, 0.5), rtol=2e-4, atol=2e-4)


def test_occlusion_of_two_inputs():
    a, b = fastnet.tensor([[1.0, 2.0, 3.0]]), fastnet.tensor([[4.0, 5.0]])
    first, second = Occlusion(lambda a, b: a.sum(1) + 2 * b.sum(1)).attribute((a, b), ((2,), (1,)), (1, 1))
    assert first.numpy().tolist() == [[3, 4, 5]] and second.numpy().tolist() == [[8, 10]]


@pytest.mark.parametrize("window, strides, message", [
    ((3, 8, 2), 1, r"a window of 1 to 7 in each dimension of \(3, 7, 6\), got \(3, 8, 2\)"),
    ((3, 0, 2), 1, "a window of 1 to 7"),
    ((3, 2), 1, "a window of 3 dimensions"),
    ((1, 2, 2), 3, "strides from 1 to the window's size"),
    ((1, 2, 2), (1, 2), "a stride for each of 3 dimensions"),
])
def test_windows_that_do_not_fit(images, window, strides, message):
    with pytest.raises(ValueError, match=message):
        Occlusion(weighted).attribute(images, window, strides)


def test_ablation_of_each_element():
    x, b = fastnet.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 4.0]]), fastnet.tensor([[1.0, 0.0, 1.0]])
    found = FeatureAblation(lambda x: x[:, 0] * x[:, 1] + x[:, 2] ** 2).attribute(x, b)
    assert found.numpy().tolist() == [[0, 2, 8], [-1, 0, 15]]


def test_ablation_of_token_ids():
    """Inputs may be integers; a feature may lie in both inputs."""
    fastnet.manual_seed(0)
    embedding = nn.Embedding(10, 4)

    def forward(ids, x):
        return embedding(ids).sum((1, 2)) + x.sum(1)
    ids, x = fastnet.tensor([[1, 2, 3], [4, 5, 6]]), fastnet.tensor([[1.0], [2.0]])
    masks = fastnet.tensor([[0, 1, 2]]), fastnet.tensor([[2]])
    first, second = FeatureAblation(forward).attribute((ids, x), feature_mask=masks)
    sums = embedding.weight.detach().numpy().sum(1)
    expected = sums[ids.numpy()] - sums[0]
    expected[:, 2] += x.numpy()[:, 0]
    np.testing.assert_allclose(first.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(second.numpy()[:, 0], expected[:, 2], atol=1e-5)


def test_masks_are_repeated_along_dimensions_of_size_1():
    """One mask of superpixels for all channels and pictures."""
    x, mask = fastnet.randn(2, 3, 4, 4), fastnet.tensor(np.arange(4).repeat(4).reshape(1, 1, 4, 4))
    method = FeatureAblation(lambda x: (x * x).sum((1, 2, 3)))
    found = method.attribute(x, feature_mask=mask)
    assert (found == method.attribute(x, feature_mask=mask.expand(2, 3, 4, 4))).all()
    np.testing.assert_allclose(found[:, 0, :, 0].numpy(), (x * x).sum((1, 3)).numpy(), rtol=1e-4)


@pytest.mark.parametrize("mask, error, message", [
    (fastnet.tensor([[0.0, 1.0, 2.0]]), TypeError, "hold integers"),
    (fastnet.tensor([[0, 1]]), ValueError, r"feature_mask of shape \(1, 3\) or \(2, 3\), .*, got \(1, 2\)"),
])
def test_wrong_masks(mask, error, message):
    with pytest.raises(error, match=message):
        FeatureAblation(lambda x: x.sum(1)).attribute(fastnet.ones(2, 3), feature_mask=mask)


def test_feature_permutation():
    x = fastnet.tensor(np.random.default_rng(0).normal(size=(5, 3)), dtype=fastnet.float32)
    method = FeaturePermutation(lambda x: 2 * x[:, 0] + x[:, 1])
    found = method.attribute(x, seed=3).numpy()
    assert np.array_equal(found, method.attribute(x, seed=3, perturbations_per_eval=1).numpy())
    assert not np.array_equal(found, method.attribute(x, seed=4).numpy())
    assert not found[:, 2].any() and found[:, :2].any(0).all()
    np.testing.assert_allclose(found.sum(0), 0, atol=1e-5)                  # a permutation keeps the sum
    assert np.allclose(np.sort(x.numpy()[:, 1] - found[:, 1]), np.sort(x.numpy()[:, 1]), atol=1e-5)
    with pytest.raises(ValueError, match="at least two samples"):
        method.attribute(x[:1])


# ---- importance of columns ----

def table(rows=200):
    X = np.random.default_rng(0).normal(size=(rows, 4)).astype("float32")
    return X, X[:, 0] * 3 + X[:, 1]


def test_importance_of_columns():
    X, y = table()
    found = permutation_importance(lambda X: X[:, 0] * 3 + X[:, 1], X, y, n_repeats=8)
    assert found.score == 1 and found.importances.shape == (4, 8)
    np.testing.assert_allclose(found.importances_mean, [1.8, 0.2, 0, 0], atol=0.2)
    np.testing.assert_allclose(found.importances_std, found.importances.std(1))
    again = permutation_importance(lambda X: X[:, 0] * 3 + X[:, 1], X, y, n_repeats=8)
    assert np.array_equal(found.importances, again.importances)
    other = permutation_importance(lambda X: X[:, 0] * 3 + X[:, 1], X, y, n_repeats=8, seed=1)
    assert not np.array_equal(found.importances, other.importances)


def test_importance_as_in_scikit_learn():
    inspection = pytest.importorskip("sklearn.inspection")
    linear = pytest.importorskip("sklearn.linear_model")
    X, y = table()
    fitted = linear.LogisticRegression().fit(X, y > 0)
    ours = permutation_importance(fitted.predict, X, y > 0, n_repeats=30)
    assert (permutation_importance(fitted, X, y > 0, n_repeats=30).importances == ours.importances).all()
    theirs = inspection.permutation_importance(fitted, X, y > 0, n_repeats=30, random_state=0)
    np.testing.assert_allclose(ours.importances_mean, theirs.importances_mean, atol=0.05)


@pytest.mark.filterwarnings("error")
def test_estimators_get_data_frames():
    """A pipeline that chooses columns by name, one of which is text."""
    pandas, compose = pytest.importorskip("pandas"), pytest.importorskip("sklearn.compose")
    from sklearn.inspection import permutation_importance as theirs
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    X, y = table()
    frame = pandas.DataFrame({"size": X[:, 0], "kind": np.where(X[:, 1] > 0, "b", "a"), "other": X[:, 2]})
    columns = compose.make_column_transformer((OneHotEncoder(), ["kind"]), ("passthrough", ["size", "other"]))
    fitted = make_pipeline(columns, LogisticRegression()).fit(frame, y > 0)
    ours, before = permutation_importance(fitted, frame, y > 0, n_repeats=30), frame.copy()
    np.testing.assert_allclose(ours.importances_mean, theirs(fitted, frame, y > 0, n_repeats=30,
                                                             random_state=0).importances_mean, atol=0.05)
    assert frame.equals(before)
    array = permutation_importance(lambda X: X[:, 0], frame[["size", "other"]], y)      # a function gets an array
    assert array.importances_mean[0] > array.importances_mean[1]


def test_importance_of_a_module_and_of_groups():
    X, y = table()
    model = nn.Linear(4, 2)
    with fastnet.no_grad():
        model.weight.copy_(fastnet.tensor([[0.0] * 4, [3.0, 1, 0, 0]]))
        model.bias.zero_()
    labels = (y > 0).astype(int)
    found = permutation_importance(model, X, labels, feature_mask=[0, 0, 1, 1])
    assert found.score == 1 and found.importances_mean[0] > 0.3 and found.importances_mean[1] == 0


def test_scores():
    X, y = table()
    wrong = permutation_importance(lambda X: np.zeros(len(X)), X, y, scoring="neg_mean_squared_error")
    np.testing.assert_allclose(wrong.score, -np.mean(y ** 2), rtol=1e-5)
    own = permutation_importance(lambda X: X[:, 0], X, y, scoring=lambda y, p: float(p.sum()))
    np.testing.assert_allclose(own.importances_mean, 0, atol=1e-4)


@pytest.mark.parametrize("options, message", [
    ({"scoring": "auc"}, "unknown scoring 'auc'"),
    ({"n_repeats": 0}, "n_repeats to be at least 1, got 0"),
    ({"feature_mask": [0, 1]}, "feature_mask with 4 entries"),
])
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        permutation_importance(lambda X: X[:, 0], *table(20), **options)


def test_wrong_tables():
    X, y = table(20)
    with pytest.raises(ValueError, match="y with 20 rows"):
        permutation_importance(lambda X: X[:, 0], X, y[:5])
    with pytest.raises(TypeError, match="or an estimator with the method predict, got 3"):
        permutation_importance(3, X, y)
    with pytest.raises(ValueError, match=r"X of shape \(rows, columns\)"):
        permutation_importance(lambda X: X[:, 0], y, y)
    with pytest.raises(ValueError, match="expected different values y for r2, got equal ones"):
        permutation_importance(lambda X: X[:, 0], X, np.ones(20))


# ---- predictions for other explainers ----

def test_predict():
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5)).train()
    X = np.random.default_rng(0).normal(size=(7, 4))
    found = explain.predict(model, X)
    weight, bias = (p.detach().numpy() for p in model[0].parameters())
    np.testing.assert_allclose(found, X @ weight.T + bias, atol=1e-5)
    np.testing.assert_allclose(explain.predict(model, X, probabilities=True).sum(1), 1, atol=1e-6)
    assert model.training and model[1].training
    with pytest.raises(TypeError, match="expected a Module, got the function"):
        explain.predict(fastnet.relu, X)
    with pytest.raises(ValueError, match="at least one row"):
        explain.predict(model, X[:0])


def test_predict_fits_kernel_explainer():
    shap = pytest.importorskip("shap")
    model = nn.Linear(4, 1)
    X = np.random.default_rng(0).normal(size=(3, 4))
    explainer = shap.KernelExplainer(lambda X: explain.predict(model, X), np.zeros((1, 4)))
    found = np.asarray(explainer.shap_values(X, silent=True)).reshape(3, 4)
    np.testing.assert_allclose(found, X * model.weight.detach().numpy(), atol=1e-4)
