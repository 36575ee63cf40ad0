"""Trainings that run eagerly have the bits of compiled ones: `Trainer(compile=False)` and FASTNET_COMPILE=0."""
import numpy as np
import pytest
from training_tools import blobs, trainer, weights, without_seconds

import fastnet
from fastnet import callbacks as cb, nn

MODELS = {
    "dropout": lambda: nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3)),
    "batch norm": lambda: nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3)),
}
HOOKS = {
    "none": list, "clipping": lambda: [cb.GradientClipping(0.1)], "accumulation": lambda: [cb.GradientAccumulation(3)],
    "average": lambda: [cb.ExponentialMovingAverage(0.9)],
    "schedule": lambda: [cb.LearningRateSchedule("one_cycle"), cb.EarlyStopping("validation_loss", patience=2)],
}


def training(model, hooks, optimizer="adamw", **options):
    fastnet.manual_seed(3)
    t = fastnet.Trainer(MODELS[model](), optimizer, lr=0.01, loss="cross_entropy", metrics=["accuracy", "f1"],
                        **options)
    x, y = blobs(103)
    t.fit(x, y, epochs=3, batch_size=16, validation_split=0.2, class_weight="balanced", callbacks=HOOKS[hooks](),
          progress=False)
    results = t.evaluate(x, y), t.predict_proba(x).tobytes()
    return weights(t), without_seconds(t.history), results, fastnet.get_rng_state().tolist()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("hooks", HOOKS)
def test_the_same_bits_eagerly(model, hooks):
    assert training(model, hooks, compile=False) == training(model, hooks)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "adagrad"])
def test_the_same_bits_by_the_environment(optimizer, monkeypatch):
    compiled = training("dropout", "none", optimizer)
    monkeypatch.setenv("FASTNET_COMPILE", "0")
    assert training("dropout", "none", optimizer) == compiled


def test_python_runs_at_every_step():
    class Counting(nn.Linear):
        calls = 0

        def forward(self, input):
            type(self).calls += 1
            return super().forward(input) * self.calls
    t = trainer(model=Counting(2, 3))
    t.compile = False
    t.fit(*blobs(64), epochs=2, batch_size=16, progress=False)
    assert Counting.calls == 8


def test_a_wrong_label_leaves_an_eager_training_as_it_was():
    t = trainer(metrics=["accuracy"])
    t.compile = False
    x, y = blobs(32)
    before = weights(t)
    with pytest.raises(IndexError):
        t.fit(x, np.where(np.arange(32) == 5, 7, y), progress=False)
    assert weights(t) == before


def test_compiled_functions_run_eagerly_where_the_environment_says_so(monkeypatch):
    monkeypatch.setenv("FASTNET_COMPILE", "0")
    calls = []
    double = fastnet.compile(lambda x: (calls.append(x.sum().item()), x * 2)[1])
    assert double(fastnet.ones(2)).tolist() == double(fastnet.ones(2)).tolist() == [2.0, 2.0]
    assert calls == [2.0, 2.0] and len(double) == 0
    monkeypatch.setenv("FASTNET_COMPILE", "no")
    with pytest.raises(ValueError, match="FASTNET_COMPILE must be 0"):
        fastnet.compile(lambda x: x)


def test_disable_compiles_nothing():
    @fastnet.compile(disable=True)
    def double(x):
        return x * 2 if x.sum() > 0 else x
    assert double(fastnet.ones(2)).tolist() == [2.0, 2.0] and double(-fastnet.ones(2)).tolist() == [-1.0, -1.0]


@pytest.mark.parametrize("options", [{}, {"solver": "lbfgs", "max_iter": 10}, {"early_stopping": True},
                                     {"dropout": 0.3, "batch_norm": True}], ids=str)
def test_estimators_have_the_same_bits_eagerly(options):
    pytest.importorskip("sklearn", minversion="1.7")
    from sklearn.exceptions import ConvergenceWarning

    from fastnet.sklearn import MLPClassifier
    x, y = blobs(150)
    with pytest.warns(ConvergenceWarning):
        found = [MLPClassifier((9,), random_state=0, compile=compile, **{"max_iter": 4} | options).fit(x, y)
                 .predict_proba(x).tobytes() for compile in (True, False)]
    assert found[0] == found[1]
