"""Conversions between types."""
from __future__ import annotations

from typing import Any

import numpy as np

from fastnet import Tensor, dtypes
from fastnet.onnx.forms import DataType
from fastnet.onnx.registry import Node, operator
from fastnet.onnx.tensors import DTYPES


def wanted_dtype(node: Node, attribute: str, default: int | None = None) -> np.dtype[Any]:
    """The dtype that an attribute of a node names.

    Args:
        node: the node.
        attribute: the name of the attribute.
        default: ONNX's number of the type if the node does not have it.
    """
    data_type = node.attribute(attribute, default)
    if isinstance(data_type, str):                      # before version 6 of the operator set
        data_type = DataType.__members__.get(data_type, data_type)
    if data_type == DataType.STRING:
        return np.dtype(object)
    if data_type not in DTYPES:
        known = data_type in iter(DataType)
        raise node.refuse(f"the type {DataType(data_type).name if known else data_type}")
    return DTYPES[data_type].newbyteorder("=")


def converted(x: Any, dtype: np.dtype[Any]) -> Any:
    """A value in another dtype: a tensor if tensors can have it, else an array.

    Args:
        x: a tensor or an array.
        dtype: of the result; object stands for text.
    """
    if dtype.hasobject:
        return np.asarray(x).astype(str).astype(object)
    if isinstance(x, Tensor) and dtype in (*dtypes.ALL, *dtypes.MORE):
        return x.to(dtype)
    with np.errstate(all="ignore"):
        return np.asarray(x).astype(dtype)


@operator("Cast")
def cast(node: Node, x: Any) -> Any:
    """x in the dtype of the attribute `to`."""
    return converted(x, wanted_dtype(node, "to"))


@operator("CastLike")
def cast_like(node: Node, x: Any, like: Any) -> Any:
    """x in the dtype of another value."""
    return converted(x, like.dtype)


@operator("BitCast", known=("x",))
def bit_cast(node: Node, x: Any) -> Any:
    """The bits of x as elements of another dtype of the same size."""
    dtype = wanted_dtype(node, "to")
    if dtype.itemsize != x.dtype.itemsize or dtype.hasobject:
        raise ValueError(f"expected a type of {x.dtype.itemsize} bytes, as {x.dtype} has, got {dtype}")
    return np.asarray(x, order="C").view(dtype)
