"""`fastnet quantize`, and the commands that read its files."""
import json

import numpy as np
import pytest

import fastnet
from fastnet.cli import main
from fastnet.cli.quantize import samples_of
from fastnet.cli.saved import Saved

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A small network of digits."""
    path = tmp_path_factory.mktemp("digits") / "digits.safetensors"
    assert main(["train", "digits", "--epochs", "5", "--save", str(path), "--quiet"]) == 0
    return path


def accuracy(path, capsys):
    capsys.readouterr()
    assert main(["evaluate", str(path), "digits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    return float(next(line for line in lines if line.startswith("accuracy")).split()[-1])


@pytest.mark.parametrize("options", [
    ["--all"], ["--all", "--calibration", "Percentile"], ["--scheme", "dynamic"],
    ["--scheme", "weight_only", "--bits", "4"], ["--scheme", "weight_only", "--bits", "4", "--method", "gptq"],
    ["--all", "--scheme", "qat", "--epochs", "2"]],
    ids=["static", "percentile", "dynamic", "rtn", "gptq", "qat"])
def test_schemes(digits, options, tmp_path, capsys):
    before = accuracy(digits, capsys)
    out, report = tmp_path / "small.safetensors", tmp_path / "report.json"
    assert main(["quantize", str(digits), "-o", str(out), "--report", str(report), *options]) == 0
    printed = capsys.readouterr().out
    assert "float32  quantised" in printed and "accuracy" in printed
    found = json.loads(report.read_text())
    assert found["after"]["bytes"] < found["before"]["bytes"]
    assert accuracy(out, capsys) >= before - 0.03
    assert main(["info", str(out)]) == 0
    assert fastnet.load_metadata(out)["about"]["quantization"]["scheme"] == found["scheme"]


@pytest.mark.parametrize("options, message", [
    (["--bits", "4"], "--bits is an option of --scheme weight_only, got --scheme static"),
    (["--scheme", "dynamic", "--epochs", "2"], "--epochs is an option of --scheme qat, got --scheme dynamic"),
    (["--scheme", "weight_only", "--group-size", "32", "--lr", "0.1"], "--lr is an option of --scheme qat")])
def test_an_option_of_another_scheme_is_refused(options, message, digits, tmp_path, capsys):
    assert main(["quantize", str(digits), "-o", str(tmp_path / "q.safetensors"), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_training_has_the_random_changes_of_the_first_one(digits):
    saved = Saved.read(str(digits))
    plain = next(iter(samples_of("digits", saved)[0]))[0]
    saved.about["settings"]["augment"] = "standard"
    changed = next(iter(samples_of("digits", saved)[0]))[0]
    assert changed.shape == plain.shape and not fastnet.equal(changed, plain)


def test_predict_reads_the_file(digits, tmp_path, capsys):
    out = tmp_path / "small.safetensors"
    assert main(["quantize", str(digits), "-o", str(out), "--all"]) == 0
    picture = fastnet.datasets.digits()[1][0][:1]
    np.save(tmp_path / "x.npy", picture)
    capsys.readouterr()
    answers = []
    for model in (digits, out):
        assert main(["predict", str(model), str(tmp_path / "x.npy")]) == 0
        answers.append(capsys.readouterr().out.split(" (")[0])
    assert answers[0] == answers[1]


def test_a_table(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    rows = [",".join(f"{v:.4f}" for v in row) + f",{'ab'[int(row.sum() > 0)]}" for row in x]
    table = tmp_path / "t.csv"
    table.write_text("p,q,r,kind\n" + "\n".join(rows) + "\n")
    model, out = tmp_path / "m.safetensors", tmp_path / "q.safetensors"
    assert main(["train", str(table), "--epochs", "5", "--save", str(model), "--quiet"]) == 0
    assert main(["quantize", str(model), "--data", str(table), "-o", str(out), "--all"]) == 0
    assert main(["evaluate", str(out), str(table)]) == 0
    assert main(["predict", str(out), str(table)]) == 0
    capsys.readouterr()
    assert main(["quantize", str(model), "-o", str(out)]) == 2
    assert "--data" in capsys.readouterr().err


def test_a_text(tmp_path, capsys):
    book = tmp_path / "book.txt"
    book.write_text("the quick brown fox jumps over the lazy dog. " * 200)
    model, out = tmp_path / "m.safetensors", tmp_path / "q.safetensors"
    assert main(["train", str(book), "--model", "gpt", "--steps", "20", "--block", "16", "--save", str(model),
                 "--quiet"]) == 0
    assert main(["quantize", str(model), "--data", str(book), "--bits", "4", "--method", "gptq", "-o", str(out)]) == 0
    assert "int4" in capsys.readouterr().out
    assert main(["generate", str(out), "--prompt", "the", "--length", "5"]) == 0
    assert main(["evaluate", str(out), str(book)]) == 0
    assert main(["quantize", str(model), "--data", str(book), "--scheme", "static", "-o", str(out)]) == 2
