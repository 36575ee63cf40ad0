"""Reports to searches of hyperparameters: Optuna's trials, Ray Tune's function."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rank_tools import run_code
from training_tools import Scripted, fitted, weights

import fastnet
from fastnet import callbacks as c


class Trial:
    """What Optuna's trials have."""

    def __init__(self, prune_at=None):
        self.reported, self.prune_at = [], prune_at

    def report(self, value, step):
        self.reported.append((step, value))

    def should_prune(self):
        return self.reported[-1][0] == self.prune_at


def test_each_epoch_is_reported():
    trial = Trial()
    t = fitted(epochs=3, callbacks=[c.Report(trial, "watched"), Scripted(3.0, 1.0, 2.0, name="watched")])
    assert trial.reported == [(1, 3.0), (2, 1.0), (3, 2.0)]
    assert weights(t) == weights(fitted(epochs=3))


def test_a_pruned_trial_ends_the_training():
    optuna = pytest.importorskip("optuna")
    trial = Trial(prune_at=2)
    t = fastnet.Trainer(fastnet.nn.Linear(2, 3), loss="cross_entropy")
    from training_tools import blobs
    with pytest.raises(optuna.TrialPruned, match="pruned after epoch 2"):
        t.fit(*blobs(), epochs=9, validation_split=0.2, progress=False, callbacks=[c.Report(trial)])
    assert len(t.history) == 2 and [step for step, _ in trial.reported] == [1, 2]


RAY = """
import logging, sys
import numpy as np, ray
from ray import tune

def objective(config):
    import fastnet
    x = np.ones((8, 1), np.float32)
    model = fastnet.nn.Linear(1, 1, bias=False)
    fastnet.nn.init.constant_(model.weight, config["weight"])
    trainer = fastnet.Trainer(model, "sgd", lr=0.0, loss="mse")
    trainer.fit(x, x[:, 0], epochs=2, progress=False, callbacks=fastnet.callbacks.Report(tune.report))

for attempt in range(4):
    try:
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        break
    except Exception as error:                  # Ray waits 30 s for its own processes, too short on a busy machine
        if attempt == 3 or "timed out" not in str(error):
            raise
        ray.shutdown()
tuner = tune.Tuner(objective, param_space={"weight": tune.grid_search([1.0, 3.0])},
                   tune_config=tune.TuneConfig(metric="loss", mode="min"),
                   run_config=tune.RunConfig(storage_path=sys.argv[1], verbose=0))
results = tuner.fit()
best = results.get_best_result()
assert len(results) == 2 and not results.errors
print(best.config["weight"], best.metrics["loss"], best.metrics["epoch"])
"""


def test_ray_tune_takes_the_reports(tmp_path):
    pytest.importorskip("ray.tune")
    busy = {"RAY_worker_register_timeout_seconds": "300", "RAY_memory_monitor_refresh_ms": "0",     # kills no process
            "RAY_USAGE_STATS_ENABLED": "0"}
    found = subprocess.run([sys.executable, "-c", RAY, str(tmp_path)], capture_output=True, text=True, timeout=600,
                           env=os.environ | busy)
    assert found.stdout.splitlines()[-1:] == ["1.0 0.0 2"], found.stderr


def test_a_real_study_prunes():
    optuna = pytest.importorskip("optuna")
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=2.0))
        study.enqueue_trial({"loss": 1.0})
        study.enqueue_trial({"loss": 3.0})

        def objective(trial):
            value = trial.suggest_float("loss", 0, 5)
            fitted(epochs=2, callbacks=[c.Report(trial, "watched"), Scripted(value, value, name="watched")])
            return value
        study.optimize(objective, n_trials=2)
    finally:
        optuna.logging.set_verbosity(before)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "PRUNED"]
    assert study.trials[1].intermediate_values == {1: 3.0}


def test_a_function_gets_all_numbers():
    rows = []
    fitted(epochs=2, callbacks=[c.Report(rows.append)], validation_split=0.2)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"loss", "accuracy", "validation_loss", "lr"} <= set(rows[0])
    assert all(isinstance(value, (int, float)) for row in rows for value in row.values())


def test_wrong_targets():
    with pytest.raises(TypeError, match=r"an Optuna trial or a function such as ray.tune.report, got 3"):
        c.Report(3)
    with pytest.raises(TypeError, match="expected monitor to be the name"):
        c.Report(Trial(), 3)
    with pytest.raises(ValueError, match="expected no monitor for a function, which takes all numbers, got 'nope'"):
        c.Report(print, "nope")
    with pytest.raises(ValueError, match=r"no number 'validation_loss' to monitor: .*'loss'"):
        fitted(callbacks=[c.Report(Trial())])


# ---- ranks ----------------------------------------------------------------------------------------------------------

RANKS = """
from test_report import Trial
from training_tools import blobs, perceptron
trainer = fastnet.Trainer(perceptron(), "adamw", loss="cross_entropy")
trial = Trial(prune_at=2) if dist.get_rank() == 0 else None
try:
    trainer.fit(*blobs(128), epochs=5, validation_split=0.2, progress=False,
                callbacks=[fastnet.callbacks.Report(trial)])
except Exception as error:
    print(type(error).__name__, len(trainer.history))
"""


def test_rank_0_reports_and_decides_for_all():
    pytest.importorskip("optuna")
    code = f"import sys; sys.path.append({str(Path(__file__).parent)!r})\n{RANKS}"
    assert run_code(2, code) == ["TrialPruned 2\n"] * 2


def test_rank_0_needs_a_trial():
    with pytest.raises(TypeError, match="an Optuna trial or a function on rank 0, got None"):
        fitted(callbacks=[c.Report(None)])
