"""The Trainer on several ranks: the same bits on 1, 2 and 4 of them, over sockets and MPI, also after a resume."""
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sharded
from mpi_tools import mpirun
from rank_tools import SHARDED, TOKEN, finish, run, settings, start
from training_tools import blobs, perceptron

import fastnet
from fastnet import callbacks as c
from fastnet.data import DataLoader, TensorDataset
from fastnet.training.shards import Shards, shards_of

EPOCHS = 10                             # of 21 batches
SHARDS = 8


def digests(outputs):
    """The SHA-256 of each rank; all have made the same number of updates."""
    found = [re.fullmatch(r"rank (\d+) (\d+) (\w+)\n", text).groups() for text in outputs]
    assert [int(rank) for rank, _, _ in found] == list(range(len(outputs)))
    return {digest for _, _, digest in found}


@pytest.fixture(scope="module")
def alone():
    trainer = sharded.make_trainer(SHARDS)
    sharded.train(trainer, EPOCHS)
    assert trainer.step >= 200
    return sharded.digest(trainer)


@pytest.mark.parametrize("ranks", [2, 4])
def test_the_same_bits_on_any_number_of_ranks(ranks, alone):
    assert digests(run(ranks, SHARDED, "-", SHARDS, EPOCHS)) == {alone}


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_the_same_bits_over_mpi(ranks, alone):
    found = mpirun(ranks, SHARDED, "-", SHARDS, EPOCHS, "mpi")
    assert digests(sorted(re.findall("rank.*\n", found.stdout))) == {alone}, found.stderr


def test_resumed_on_another_number_of_ranks(tmp_path, alone):
    """Four ranks, of which one is killed; then two, that are interrupted; then one."""
    command = [sys.executable, "-m", "fastnet", "launch", "--nproc", "4", str(SHARDED), str(tmp_path), str(SHARDS),
               str(EPOCHS)]
    [environment] = settings(1)
    for name in ("RANK", "WORLD_SIZE", TOKEN):
        environment.pop(name)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          cwd=tmp_path) as launcher:
        while not (tmp_path / "checkpoint.safetensors").exists():
            assert launcher.poll() is None, launcher.communicate()[1]
            time.sleep(0.01)
        os.kill(rank_process(launcher.pid, 2), signal.SIGKILL)
        begin = time.monotonic()
        _, error = launcher.communicate(timeout=60)
    assert time.monotonic() - begin < 5
    assert launcher.returncode == 1
    assert "fastnet: error: rank 2 was ended by signal 9 (SIGKILL); the other ranks were ended" in error
    assert digests(run(2, SHARDED, tmp_path, SHARDS, EPOCHS, "sockets", 150)) != {alone}
    trainer = sharded.make_trainer(SHARDS)
    sharded.train(trainer, EPOCHS, tmp_path)
    assert sharded.digest(trainer) == alone


def rank_process(launcher, rank):
    """The process of a rank of a launcher."""
    for status in Path("/proc").glob("[0-9]*/status"):
        text = status.read_text()
        if f"\nPPid:\t{launcher}\n" in text and f"RANK={rank}\0" in (status.parent / "environ").read_text():
            return int(status.parent.name)
    raise ProcessLookupError(rank)


# ---- what the ranks share --------------------------------------------------------------------------------------------

WITHOUT_SHARDS = """
import sys
from training_tools import blobs, perceptron, weights
import fastnet
from fastnet import callbacks as c
trainer = fastnet.Trainer(perceptron(dropout=0.1), "sgd", lr=0.1, loss="cross_entropy", metrics=["accuracy"])
x, y = blobs()
history = trainer.fit(x, y, epochs=3, batch_size=30, validation_split=0.2, sample_weight=y + 1.0, callbacks=[
    c.GradientAccumulation(2), c.EarlyStopping(patience=1), c.CSVLogger("history.csv"),
    c.ModelCheckpoint("m.safetensors")])
from fastnet.data.arrays import fingerprint
print("end", trainer.step, fingerprint(*[p.detach() for p in trainer.model.parameters()]))
"""


@pytest.mark.parametrize("ranks", [2, 3])
def test_any_script_with_a_trainer_is_distributed_by_the_launcher(ranks, tmp_path):
    """Without shards each rank computes one part of each batch; rank 0 prints and writes."""
    outputs = run(ranks, "-c", WITHOUT_SHARDS, cwd=tmp_path)
    assert len({text.splitlines()[-1] for text in outputs}) == 1
    assert [text.count("epoch") for text in outputs] == [3] + [0] * (ranks - 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "m.safetensors"]


def test_any_script_with_a_trainer_is_distributed_by_mpirun(tmp_path):
    found = mpirun(2, "-c", WITHOUT_SHARDS, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("epoch") == 3
    [one, other] = re.findall("end .*", found.stdout)
    assert one == other


def test_separate_trainings_under_mpirun():
    """A program that wants them says so; one that trains nothing does not load MPI."""
    found = mpirun(2, "-c", "import sys, fastnet.distributed as dist\nassert 'mpi4py' not in sys.modules\n"
                   "dist.init_process_group('sockets', world_size=1, rank=0)\n" +
                   SEPARATE + "assert 'mpi4py' not in sys.modules")
    assert found.returncode == 0, found.stderr


SEPARATE = """
import os, numpy as np, fastnet
x = np.full((8, 2), os.getpid(), np.float32)
fastnet.Trainer(fastnet.nn.Linear(2, 1), loss="mse").fit(x, x[:, 0], progress=False)
"""


def test_ranks_of_another_launcher_do_not_train_separate_models():
    """Without the token, which only `fastnet launch` sets, they cannot join."""
    ranks = settings(2)
    for environment in ranks:
        del environment[TOKEN]
    codes, _, errors = finish(start(ranks, "-c", SEPARATE))
    assert codes == [1, 1]
    assert all(f"expected a secret token in the environment variable {TOKEN}" in error for error in errors)


def test_gradients_of_shards_are_those_of_the_batch():
    """Without batch norm and dropout, shards change the order of sums only."""
    x, y = blobs()
    results = []
    for shards in (None, 1, 4):
        for weight in (None, y + 1.0):
            t = fastnet.Trainer(perceptron(), "sgd", lr=0.5, loss="cross_entropy", shards=shards)
            t.fit(x, y, epochs=2, batch_size=64, sample_weight=weight, progress=False,
                  callbacks=[c.GradientAccumulation(2)])
            results.append([p.detach().numpy() for p in t.model.parameters()])
    for i, weights in enumerate(results):
        for a, b in zip(weights, results[i % 2]):
            assert abs(a - b).max() < 1e-5


@pytest.mark.parametrize("loss", [fastnet.nn.MSELoss(reduction="sum"), "mse", lambda o, t: ((o - t) ** 2).mean()])
def test_losses_of_shards(loss):
    x, y = blobs()
    found = []
    for shards in (None, 2):
        t = fastnet.Trainer(perceptron(outputs=1), "sgd", lr=1e-4, loss=loss, shards=shards)
        t.fit(x, y[:, None].astype("float32"), epochs=2, batch_size=50, progress=False)
        found.append([p.detach().numpy() for p in t.model.parameters()])
    assert all(abs(a - b).max() < 1e-5 for a, b in zip(*found))


def test_small_batches_and_other_loaders():
    """Shards of a last, small batch are empty; with batch norm each shard has two samples or none."""
    assert Shards(8, 0, 1, 1).bounds(3) == [(0, 1), (1, 2), (2, 3)] + [(3, 3)] * 5
    assert Shards(4, 0, 1, 2).bounds(5) == [(0, 2), (2, 5), (5, 5), (5, 5)]
    x, y = sharded.images(37, 0)
    found = []
    for batches in (DataLoader(TensorDataset(x, y), 12), [(x[i:i + 12], y[i:i + 12]) for i in range(0, 25, 12)]):
        fastnet.manual_seed(0)
        t = fastnet.Trainer(sharded.network(), "sgd", lr=0.1, loss="cross_entropy", shards=8)
        if isinstance(batches, list):                   # the last batch of one sample is merged
            batches[-1] = x[24:], y[24:]
        t.fit(Batches(batches), epochs=2, progress=False)
        found.append(sharded.digest(t))
    assert found[0] == found[1]


class Batches:
    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def test_running_statistics_are_one_update_with_the_mean_of_the_shards():
    x, y = sharded.images(16, 0)
    norm = fastnet.nn.BatchNorm2d(1)
    model = fastnet.nn.Sequential(norm, fastnet.nn.Flatten(), fastnet.nn.Linear(36, 3))
    fastnet.Trainer(model, "sgd", loss="cross_entropy", shards=4).fit(x, y, batch_size=16, progress=False,
                                                                      shuffle=False)
    parts = x.reshape(4, -1)
    assert int(norm.num_batches_tracked) == 1
    assert abs(norm.running_mean.item() - 0.1 * parts.mean(1).mean()) < 1e-6
    assert abs(norm.running_var.item() - (0.9 + 0.1 * parts.var(1, ddof=1).mean())) < 1e-5


# ---- what is refused -------------------------------------------------------------------------------------------------

def test_wrong_shards():
    with pytest.raises(ValueError, match=r"shards to be a power of two, .* got 6"):
        fastnet.Trainer(perceptron(), loss="mse", shards=6)
    with pytest.raises(TypeError, match="shards"):
        fastnet.Trainer(perceptron(), loss="mse", shards=2.0)
    with pytest.raises(ValueError, match=r"divides shards=8 \(1, 2, 4, 8\), got 3$"):
        shards_of(8, 0, 3, 1)


UNLIKE = """
import sys, numpy as np
from training_tools import blobs
import fastnet, fastnet.distributed as dist
from fastnet import nn
dist.init_process_group(timeout=20)
rank = dist.get_rank()
x, y = blobs(seed=rank if sys.argv[1] == "data" else 0)
if sys.argv[1] == "nan":
    x[20] = np.nan                                      # in the second shard of the first batch
model = nn.Linear(2, 3, bias=not (rank and sys.argv[1] == "model"))
trainer = fastnet.Trainer(model, "sgd", loss="cross_entropy", shards=2 if sys.argv[1] != "shards" else 1)
loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(x, y), 32)
if sys.argv[1] == "sampler":
    data = fastnet.data.samples.TensorDataset(*map(fastnet.from_numpy, (x, y)))
    loader = fastnet.data.samples.DataLoader(data, 32, sampler=dist.DistributedSampler(data))
trainer.fit(loader, epochs=2 if rank or sys.argv[1] != "epochs" else 1)
"""


@pytest.mark.parametrize("what, message", [
    ("data", r"rank 1 differs from rank 0: data: \d+ on rank 0, \d+ on rank 1"),
    ("model", r"rank 1 differs from rank 0: bias: '\(3,\) float32' on rank 0, None on rank 1"),
    ("epochs", "rank 1 differs from rank 0: epochs: 1 on rank 0, 2 on rank 1"),
    ("shards", r"divides shards=1 \(1\), got 2"),
    ("sampler", "the Trainer gives each rank its part of each batch"),
])
def test_ranks_that_differ_are_refused_on_both(what, message):
    codes, _, errors = run(2, "-c", UNLIKE, what, check=False)
    assert codes == [1, 1]
    assert all(re.search(message, error) for error in errors), errors


def test_data_that_is_not_finite_on_one_rank():
    codes, _, [first, second] = run(2, "-c", UNLIKE, "nan", check=False)
    assert codes == [1, 1]
    assert "ValueError: the inputs of batch 1 of epoch 1" in second and "rank 1 has ended" in first


def test_a_checkpoint_of_other_shards_is_refused(tmp_path):
    sharded.train(sharded.make_trainer(2), 1, tmp_path)
    with pytest.raises(ValueError, match="shards: 2 there, 4 here"):
        sharded.train(sharded.make_trainer(4), 1, tmp_path)


UNFROZEN = """
import numpy as np, fastnet
from fastnet import callbacks, nn
from fastnet.data.arrays import fingerprint
def trained(shards, callback):
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2))
    fastnet.transfer.freeze(model, ["0", "2"])
    x = np.random.default_rng(0).standard_normal((128, 8)).astype(np.float32)
    trainer = fastnet.Trainer(model, "sgd", lr=0.5, loss="cross_entropy", shards=shards)
    trainer.fit(x, (x[:, 0] > 0).astype(np.int64), epochs=4, batch_size=32, progress=False, callbacks=callback)
    return trainer
gradual = callbacks.GradualUnfreezing(["2", "0"])
sharded = trained(4, gradual)
print(fingerprint(*sharded.model.state_dict().values()))
"""


def test_parameters_that_are_unfrozen_during_the_training():
    """Their gradients are those of all shards, on one rank and on two."""
    whole = "assert np.allclose(sharded.history['loss'], trained(None, gradual).history['loss'], atol=1e-5)"
    [alone] = run(1, "-c", UNFROZEN + whole)
    assert set(run(2, "-c", UNFROZEN)) == {alone}


def test_parameters_that_are_unfrozen_within_an_update():
    class Unfreeze(c.Callback):
        def on_batch_end(self, trainer):
            trainer.model.requires_grad_(True)

    x, y = blobs(64)
    trainer = fastnet.Trainer(perceptron(), loss="cross_entropy", shards=2)
    fastnet.transfer.freeze(trainer.model, "0")
    with pytest.raises(RuntimeError, match="frozen or unfrozen between the batches of one update"):
        trainer.fit(x, y, batch_size=16, progress=False, callbacks=[Unfreeze(), c.GradientAccumulation(2)])


def test_other_ranks_make_no_folder_of_checkpoints(monkeypatch, tmp_path):
    monkeypatch.setattr("fastnet._core.world.is_first_rank", lambda: False)
    x, y = blobs(64)
    trainer = fastnet.Trainer(perceptron(), loss="cross_entropy")
    trainer.fit(x, y, progress=False, callbacks=c.Checkpoint(tmp_path / "run", seconds=0))
    assert not (tmp_path / "run").exists()
