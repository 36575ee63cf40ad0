"""Trainings that are interrupted from the command line, and gone on with."""
import re
import shlex
import signal
import threading

import numpy as np
import pytest
from cli_tools import QUICK, failure, fastnet, flowers
from processes import interpreter, start

import fastnet as fn
from fastnet import cli
from fastnet._io.tensor_file import read_tensors
from fastnet.backend import backend
from fastnet.callbacks import Callback
from fastnet.cli import run as runs

LONG = ["train", "digits", "--epochs", "60", "--hidden", "32", "--patience", "50"]
# Ctrl-C is not ignored, as it is in what a shell started in the background
COMMAND = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); " \
          "from fastnet.cli import main; sys.exit(main())"


def tensors(path):
    return {name: x.numpy().tobytes() for name, x in fn.load_file(path).items()}


def test_interrupted_and_gone_on_with(tmp_path):
    """A real signal; the command that is printed then ends with the bits of a training that was left alone."""
    saved, alone = tmp_path / "saved.safetensors", tmp_path / "alone.safetensors"
    fastnet(*LONG, "--save", alone, "--quiet")
    with start("-c", COMMAND, *LONG, "--resume", tmp_path / "a run", "--save", saved,
               FASTNET_BACKEND=backend()) as process:
        for line in process.stdout:
            if line.startswith("epoch  3/60"):
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=100)
    assert process.returncode == 130
    assert not saved.exists()
    [line] = err.splitlines()
    command = re.fullmatch(r"fastnet: interrupted in epoch \d+ of 60; to continue, run: fastnet (.*)", line)[1]
    done = interpreter("-m", "fastnet", *shlex.split(command), timeout=600, FASTNET_BACKEND=backend())
    assert "continuing from the checkpoint in" in done.stdout
    assert "epoch  3/60" not in done.stdout
    assert tensors(saved) == tensors(alone)


# ---- in this process ------------------------------------------------------------------------------------------------

class Interrupting(Callback):
    """Sends SIGINT after some batches."""

    def __init__(self, *steps):
        self.steps, self.done = steps, []

    def on_batch_end(self, trainer):
        self.done.append(trainer.step)
        for _ in range(self.steps.count(trainer.step)):
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(name="interrupting")
def _interrupting(monkeypatch):
    """A function that makes the next training be interrupted after these steps, once or more."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    usual = runs.Run._callbacks

    def interrupt(*steps):
        callback = Interrupting(*steps)
        monkeypatch.setattr(runs.Run, "_callbacks", lambda run, *given: [*usual(run, *given), callback])
        return callback
    yield interrupt
    signal.signal(signal.SIGINT, before)


def test_the_first_interruption_ends_after_the_batch(tmp_path, capsys, interrupting):
    callback = interrupting(7)
    line = failure(capsys, *QUICK, "--resume", tmp_path / "run", code=130)
    assert line.startswith("fastnet: interrupted in epoch 1 of 2; to continue, run: fastnet train digits")
    assert callback.done[-1] == 7
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["checkpoint.safetensors", "fastnet.json"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class InterruptingTheLast(Callback):
    """Sends SIGINT as the last epoch is measured, or the one that shall be the last."""

    def __init__(self, stops):
        self.stops = stops

    def on_validation_begin(self, trainer):
        if trainer.epoch == (0 if self.stops else trainer.epochs - 1):
            signal.raise_signal(signal.SIGINT)
            trainer.stop = self.stops


@pytest.mark.parametrize("stops", [False, True])
def test_an_interruption_as_the_training_ends_loses_nothing(tmp_path, capsys, monkeypatch, interrupting, stops):
    usual = runs.Run._callbacks
    monkeypatch.setattr(runs.Run, "_callbacks", lambda *args: [*usual(*args), InterruptingTheLast(stops)])
    fastnet(*QUICK, "--save", tmp_path / "m.safetensors")
    assert "test accuracy: " in capsys.readouterr().out
    assert len(fn.load(tmp_path / "m.safetensors")) > 0


def test_without_a_folder_nothing_is_kept(tmp_path, capsys, interrupting):
    interrupting(7)
    assert failure(capsys, *QUICK, code=130) == (
        "fastnet: interrupted in epoch 1 of 2; nothing was saved: use --resume FOLDER to be able to continue later")


def test_the_second_interruption_ends_at_once(tmp_path, capsys, interrupting):
    callback = interrupting(7, 7)
    assert failure(capsys, *QUICK, "--resume", tmp_path / "run", code=130) == "fastnet: interrupted"
    assert callback.done[-1] == 7
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ignored_interruptions_stay_ignored(capsys, interrupting):
    interrupting(7)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    fastnet(*QUICK)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_in_another_thread(capsys):
    """Where handlers cannot be set the training runs without."""
    codes = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(QUICK)))
    thread.start()
    thread.join()
    assert codes == [0]


@pytest.mark.parametrize("data", ["digits", "table"])
@pytest.mark.parametrize("step", [5, 41, 81, 82])       # in an epoch, at its end, at another's: digits have 41 batches
def test_resume_continues_with_the_same_bits(tmp_path, capsys, monkeypatch, interrupting, data, step):
    usual = runs.Run._callbacks
    name = "digits" if data == "digits" else flowers(tmp_path / "f.csv", n=1900)
    options = [name, "--epochs", "3", "--hidden", "8", "--batch-size", "32"]
    fastnet("train", *options, "--save", tmp_path / "alone.safetensors")
    interrupting(step)
    again = ["train", *options, "--resume", tmp_path / "run", "--save", tmp_path / "saved.safetensors"]
    failure(capsys, *again, code=130)
    monkeypatch.setattr(runs.Run, "_callbacks", usual)
    fastnet(*again)
    assert tensors(tmp_path / "saved.safetensors") == tensors(tmp_path / "alone.safetensors")
    capsys.readouterr()
    fastnet(*again)                                     # a training that is done is only measured again
    assert "epoch 3/3" not in capsys.readouterr().out
    assert tensors(tmp_path / "saved.safetensors") == tensors(tmp_path / "alone.safetensors")


def test_refuses_another_training(tmp_path, capsys):
    run = ["--resume", tmp_path / "run"]
    fastnet(*QUICK, *run)
    assert failure(capsys, *QUICK, *run, "--lr", "0.5", "--seed", "3") == (
        f"fastnet: error: {run[1]} holds the checkpoint of another training: lr is 0.002 there, 0.5 here; seed is 0 "
        "there, 3 here. Give the same data and options, or --resume another folder")
    table = flowers(tmp_path / "f.csv")
    assert "holds the checkpoint of another training" in failure(capsys, "train", table, *run)
    fastnet("train", table, "--epochs", "1", "--resume", tmp_path / "other")
    flowers(table, seed=1)
    assert ": data is " in failure(capsys, "train", table, "--epochs", "1", "--resume", tmp_path / "other")


def test_folders_that_are_damaged(tmp_path, capsys):
    run = tmp_path / "run"
    fastnet(*QUICK, "--resume", run)
    whole = (run / "checkpoint.safetensors").read_bytes()
    (run / "checkpoint.safetensors").write_bytes(whole[:-5])
    assert "checkpoint.safetensors" in failure(capsys, *QUICK, "--resume", run)
    (run / "checkpoint.safetensors").write_bytes(whole)
    (run / "fastnet.json").write_text("[")
    assert "fastnet.json is damaged or was not written by `fastnet train`" in failure(capsys, *QUICK, "--resume", run)
    (run / "fastnet.json").unlink()
    assert "holds a checkpoint, but not the fastnet.json that describes it" in failure(capsys, *QUICK, "--resume", run)


@pytest.mark.parametrize("text", ['{"theme": "dark"}', "[1]", "nothing like JSON"])
def test_a_file_of_somebody_else_is_left_alone(tmp_path, capsys, text):
    (tmp_path / "fastnet.json").write_text(text)
    assert "was not written by `fastnet train`" in failure(capsys, *QUICK, "--resume", tmp_path)
    (tmp_path / "fastnet.json").rename(tmp_path / "settings.json")
    fastnet(*QUICK, "--resume", tmp_path)
    assert (tmp_path / "settings.json").read_text() == text


def test_diverged_keeps_the_checkpoint(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(runs, "_CHECKPOINT_SECONDS", 0)           # a checkpoint after each step
    options = ["train", "digits", "--epochs", "2", "--hidden", "8", "--optimizer", "sgd", "--schedule", "constant"]
    line = failure(capsys, *options, "--lr", "1e10", "--resume", tmp_path / "run")
    assert "try an --lr below 1e+10; the checkpoint in " in line and "callbacks" not in line
    step = int(re.search(r"at step (\d+)", line)[1])
    assert step > 2
    arrays, _ = read_tensors(tmp_path / "run" / "checkpoint.safetensors")
    weights = [array for name, array in arrays.items() if name.startswith("/model/")]
    assert weights and all(np.isfinite(x).all() for x in weights)


def test_diverged_before_the_first_checkpoint(tmp_path, capsys):
    options = ["train", "digits", "--epochs", "2", "--hidden", "8", "--optimizer", "sgd", "--lr", "1e30"]
    line = failure(capsys, *options, "--resume", tmp_path / "run")
    assert line.endswith("try an --lr below 1e+30")
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["fastnet.json"]
