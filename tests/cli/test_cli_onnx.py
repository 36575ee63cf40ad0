"""`fastnet run-onnx`."""
import numpy as np
import pytest
from cli_tools import failure, fastnet
from fuzz_onnx import content, graph, node

from fastnet.onnx.forms import DataType


@pytest.fixture
def classifier(tmp_path):
    """A file with the mean of each colour of images of any number, 4x6 pixels."""
    path = tmp_path / "m.onnx"
    path.write_bytes(content(graph([node("ReduceMean", "x axes", "y", keepdims=0)],
                                   [("x", DataType.FLOAT, ["n", 3, 4, 6])], axes=np.array([2, 3]))))
    return path


def test_it_shows_inputs_and_outputs(classifier, capsys):
    fastnet("run-onnx", classifier)
    out = capsys.readouterr().out
    assert "x: float32 (n, 3, 4, 6)" in out and "y" in out


def test_arrays(classifier, tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 6)).astype(np.float32)
    np.savez(tmp_path / "in.npz", x=x)
    np.save(tmp_path / "in.npy", x)
    for file in ("in.npz", "in.npy"):
        fastnet("run-onnx", classifier, tmp_path / file, "--output", tmp_path / "out.npz")
        with np.load(tmp_path / "out.npz") as found:
            np.testing.assert_allclose(found["y"], x.mean((2, 3)), rtol=1e-5, atol=1e-6)
    assert "float32 (2, 3)" in capsys.readouterr().out


def test_images(classifier, tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (12, 8), (255, 0, 51)).save(tmp_path / "red.png")
    fastnet("run-onnx", classifier, tmp_path / "red.png", "--output", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as found:
        np.testing.assert_allclose(found["y"], [[1, 0, 0.2]], atol=1e-6)


def test_time(classifier, capsys):
    fastnet("run-onnx", classifier, "--time", "--shape", "x=2,3,4,6")
    assert "ms, the median of" in capsys.readouterr().out


def test_errors(classifier, tmp_path, capsys):
    np.savez(tmp_path / "other.npz", z=np.zeros(3))
    assert "expected the arrays x, got z" in failure(capsys, "run-onnx", classifier, tmp_path / "other.npz")
    assert "no input z" in failure(capsys, "run-onnx", classifier, "--time", "--shape", "z=1", code=2)
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    assert "bad.onnx" in failure(capsys, "run-onnx", tmp_path / "bad.onnx")
    assert "would overwrite" in failure(capsys, "run-onnx", classifier, tmp_path / "other.npz", "--output",
                                        tmp_path / "other.npz", code=2)


def test_options_that_would_do_nothing(classifier, tmp_path, capsys):
    out = tmp_path / "out.npz"
    assert "--output needs files with the inputs" in failure(capsys, "run-onnx", classifier, "--output", out, code=2)
    np.save(tmp_path / "in.npy", np.zeros((1, 3, 4, 6), np.float32))
    assert "--shape needs --time without files" in failure(capsys, "run-onnx", classifier, tmp_path / "in.npy",
                                                           "--shape", "x=1,3,4,6", code=2)
    assert not out.exists()


def test_names_of_outputs_and_ranges_of_inputs(tmp_path, capsys):
    path, out = tmp_path / "m.onnx", tmp_path / "out.npz"
    path.write_bytes(content(graph([node("Identity", "x", "file")], [("x", DataType.UINT8, [2])], ("file",))))
    np.save(tmp_path / "in.npy", np.array([0, 255]))
    fastnet("run-onnx", path, tmp_path / "in.npy", "--output", out)
    with np.load(out) as found:
        assert {name: array.tolist() for name, array in found.items()} == {"file": [0, 255]}
    np.save(tmp_path / "in.npy", np.array([-1, 256]))
    assert "expected numbers from 0 to 255, as uint8 has, got -1 to 256" in failure(capsys, "run-onnx", path,
                                                                                    tmp_path / "in.npy")
    out.write_bytes(out.read_bytes()[:-30])
    assert "cannot read" in failure(capsys, "run-onnx", path, out)


def test_shapes_that_the_file_does_not_have(classifier, capsys):
    for shape in ("x=1,3,32,32", "x=1,3,4", "x=3,4,6"):
        assert "the file states the input x: float32 (n, 3, 4, 6), got " + shape[2:] in failure(
            capsys, "run-onnx", classifier, "--time", "--shape", shape, code=2)
