"""`fastnet tune`: the search, its study, its files, and that the saved model is that of `fastnet train`."""
import json
import re
import shlex

import pytest
from cli_tools import failure, fastnet, flowers, prices
from processes import interpreter

from fastnet import cli, load_file
from fastnet.cli.tuning import command

optuna = pytest.importorskip("optuna")
FAST = ("--epochs", "3", "--trials")


@pytest.fixture(autouse=True)
def _verbosity():
    before = optuna.logging.get_verbosity()
    yield
    optuna.logging.set_verbosity(before)


def tuned(tmp_path, table, *args):
    """The report of a search."""
    path = tmp_path / "trials.json"
    fastnet("tune", table, *args, "--report", path)
    return json.loads(path.read_text())


def test_a_search_keeps_the_best_model(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    table, best = flowers(tmp_path / "flowers.csv"), tmp_path / "best.safetensors"
    report = tuned(tmp_path, table, *FAST, 7, "--save", best, "--plot", tmp_path / "trials.png")
    out = capsys.readouterr().out
    trials = report["trials"]
    assert [trial["trial"] for trial in trials] == [1, 2, 3, 4, 5, 6, 7]
    complete = [trial for trial in trials if trial["state"] == "complete"]
    assert report["validation_loss"] == min(trial["validation_loss"] for trial in complete)
    assert trials[0]["options"] == {"lr": 0.002, "batch_size": 32, "weight_decay": 0.01, "dropout": 0.1,
                                    "hidden": [128, 64]}                        # the defaults come first
    assert all(len(trial["losses"]) == trial["epochs"] for trial in trials)
    assert re.search(r"trial +1: validation loss [\d.]+  --lr 0.002", out) and "(best so far)" in out
    assert "test accuracy: " in out and (tmp_path / "trials.png").read_bytes()[:4] == b"\x89PNG"

    # the command that is printed gives the same file
    again = tmp_path / "again.safetensors"
    words = [again if word == str(best) else word for word in shlex.split(report["command"])]
    assert words[:3] == ["fastnet", "train", str(table)]
    fastnet(*words[1:], "--quiet")
    mine, theirs = load_file(best), load_file(again)
    assert mine.keys() == theirs.keys() and all((mine[name].numpy() == theirs[name].numpy()).all() for name in mine)
    fastnet("predict", best, table)


def test_given_options_are_fixed(tmp_path):
    table = prices(tmp_path / "prices.csv", n=80)
    report = tuned(tmp_path, table, *FAST, 3, "--quiet", "--hidden", "8", "--dropout", "0", "--lr", "0.01")
    assert all(set(trial["options"]) == {"batch_size", "weight_decay"} for trial in report["trials"])
    assert "--lr 0.01" in report["command"] and "--quiet" not in report["command"]
    assert report["settings"]["hidden"] == [8] and report["task"] == "regression"


def test_a_study_is_continued(tmp_path, capsys):
    table, study = flowers(tmp_path / "flowers.csv"), tmp_path / "flowers.study"
    first = tuned(tmp_path, table, *FAST, 3, "--study", study)
    with open(study, "ab") as file:             # what a killed process may leave
        file.write(b'{"op_code": 4, "worker')
    second = tuned(tmp_path, table, *FAST, 5, "--study", study)
    assert f"continuing the study in {study} after 3 trials" in capsys.readouterr().out
    assert second["trials"][:3] == first["trials"] and len(second["trials"]) == 5
    options = [json.dumps(trial["options"]) for trial in second["trials"]]
    assert len(set(options)) == 5               # a continued search does not repeat itself
    message = failure(capsys, "tune", table, *FAST, 6, "--study", study, "--seed", 4, code=2)
    assert "is a study of other settings: seed is 0 there, 4 here" in message
    other = flowers(tmp_path / "other.csv", seed=5)
    assert "is a study of other data;" in failure(capsys, "tune", other, *FAST, 6, "--study", study, code=2)


@pytest.mark.parametrize("content", [
    b"my only copy", b"a note\nanother note\n", bytes(5000), b"[" * 5000 + b"\n", b'{"study_name": "fastnet"',
    b'{"op_code": 0, "worker_id": "a", "study_name": "other", "directions": [1]}\n{"op_c',
    b"\xad\x00\x00\x00\x00\x00\x00\x00" + b'{"weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}\n\x00'])
def test_a_file_that_is_not_a_study_is_left_alone(tmp_path, capsys, content):
    table, file = flowers(tmp_path / "flowers.csv"), tmp_path / "thesis.txt"
    file.write_bytes(content)
    message = failure(capsys, "tune", table, *FAST, 1, "--study", file, code=2)
    assert f"{file} is not a study of fastnet tune" in message
    assert file.read_bytes() == content


def test_a_damaged_study_is_left_alone(tmp_path, capsys):
    table, study = flowers(tmp_path / "flowers.csv"), tmp_path / "flowers.study"
    fastnet("tune", table, *FAST, 1, "--study", study, "--quiet")
    lines = study.read_bytes().splitlines(keepends=True)
    damaged = b"".join([*lines[:3], b"\0\0\0\n", *lines[4:], b'{"op_code": 4, "worker'])
    study.write_bytes(damaged)
    message = failure(capsys, "tune", table, *FAST, 2, "--study", study, code=2)
    assert "is a damaged study of fastnet tune: line 4 is not a record" in message
    assert study.read_bytes() == damaged


def test_an_empty_file_begins_a_study(tmp_path):
    table, study = flowers(tmp_path / "flowers.csv"), tmp_path / "flowers.study"
    study.touch()
    assert len(tuned(tmp_path, table, *FAST, 1, "--study", study)["trials"]) == 1


def test_a_killed_trial_is_begun_again(tmp_path):
    """The next run makes the trial that a killed process left, with the same parameters."""
    table, study = flowers(tmp_path / "flowers.csv"), tmp_path / "flowers.study"
    code = f"""if True:
        import os
        from fastnet import cli
        from fastnet.cli.tuning import command
        epochs = []
        class Dying(command.Report):
            def on_epoch_end(self, trainer):
                super().on_epoch_end(trainer)
                epochs.append(trainer.epoch)
                if len(epochs) == 5:
                    os._exit(9)
        command.Report = Dying
        cli.main(["tune", {str(table)!r}, "--epochs", "3", "--trials", "4", "--study", {str(study)!r}])
    """
    assert interpreter("-c", code, check=False).returncode == 9
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(study)))
    left = optuna.load_study(study_name="fastnet", storage=storage).trials
    assert [trial.state.name for trial in left] == ["COMPLETE", "RUNNING"]
    report = tuned(tmp_path, table, *FAST, 4, "--study", study)
    assert [trial["trial"] for trial in report["trials"]] == [1, 3, 4, 5]
    after = optuna.load_study(study_name="fastnet", storage=storage).trials
    assert after[1].state.name == "FAIL" and after[2].params == left[1].params


def test_worse_trials_are_pruned(tmp_path, capsys):
    report = tuned(tmp_path, flowers(tmp_path / "flowers.csv"), "--epochs", "6", "--trials", "14", "--hidden", "8",
                   "--batch-size", "16")
    pruned = [trial for trial in report["trials"] if trial["state"] == "pruned"]
    assert pruned and all(trial["epochs"] < 6 for trial in pruned)
    assert re.search(r"trial +\d+: pruned after epoch \d", capsys.readouterr().out)


def test_a_trial_that_diverges_is_pruned(tmp_path, monkeypatch):
    rates = iter((0.01, 1e30, 0.02))
    monkeypatch.setattr(command, "suggested", lambda trial, free, settings: {"lr": next(rates)})
    report = tuned(tmp_path, prices(tmp_path / "prices.csv", n=80), *FAST, 3, "--optimizer", "sgd", "--hidden", "8")
    assert [trial["state"] for trial in report["trials"]] == ["complete", "pruned", "complete"]


def test_forecasts_are_searched(tmp_path):
    table = tmp_path / "load.csv"
    table.write_text("hour,load\n" + "".join(f"{i},{(i % 7) + 0.1 * (i % 3)}\n" for i in range(120)))
    report = tuned(tmp_path, table, *FAST, 2, "--time", "hour", "--model", "lstm", "--window", "8", "--horizon", "2")
    assert report["trials"][0]["options"]["hidden"] == [32]
    assert len(set(report["trials"][1]["options"]["hidden"])) == 1


def test_an_interruption_says_how_to_continue(tmp_path, capsys, monkeypatch):
    def interrupted(self, trial, options):
        raise KeyboardInterrupt
    monkeypatch.setattr(command._SettingsSearch, "_loss", interrupted)
    table = flowers(tmp_path / "flowers.csv")
    message = failure(capsys, "tune", table, "--trials", "2", code=130)
    assert "interrupted in trial 1; the trials are lost: use --study FILE" in message
    message = failure(capsys, "tune", table, "--trials", "2", "--study", tmp_path / "s", code=130)
    assert f"interrupted in trial 1; to continue, run: fastnet tune {table} --trials 2 --study" in message


@pytest.mark.parametrize(("args", "message"), [
    (["--resume", "run"], "use --study FILE to continue a search"),
    (["--validation", "0"], "a search needs --validation above 0"),
    (["--trials", "0"], "expected a positive number, got '0'"),
    (["--model", "linear", "--lr", "1", "--batch-size", "1", "--weight-decay", "1"], "there is nothing to search"),
])
def test_wrong_uses(tmp_path, capsys, args, message):
    table = flowers(tmp_path / "flowers.csv")
    try:
        code = cli.main(["tune", str(table), *args])
    except SystemExit as e:
        code = e.code
    assert code == 2 and message in capsys.readouterr().err
