"""Damaged and hostile ONNX files: one clear error, or a model that computes; bounded memory and time."""
import os

import fuzz_onnx as fuzz
import numpy as np
import pytest
from fuzz_onnx import FAILED, LOADED, REFUSED, content, graph, node

import fastnet
from fastnet.onnx import DamagedFileError, UnsupportedError, forms
from fastnet.onnx.forms import DataType
from fastnet.onnx.tensors import tensor_of
from fastnet.onnx.wire import BYTES, tag_bytes, varint_bytes

X = [("x", DataType.FLOAT, [2, 3])]
HUGE = 2**40


@pytest.fixture(autouse=True)
def bounded():
    lift = fuzz.limited_memory()
    yield
    lift()


@pytest.mark.parametrize("name", fuzz.NETWORKS)
def test_the_networks_that_are_mutated_compute(name):
    assert fuzz.outcome(fuzz.NETWORKS[name]()) == LOADED


@pytest.mark.parametrize("name", fuzz.NETWORKS)
def test_every_truncation(name):
    data = fuzz.NETWORKS[name]()
    for size in range(len(data)):
        assert fuzz.outcome(data[:size]) in (REFUSED, FAILED, LOADED)       # any other error is raised


def test_mutations():
    outcomes = [fuzz.outcome(data) for _, data in fuzz.mutations(1000, seed=15)]
    assert {*outcomes} == {REFUSED, FAILED, LOADED}


# ---- numbers that ask for memory or time -----------------------------------------------------------------------------

def constants_of(**arrays):
    return {name: np.asarray(x) for name, x in arrays.items()}


ASKING = {
    "ConstantOfShape": ([node("ConstantOfShape", "n", "y")], constants_of(n=[HUGE])),
    "ConstantOfShape with a negative size": ([node("ConstantOfShape", "n", "y")], constants_of(n=[-1])),
    "ConstantOfShape with an overflow": ([node("ConstantOfShape", "n", "y")], constants_of(n=[2**33, 2**33])),
    "Expand": ([node("Expand", "x n", "y")], constants_of(n=[HUGE, 1, 1])),
    "Tile": ([node("Tile", "x n", "y")], constants_of(n=[HUGE, 1])),
    "Tile with a negative number": ([node("Tile", "x n", "y")], constants_of(n=[-1, 1])),
    "Range": ([node("Range", "a b c", "y")], constants_of(a=0, b=HUGE, c=1)),
    "Range without an end": ([node("Range", "a b c", "y")], constants_of(a=0, b=1, c=0)),
    "Pad": ([node("Pad", "x n", "y")], constants_of(n=[HUGE, 0, 0, 0])),
    "Reshape": ([node("Reshape", "x n", "y")], constants_of(n=[HUGE, HUGE])),
    "OneHot": ([node("OneHot", "i n v", "y")], constants_of(i=[0, 1], n=HUGE, v=np.zeros(2, np.float32))),
    "CenterCropPad": ([node("CenterCropPad", "x n", "y")], constants_of(n=[HUGE, 1])),
    "Multinomial": ([node("Multinomial", "x", "y", sample_size=HUGE)], {}),
    "Resize": ([node("Resize", "x none scales", "y")],
               constants_of(none=np.zeros(0, np.float32), scales=np.array([1, 1e12], np.float32))),
    "Split": ([node("Split", "x n", "y z", axis=0)], constants_of(n=[HUGE, -HUGE + 2])),
    "TopK": ([node("TopK", "x n", "y i")], constants_of(n=[HUGE])),
    "RandomNormal": ([node("RandomNormal", "", "y", shape=[HUGE])], {}),
    "HannWindow": ([node("HannWindow", "n", "y")], constants_of(n=HUGE)),
    "MelWeightMatrix": ([node("MelWeightMatrix", "n n n a a", "y")],
                        constants_of(n=HUGE, a=np.array(1, np.float32))),
    "Conv with a huge stride of 0": ([node("Conv", "x w", "y", strides=[0])],
                                     constants_of(w=np.zeros((1, 1, 1), np.float32))),
    "outer products": ([node("Mul", "a b", "y")], constants_of(a=np.zeros((1, 2**20), np.float32),
                                                               b=np.zeros((2**20, 1), np.float32))),
    "doubling": ([node("Concat", f"v{i} v{i}" if i else "x x", f"v{i + 1}", axis=0) for i in range(40)]
                 + [node("Identity", "v40", "y")], {}),
}


@pytest.mark.parametrize("name", ASKING)
def test_numbers_of_the_file_do_not_allocate_without_limit(name):
    nodes, constants = ASKING[name]
    assert fuzz.outcome(content(graph(nodes, X, **constants))) in (FAILED, REFUSED)


def test_an_endless_loop_of_the_file_is_refused(monkeypatch):
    monkeypatch.setattr("fastnet.onnx.operators.control._MOST_TRIPS", 1000)
    body = graph([node("Identity", "condition", "again"), node("Identity", "v", "w")],
                 [("i", DataType.INT64, []), ("condition", DataType.BOOL, []), ("v", DataType.FLOAT, [2, 3])],
                 ("again", "w"))
    data = content(graph([node("Loop", "n yes x", "y", body=body)], X, n=np.array(2**62), yes=np.array(True)))
    assert fuzz.outcome(data) in (FAILED, REFUSED)


# ---- structure -------------------------------------------------------------------------------------------------------

def refused(data, text):
    with pytest.raises((DamagedFileError, UnsupportedError), match=text):
        fastnet.onnx.load(data)


def test_nodes_in_a_circle():
    refused(content(graph([node("Add", "x b", "a"), node("Neg", "a", "b"), node("Neg", "b", "y")], X)), "circle")


def test_a_value_that_nothing_computes():
    refused(content(graph([node("Add", "x nothing", "y")], X)), "nothing")


def test_two_definitions():
    refused(content(graph([node("Neg", "x", "y"), node("Neg", "x", "y")], X)), "two")


@pytest.mark.parametrize("depth", [200, 20_000])
def test_deep_nesting(depth):
    graph_field, node_field, attribute_field, of_attribute = 7, 1, 5, 6
    data = b""
    for _ in range(depth):
        for field in (node_field, attribute_field, of_attribute)[::-1]:
            data = tag_bytes(field, BYTES) + varint_bytes(len(data)) + data
    refused(tag_bytes(graph_field, BYTES) + varint_bytes(len(data)) + data, "levels")


def test_functions_that_call_each_other(monkeypatch):
    monkeypatch.setattr("fastnet.onnx.graphs.MOST_CALLS", 1000)
    functions = [forms.Function(name=f"f{i}", domain="own", input=["a"], output=["c"],
                                node=[node(f"f{i + 1}", "a", "b", "own"), node(f"f{i + 1}", "b", "c", "own")],
                                opset_import=[forms.OperatorSet("own", 1)]) for i in range(40)]
    last = forms.Function(name="f40", domain="own", input=["a"], output=["c"], node=[node("Neg", "a", "c")],
                          opset_import=[forms.OperatorSet("", 18)])
    refused(content(graph([node("f0", "x", "y", "own")], X), functions=[*functions, last]), "calls of functions")
    circle = forms.Function(name="f", domain="own", input=["a"], output=["b"], node=[node("f", "a", "b", "own")],
                            opset_import=[forms.OperatorSet("own", 1)])
    refused(content(graph([node("f", "x", "y", "own")], X), functions=[circle]), "itself")


@pytest.mark.parametrize("dims, data", [([HUGE], b"1234"), ([-1], b""), ([2**32, 2**32], b""), ([3], b"1234")])
def test_tensors_whose_sizes_do_not_fit_their_elements(dims, data):
    found = graph([node("Add", "x w", "y")], X)
    found.initializer.append(forms.Tensor(name="w", dims=dims, data_type=1, raw_data=data))
    refused(content(found), "w")


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../secret", "secret\0", ""])
def test_external_data_outside_of_the_folder(tmp_path, location):
    (tmp_path / "secret").write_bytes(bytes(24))
    (tmp_path / "model").mkdir()
    found = graph([node("Add", "x w", "y")], X)
    found.initializer.append(forms.Tensor(name="w", dims=[2, 3], data_type=1, data_location=1, external_data=[
        forms.StringPair(key="location", value=location)]))
    path = tmp_path / "model" / "m.onnx"
    path.write_bytes(content(found))
    with pytest.raises((DamagedFileError, OSError)):
        fastnet.onnx.load(path)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")
def test_external_data_behind_a_symbolic_link(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(24))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "w.bin").symlink_to(tmp_path / "secret")
    found = graph([node("Add", "x w", "y")], X)
    found.initializer.append(forms.Tensor(name="w", dims=[2, 3], data_type=1, data_location=1, external_data=[
        forms.StringPair(key="location", value="w.bin")]))
    path = tmp_path / "model" / "m.onnx"
    path.write_bytes(content(found))
    with pytest.raises(DamagedFileError, match="folder"):
        fastnet.onnx.load(path)


def test_external_data_that_many_tensors_read(tmp_path):
    (tmp_path / "w.bin").write_bytes(bytes(24 << 16))
    found = graph([node("Sum", " ".join(f"w{i}" for i in range(9)), "y")])
    for i in range(9):
        found.initializer.append(forms.Tensor(name=f"w{i}", dims=[6 << 16], data_type=1, data_location=1,
                                              external_data=[forms.StringPair(key="location", value="w.bin")]))
    path = tmp_path / "m.onnx"
    path.write_bytes(content(found))
    with pytest.raises(DamagedFileError, match="tensors that take at most 4 times the 1572864 bytes"):
        fastnet.onnx.load(path)


def test_a_file_of_tiny_messages(monkeypatch):
    monkeypatch.setattr("fastnet.onnx.messages.MOST_MESSAGES", 1000)
    data = (tag_bytes(1, BYTES) + varint_bytes(0)) * 1001
    refused(tag_bytes(7, BYTES) + varint_bytes(len(data)) + data, "messages")


def test_attributes_that_no_operator_expects():
    made = graph([node("Conv", "x x", "y", strides="wide"), node("Concat", "x", "z", axis=[1, 2])], X, ("y", "z"))
    assert fuzz.outcome(content(made)) in (FAILED, REFUSED)


def test_constants_of_functions_have_a_bound():
    body = [node("Constant", "", "c", value=tensor_of("v", np.zeros(1 << 17, np.float32))), node("Add", "x c", "y")]
    function = forms.Function(name="F", domain="own", input=["x"], output=["y"], node=body,
                              opset_import=[forms.OperatorSet("", 18)])
    calls = [node("F", f"t{i}", f"t{i + 1}", domain="own") for i in range(1000)]
    data = content(graph([node("Identity", "x", "t0"), *calls], X, ("t1000",)), functions=[function])
    with pytest.raises(DamagedFileError, match="at most 256 MiB of constants in all calls of functions"):
        fastnet.onnx.load(data)


def test_constants_of_other_kinds_than_their_attribute_says():
    for name, value in (("value_floats", ["a"]), ("value_ints", ["a"]), ("value_float", "a")):
        with pytest.raises(DamagedFileError, match=f"expected numbers as {name}"):
            fastnet.onnx.load(content(graph([node("Constant", "", "c", **{name: value}), node("Add", "x c", "y")], X)))


def test_an_empty_tensor_of_a_shape_that_numpy_refuses():
    empty = forms.Tensor(name="w", dims=[0, 2**62, 2**62], data_type=DataType.FLOAT, raw_data=b"")
    broken = graph([node("Add", "x w", "y")], X)
    broken.initializer.append(empty)
    with pytest.raises(DamagedFileError, match="tensor 'w': expected at most"):
        fastnet.onnx.load(content(broken))
