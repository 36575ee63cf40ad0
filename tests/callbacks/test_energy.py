"""The Energy callback: joules of a made-up powercap tree, estimates, counts in the history, and resumption."""
import json
import subprocess
import sys
import time
import types

import pytest
from powercap_tools import RANGE, spend, zone
from rank_tools import run_code
from training_tools import blobs, fitted, trainer, weights, without_seconds

import fastnet
from fastnet import callbacks as c
from fastnet.callbacks import energy as energy_module

X, Y = blobs(100)


class Spending(c.Callback):
    """Lets a counter advance at each batch."""

    def __init__(self, folder, microjoules):
        self.folder, self.microjoules = folder, microjoules

    def on_batch_end(self, trainer):
        spend(self.folder, self.microjoules)


def test_joules_of_the_counters(tmp_path):
    """Four batches an epoch; the counter starts again from 0 in the second epoch."""
    package = zone(tmp_path, "intel-rapl:0", "package-0", RANGE - 6_500_000)
    energy = c.Energy(powercap=tmp_path)
    t = fitted(X, Y, epochs=3, callbacks=[Spending(package, 1_000_000), energy])
    assert energy.source == "rapl" and energy.why_estimated is None
    assert t.history["joules"] == pytest.approx([4.0, 4.0, 4.0])
    assert energy.report() == {"source": "rapl", **energy.total}
    assert energy.total["joules"] == pytest.approx(12.0) and "joules_estimated" not in energy.total


def test_counters_are_read_between_two_overflows(tmp_path, monkeypatch):
    """A counter that overflows twice in an epoch is read often enough."""
    monkeypatch.setattr(energy_module, "_INTERVAL", 0.0)
    package = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    t = fitted(X, Y, epochs=1, callbacks=[Spending(package, RANGE * 3 // 4), c.Energy(powercap=tmp_path)])
    assert t.history["joules"] == pytest.approx([4 * (RANGE * 3 // 4) * 1e-6])


def test_an_estimate_is_marked(tmp_path):
    energy = c.Energy(7.0, powercap=tmp_path)
    t = fitted(X, Y, epochs=2, callbacks=[energy])
    assert energy.source == "estimated" and energy.why_estimated == f"{tmp_path} has no energy counters"
    assert "joules" not in t.history.columns
    assert t.history["joules_estimated"] == pytest.approx([7.0 * seconds for seconds in t.history["cpu_seconds"]])
    report = energy.report()
    assert report["watts_per_core"] == 7.0 and report["why_estimated"] == energy.why_estimated


def test_cpu_seconds_are_those_of_the_process(tmp_path):
    class Busy(c.Callback):
        def on_epoch_end(self, trainer):
            end = time.process_time() + 0.05
            while time.process_time() < end:
                pass
    t = fitted(X, Y, epochs=2, callbacks=[c.Energy(powercap=tmp_path), Busy()])
    assert t.history["cpu_seconds"][1] >= 0.05


def test_counters_that_vanish_become_an_estimate(tmp_path):
    package = zone(tmp_path, "intel-rapl:0", "package-0", 0)

    class Vanishing(c.Callback):
        def on_epoch_begin(self, trainer):
            if trainer.epoch == 1:
                (package / "energy_uj").unlink()
    energy = c.Energy(powercap=tmp_path)
    t = fitted(X, Y, epochs=2, callbacks=[energy, Vanishing()])
    assert t.history["joules"] == [0.0, None] and t.history["joules_estimated"][1] > 0
    assert energy.source == "estimated" and "energy_uj" in energy.why_estimated


def test_counts_are_those_of_the_steps(tmp_path):
    """100 samples in batches of 32, 32, 32 and 4; validation in one batch."""
    t = fastnet.Trainer(trainer().model, "adamw", loss="cross_entropy")
    t.fit(X, Y, epochs=2, batch_size=32, validation_data=blobs(40, seed=1), progress=False,
          callbacks=[c.Energy(powercap=tmp_path)])

    def forward(rows):                          # 2-16-3 with ReLU; softmax, and the mean of the losses
        return 2 * rows * (2 * 16 + 16 * 3) + rows * 16 + 5 * rows * 3 + 2 * rows + 1

    def step(rows):                             # and gradients of the logits, products, ReLU and biases; AdamW
        products = 2 * rows * (2 * 16 + 2 * 16 * 3)
        return forward(rows) + rows * 3 + products + rows * 16 + rows * (16 + 3) + 14 * (32 + 16 + 48 + 3)
    assert t.history["flops"] == [3 * step(32) + step(4)] * 2
    assert t.history["validation_flops"] == [forward(40)] * 2
    assert len(set(t.history["bytes"])) == len(set(t.history["validation_bytes"])) == 1


@pytest.mark.parametrize("compile", [True, False])
def test_counts_do_not_depend_on_recordings(tmp_path, compile):
    t = fastnet.Trainer(trainer(0.2).model, "adam", loss="cross_entropy", compile=compile)
    t.fit(X, Y, epochs=2, batch_size=30, progress=False, callbacks=[c.Energy(powercap=tmp_path)])
    found = (t.history["flops"], t.history["bytes"])
    FOUND.setdefault("first", found)
    assert found == FOUND["first"]


FOUND = {}


def test_the_training_keeps_its_bits(tmp_path):
    assert weights(fitted(dropout=0.2, callbacks=[c.Energy(powercap=tmp_path)])) == weights(fitted(dropout=0.2))


def test_a_second_fit_is_counted_too(tmp_path):
    t = trainer()
    t.fit(X, Y, epochs=1, progress=False)
    t.fit(X, Y, epochs=1, progress=False, callbacks=[c.Energy(powercap=tmp_path)])
    t.fit(X, Y, epochs=1, progress=False)
    assert t.observers == {}
    assert [row.get("flops", 0) > 0 for row in t.history] == [False, True, False]


def test_accumulated_updates_are_counted(tmp_path):
    def flops(*callbacks):
        return fitted(X[:96], Y[:96], epochs=1, callbacks=[c.Energy(powercap=tmp_path), *callbacks]).history["flops"][0]
    assert flops() - flops(c.GradientAccumulation(3)) > 14 * (32 + 16 + 48 + 3)         # one update instead of three


def test_a_resumed_training_continues_its_counts(tmp_path):
    class Stop(c.Callback):
        def on_batch_end(self, trainer):
            trainer.interrupted = trainer.step == 6
    whole = fitted(X, Y, epochs=3, callbacks=[c.Energy(powercap=tmp_path)])
    energy = [c.Energy(powercap=tmp_path) for _ in range(2)]
    fitted(X, Y, epochs=3, callbacks=[energy[0], c.Checkpoint(tmp_path / "run", seconds=0), Stop()])
    t = fitted(X, Y, epochs=3, resume=tmp_path / "run", callbacks=[energy[1], c.Checkpoint(tmp_path / "run")])
    assert t.history["flops"] == whole.history["flops"]
    assert energy[1].total["flops"] == sum(whole.history["flops"])


def test_lines_of_progress_and_plots_leave_the_columns_out(tmp_path, capsys):
    t = fitted(X, Y, epochs=1, progress=True, callbacks=[c.Energy(powercap=tmp_path), c.CSVLogger(tmp_path / "h.csv")])
    assert "flops" not in capsys.readouterr().out
    assert t.history.panels() == ["loss", "accuracy"]
    assert "flops" in (tmp_path / "h.csv").read_text().splitlines()[0]
    assert without_seconds(t.history)[0]["flops"] > 0


# ---- carbon ---------------------------------------------------------------------------------------------------------

def fake_codecarbon(monkeypatch, grams):
    """CodeCarbon's classes, with one country."""
    class Source:
        def get_global_energy_mix_data(self):
            return {"DEU": {}}

    class Emissions:
        def __init__(self, source):
            assert isinstance(source, Source)

        def get_country_emissions(self, energy, place):
            assert place.country_iso_code == "DEU"
            return energy.kWh * grams / 1000

    def module(name, **contents):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        vars(sys.modules[name]).update(contents)
    kilowatt_hours = types.SimpleNamespace(from_energy=lambda kWh: types.SimpleNamespace(kWh=kWh))
    for name in ("codecarbon", "codecarbon.core", "codecarbon.external"):
        module(name)
    module("codecarbon.input", DataSource=Source)
    module("codecarbon.core.emissions", Emissions=Emissions)
    module("codecarbon.core.units", Energy=kilowatt_hours)
    module("codecarbon.external.geography", GeoMetadata=types.SimpleNamespace)


def test_carbon_is_joules_times_the_intensity_of_a_country(tmp_path, monkeypatch):
    fake_codecarbon(monkeypatch, grams=360)
    package = zone(tmp_path, "intel-rapl:0", "package-0")
    energy = c.Energy(country="DEU", powercap=tmp_path)
    t = fitted(X, Y, epochs=1, callbacks=[Spending(package, 900_000), energy])
    assert t.history["carbon_kg"] == pytest.approx([3.6 / 3.6e6 * 0.36])
    assert energy.report()["country"] == "DEU"


def test_codecarbons_own_data(tmp_path):
    pytest.importorskip("codecarbon.core.emissions")
    rate = c.carbon.carbon_per_joule("FRA") * 3.6e6
    assert 0.01 < rate < 0.2                    # kilograms of CO2 a kilowatt-hour: France's electricity is nuclear
    with pytest.raises(ValueError, match="CodeCarbon has no country 'DE'"):
        fitted(X, Y, callbacks=[c.Energy(country="DE", powercap=tmp_path)])


BESIDE_CODECARBON = """
import os, sys
import numpy as np, fastnet
from codecarbon import OfflineEmissionsTracker
tracker = OfflineEmissionsTracker(
    country_iso_code="DEU", tracking_mode="process", force_cpu_power=10 * os.cpu_count(), measure_power_secs=1,
    log_level="error", save_to_file=False, allow_multiple_runs=True)
x = np.random.default_rng(0).standard_normal((4000, 256)).astype(np.float32)
model = fastnet.nn.Sequential(fastnet.nn.Linear(256, 512), fastnet.nn.ReLU(), fastnet.nn.Linear(512, 2))
trainer = fastnet.Trainer(model, "adamw", loss="cross_entropy")
energy = fastnet.callbacks.Energy(10, powercap=sys.argv[1])
tracker.start()
trainer.fit(x, (x[:, 0] > 0).astype(np.int64), epochs=60, callbacks=[energy], progress=False)
tracker.stop()
print(energy.total["joules_estimated"], tracker.final_emissions_data.cpu_energy * 3.6e6)
"""


def test_the_estimate_beside_codecarbons(tmp_path):
    """CodeCarbon's estimate of a process, for the same watts of a core; it includes the tracker's own work."""
    pytest.importorskip("codecarbon")
    found = subprocess.run([sys.executable, "-c", BESIDE_CODECARBON, str(tmp_path)], capture_output=True, text=True,
                           timeout=200)
    assert found.returncode == 0, found.stderr
    ours, theirs = map(float, found.stdout.splitlines()[-1].split())
    assert theirs / 1.25 < ours < theirs * 1.25, (ours, theirs)


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: c.Energy(0), ValueError, "expected watts_per_core > 0, got 0"),
    (lambda: c.Energy("many"), TypeError, "expected watts_per_core to be a number"),
    (lambda: c.Energy(country=49), TypeError, "expected country to be an ISO code"),
    (lambda: c.Energy(powercap=None), TypeError, "expected powercap to be a path"),
])
def test_wrong_makings(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_repr():
    assert repr(c.Energy()) == "Energy()"
    assert repr(c.Energy(8, country="DEU")) == "Energy(watts_per_core=8, country='DEU')"


# ---- shards and ranks -----------------------------------------------------------------------------------------------

RANKS = """
import json
from training_tools import blobs, perceptron
trainer = fastnet.Trainer(perceptron(), "adamw", loss="cross_entropy", shards=4)
energy = fastnet.callbacks.Energy(powercap={root!r})
x, y = blobs(128)
trainer.fit(x, y, epochs=2, batch_size=32, validation_data=blobs(64, seed=1), progress=False, callbacks=[energy])
print(json.dumps(trainer.history.rows))
"""
UPDATE = 14 * (32 + 16 + 48 + 3)        # FLOPs of AdamW on the perceptron


def test_shards_are_counted(tmp_path):
    """The shards of a batch cost what the batch does, apart from a few operations on scalars; so does the update."""
    def flops(**options):
        t = fastnet.Trainer(trainer().model, "adamw", loss="cross_entropy", **options)
        t.fit(*blobs(128), epochs=1, batch_size=32, progress=False, callbacks=[c.Energy(powercap=tmp_path)])
        return t.history["flops"][0]
    plain, cut = flops(), flops(shards=4)
    assert 0 <= cut - plain < 4 * 4 * 200 and plain > 4 * UPDATE


def test_ranks_are_added(tmp_path):
    """Two ranks: the same steps, with an update on each."""
    [alone] = run_code(1, RANKS.format(root=str(tmp_path)))
    both = run_code(2, RANKS.format(root=str(tmp_path)))
    alone, first, second = map(json.loads, (alone, *both))
    for one, rank, other in zip(alone, first, second):
        assert rank["flops"] == other["flops"] == one["flops"] + 4 * UPDATE
        assert rank["validation_flops"] == other["validation_flops"]
        assert rank["joules_estimated"] == pytest.approx(10 * rank["cpu_seconds"])


def test_counters_of_a_machine_count_once():
    def rank(machine, joules, source="rapl"):
        return {"source": source, "machine": machine, "joules": joules, "cpu_seconds": 1.0, "flops": 7}
    found = energy_module._sum_of_ranks([rank("a", 5.0), rank("a", 5.1), rank("b", 2.0), rank("c", 3.0, "estimated")])
    assert found == {"joules": pytest.approx(7.1), "joules_estimated": 3.0, "cpu_seconds": 4.0, "flops": 28}
