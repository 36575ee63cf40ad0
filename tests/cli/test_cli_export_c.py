"""`fastnet export --to c`: a model of a table, with its preparation, classes and memory."""
import csv
import shutil

import numpy as np
import pytest
from c_tools import Compiled
from cli_tools import failure, fastnet, flowers, prices

import fastnet as fn
from fastnet.c_source import CSource
from fastnet.cli.saved import Saved

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed")


def trained(table, path):
    fastnet("train", table, "--epochs", "3", "--hidden", "8", "--save", path, "--quiet")
    return Saved.read(path)


def compiled(path, outputs):
    return Compiled(CSource(path, path.with_suffix(".h"), path.stem, 0, 0, 0, 0, 0, 0, 0, (), (), False),
                    [np.zeros((1, outputs), np.float32)])


def test_a_classification(tmp_path, capsys):
    table, model = flowers(tmp_path / "f.csv"), tmp_path / "f.safetensors"
    saved = trained(table, model)
    capsys.readouterr()
    fastnet("export", model, "--to", "c", "--max-ram", "1k", "-o", tmp_path / "kinds.c")
    assert "\nRAM:   32 bytes" in capsys.readouterr().out              # on a line of its own
    program = compiled(tmp_path / "kinds.c", 3)
    assert '"kind0", "kind1", "kind2"' in (tmp_path / "kinds.c").read_text()
    categories = saved.inputs.preparation.encoders["colour"].categories
    with open(table) as file:
        for row in list(csv.DictReader(file))[:20]:
            columns = np.array([float(row["size"]), categories.index(row["colour"]), float(row["weight"] or "nan")])
            x = np.zeros(saved.inputs.shape, np.float32)
            program.call("prepare", columns, x)
            table_row = {name: np.array([cell], object) for name, cell in row.items() if name != "kind"}
            np.testing.assert_allclose(x, saved.inputs.preparation.transform(table_row)[0], rtol=1e-6)
            with fn.no_grad():
                expected = saved.model.eval()(fn.from_numpy(x[None])).numpy()
            np.testing.assert_allclose(program(x[None])[0], expected, atol=1e-5)


def test_a_regression(tmp_path):
    model = tmp_path / "p.safetensors"
    saved = trained(prices(tmp_path / "p.csv"), model)
    fastnet("export", model, "--to", "c")
    program, values = compiled(tmp_path / "p.c", 1), np.zeros(1)
    program.call("values", np.float32([0.5]), values)
    assert values == pytest.approx(saved.target.inverse(np.float32([0.5])), rel=1e-6)


def test_errors(tmp_path, capsys):
    model = tmp_path / "f.safetensors"
    trained(flowers(tmp_path / "f.csv"), model)
    assert "more than max_ram=16" in failure(capsys, "export", model, "--to", "c", "--max-ram", "16")
    assert "takes a quantised model" in failure(capsys, "export", model, "--to", "c", "--dtype", "int8")
