"""Tables and folders of pictures on the command line: from data to a saved model and its predictions for other data."""
import csv
import io

import numpy as np
import pytest
from cli_tools import COLOURS, fastnet, flowers, pictures, prices, report_of

import fastnet as fn
from fastnet.cli.saved import Saved

pd = pytest.importorskip("pandas")
QUICK = ("--epochs", "25", "--hidden", "16", "--batch-size", "16", "--lr", "0.01")


def printed_rows(capsys):
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


@pytest.fixture(name="flower_model")
def _flower_model(tmp_path, capsys):
    path = tmp_path / "flowers.safetensors"
    fastnet("train", flowers(tmp_path / "flowers.csv"), *QUICK, "--save", path)
    return path


def test_classes_from_a_table(tmp_path, capsys, flower_model):
    out = capsys.readouterr().out
    assert "target: kind (the last column; --target names another); 3 classes: kind0, kind1, kind2" in out
    assert "72 rows to train on, 18 to test on" in out
    assert "5-16-3 perceptron" in out                       # two numbers and three colours
    table = flowers(tmp_path / "new.csv", n=30, seed=5)
    fastnet("predict", flower_model, table)
    rows = printed_rows(capsys)
    assert [row["kind"] for row in rows] == [f"kind{i % 3}" for i in range(30)]
    fastnet("evaluate", flower_model, table, "--report", tmp_path / "figures.json")
    out = capsys.readouterr().out
    assert "new.csv: 30 samples" in out and out.endswith("accuracy: 1.0000\n")
    assert '"accuracy": 1.0' in (tmp_path / "figures.json").read_text()


def test_probabilities(tmp_path, capsys, flower_model):
    capsys.readouterr()
    fastnet("predict", flower_model, flowers(tmp_path / "new.csv", n=6), "--proba", "--output", tmp_path / "out.csv")
    assert capsys.readouterr().out == ""
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["kind", *(f"probability of kind{i}" for i in range(3))]
    for i, row in enumerate(rows):
        shares = [float(row[f"probability of kind{k}"]) for k in range(3)]
        assert sum(shares) == pytest.approx(1, abs=2e-4) and int(np.argmax(shares)) == i % 3


def test_a_table_needs_no_target_and_no_order(tmp_path, capsys, flower_model):
    """To be predicted from it needs the columns that are used; colours that were not seen count as none."""
    capsys.readouterr()
    table = pd.DataFrame({"colour": [*COLOURS, "black"], "other": 1, "weight": [0, 2, 4, 4.0], "size": [0, 3, 6, 6.0]})
    table.to_csv(tmp_path / "new.csv", index=False)
    fastnet("predict", flower_model, tmp_path / "new.csv")
    assert [row["kind"] for row in printed_rows(capsys)] == ["kind0", "kind1", "kind2", "kind2"]


def test_values_from_a_table(tmp_path, capsys):
    table = prices(tmp_path / "prices.csv")
    report = report_of(tmp_path, "train", table, *QUICK, "--save", tmp_path / "m.safetensors")
    assert report["task"] == "regression" and report["target"] == "price"
    assert report["test_r2"] > 0.98
    assert 0 < report["test_mae"] <= report["test_rmse"] < 40_000
    capsys.readouterr()
    fastnet("predict", tmp_path / "m.safetensors", table)
    predicted = [float(row["price"]) for row in printed_rows(capsys)]
    actual = pd.read_csv(table)["price"]
    assert np.corrcoef(predicted, actual)[0, 1] > 0.99
    assert np.mean(predicted) == pytest.approx(actual.mean(), rel=0.03)


def test_parquet_and_arrays(tmp_path, capsys):
    pytest.importorskip("pyarrow")
    table = pd.read_csv(prices(tmp_path / "prices.csv"))
    table.to_parquet(tmp_path / "prices.parquet")
    np.save(tmp_path / "new.npy", table[["area", "age"]].to_numpy())
    model = tmp_path / "m.safetensors"
    fastnet("train", tmp_path / "prices.parquet", *QUICK, "--save", model)
    capsys.readouterr()
    answers = []
    for name in ("prices.csv", "prices.parquet", "new.npy"):
        fastnet("predict", model, tmp_path / name)
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0].splitlines()) == 201


def test_target_and_task(tmp_path, capsys):
    report = report_of(tmp_path, "train", flowers(tmp_path / "f.csv"), "--target", "size", "--epochs", "1")
    assert report["task"] == "regression" and report["target"] == "size"
    lines = ["x,grade", *(f"{i % 5 + 0.1},{i % 5}" for i in range(60))]
    (tmp_path / "g.csv").write_text("\n".join(lines))
    assert report_of(tmp_path, "train", tmp_path / "g.csv", "--epochs", "1")["task"] == "classification"
    report = report_of(tmp_path, "train", tmp_path / "g.csv", "--epochs", "1", "--task", "regression")
    assert report["task"] == "regression"


def test_held_out_rows_do_not_affect_preparation(tmp_path, capsys):
    """Preparation uses training rows only; outliers in other rows change nothing."""
    table = pd.read_csv(prices(tmp_path / "a.csv"))
    fastnet("train", tmp_path / "a.csv", "--epochs", "1", "--save", tmp_path / "a.safetensors")
    _, held_out = fn.data.stratified_split(np.zeros(len(table), np.int64), 0.2, 0)
    table.loc[held_out, "area"] += 1e6
    table.to_csv(tmp_path / "b.csv", index=False)
    fastnet("train", tmp_path / "b.csv", "--epochs", "1", "--save", tmp_path / "b.safetensors")
    first, second = (fn.load_file(tmp_path / f"{name}.safetensors") for name in "ab")
    assert all(fn.equal(first[name], second[name]) for name in first)


def test_no_test_rows(tmp_path, capsys):
    fastnet("train", flowers(tmp_path / "f.csv"), "--epochs", "1", "--test", "0", "--report", tmp_path / "r.json")
    assert "there are no rows to test on" in capsys.readouterr().out
    assert "test_accuracy" not in (tmp_path / "r.json").read_text()


def test_info_about_a_table_model(capsys, flower_model):
    capsys.readouterr()
    fastnet("info", flower_model)
    out = " ".join(capsys.readouterr().out.split())
    for part in ("task: classification", "predicts: kind", "classes: kind0, kind1, kind2", "epochs: 25", "lr 0.01",
                 "inputs: rows of a table with the columns size, colour, weight", "Linear(in_features=5, out_features=",
                 "parameters: 147", f"fastnet {fn.__version__}", "accuracy 1"):
        assert part in out


def test_info_about_other_models(tmp_path, capsys):
    fn.nn.Linear(3, 2).save(tmp_path / "own.safetensors", {"by": "hand"})
    fastnet("info", tmp_path / "own.safetensors")
    out = capsys.readouterr().out
    assert "Linear(in_features=3" in out and "{'by': 'hand'}" in out
    fn.save_file({"weight": fn.ones(2, 3)}, tmp_path / "weights.safetensors")
    fastnet("info", tmp_path / "weights.safetensors")
    assert "weight (2, 3) float32" in capsys.readouterr().out


def test_no_validation_rows(tmp_path, capsys):
    """All rows are trained on, to the end: there is nothing to stop by."""
    report = report_of(tmp_path, "train", flowers(tmp_path / "f.csv"), *QUICK, "--validation", "0")
    assert len(report["history"]) == 25 and "validation_loss" not in report["history"][0]


# ---- pictures -------------------------------------------------------------------------------------------------------

def test_folder_of_pictures(tmp_path, capsys):
    pytest.importorskip("PIL")
    model = tmp_path / "m.safetensors"
    fastnet("train", pictures(tmp_path / "bars", each=24), *QUICK, "--size", "16", "--save", model)
    out = capsys.readouterr().out
    assert "2 classes: level, upright" in out and "38 images to train on, 10 to test on" in out
    assert "768-16-2 perceptron" in out
    pictures(tmp_path / "others", each=12, seed=3)
    fastnet("evaluate", model, tmp_path / "others")
    assert float(capsys.readouterr().out.split()[-1]) >= 0.8
    file = tmp_path / "others" / "level" / "2.png"
    fastnet("predict", model, file)
    assert capsys.readouterr().out.startswith(f"{file}: level (")
    fastnet("predict", model, file, tmp_path / "others" / "upright" / "2.png", "--proba")
    assert [row["prediction"] for row in printed_rows(capsys)] == ["level", "upright"]


def test_digits_by_pictures_and_arrays(tmp_path, capsys):
    pytest.importorskip("PIL")
    from drawing_tools import draw
    model = tmp_path / "m.safetensors"
    fastnet("train", "digits", "--epochs", "10", "--save", model, "--quiet")
    _, (x, y) = fn.datasets.digits()
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "flat.npy", x.reshape(len(x), 64))
    capsys.readouterr()
    for name in ("x.npy", "flat.npy"):
        fastnet("predict", model, tmp_path / name, "--output", tmp_path / "out.csv")
        predicted = pd.read_csv(tmp_path / "out.csv")["prediction"].to_numpy()
        assert (predicted == y).mean() > 0.95
    fastnet("predict", model, draw(tmp_path / "zero.png", 0))
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'zero.png'}: 0 (")
    fastnet("predict", model, tmp_path / "x.npy")
    assert capsys.readouterr().out.splitlines()[1].startswith(f"{tmp_path / 'x.npy'}, row 2: ")


def test_what_is_saved_comes_back(tmp_path, capsys, flower_model):
    saved = Saved.read(flower_model)
    saved.save(tmp_path / "again.safetensors")
    assert fn.load_metadata(tmp_path / "again.safetensors") == fn.load_metadata(flower_model)


# ---- what looks like something else in another file -----------------------------------------------------------------

def coded(path, codes, n=80):
    """A CSV file of a class for each code: "x" for those of the first half."""
    lines = [f"{codes[i % len(codes)]},{'x' if i % len(codes) < len(codes) / 2 else 7}" for i in range(n)]
    path.write_text("code,kind\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("codes", "fewer"), [
    (["01234", "unknown", "00777", "98765"], ["01234", "98765"]),
    (["true", "unknown", "false", "no"], ["true", "false"]),
])
def test_categories_that_look_like_numbers(tmp_path, capsys, codes, fewer):
    """Zip codes in a column with a word are text, also in a file without that word."""
    model = tmp_path / "m.safetensors"
    fastnet("train", coded(tmp_path / "codes.csv", codes), *QUICK, "--save", model)
    capsys.readouterr()
    fastnet("predict", model, coded(tmp_path / "new.csv", fewer, n=4))
    assert capsys.readouterr() == ("kind\nx\n7\nx\n7\n", "")
    (tmp_path / "new.csv").write_text(f"code,kind\n{fewer[1]},7\n{fewer[1]},7\n")       # the target, too, is text
    fastnet("evaluate", model, tmp_path / "new.csv")
    out, err = capsys.readouterr()
    assert out.endswith("accuracy: 1.0000\n") and err == ""


def test_a_note_of_categories_that_were_not_seen(tmp_path, capsys, flower_model):
    capsys.readouterr()
    table = pd.DataFrame({"colour": ["black", "red", "white"], "weight": 1.0, "size": 1.0, "kind": "kind0"})
    table.to_csv(tmp_path / "new.csv", index=False)
    for command in ("predict", "evaluate"):
        fastnet(command, flower_model, tmp_path / "new.csv")
        assert capsys.readouterr().err == (
            f"fastnet: note: {tmp_path / 'new.csv'}: column 'colour': 2 of 3 rows have a category that was not seen in "
            "training, which is ignored\n")
