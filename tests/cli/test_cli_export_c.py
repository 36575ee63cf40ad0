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


@pytest.fixture
def onnx_file(tmp_path):
    """A file whose batch and first size are open."""
    path = tmp_path / "m.onnx"
    model = fn.nn.Sequential(fn.nn.Linear(4, 3), fn.nn.ReLU())
    fn.onnx.export(model, fn.ones(1, 2, 4), path, input_names=["rows"], dynamic_axes={"rows": {0: "n", 1: "t"}})
    return path


def test_an_onnx_file(onnx_file, tmp_path):
    fastnet("export", onnx_file, "--to", "c", "--shape", "2,4", "-o", tmp_path / "net.c")
    given = (tmp_path / "net.c").read_text(), (tmp_path / "net.h").read_text()
    loaded = fn.onnx.load(onnx_file)
    fn.export_c(loaded, fn.zeros(1, 2, 4), tmp_path / "net.c")
    assert ((tmp_path / "net.c").read_text(), (tmp_path / "net.h").read_text()) == given
    x = fn.randn(1, 2, 4)
    program = Compiled(CSource(tmp_path / "net.c", tmp_path / "net.h", "net", 0, 0, 0, 0, 0, 0, 0, (), (), False),
                       [np.zeros((1, 2, 3), np.float32)])
    np.testing.assert_allclose(program(x.numpy())[0], loaded(x).detach().numpy(), atol=1e-6)


def test_the_sizes_of_an_onnx_file(onnx_file, tmp_path, capsys):
    assert "does not state the sizes of the input rows: float32 (n, t, 4): give them with --shape" in failure(
        capsys, "export", onnx_file, "--to", "c", code=2)
    assert "the file states the input rows: float32 (n, t, 4), got 1,2,5" in failure(
        capsys, "export", onnx_file, "--to", "c", "--shape", "2,5", code=2)
    assert "is an ONNX file already" in failure(capsys, "export", onnx_file, "--to", "onnx", "-o", tmp_path / "o.onnx",
                                                code=2)
    fn.onnx.export(fn.nn.Linear(4, 3), fn.ones(5, 4), tmp_path / "fixed.onnx")
    fastnet("export", tmp_path / "fixed.onnx", "--to", "c")
    assert "FIXED_OUTPUT_SIZE 15" in (tmp_path / "fixed.h").read_text()


def test_errors(tmp_path, capsys):
    model = tmp_path / "f.safetensors"
    trained(flowers(tmp_path / "f.csv"), model)
    assert "more than max_ram=16" in failure(capsys, "export", model, "--to", "c", "--max-ram", "16")
    assert "takes a quantised model" in failure(capsys, "export", model, "--to", "c", "--dtype", "int8")
