"""The forms of an ONNX file, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto: its messages as dataclasses.

Fields have ONNX's names; classes lack the suffix Proto. This is the one table of field numbers.
"""
from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastnet.onnx.messages import (
    DOUBLES,
    FLOAT,
    FLOATS,
    INT,
    INTS,
    STRING,
    TEXT,
    UNSIGNED,
    VIEW,
    Chunk,
    Message,
    repeated,
    single,
)
from fastnet.onnx.wire import DamagedFileError

__all__ = ["Attribute", "AttributeType", "DataType", "Dimension", "Function", "Graph", "MapType", "Model", "Node",
           "OperatorSet", "OptionalType", "SequenceType", "Shape", "SparseTensor", "StringPair", "Tensor", "TensorType",
           "Type", "ValueInfo", "attribute", "value_info"]


class DataType(enum.IntEnum):
    """The types of elements, by ONNX's names and numbers.

    Example:
        >>> from fastnet.onnx.forms import DataType
        >>> DataType.FLOAT.value, DataType(7).name
        (1, 'INT64')
    """

    FLOAT = 1
    UINT8 = 2
    INT8 = 3
    UINT16 = 4
    INT16 = 5
    INT32 = 6
    INT64 = 7
    STRING = 8
    BOOL = 9
    FLOAT16 = 10
    DOUBLE = 11
    UINT32 = 12
    UINT64 = 13
    COMPLEX64 = 14
    COMPLEX128 = 15
    BFLOAT16 = 16
    FLOAT8E4M3FN = 17
    FLOAT8E4M3FNUZ = 18
    FLOAT8E5M2 = 19
    FLOAT8E5M2FNUZ = 20
    UINT4 = 21
    INT4 = 22
    FLOAT4E2M1 = 23
    FLOAT8E8M0 = 24
    UINT2 = 25
    INT2 = 26
    FLOAT6E2M3 = 27
    FLOAT6E3M2 = 28


class AttributeType(enum.IntEnum):
    """The types of attributes, by ONNX's names and numbers.

    Example:
        >>> from fastnet.onnx.forms import AttributeType
        >>> AttributeType.INTS.value
        7
    """

    FLOAT = 1
    INT = 2
    STRING = 3
    TENSOR = 4
    GRAPH = 5
    FLOATS = 6
    INTS = 7
    STRINGS = 8
    TENSORS = 9
    GRAPHS = 10
    SPARSE_TENSOR = 11
    SPARSE_TENSORS = 12
    TYPE_PROTO = 13
    TYPE_PROTOS = 14


@dataclass(slots=True)
class StringPair(Message):
    """A key and its value."""

    key: str = single(1, TEXT, "")
    value: str = single(2, TEXT, "")


# ---- types -----------------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class Dimension(Message):
    """The size of a dimension: a number, a name, or neither if it is unknown."""

    dim_value: int | None = single(1, INT)
    dim_param: str = single(2, TEXT, "")
    denotation: str = single(3, TEXT, "")


@dataclass(slots=True)
class Shape(Message):
    """The sizes of all dimensions."""

    dim: list[Dimension] = repeated(1, "Dimension")


@dataclass(slots=True)
class TensorType(Message):
    """The type of a tensor, dense or sparse; the shape is None if even the number of dimensions is unknown."""

    elem_type: int = single(1, INT, 0)
    shape: Shape | None = single(2, "Shape")


@dataclass(slots=True)
class SequenceType(Message):
    """The type of a sequence."""

    elem_type: Type | None = single(1, "Type")


@dataclass(slots=True)
class OptionalType(Message):
    """The type of a value that can be absent."""

    elem_type: Type | None = single(1, "Type")


@dataclass(slots=True)
class MapType(Message):
    """The type of a dictionary."""

    key_type: int = single(1, INT, 0)
    value_type: Type | None = single(2, "Type")


@dataclass(slots=True)
class Type(Message):
    """The type of a value; one of the fields is given."""

    tensor_type: TensorType | None = single(1, "TensorType")
    sequence_type: SequenceType | None = single(4, "SequenceType")
    map_type: MapType | None = single(5, "MapType")
    denotation: str = single(6, TEXT, "")
    sparse_tensor_type: TensorType | None = single(8, "TensorType")
    optional_type: OptionalType | None = single(9, "OptionalType")


@dataclass(slots=True)
class ValueInfo(Message):
    """The name and type of an input, an output or another value of a graph."""

    name: str = single(1, TEXT, "")
    type: Type | None = single(2, "Type")
    doc_string: str = single(3, TEXT, "")


# ---- tensors ---------------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class Tensor(Message):
    """An array. Its elements are in `raw_data`, in another file (`external_data`), or in one of the typed fields.

    `fastnet.onnx.tensors` converts arrays from and to this form. A typed field is a list of arrays, to be joined.
    """

    dims: list[int] = repeated(1, INT)
    data_type: int = single(2, INT, 0)
    float_data: list[Any] = repeated(4, FLOATS)
    int32_data: list[Any] = repeated(5, INTS)
    string_data: list[bytes] = repeated(6, STRING)
    int64_data: list[Any] = repeated(7, INTS)
    name: str = single(8, TEXT, "")
    raw_data: Chunk | None = single(9, VIEW)
    double_data: list[Any] = repeated(10, DOUBLES)
    uint64_data: list[Any] = repeated(11, UNSIGNED)
    doc_string: str = single(12, TEXT, "")
    external_data: list[StringPair] = repeated(13, "StringPair")
    data_location: int = single(14, INT, 0)             # 1: in another file


@dataclass(slots=True)
class SparseTensor(Message):
    """A sparse array: the values and the places of its elements other than 0."""

    values: Tensor | None = single(1, "Tensor")
    indices: Tensor | None = single(2, "Tensor")
    dims: list[int] = repeated(3, INT)


# ---- graphs ----------------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class Attribute(Message):
    """A named attribute of a node. `type` says which field holds the value."""

    name: str = single(1, TEXT, "")
    f: float | None = single(2, FLOAT)
    i: int | None = single(3, INT)
    s: bytes | None = single(4, STRING)
    t: Tensor | None = single(5, "Tensor")
    g: Graph | None = single(6, "Graph")
    floats: list[float] = repeated(7, FLOAT)
    ints: list[int] = repeated(8, INT)
    strings: list[bytes] = repeated(9, STRING)
    tensors: list[Tensor] = repeated(10, "Tensor")
    graphs: list[Graph] = repeated(11, "Graph")
    doc_string: str = single(13, TEXT, "")
    tp: Type | None = single(14, "Type")
    type_protos: list[Type] = repeated(15, "Type")
    type: int = single(20, INT, 0)
    ref_attr_name: str = single(21, TEXT, "")           # in a function: the attribute of the call to take it from
    sparse_tensor: SparseTensor | None = single(22, "SparseTensor")
    sparse_tensors: list[SparseTensor] = repeated(23, "SparseTensor")

    def value(self) -> Any:
        """The value: an int, a float, bytes, a Tensor, a Graph, a Type, or a list of them.

        Raises:
            DamagedFileError: the type is unknown, or the field that it names is absent.

        Example:
            >>> from fastnet.onnx.forms import attribute
            >>> attribute("axes", [0, 1]).value()
            [0, 1]
        """
        if self.type not in _ATTRIBUTE_FIELDS:
            raise DamagedFileError(f"attribute {self.name!r} has the type {self.type}, expected one of "
                                   f"{min(_ATTRIBUTE_FIELDS)} to {max(_ATTRIBUTE_FIELDS)}")
        field, absent = _ATTRIBUTE_FIELDS[self.type]
        found = getattr(self, field)
        found = absent if found is None else found
        if found is None:
            raise DamagedFileError(f"attribute {self.name!r} of type {AttributeType(self.type).name} has no value")
        return found


# number of the type -> (field, the value that a writer may leave out)
_ATTRIBUTE_FIELDS: dict[int, tuple[str, Any]] = {
    AttributeType.FLOAT: ("f", 0.0), AttributeType.INT: ("i", 0), AttributeType.STRING: ("s", b""),
    AttributeType.TENSOR: ("t", None), AttributeType.GRAPH: ("g", None), AttributeType.FLOATS: ("floats", None),
    AttributeType.INTS: ("ints", None), AttributeType.STRINGS: ("strings", None),
    AttributeType.TENSORS: ("tensors", None), AttributeType.GRAPHS: ("graphs", None),
    AttributeType.SPARSE_TENSOR: ("sparse_tensor", None), AttributeType.SPARSE_TENSORS: ("sparse_tensors", None),
    AttributeType.TYPE_PROTO: ("tp", None), AttributeType.TYPE_PROTOS: ("type_protos", None)}


@dataclass(slots=True)
class Node(Message):
    """A call of an operator. An absent optional input or output has the name ""."""

    input: list[str] = repeated(1, TEXT)
    output: list[str] = repeated(2, TEXT)
    name: str = single(3, TEXT, "")
    op_type: str = single(4, TEXT, "")
    attribute: list[Attribute] = repeated(5, "Attribute")
    doc_string: str = single(6, TEXT, "")
    domain: str = single(7, TEXT, "")
    overload: str = single(8, TEXT, "")


@dataclass(slots=True)
class Graph(Message):
    """Nodes in an order in which they can run, with the inputs, outputs and initial values of a graph."""

    node: list[Node] = repeated(1, "Node")
    name: str = single(2, TEXT, "")
    initializer: list[Tensor] = repeated(5, "Tensor")
    doc_string: str = single(10, TEXT, "")
    input: list[ValueInfo] = repeated(11, "ValueInfo")
    output: list[ValueInfo] = repeated(12, "ValueInfo")
    value_info: list[ValueInfo] = repeated(13, "ValueInfo")
    sparse_initializer: list[SparseTensor] = repeated(15, "SparseTensor")
    metadata_props: list[StringPair] = repeated(16, "StringPair")


@dataclass(slots=True)
class OperatorSet(Message):
    """The version of the operators of a domain; the domain of ONNX's own operators is ""."""

    domain: str = single(1, TEXT, "")
    version: int = single(2, INT, 0)


@dataclass(slots=True)
class Function(Message):
    """An operator that is defined by nodes."""

    name: str = single(1, TEXT, "")
    input: list[str] = repeated(4, TEXT)
    output: list[str] = repeated(5, TEXT)
    attribute: list[str] = repeated(6, TEXT)
    node: list[Node] = repeated(7, "Node")
    doc_string: str = single(8, TEXT, "")
    opset_import: list[OperatorSet] = repeated(9, "OperatorSet")
    domain: str = single(10, TEXT, "")
    attribute_proto: list[Attribute] = repeated(11, "Attribute")
    value_info: list[ValueInfo] = repeated(12, "ValueInfo")
    overload: str = single(13, TEXT, "")


@dataclass(slots=True)
class Model(Message):
    """The content of an ONNX file.

    Example:
        >>> from fastnet.onnx.forms import Model
        >>> from fastnet.onnx.messages import decode, encode
        >>> decode(Model, b"".join(encode(Model(ir_version=8)))).ir_version
        8
    """

    ir_version: int = single(1, INT, 0)
    producer_name: str = single(2, TEXT, "")
    producer_version: str = single(3, TEXT, "")
    domain: str = single(4, TEXT, "")
    model_version: int = single(5, INT, 0)
    doc_string: str = single(6, TEXT, "")
    graph: Graph | None = single(7, "Graph")
    opset_import: list[OperatorSet] = repeated(8, "OperatorSet")
    metadata_props: list[StringPair] = repeated(14, "StringPair")
    functions: list[Function] = repeated(25, "Function")


# ---- making them -----------------------------------------------------------------------------------------------------

def attribute(name: str, value: Any) -> Attribute:
    """Make an attribute; its type follows from the value.

    Args:
        name: of the attribute.
        value: an int, a float, a string, a Tensor, a Graph, or a list of ints, floats or strings. An empty list is one
            of ints.

    Raises:
        TypeError: another value.

    Example:
        >>> from fastnet.onnx.forms import attribute
        >>> attribute("alpha", 0.5).f, attribute("mode", "linear").s
        (0.5, b'linear')
    """
    if isinstance(value, list | tuple):
        for kind, type, field in _LISTS:
            if all(isinstance(x, kind) for x in value):
                made = Attribute(name=name, type=type)
                setattr(made, field, [_stored(x) for x in value])
                return made
    for kind, type, field in _SINGLES:
        if isinstance(value, kind):
            made = Attribute(name=name, type=type)
            setattr(made, field, _stored(value))
            return made
    raise TypeError(f"attribute {name!r}: expected a number, a string, a Tensor, a Graph or a list, got {value!r}")


_SINGLES: list[tuple[Any, int, str]] = [
    (int, AttributeType.INT, "i"), (float, AttributeType.FLOAT, "f"), (str, AttributeType.STRING, "s"),
    (Tensor, AttributeType.TENSOR, "t"), (Graph, AttributeType.GRAPH, "g")]
_LISTS: list[tuple[Any, int, str]] = [
    (int, AttributeType.INTS, "ints"), (int | float, AttributeType.FLOATS, "floats"),
    (str, AttributeType.STRINGS, "strings")]


def _stored(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else int(value) if isinstance(value, bool) else value


def value_info(name: str, data_type: int, shape: Iterable[int | str]) -> ValueInfo:
    """The description of a tensor among the inputs or outputs of a graph.

    Args:
        name: of the tensor.
        data_type: of its elements, a DataType.
        shape: a number for each dimension, or a name if the dimension is open.

    Example:
        >>> from fastnet.onnx.forms import DataType, value_info
        >>> [dim.dim_value for dim in value_info("x", DataType.FLOAT, ["batch", 3]).type.tensor_type.shape.dim]
        [None, 3]
    """
    dims = [Dimension(dim_param=size) if isinstance(size, str) else Dimension(dim_value=size) for size in shape]
    return ValueInfo(name=name, type=Type(tensor_type=TensorType(elem_type=data_type, shape=Shape(dim=dims))))
