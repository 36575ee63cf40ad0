"""`fastnet export`: saved models as ONNX files."""
import numpy as np
import pytest
from cli_tools import QUICK, failure, fastnet
from onnx_tools import checked, compare, results, session

import fastnet as fn
from fastnet import nn

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    pytest.importorskip("sklearn")
    path = tmp_path_factory.mktemp("digits") / "digits.safetensors"
    fastnet(*QUICK, "--save", path, "--quiet")
    return path


def test_a_trained_model(digits, tmp_path, capsys):
    path = tmp_path / "digits.onnx"
    fastnet("export", digits, "--to", "onnx", "--output", path)
    assert f"wrote {path}, {path.stat().st_size:,} bytes" in capsys.readouterr().out
    made = checked(path)
    assert made.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    model = fn.load(digits)
    shape = [d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim][1:]
    for n in (1, 5):
        compare(path, model, (fn.randn(n, *shape),))


def test_a_model_without_a_description(tmp_path, capsys):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    model.save(tmp_path / "m.safetensors")
    line = failure(capsys, "export", tmp_path / "m.safetensors", "--to", "onnx", code=2)
    assert "m.safetensors does not tell the shape of its input: give it with --shape" in line
    fastnet("export", tmp_path / "m.safetensors", "--to", "onnx", "--shape", "3,6,6", "--opset", "17")
    path = tmp_path / "m.onnx"                              # named after the model
    assert checked(path).opset_import[0].version == 17
    compare(path, model, (fn.randn(3, 3, 6, 6),))


def test_wrong_arguments(digits, tmp_path, capsys):
    assert "would overwrite" in failure(capsys, "export", digits, "--to", "onnx", "--output", digits, code=2)
    assert "from 13 to 22, got 99" in failure(capsys, "export", digits, "--to", "onnx", "--opset", "99", "--output",
                                              tmp_path / "m.onnx")
    for option in (("--max-ram", "1k"), ("--dtype", "float32"), ("--streaming",)):
        assert f"{option[0]} needs --to c" in failure(capsys, "export", digits, "--to", "onnx", *option, "--output",
                                                      tmp_path / "m.onnx", code=2)
    assert "--opset needs --to onnx" in failure(capsys, "export", digits, "--to", "c", "--opset", "18", code=2)
    assert not (tmp_path / "m.onnx").exists()
    assert "missing.safetensors" in failure(capsys, "export", "missing.safetensors", "--to", "onnx")


def test_the_file_runs_by_the_name_of_its_input(digits, tmp_path):
    path = tmp_path / "digits.onnx"
    fastnet("export", digits, "--to", "onnx", "--output", path)
    [input] = session(path).get_inputs()
    assert input.name == "input"
    assert results(path, [np.zeros((2, *input.shape[1:]), np.float32)])[0].shape == (2, 10)
