"""Metadata and tensors of saved files, and files that change while they are read."""
import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn.saving import load_described

pytestmark = pytest.mark.usefixtures("backend")


def test_metadata(path):
    model, metadata = nn.Tanh(), {"classes": ["cat", "dög"], "mean": [0.5, -1e300], "nothing": None, "in": {"x": True}}
    model.save(path, metadata=metadata)
    assert fastnet.load_metadata(path) == metadata
    model.save(str(path))
    assert fastnet.load_metadata(str(path)) == {}
    with pytest.raises(TypeError, match="metadata to be a dictionary, got list"):
        model.save(path, metadata=[])
    for value in (np.float32(1), float("nan"), (1, 2), {1: 2}, {"x"}):
        with pytest.raises(ValueError, match="metadata"):
            model.save(path, metadata={"x": value})
    assert fastnet.load_metadata(path) == {}


def test_a_file_that_is_replaced_while_it_is_read(path, tmp_path, monkeypatch):
    import builtins

    import safetensors
    for size in (2, 3):
        nn.Linear(size, 1).save(tmp_path / str(size), {"size": size})

    def replacing(function):
        def read(name, *args, **kwargs):
            file = function(name, *args, **kwargs)
            if str(name) == str(path):                      # opening the path again gives the other file
                path.unlink()
                path.hardlink_to(tmp_path / str(next(sizes)))
            return file
        return read
    for read in (fastnet.load, lambda path: load_described(path)[0]):
        path.unlink(missing_ok=True)
        path.hardlink_to(tmp_path / "2")
        sizes = iter([3, 2, 3, 2])
        with monkeypatch.context() as patch:
            patch.setattr(builtins, "open", replacing(open))
            patch.setattr(safetensors, "safe_open", replacing(safetensors.safe_open))
            assert read(path).in_features == 2


def test_a_model_that_contains_itself(path):
    model = nn.Sequential(nn.Linear(1, 1))
    model.append(model)
    with pytest.raises(ValueError, match="the modules of this Sequential are nested too deep to be written"):
        model.save(path)
    assert not path.exists()


def test_tensors_by_name(path):
    tensors = {"f": fastnet.randn(2, 3), "t": fastnet.randn(2, 3).T, "d": fastnet.ones(2, dtype=fastnet.float64),
               "i": fastnet.tensor([1, 2]), "b": fastnet.tensor([True, False]), "u": np.arange(3, dtype="uint8"),
               "none": fastnet.zeros(0, 3), "one": fastnet.tensor(3.0), "big": np.arange(3, dtype=">f4"),
               "ü": np.ones(1)}
    fastnet.save_file(tensors, path)
    loaded = fastnet.load_file(path)
    assert set(loaded) == set(tensors)
    for name, x in tensors.items():
        np.testing.assert_array_equal(loaded[name].numpy(), x if isinstance(x, np.ndarray) else x.numpy())
        assert loaded[name].shape == x.shape and loaded[name].dtype == np.dtype(x.dtype).newbyteorder("=")
    from safetensors.numpy import load_file, save_file
    for name, x in load_file(path).items():
        np.testing.assert_array_equal(x, loaded[name].numpy())
    save_file({"h": np.array([0.5, 65504], np.float16)}, path)
    assert fastnet.load_file(path)["h"].tolist() == [0.5, 65504] and fastnet.load_file(path)["h"].dtype == np.float32
    for wrong in ([], {"x": object()}, {(1,): np.ones(1)}, {"x": np.ones(1, complex)}, {"x": np.array(["x"])}):
        with pytest.raises(TypeError, match=r"save_file|dtype"):
            fastnet.save_file(wrong, path)
    with pytest.raises(ValueError, match="__metadata__"):
        fastnet.save_file({"__metadata__": np.ones(1)}, path)


def test_not_inside_a_compiled_function(path):
    model = nn.Linear(1, 1)
    model.save(path)
    for call in (lambda: model.save(path), lambda: fastnet.load(path), lambda: fastnet.load_file(path),
                 lambda: fastnet.save_file({}, path)):
        with pytest.raises(RuntimeError, match=r"(save|load)(_file)?\(\)"):
            fastnet.compile(call)()
