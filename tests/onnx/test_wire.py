"""The wire format, the forms of a file, and tensors: the same as the package onnx reads and writes."""
import contextlib

import numpy as np
import pytest

from fastnet.onnx import DamagedFileError
from fastnet.onnx.external import ExternalFiles
from fastnet.onnx.files import read_model, write_model
from fastnet.onnx.forms import (
    Attribute,
    AttributeType,
    DataType,
    Graph,
    Model,
    Node,
    OperatorSet,
    StringPair,
    Tensor,
    attribute,
    value_info,
)
from fastnet.onnx.messages import MOST_DEPTH, decode, encode
from fastnet.onnx.tensors import array_of, tensor_of
from fastnet.onnx.wire import BYTES, fields, packed_varints, tag_bytes, varint_bytes, varints_bytes

rng = np.random.default_rng(1)


def joined(message):
    return b"".join(encode(message))


def small_model():
    body = Graph(name="body", node=[Node(input=["x"], output=["y"], op_type="Identity")])
    node = Node(input=["x", ""], output=["y"], op_type="Clip", name="n", attribute=[
        attribute("i", -3), attribute("f", 0.0), attribute("s", "é"), attribute("ints", [1, -(2**63), 2**63 - 1]),
        attribute("floats", [0.5, -1.5]), attribute("strings", ["a", ""]), attribute("t", tensor_of("", np.arange(3))),
        attribute("g", body), attribute("zero", 0)])
    graph = Graph(name="g", node=[node], initializer=[tensor_of("w", rng.standard_normal((2, 3)).astype("f4"))],
                  input=[value_info("x", DataType.FLOAT, ["n", 3])], output=[value_info("y", DataType.FLOAT, [0])])
    return Model(ir_version=8, producer_name="p", opset_import=[OperatorSet(version=18)], graph=graph,
                 metadata_props=[StringPair("k", "v")])


# ---- messages -------------------------------------------------------------------------------------------------------

def test_a_model_is_read_as_it_was_written():
    data = joined(small_model())
    again = decode(Model, data)
    assert joined(again) == data
    values = {a.name: a.value() for a in again.graph.node[0].attribute}
    assert values["i"] == -3 and values["f"] == 0.0 and values["s"] == "é".encode() and values["zero"] == 0
    assert values["ints"] == [1, -(2**63), 2**63 - 1] and values["floats"] == [0.5, -1.5]
    assert values["strings"] == [b"a", b""] and values["g"].node[0].op_type == "Identity"
    np.testing.assert_array_equal(array_of(values["t"]), np.arange(3))


def test_the_package_onnx_reads_the_same():
    onnx = pytest.importorskip("onnx")
    data = joined(small_model())
    theirs = onnx.ModelProto.FromString(data)
    assert theirs.graph.node[0].attribute[3].ints == [1, -(2**63), 2**63 - 1] and theirs.metadata_props[0].value == "v"
    assert theirs.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"
    assert theirs.graph.output[0].type.tensor_type.shape.dim[0].HasField("dim_value")
    assert joined(decode(Model, theirs.SerializeToString())) == data


def test_every_field_of_onnx_has_its_number():
    onnx = pytest.importorskip("onnx")
    from dataclasses import fields as dataclass_fields

    from fastnet.onnx import forms
    names = {"OperatorSet": "OperatorSetIdProto", "StringPair": "StringStringEntryProto", "Shape": "TensorShapeProto"}
    nested = {"Dimension": onnx.TensorShapeProto.Dimension, "TensorType": onnx.TypeProto.Tensor,
              "SequenceType": onnx.TypeProto.Sequence, "MapType": onnx.TypeProto.Map,
              "OptionalType": onnx.TypeProto.Optional}
    for name in ("Model", "Graph", "Node", "Attribute", "Tensor", "SparseTensor", "ValueInfo", "Type", "Function",
                 *names, *nested):
        theirs = nested.get(name) or getattr(onnx, names.get(name, f"{name}Proto"))
        numbers = {field.name: field.number for field in theirs.DESCRIPTOR.fields}
        for field in dataclass_fields(getattr(forms, name)):
            assert field.metadata["place"][0] == numbers[field.name], (name, field.name)
    assert {d.name: d.value for d in DataType} == {k: v for k, v in onnx.TensorProto.DataType.items() if v}
    assert {a.name: a.value for a in AttributeType} == {
        k: v for k, v in onnx.AttributeProto.AttributeType.items() if v}


def test_fields_that_come_again_replace_extend_or_merge():
    twice = joined(Node(op_type="A", input=["x"])) + joined(Node(op_type="B", input=["y"]))
    node = decode(Node, twice)
    assert node.op_type == "B" and node.input == ["x", "y"]
    merged = decode(Model, joined(Model(graph=Graph(name="a"))) + joined(Model(graph=Graph(node=[Node()]))))
    assert merged.graph.name == "a" and len(merged.graph.node) == 1


def test_unknown_fields_are_skipped():
    unknown = tag_bytes(99, BYTES) + varint_bytes(3) + b"abc" + tag_bytes(98, 0) + b"\x05"
    assert decode(Model, unknown + joined(Model(ir_version=7))).ir_version == 7


def test_packed_numbers():
    numbers = np.concatenate([rng.integers(0, 2**63, 1000, dtype=np.uint64) >> rng.integers(0, 63, 1000).astype("u8"),
                              np.array([0, 2**64 - 1], np.uint64)])
    numbers = np.tile(numbers, 60)                              # more than a block
    np.testing.assert_array_equal(packed_varints(memoryview(varints_bytes(numbers))), numbers)
    for end in (b"\x80", b"\xff" * 11 + b"\x01", b"\xff" * 70_000 + b"\x01"):
        with pytest.raises(DamagedFileError):
            packed_varints(memoryview(b"\x01" + end))


def test_every_truncation_is_an_error_or_a_message():
    data = joined(small_model())
    for end in range(len(data)):
        with contextlib.suppress(DamagedFileError):
            decode(Model, data[:end])


def test_every_changed_byte_is_an_error_or_a_message():
    data = bytearray(joined(small_model()))
    for place in range(len(data)):
        for value in (0, 1, 0x7F, 0x80, 0xFF, data[place] ^ 1):
            changed = bytes(data[:place]) + bytes([value]) + bytes(data[place + 1:])
            with contextlib.suppress(DamagedFileError, NotImplementedError):
                model = decode(Model, changed)
                for tensor in model.graph.initializer if model.graph else ():
                    array_of(tensor)


@pytest.mark.parametrize("data, message", [
    (b"\x0a\x05abc", "field 1 is truncated: expected 5 bytes, got 3"),
    (b"\x0b", "has the wire type 3"),
    (b"\x00\x01", "expected the number of a field"),
    (b"\x08" + b"\xff" * 10, "at most 10 bytes"),
    (b"\x08\xff", "truncated"),
])
def test_damaged_fields(data, message):
    with pytest.raises(DamagedFileError, match=message):
        list(fields(memoryview(data)))


def test_errors_name_the_place():
    with pytest.raises(DamagedFileError, match=r"^graph: node: op_type: expected the wire type 2, got 0"):
        decode(Model, b"\x3a\x04\x0a\x02\x20\x01")
    with pytest.raises(DamagedFileError, match="expected text in UTF-8"):
        decode(Model, b"\x12\x01\xff")


def test_deep_and_many_messages():
    data = b""
    for _ in range(MOST_DEPTH):                                 # a graph in an attribute of a node of a graph ...
        for number in (6, 5, 1):
            data = tag_bytes(number, BYTES) + varint_bytes(len(data)) + data
    with pytest.raises(DamagedFileError, match="at most 100 levels"):
        decode(Graph, data)
    with pytest.raises(DamagedFileError, match="at most 1000000 messages"):
        decode(Graph, b"\x0a\x00" * 1_000_001)


def test_an_attribute_without_a_value():
    with pytest.raises(DamagedFileError, match="attribute 'a' has the type 99"):
        Attribute(name="a", type=99).value()
    with pytest.raises(DamagedFileError, match="attribute 'a' of type GRAPH has no value"):
        Attribute(name="a", type=AttributeType.GRAPH).value()
    assert Attribute(name="a", type=AttributeType.INT).value() == 0
    with pytest.raises(TypeError, match="attribute 'a'"):
        attribute("a", {1, 2})


# ---- files ----------------------------------------------------------------------------------------------------------

def test_files(tmp_path):
    path = tmp_path / "m.onnx"
    write_model(path, small_model())
    assert read_model(path).producer_name == "p"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DamagedFileError, match=r"m\.onnx: not an ONNX model, or a truncated or damaged one"):
        read_model(path)
    path.write_bytes(b"\x08\x08")
    with pytest.raises(DamagedFileError, match="it has no graph"):
        read_model(path)


# ---- tensors --------------------------------------------------------------------------------------------------------

ARRAYS = [np.arange(6, dtype=dtype).reshape(2, 3) for dtype in
          ("f4", "f8", "f2", "u1", "i1", "u2", "i2", "i4", "i8", "u4", "u8", "c8", "c16")]
ARRAYS += [np.array([[True, False]]), np.zeros((0, 3), "f4"), np.array(2.5), np.asfortranarray(np.ones((3, 2), "f4")),
           np.arange(4, dtype=">f4")]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays(array):
    onnx = pytest.importorskip("onnx")
    data = joined(tensor_of("x", array))
    again = array_of(decode(Tensor, data))
    assert again.shape == array.shape and again.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(again, array)
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(onnx.TensorProto.FromString(data)), array)


@pytest.mark.parametrize("kind", [k for k in DataType if k not in (17, 18, 19, 20, 23, 24, 25, 26, 27, 28)],
                         ids=lambda k: k.name)
def test_typed_fields(kind):
    onnx = pytest.importorskip("onnx")
    if kind == DataType.STRING:
        numbers = [b"a", "é".encode(), b""]
    elif kind == DataType.BOOL:
        numbers = [True, False, True]
    elif kind in (DataType.COMPLEX64, DataType.COMPLEX128):
        numbers = [1 + 2j, 3j, 0]
    else:
        numbers = [1, 7, 0] if kind.name.startswith("U") else [1, -8, 7]
    made = onnx.helper.make_tensor("x", kind, [3], numbers)
    found = array_of(decode(Tensor, made.SerializeToString()))
    if kind == DataType.STRING:
        assert found.tolist() == ["a", "é", ""]
        return
    np.testing.assert_array_equal(found.astype(complex), np.array(numbers, complex))
    if kind not in (DataType.INT4, DataType.UINT4, DataType.BFLOAT16):
        np.testing.assert_array_equal(found, onnx.numpy_helper.to_array(made))


def test_elements_that_do_not_fit():
    for tensor, message in (
            (Tensor(name="w", dims=[2, 2], data_type=1, raw_data=bytes(15)), "expected 16 bytes for its shape, got 15"),
            (Tensor(name="w", dims=[2**62, 2**62], data_type=1, raw_data=b""), "expected at most"),
            (Tensor(name="w", dims=[-1], data_type=1), "sizes >= 0"),
            (Tensor(name="w", dims=[1] * 65, data_type=1, raw_data=b"\0" * 4), "at most 64 dimensions"),
            (Tensor(name="w", dims=[2], data_type=1, float_data=[np.ones(1, "f4")]), "expected 2 elements"),
            (Tensor(name="w", dims=[2], data_type=8, string_data=[b""]), "expected 2 strings"),
            (Tensor(name="w", data_type=99), "none of ONNX's types")):
        with pytest.raises(DamagedFileError, match=message):
            array_of(tensor)
    with pytest.raises(NotImplementedError, match="tensor 'w' has the type FLOAT8E4M3FN"):
        array_of(Tensor(name="w", data_type=17))


@pytest.mark.parametrize("content, message", [(b"", "got an empty file"),
                                              (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull")])
def test_files_that_hold_no_model(tmp_path, content, message):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(DamagedFileError, match=message):
        read_model(tmp_path / "m.onnx")


def external(location, **entries):
    pairs = {"location": location, **{key: str(value) for key, value in entries.items()}}
    return Tensor(name="w", dims=[2], data_type=1, data_location=1,
                  external_data=[StringPair(key, value) for key, value in pairs.items()])


def test_elements_in_another_file(tmp_path):
    (tmp_path / "inner").mkdir()
    folder = tmp_path / "inner"
    (folder / "w.bin").write_bytes(np.arange(4, dtype="f4").tobytes())
    (tmp_path / "secret").write_bytes(b"\0" * 8)
    (folder / "link").symlink_to(tmp_path / "secret")
    files = ExternalFiles(str(folder))
    found = array_of(external("w.bin", offset=8, length=8), files)
    np.testing.assert_array_equal(found, [2, 3])
    for location in ("../secret", str(tmp_path / "secret"), "link", "", ".", "a\0b"):
        with pytest.raises((DamagedFileError, FileNotFoundError)):
            array_of(external(location), files)
    with pytest.raises(FileNotFoundError, match="tensor 'w'"):
        array_of(external("missing.bin"), files)
    for entries, message in (({"offset": 12}, "expected 8 bytes at 12 of 'w.bin', which has 16"),
                             ({"offset": "-1"}, "expected a number for offset"),
                             ({"length": 4}, "expected 8 bytes for its shape, got 4")):
        with pytest.raises(DamagedFileError, match=message):
            array_of(external("w.bin", **entries), files)
    files.close()
    with pytest.raises(DamagedFileError, match="read from memory"):
        array_of(external("w.bin"))
