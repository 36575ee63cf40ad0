"""fastnet's and scikit-learn's estimators with the same parameters: time to fit, and score on held-out samples.

    python -m benchmarks.sklearn_tasks [--runs 5] [--tasks digits,lbfgs,housing] [--dtype float64]

The two take turns with the same seeds, and the tables show medians over the runs. The second table times small calls: a
partial_fit of 32 rows of the digits, and a prediction of one row. Housing and newsgroups are synthetic, with the size
and kind of scikit-learn's California housing and 20 newsgroups, which would have to be downloaded.
"""
import argparse
import statistics
import time
import warnings

import numpy as np
from scipy.sparse import csr_matrix
from sklearn import neural_network
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import fastnet.sklearn


def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y, "Classifier", {}


def lbfgs():
    X, y, kind, _ = digits()
    return X, y, kind, {"solver": "lbfgs", "max_iter": 100}


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y, "Classifier", {}


def housing(n=20_000):
    """Eight columns, some skewed and two a location, and a price that is a nonlinear function of them."""
    rng = np.random.default_rng(0)
    income, age = rng.gamma(3, 1.3, n), rng.uniform(1, 52, n)
    rooms, people = rng.lognormal(1.6, 0.3, n), rng.gamma(2, 1.5, n)
    bedrooms, population = rooms / rng.uniform(4, 6, n), rng.lognormal(7, 0.7, n)
    latitude, longitude = rng.uniform(32.5, 42, n), rng.uniform(-124, -114, n)
    coast = np.exp(-((longitude + 124 - 0.7 * (42 - latitude)) / 1.5) ** 2)
    price = 0.4 * income + 1.5 * coast + 0.1 * np.log(rooms / people) + 0.3 * np.sin(latitude) + 0.005 * age
    X = np.column_stack([income, age, rooms, bedrooms, population, people, latitude, longitude])
    return StandardScaler().fit_transform(X), price + 0.3 * rng.standard_normal(n), "Regressor", {}


def newsgroups(n=11_000, words=22_000, classes=20, length=110):
    """Sparse tf-idf rows: a Zipf distribution of words, some of them typical of a class."""
    rng = np.random.default_rng(0)
    frequency = 1 / (np.arange(words) + 10.0)
    y = rng.integers(0, classes, n)
    typical = rng.integers(0, words, (classes, 400))
    counts = np.maximum(rng.poisson(length, n), 1)
    rows = np.repeat(np.arange(n), counts)
    columns = rng.choice(words, len(rows), p=frequency / frequency.sum())
    of_class = rng.random(len(rows)) < 0.12
    columns[of_class] = typical[y[rows[of_class]], rng.integers(0, 400, of_class.sum())]
    X = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, words))
    X.sum_duplicates()
    X.data *= np.log(n / (1 + np.bincount(X.indices, minlength=words)))[X.indices] + 1
    norms = np.sqrt(X.multiply(X).sum(1)).A1
    X.data /= np.repeat(norms, np.diff(X.indptr))
    return X, y, "Classifier", {"max_iter": 10}


TASKS = {"digits": digits, "lbfgs": lbfgs, "breast-cancer": breast_cancer, "housing": housing, "newsgroups": newsgroups}


def measured(estimator, X, y, X_test, y_test):
    """(seconds to fit, score, epochs)."""
    start = time.perf_counter()
    estimator.fit(X, y)
    seconds = time.perf_counter() - start
    return seconds, estimator.score(X_test, y_test), estimator.n_iter_


def compare(name, runs, dtype):
    """The line of a task in the table."""
    X, y, kind, parameters = TASKS[name]()
    results = {}
    for seed in range(runs):
        data = train_test_split(X.astype(dtype), y, test_size=0.25, random_state=seed)
        X_train, X_test, y_train, y_test = data
        for library in (fastnet.sklearn, neural_network):
            estimator = getattr(library, f"MLP{kind}")(random_state=seed, **parameters)
            results.setdefault(library, []).append(measured(estimator, X_train, y_train, X_test, y_test))
    (ours, our_score, our_epochs), (theirs, their_score, their_epochs) = (
        map(statistics.median, zip(*rows)) for rows in results.values())
    return (f"{name:14} {ours:10.3f} {theirs:10.3f} {theirs / ours:7.1f}x   {our_score:9.4f} {their_score:9.4f}   "
            f"{our_epochs:6.0f} {their_epochs:6.0f}")


def small_calls(runs, dtype):
    """The lines of the second table."""
    X, y, kind, _ = digits()
    X = X.astype(dtype)
    estimators = [getattr(library, f"MLP{kind}")(random_state=0).partial_fit(X, y, classes=range(10))
                  for library in (fastnet.sklearn, neural_network)]
    calls = {"partial_fit": lambda e: e.partial_fit(X[:32], y[:32]), "predict": lambda e: e.predict(X[:1])}
    for name, call in calls.items():
        ours, theirs = (statistics.median(times) for times in zip(
            *([microseconds(call, e) for e in estimators] for _ in range(max(runs, 3)))))
        yield f"{name:14} {ours:10.0f} {theirs:10.0f} {theirs / ours:7.1f}x"


def microseconds(call, estimator, repeats=100):
    start = time.perf_counter()
    for _ in range(repeats):
        call(estimator)
    return (time.perf_counter() - start) / repeats * 1e6


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False, description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="timed fits of each task (default: %(default)s)")
    parser.add_argument("--tasks", default=",".join(TASKS), help="comma-separated tasks to run (default: %(default)s)")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64",
                        help="dtype of the features (default: %(default)s)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{'':14} {'seconds to fit':^21} {'faster':>8}   {'score':^19}   {'epochs':^13}")
    print(f"{'task':14} {'fastnet':>10} {'sklearn':>10} {'':8}   {'fastnet':>9} {'sklearn':>9}   fastnet sklearn")
    for name in arguments.tasks.split(","):
        print(compare(name, arguments.runs, arguments.dtype), flush=True)
    print(f"\n{'':14} {'us a call':^21} {'faster':>8}")
    for line in small_calls(arguments.runs, arguments.dtype):
        print(line, flush=True)


if __name__ == "__main__":
    main()
