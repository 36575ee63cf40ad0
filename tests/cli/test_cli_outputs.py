"""Effects of the command on files, warnings, random state and signals."""
import json
import os
import signal
import warnings

import numpy as np
import pytest
from cli_tools import QUICK, failure, fastnet, flowers, pictures, prices
from data_tools import HOME
from processes import interpreter

import fastnet as fn
from fastnet._core import startup
from fastnet.cli.saved import Saved

pd = pytest.importorskip("pandas")


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory):
    """A model of prices."""
    folder = tmp_path_factory.mktemp("model")
    fastnet("train", prices(folder / "p.csv"), "--epochs", "1", "--save", folder / "m.safetensors")
    return folder / "m.safetensors"


# ---- files ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("option", ["--save", "--report"])
def test_the_data_is_not_written_over(tmp_path, capsys, option):
    table = flowers(tmp_path / "f.csv")
    before = table.read_bytes()
    os.symlink(table, tmp_path / "link.csv")
    for path in (table, f"{tmp_path}/./f.csv", tmp_path / "link.csv"):
        assert f"{option} would overwrite '{path}', which is an input" in failure(
            capsys, "train", table, "--epochs", "1", option, path, code=2)
    assert table.read_bytes() == before


def test_pictures_are_not_written_over(tmp_path, capsys):
    pytest.importorskip("PIL")
    pytest.importorskip("matplotlib")
    folder = pictures(tmp_path / "bars", each=4)
    before = (folder / "level" / "1.png").read_bytes()
    line = failure(capsys, "train", folder, "--plot", folder / "level" / "1.png", code=2)
    assert "--plot would write" in line and "into a folder of input files" in line
    assert (folder / "level" / "1.png").read_bytes() == before


def test_no_file_is_written_twice(tmp_path, capsys):
    path = tmp_path / "m.st"
    assert f"--report and --save are the same file, '{path}'" in failure(
        capsys, *QUICK, "--save", path, "--report", f"{path}", code=2)
    run = tmp_path / "run"
    run.mkdir()
    assert "--resume and --save are the same file" in failure(
        capsys, *QUICK, "--resume", run, "--save", run / "checkpoint.safetensors", code=2)
    assert list(tmp_path.iterdir()) == [run] and list(run.iterdir()) == []


def test_models_and_what_they_read_are_not_written_over(tmp_path, capsys, model):
    table = prices(tmp_path / "new.csv")
    before = model.read_bytes(), table.read_bytes()
    for path in (model, table):
        assert "--output would overwrite" in failure(capsys, "predict", model, table, "--output", path, code=2)
        assert "--report would overwrite" in failure(capsys, "evaluate", model, table, "--report", path, code=2)
    assert (model.read_bytes(), table.read_bytes()) == before


def test_predictions_keep_their_digits(tmp_path, capsys, model):
    table = prices(tmp_path / "new.csv", n=30)
    fastnet("predict", model, table, "--output", tmp_path / "out.csv")
    [name, *texts] = (tmp_path / "out.csv").read_text().split()
    saved = Saved.read(model)
    predicted = saved.target.inverse(saved.trainer().predict(saved.inputs.read(table)))
    assert name == "price" and predicted.dtype == np.float32
    assert [np.float32(text) for text in texts] == predicted.tolist()
    assert max(map(len, texts)) <= 10                       # 9 digits tell any float32 from the others


# ---- warnings -------------------------------------------------------------------------------------------------------

def test_a_report_about_one_row(tmp_path, capsys, model):
    """R2 is not defined: a note says so, and the report has null for it."""
    table = prices(tmp_path / "one.csv", n=1)
    report = tmp_path / "r.json"
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        fastnet("evaluate", model, table, "--report", report)
    lines = capsys.readouterr().err.splitlines()
    assert lines and all(line.startswith("fastnet: note: r2") for line in lines)
    figures = json.loads(report.read_text())
    assert figures["r2"] is None and figures["mae"] > 0


def test_warnings_are_as_before(capsys):
    before = warnings.showwarning
    fastnet(*QUICK)
    assert warnings.showwarning is before


# ---- the process ----------------------------------------------------------------------------------------------------

def test_random_state_is_as_before(tmp_path, capsys):
    fn.manual_seed(5)
    fn.rand(3)
    before = fn.get_rng_state()
    fastnet(*QUICK)
    assert np.array_equal(fn.get_rng_state(), before)
    failure(capsys, *QUICK, "--optimizer", "sgd", "--lr", "1e30")
    assert np.array_equal(fn.get_rng_state(), before)


SCRIPT = """import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)        # as a shell in the background does not leave it
from fastnet.cli import main
sys.exit(main())
"""
SWALLOWING = """import signal
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    pass
"""


@pytest.mark.parametrize("package", ["difflib", "sklearn"])
def test_interrupted_while_a_package_is_imported(tmp_path, package):
    """One that fastnet imports, and one that a data set does; both swallow a KeyboardInterrupt, as some do."""
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(SWALLOWING)
    (tmp_path / "fastnet").write_text(SCRIPT)
    path = os.pathsep.join([str(tmp_path), str(HOME)])
    done = interpreter(tmp_path / "fastnet", *QUICK, check=False, PYTHONPATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "fastnet: interrupted\n")


@pytest.mark.parametrize("command", ["train", "predict", "evaluate"])
def test_once_files_are_written_an_interruption_is_an_exception(tmp_path, capsys, monkeypatch, model, command):
    table = prices(tmp_path / "p.csv", n=30)
    args = {"train": QUICK, "predict": ["predict", model, table], "evaluate": ["evaluate", model, table]}[command]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        startup.interruptions_end()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler        # this process is not the command
        monkeypatch.setattr(startup, "runs_here", lambda: True)
        startup.interruptions_end()
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        fastnet(*args)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
