"""`fastnet` on time series: forecasts, their comparison with baselines, and tables that are out of order."""
import csv
import datetime
import runpy

import numpy as np
import pytest
from cli_tools import failure, fastnet, report_of
from data_tools import ROOT

import fastnet as fn
from fastnet.cli.series.clock import Clock
from fastnet.cli.series.preparation import SeriesInputs

QUICK = ["--time", "t", "--window", "12", "--horizon", "3", "--epochs", "2"]
RNG = np.random.default_rng(0)


def waves(count=400):
    """A nonlinear series: a product of two waves."""
    t = np.arange(count)
    return 10 + 3 * np.sin(t / 5) * np.sin(t / 7) ** 2


def table(path, values, times=None, **columns):
    """A CSV file with the columns t, those given, and value."""
    times = range(len(values)) if times is None else times
    heading = ["t", *columns, "value"]
    rows = zip(times, *columns.values(), (f"{v:.5f}" if isinstance(v, float) else v for v in values))
    path.write_text("\n".join([",".join(heading), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def days(count, step=1, start="2022-01-01"):
    return [str(day) for day in np.datetime64(start) + step * np.arange(count)]


def hours(count):
    first = datetime.datetime(2022, 3, 1)
    return [str(first + datetime.timedelta(hours=i)) for i in range(count)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return table(tmp_path_factory.mktemp("series") / "waves.csv", waves())


@pytest.fixture(scope="module")
def model(path, tmp_path_factory):
    made = tmp_path_factory.mktemp("model") / "m.safetensors"
    fastnet("train", path, "--model", "linear", "--time", "t", "--horizon", "3", "--save", made, "--quiet")
    return made


# ---- training -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options", [
    ("--model", "lstm", "--hidden", "8"), ("--model", "tcn", "--hidden", "4,4", "--dropout", "0.1"),
    ("--model", "lstm", "--optimizer", "sgd", "--validation", "0", "--horizon", "1,3", "--season", "5")])
def test_train(path, options, tmp_path):
    report = report_of(tmp_path, "train", path, *QUICK, *options, "--save", tmp_path / "m.safetensors")
    assert report["task"] == "forecast" and report["test_rmse"] > 0 and len(report["history"]) == 2
    assert {"last value", "linear model"} <= set(report["baseline"])
    assert ("value of a season (5 rows) before" in report["baseline"]) == ("--season" in options)
    assert type(fn.load(tmp_path / "m.safetensors")).__name__ == "Forecaster"


def test_a_network_beats_the_baselines_where_there_is_something_to_learn(tmp_path, capsys):
    x = np.full(1200, 0.4)
    for i in range(len(x) - 1):
        x[i + 1] = 3.7 * x[i] * (1 - x[i])                  # the logistic map: the next value is a parabola of this one
    made = table(tmp_path / "map.csv", x)
    fastnet("train", made, "--model", "lstm", "--time", "t", "--window", "3", "--horizon", "1", "--epochs", "12",
            "--hidden", "16", "--lr", "0.01", "--quiet")
    assert "the network beats the linear model: its error is 9" in capsys.readouterr().out


def test_a_network_beats_the_baselines_on_an_hourly_load(tmp_path, capsys):
    example = runpy.run_path(str(ROOT / "examples" / "forecasting.py"), run_name="example")
    made = table(tmp_path / "load.csv", example["hourly_load"](3000), hours(3000))
    fastnet("train", made, "--model", "lstm", "--time", "t", "--epochs", "10", "--quiet")
    assert "value: the network beats the linear model: its error is " in capsys.readouterr().out


@pytest.mark.parametrize("model", ["lstm", "linear"])
def test_a_random_walk_has_nothing_to_learn(model, tmp_path, capsys):
    made = table(tmp_path / "walk.csv", np.cumsum(np.random.default_rng(3).standard_normal(2000)))
    fastnet("train", made, "--model", model, *QUICK[:-2], "--quiet")
    assert "there is nothing to learn: no forecast is better than the last value" in capsys.readouterr().out


def test_no_future_in_the_training(tmp_path):
    """The weights depend on the rows to train on only: not on the scale of later ones."""
    models = []
    for change in (1.0, 50.0):
        values = waves()
        values[300:] *= change
        made = table(tmp_path / "waves.csv", values)
        fastnet("train", made, *QUICK, "--model", "lstm", "--hidden", "4", "--validation", "0", "--test", "0.25",
                "--save", tmp_path / "m.safetensors", "--quiet")
        models.append(fn.load(tmp_path / "m.safetensors").state_dict())
    assert all(fn.equal(a, b) for a, b in zip(*(model.values() for model in models)))


def test_resume(path, tmp_path):
    options = ["train", path, *QUICK, "--model", "lstm", "--hidden", "4", "--quiet"]
    fastnet(*options, "--resume", tmp_path / "run", "--save", tmp_path / "a.safetensors")
    fastnet(*options, "--resume", tmp_path / "run", "--save", tmp_path / "b.safetensors")
    a, b = (fn.load(tmp_path / f"{name}.safetensors").state_dict() for name in "ab")
    assert all(fn.equal(a[name], b[name]) for name in a)


def test_several_targets_and_other_columns(tmp_path, capsys):
    values = waves(300)
    colours = np.where(RNG.random(300) < 0.5, "red", "blue")
    made = table(tmp_path / "two.csv", values, hours(300), colour=colours, twice=2 * values)
    saved = tmp_path / "m.safetensors"
    report = report_of(tmp_path, "train", made, *QUICK, "--model", "lstm", "--target", "twice", "--target", "value",
                       "--save", saved)
    assert report["test_twice rmse"] > 0 and "value verdict" in report
    fastnet("predict", saved, made, "--output", tmp_path / "next.csv")
    rows = list(csv.reader((tmp_path / "next.csv").read_text().splitlines()))
    assert rows[0] == ["t", "twice", "value"] and [row[0] for row in rows[1:]] == [
        "2022-03-13 12:00:00", "2022-03-13 13:00:00", "2022-03-13 14:00:00"]
    fastnet("info", saved)
    assert "12 rows of a table, in steps of 1 hour, with the columns t, twice, value, colour" in capsys.readouterr().out


# ---- the commands on a saved model ----------------------------------------------------------------------------------

def test_predict_continues_the_series(model, path, capsys):
    capsys.readouterr()
    fastnet("predict", model, path)
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["t"] for row in rows] == ["400", "401", "402"]
    np.testing.assert_allclose([float(row["value"]) for row in rows], waves(403)[400:], atol=0.05)
    fastnet("predict", model, path, path)
    assert capsys.readouterr().out.splitlines()[0] == "file,t,value"


def test_evaluate_and_info(model, path, tmp_path, capsys):
    capsys.readouterr()
    fastnet("evaluate", model, path, "--report", tmp_path / "r.json")
    out = capsys.readouterr().out
    assert "366 windows" in out and "value: rmse of the last value: " in out
    fastnet("info", model)
    assert "the next 3 rows" in capsys.readouterr().out


@pytest.mark.parametrize("times, following", [
    (days(300), "2022-10-28"), (days(300, 7), "2027-10-02"), (np.arange(300) / 4, "75"),
    (hours(300), "2022-03-13 12:00:00"),
    ([str(day) for day in np.busday_offset("2022-01-03", np.arange(300))], "2023-02-27"),
    ([f"{month}-01" for month in np.datetime64("1990-01") + np.arange(300)], "2015-01-01"),
    ([str((month + 1).astype("M8[D]") - 1) for month in np.datetime64("1990-01") + np.arange(300)], "2015-01-31")])
def test_times_that_follow(times, following, tmp_path, capsys):
    made, saved = table(tmp_path / "a.csv", waves(300), times), tmp_path / "m.safetensors"
    fastnet("train", made, "--model", "linear", "--time", "t", "--window", "12", "--save", saved)
    assert "gap" not in capsys.readouterr().out
    fastnet("predict", saved, made)
    assert capsys.readouterr().out.splitlines()[1].startswith(f"{following},")


def test_seasons_of_dates():
    def clock(times):
        cells = np.array([str(time) for time in times], object)
        return Clock.fitted({"t": cells}, "t", 1.0)
    assert [clock(times).season for times in (days(30), hours(50), days(99, 7))] == [7, 24, None]
    assert clock([f"{month}-01" for month in np.datetime64("1990-01") + np.arange(30)]).season == 12
    assert clock(hours(800)).repeats == ["day", "week"] and clock(hours(40)).repeats == []


# ---- tables that are not in order -----------------------------------------------------------------------------------

def test_rows_out_of_order_are_sorted(path, model, tmp_path, capsys):
    lines = path.read_text().splitlines()
    mixed = tmp_path / "mixed.csv"
    mixed.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    fastnet("predict", model, path)
    expected = capsys.readouterr().out
    fastnet("predict", model, mixed)
    found = capsys.readouterr()
    assert found.out == expected
    assert "column 't' is not in order (line 3 is earlier than the row before it): the rows are sorted" in found.err


def test_gaps(tmp_path, model, capsys):
    values, times = waves(), np.r_[0:200, 210:330, 340:420]
    made = table(tmp_path / "gaps.csv", values, times)
    line = "column 't' has steps of 1, except for a gap between 199 and 210, and 1 more gap: windows across a gap are"
    fastnet("train", made, *QUICK[:-2], "--model", "linear")
    assert line in capsys.readouterr().out
    assert "expected steps of 1, got a gap between 199 and 210" in failure(
        capsys, "train", made, *QUICK[:-2], "--model", "linear", "--gaps", "error")
    fastnet("train", made, *QUICK[:-2], "--model", "linear", "--gaps", "ignore")
    assert "across a gap" not in capsys.readouterr().out
    late = table(tmp_path / "late.csv", values[:50], np.r_[0:45, 60:65])
    assert "needs the last 32 rows without a gap, got one between 44 and 60" in failure(capsys, "predict", model, late)


def test_missing_values_are_gaps(tmp_path, capsys):
    values = [f"{v:.3f}" for v in waves()]
    values[7] = ""
    fastnet("train", table(tmp_path / "a.csv", values), *QUICK[:-2], "--model", "linear")
    out = capsys.readouterr().out
    assert "1 of 400 rows have no value, the first is line 9: they count as gaps" in out and "between 6 and 8" in out


BAD = {
    "twice": (lambda p: table(p, waves(), [*range(399), 5]), [],
              "column 't': expected a different time in each row, got 5 in line 7 and line 401; a file with several"),
    "no column": (lambda p: table(p, waves()), ["--time", "when"], "there is no column 'when'"),
    "text": (lambda p: table(p, waves(), ["red", "blue"] * 200), [], "column 't': expected"),
    "no time": (lambda p: table(p, waves(), ["", *days(399)]), [], "column 't': expected a time, got None in line 2"),
    "equal": (lambda p: table(p, waves(), [1] * 400), [], "column 't': expected"),
    "few": (lambda p: table(p, waves(20)), ["--window", "30"], "expected at least 33 rows, for windows of 30 rows"),
    "few to test": (lambda p: table(p, waves(36)), ["--window", "30"], "36 rows are too few for windows of 30 rows"),
    "no target": (lambda p: table(p, [""] * 400), [], "is missing in every row"),
    "words": (lambda p: table(p, ["red"] * 400), [], "value"),
    "alone": (lambda p: p.write_text("t\n" + "\n".join(map(str, range(99)))) and p, [], "expected a column besides"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables(case, tmp_path, capsys):
    make, options, message = BAD[case]
    found = failure(capsys, "train", make(tmp_path / "a.csv"), *QUICK[:-2], "--model", "linear", *options)
    assert message in found and "a.csv" in found


def test_bad_tables_for_a_model(model, tmp_path, capsys):
    few = table(tmp_path / "few.csv", waves(10))
    assert "the model needs the last 32 rows, got 10" in failure(capsys, "predict", model, few)
    coarse = table(tmp_path / "coarse.csv", waves(50), range(0, 100, 2))
    assert "expected steps of 1, as in the training, got steps of 2" in failure(capsys, "predict", model, coarse)
    other = tmp_path / "other.csv"
    other.write_text("t,price\n1,2\n")
    assert "there is no column 'value'" in failure(capsys, "predict", model, other)


@pytest.mark.parametrize("options, message", [
    (["--model", "lstm"], "--model lstm forecasts a time series: expected a table and --time COLUMN"),
    (["--horizon", "3"], "--horizon is for forecasts of a table with --time COLUMN and --model lstm, tcn or linear"),
    (["--gaps", "ignore", "--model", "linear"], "--gaps is for forecasts of a table with --time COLUMN"),
    (["--time", "t"], "--time needs --split time; or, for forecasts, --model lstm, tcn or linear"),
    (["--time", "t", "--model", "lstm", "--target", "t"], "name a column twice"),
    (["--time", "t", "--model", "lstm", "--mixup"], "--mixup has no effect on forecasts"),
    (["--time", "t", "--model", "linear", "--epochs", "3"], "--epochs has no effect on --model linear"),
    (["--time", "t", "--model", "lstm", "--hidden", "3,4"], "the layers of an lstm have the same size"),
    (["--time", "t", "--model", "lstm", "--horizon", "3,2"], "expected the number of rows to forecast"),
])
def test_options_that_conflict(path, options, message, capsys):
    if "3,2" in options:
        with pytest.raises(SystemExit):
            fastnet("train", path, *options)
        assert message in capsys.readouterr().err
    else:
        assert message in failure(capsys, "train", path, *options, code=2)


def test_damaged_files(model, tmp_path, capsys):
    loaded, about = fn.load(model), fn.load_metadata(model)
    inputs = SeriesInputs.from_dict(about["series"])
    assert inputs.to_dict() == about["series"]
    for name, change in (("length", 0), ("gaps", "fill"), ("targets", {}), ("horizons", [1]), ("clock", {})):
        loaded.save(tmp_path / "bad.safetensors", about | {"series": about["series"] | {name: change}})
        assert "bad.safetensors: " in failure(capsys, "info", tmp_path / "bad.safetensors")
