"""Options and reports of `fastnet train` on a table: columns, targets, classes, time, leaks."""
import csv
import io
import json
import re

import numpy as np
import pytest
from cli_tools import failure, fastnet, flowers, prices, report_of

import fastnet as fn
from fastnet.cli.leaks import leak_warnings
from fastnet.cli.saved import Saved

QUICK = ("--epochs", "1", "--hidden", "8")


def customers(path, n=400, seed=0, rare=0.1):
    """A CSV file of customers, of whom few left: their ages, zip codes, when they came, left, and what they paid."""
    rng = np.random.default_rng(seed)
    lines = ["id,age,zip,since,left_on,paid,left"]
    for i in range(n):
        age, left = rng.integers(18, 80), rng.random() < rare
        since, left_on = f"2020-{1 + i * 11 // n:02d}-{1 + i % 28:02d}", f"2024-{1 + i % 12:02d}-10" if left else ""
        paid, answer = f"{age * 3.5 + left:.2f}", "yes" if left else "no"
        lines.append(f"C{i:05d},{age},{2100 + i % 5:05d},{since},{left_on},{paid},{answer}")
    path.write_text("\n".join(lines) + "\n")
    return path


def told(capsys, *args):
    capsys.readouterr()
    fastnet(*args)
    return capsys.readouterr().out


# ---- columns --------------------------------------------------------------------------------------------------------

def test_how_columns_are_read_is_printed(tmp_path, capsys):
    table = customers(tmp_path / "c.csv")
    table.write_text(table.read_text().replace("id,", "id;").replace(";", ",").replace(",45,", ",?,"))
    out = told(capsys, "train", table, *QUICK)
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines() if line}
    assert rows["column"] == "kind note"
    assert rows["age"].startswith("number is numeric except '?' in line ")
    assert rows["zip"] == "category 5 categories" and rows["since"].startswith("date")
    assert rows["id"].startswith("left out")


def test_leave_out_and_kind(tmp_path, capsys):
    table, model = customers(tmp_path / "c.csv"), tmp_path / "m.safetensors"
    out = told(capsys, "train", table, *QUICK, "--leave-out", "left_on", "--leave-out", "paid",
               "--kind", "age=category", "--kind", "id=text", "--save", model)
    assert "left_on  left out  as asked" in out and "paid     left out  as asked" in out
    preparation = Saved.read(model).inputs.preparation
    assert {name: encoder.kind for name, encoder in preparation.encoders.items()} == {
        "id": "text", "age": "category", "zip": "category", "since": "date"}


def test_names_of_columns_match_whatever_their_form(tmp_path, capsys):
    """With spaces around them, and with accents in one character or two, in the file and on the command line."""
    table = flowers(tmp_path / "f.csv")
    table.write_text(table.read_text().replace("size", " gr\u00f6\u00dfe ").replace("colour", "e\u0301"))
    out = told(capsys, "train", table, *QUICK, "--leave-out", "gro\u0308\u00dfe", "--kind", "\u00e9=text", "--target",
               "kind ")
    assert "größe   left out  as asked" in out and "é       text" in out


def test_kind_of_the_target(tmp_path, capsys):
    lines = ["x,grade", *(f"{i % 5 + 0.1},{i % 5}" for i in range(60))]
    (tmp_path / "g.csv").write_text("\n".join(lines))
    assert report_of(tmp_path, "train", tmp_path / "g.csv", *QUICK)["task"] == "classification"
    assert report_of(tmp_path, "train", tmp_path / "g.csv", *QUICK, "--kind", "grade=number")["task"] == "regression"


@pytest.mark.parametrize(("args", "message"), [
    (["--leave-out", "agee"], "there is no column 'agee'; did you mean 'age'?"),
    (["--kind", "zipp=category"], "there is no column 'zipp'; did you mean 'zip'?"),
    (["--kind", "zip=number", "--kind", "id=number"], "column 'id': expected a number, got 'C00000' in line 2"),
    (["--split", "time"], "--split time: the columns 'since', 'left_on' hold dates: choose one with --time COLUMN"),
    (["--split", "time", "--time", "zip"], "--split time: column 'zip' holds neither dates nor numbers"),
    (["--split", "time", "--time", "when"], "there is no column 'when'"),
    (["--target", "zip", "--target", "left"], "column 'zip': the target: expected numbers for a regression, got "
                                              "'02100'; several targets must all be numbers, or all have two classes"),
])
def test_what_the_table_does_not_have(tmp_path, capsys, args, message):
    assert message in failure(capsys, "train", customers(tmp_path / "c.csv"), *QUICK, *args)


def test_a_table_without_dates(tmp_path, capsys):
    line = failure(capsys, "train", prices(tmp_path / "p.csv"), *QUICK, "--split", "time")
    assert "--split time: the table has no column of dates; name a column of numbers, such as years" in line


def test_options_are_part_of_what_is_gone_on_with(tmp_path, capsys):
    table, run = customers(tmp_path / "c.csv"), tmp_path / "run"
    fastnet("train", table, *QUICK, "--resume", run, "--leave-out", "left_on")
    assert "leave_out is ['left_on'] there, ['left_on', 'paid'] here" in failure(
        capsys, "train", table, *QUICK, "--resume", run, "--leave-out", "left_on", "--leave-out", "paid")


# ---- targets --------------------------------------------------------------------------------------------------------

def answers(capsys, *args):
    return list(csv.DictReader(io.StringIO(told(capsys, "predict", *args))))


def test_several_columns_of_two_classes(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    lines = [f"{a:.3f},{b:.3f},{'big' if a > 0 else 'small'},{int(b > 0)}" for a, b in x]
    table, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    table.write_text("a,b,size,sign\n" + "\n".join(lines) + "\n")
    report = report_of(tmp_path, "train", table, "--target", "sign", "--target", "size", "--epochs", "30", "--lr",
                       "0.01", "--save", model)
    assert report["target"] == ["sign", "size"] and report["task"] == "multilabel"
    assert report["test_sign accuracy"] > 0.93 and report["test_size accuracy"] > 0.93
    rows = answers(capsys, model, table, "--proba")
    assert list(rows[0]) == ["sign", "size", "probability of sign=1", "probability of size=small"]
    assert np.mean([row["size"] == ("big" if a > 0 else "small") for row, (a, _) in zip(rows, x)]) > 0.93
    assert np.mean([row["sign"] == str(int(b > 0)) for row, (_, b) in zip(rows, x)]) > 0.93
    assert all((float(row["probability of size=small"]) > 0.5) == (row["size"] == "small") for row in rows
               if row["probability of size=small"] != "0.5000")
    out = told(capsys, "evaluate", model, table)
    assert re.search(r"^sign accuracy: [01].*^size accuracy: [01]", out, re.MULTILINE | re.DOTALL)
    assert "predicts:         sign\n                  size\n" in told(capsys, "info", model)


def test_several_numbers(tmp_path, capsys):
    table, model = prices(tmp_path / "p.csv"), tmp_path / "m.safetensors"
    lines = table.read_text().splitlines()
    rents = [f"{float(line.split(',')[0]) * 2:.2f}" for line in lines[1:]]
    table.write_text("".join(f"{line},{rent}\n" for line, rent in zip(lines, ["rent", *rents])))
    report = report_of(tmp_path, "train", table, "--target", "price", "--target", "rent", "--epochs", "30", "--lr",
                       "0.01", "--hidden", "16", "--save", model)
    assert report["task"] == "regression" and report["test_price r2"] > 0.95 and report["test_rent r2"] > 0.95
    assert report["baseline"]["rent mae"] > report["test_rent mae"]
    rows = answers(capsys, model, table)
    actual = [line.split(",") for line in table.read_text().splitlines()[1:]]
    assert list(rows[0]) == ["price", "rent"]
    for name, place in (("price", 2), ("rent", 3)):
        values = np.array([float(row[place]) for row in actual])
        assert np.corrcoef([float(row[name]) for row in rows], values)[0, 1] > 0.98
        assert np.mean([float(row[name]) for row in rows]) == pytest.approx(values.mean(), rel=0.05)


def test_rows_without_a_target(tmp_path, capsys):
    table = flowers(tmp_path / "f.csv")
    lines = table.read_text().splitlines()
    lines[5], lines[9] = lines[5].replace("kind1", ""), lines[9].replace("kind2", "")
    table.write_text("\n".join(lines) + "\n")
    message = "column 'kind': the target is missing in 2 of 90 rows, the first in line 6; use --drop-missing-target"
    assert message in failure(capsys, "train", table, *QUICK)
    out = told(capsys, "train", table, *QUICK, "--drop-missing-target")
    assert "2 of 90 rows have no target and are not used" in out and "3 classes: kind0, kind1, kind2" in out
    fastnet("train", flowers(tmp_path / "whole.csv"), *QUICK, "--save", tmp_path / "m.safetensors")
    assert message in failure(capsys, "evaluate", tmp_path / "m.safetensors", table)
    assert "f.csv: 88 samples" in told(capsys, "evaluate", tmp_path / "m.safetensors", table, "--drop-missing-target")
    assert "71 rows to train on, 17 to test on" in out or "70 rows to train on, 18 to test on" in out


def test_lines_are_those_of_the_file_where_rows_were_dropped(tmp_path, capsys):
    lines = ["x,y", *(f"{i},{2.5 * i}" for i in range(60))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    fastnet("train", tmp_path / "t.csv", *QUICK, "--save", tmp_path / "m.safetensors")
    lines[5], lines[20] = "4,", "19,inf"
    (tmp_path / "t.csv").write_text("\n".join(lines))
    for args in (["train", *QUICK], ["evaluate", tmp_path / "m.safetensors"]):
        line = failure(capsys, *args, tmp_path / "t.csv", "--drop-missing-target")
        assert "1 value is NaN or infinite: inf in line 21" in line


# ---- classes of few rows --------------------------------------------------------------------------------------------

def rare_fraud(path, n=1000, label=("fraud", "ok")):
    """One row in twenty is fraud, which two numbers tell, but not quite."""
    rng = np.random.default_rng(1)
    fraud = rng.random(n) < 0.05
    x = rng.normal(size=(n, 2)) + fraud[:, None] * 1.5
    rows = (f"{p:.3f},{q:.3f},{label[0] if f else label[1]}\n" for (p, q), f in zip(x, fraud))
    path.write_text("a,b,what\n" + "".join(rows))
    return path


@pytest.mark.parametrize("label", [("fraud", "ok"), ("yes", "no")])
def test_figures_of_an_imbalanced_target(tmp_path, capsys, label):
    """They are those of the rare class, whichever comes first, and scikit-learn's."""
    sklearn = pytest.importorskip("sklearn.metrics")
    table, model = rare_fraud(tmp_path / "t.csv", label=label), tmp_path / "m.safetensors"
    out = told(capsys, "train", table, "--epochs", "20", "--save", model, "--class-weight", "balanced")
    assert f"what is imbalanced, '{label[0]}' has " in out and "F1 and AUC are those of" in out
    for name in ("accuracy", "precision", "recall", "f1", "auc"):
        assert f"\ntest {name}: 0." in out
    fastnet("evaluate", model, table, "--report", tmp_path / "r.json")
    figures = json.loads((tmp_path / "r.json").read_text())
    rows = answers(capsys, model, table, "--proba")
    actual = [line.split(",")[2] == label[0] for line in table.read_text().splitlines()[1:]]
    predicted = [row["what"] == label[0] for row in rows]
    share = [float(row[f"probability of {label[0]}"]) for row in rows]
    for name in ("accuracy", "precision", "recall", "f1"):
        assert figures[name] == pytest.approx(getattr(sklearn, f"{name}_score")(actual, predicted)), name
    assert figures["auc"] == pytest.approx(sklearn.roc_auc_score(actual, share), abs=1e-3)


def test_balanced_classes_are_found_more_often(tmp_path, capsys):
    table = rare_fraud(tmp_path / "t.csv")
    plain, balanced = (report_of(tmp_path, "train", table, "--epochs", "10", "--patience", "50", *option)
                       for option in ((), ("--class-weight", "balanced")))
    assert balanced["test_recall"] > plain["test_recall"] + 0.2
    assert balanced["settings"]["class_weight"] == "balanced" and "class_weight" not in plain["settings"]


def test_balanced_classes_need_classes(tmp_path, capsys):
    assert "--class-weight is for a single target with classes" in failure(
        capsys, "train", prices(tmp_path / "p.csv"), *QUICK, "--class-weight", "balanced", code=2)


def test_a_balanced_target_has_accuracy_alone(tmp_path, capsys):
    out = told(capsys, "train", flowers(tmp_path / "f.csv"), *QUICK)
    assert "imbalanced" not in out and "recall" not in out


# ---- time, leaks, keeping -------------------------------------------------------------------------------------------

def test_the_latest_rows_are_held_out(tmp_path, capsys):
    """Both the rows to validate on and those to test on: what an earlier model would have been asked."""
    rng = np.random.default_rng(0)
    days = rng.permutation(200)
    dates = np.datetime64("2021-01-01") + days
    lines = [f"{date},{day % 24}:30,{day / 200 + rng.normal(0, 0.01):.4f},{int(day >= 160)}"
             for date, day in zip(dates, days)]
    (tmp_path / "t.csv").write_text("day,at,x,late\n" + "\n".join(lines) + "\n")
    out = told(capsys, "train", tmp_path / "t.csv", *QUICK, "--split", "time", "--report", tmp_path / "r.json")
    assert "held out: the latest rows by 'day'" in out and "160 rows to train on, 40 to test on" in out
    baseline = json.loads((tmp_path / "r.json").read_text())["baseline"]
    assert baseline["accuracy"] == 0.0, "none of the earlier rows is late, and all of the latest are"
    out = told(capsys, "train", tmp_path / "t.csv", *QUICK, "--split", "time", "--time", "x", "--leave-out", "day")
    assert "held out: the latest rows by 'x'" in out and "day     left out  as asked" in out


def test_a_column_that_tells_the_target(tmp_path, capsys):
    out = told(capsys, "train", customers(tmp_path / "c.csv"), *QUICK)
    assert [line for line in out.splitlines() if line.startswith("warning: ")] == [
        "warning: column 'left_on' determines 'left', a possible leak: use --leave-out left_on if "
        "predictions lack it"]
    out = told(capsys, "train", customers(tmp_path / "c.csv"), *QUICK, "--leave-out", "left_on")
    assert "determines" not in out
    table = customers(tmp_path / "c.csv", rare=0)
    out = told(capsys, "train", table, *QUICK, "--target", "paid", "--leave-out", "left")
    assert "column 'age' determines 'paid'" in out and out.count("determines") == 1


@pytest.mark.parametrize(("column", "tells"), [
    (lambda rng, rare: rng.normal(size=len(rare)), False),
    (lambda rng, rare: rare + rng.normal(size=len(rare)) / 2, False),
    (lambda rng, rare: rng.integers(0, 300, len(rare)), False),
    (lambda rng, rare: np.arange(len(rare)) // 2, False),
    (lambda rng, rare: rare * 7 + 1, True),
    (lambda rng, rare: np.where(rare, rng.uniform(1, 9, len(rare)), 0), True),
    (lambda rng, rare: np.where(rare, rng.uniform(1, 2, len(rare)), rng.uniform(-1, 1, len(rare))), True),
    (lambda rng, rare: np.where(rare, np.nan, rng.normal(size=len(rare))), True),
])
def test_what_tells_a_rare_class(column, tells):
    rng = np.random.default_rng(3)
    rare = rng.random(600) < 0.03
    table = {"x": column(rng, rare), "other": rng.normal(size=600)}
    found = leak_warnings(table, fn.data.TablePreparation().fit(table), rare.astype(np.int64), ["rare"])
    assert [line.split("'")[1] for line in found] == ["x"] * tells


@pytest.mark.parametrize("args", [(), ("--save", "m.safetensors")])
def test_whether_the_model_is_kept_is_said(tmp_path, capsys, monkeypatch, args):
    monkeypatch.chdir(tmp_path)
    assert ("the model will not be saved; use --save FILE to keep it" in told(
        capsys, "train", flowers(tmp_path / "f.csv"), *QUICK, *args)) == (not args)


def test_models_saved_with_one_target_can_still_be_read(tmp_path):
    fastnet("train", flowers(tmp_path / "f.csv"), *QUICK, "--save", tmp_path / "m.safetensors")
    about = fn.load_metadata(tmp_path / "m.safetensors")
    del about["about"]["counts"]
    fn.load(tmp_path / "m.safetensors").save(tmp_path / "old.safetensors", about | {"format": 1})
    assert Saved.read(tmp_path / "old.safetensors").target_names == ["kind"]
