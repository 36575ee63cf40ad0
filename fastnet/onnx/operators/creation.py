"""Constants, ranges, and values of a given shape."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.onnx.operators.casting import wanted_dtype
from fastnet.onnx.operators.limits import checked_sizes
from fastnet.onnx.program import as_tensor
from fastnet.onnx.registry import Node, operator

# attribute of a Constant -> the dtype of its value
_VALUE_DTYPES = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64,
          "value_string": object, "value_strings": object, "value": None, "sparse_value": None}


@operator("Constant")
def constant(node: Node) -> Any:
    """The value of one of the attributes."""
    for name, dtype in _VALUE_DTYPES.items():
        value = node.attribute(name)
        if value is not None:
            return np.array(value, dtype)
    raise ValueError(f"expected one of the attributes {', '.join(_VALUE_DTYPES)}")


@operator("ConstantOfShape", known=("shape",))
def constant_of_shape(node: Node, shape: Any) -> Any:
    """One value in each element of a shape."""
    value = np.ravel(node.attribute("value", np.zeros(1, np.float32)))
    return np.full(checked_sizes(shape, value.dtype), value[0], value.dtype)


@operator("Range", known=("start", "limit", "delta"))
def range_(node: Node, start: Any, limit: Any, delta: Any) -> Any:
    """Numbers from start until before the limit."""
    dtype, start, limit, delta = start.dtype, start.item(), limit.item(), delta.item()
    if delta == 0 or not all(map(math.isfinite, (start, limit, delta))):
        raise ValueError(f"expected finite numbers and a delta other than 0, got {start}, {limit} and {delta}")
    count = max(math.ceil((limit - start) / delta), 0)
    checked_sizes([count], dtype)
    return (start + np.arange(count, dtype=dtype) * np.asarray(delta, dtype)).astype(dtype)


@operator("EyeLike")
def eye_like(node: Node, x: Any) -> Any:
    """Ones on a diagonal of a matrix in the shape of x."""
    if x.ndim != 2:
        raise ValueError(f"expected two dimensions, got shape {tuple(x.shape)}")
    dtype = x.dtype if node.attribute("dtype") is None else wanted_dtype(node, "dtype")
    rows, columns = checked_sizes(x.shape, dtype)
    return np.eye(rows, columns, node.attribute("k", 0), dtype)


@operator("Trilu", known=("k",))
def trilu(node: Node, x: Tensor, k: Any = None) -> Tensor:
    """The elements above or below a diagonal, 0 elsewhere."""
    diagonal = 0 if k is None else int(k.item())
    return (fastnet.triu if node.attribute("upper", 1) else fastnet.tril)(x, diagonal)


@operator("OneHot", known=("depth",))
def one_hot(node: Node, indices: Any, depth: Any, values: Tensor) -> Tensor:
    """values[1] at the index along a new axis, values[0] elsewhere. Negative indices count from the end."""
    count = int(np.ravel(depth)[0])
    checked_sizes([*indices.shape, count], values.dtype)
    axis = node.attribute("axis", -1)
    axis += indices.ndim + 1 if axis < 0 else 0
    indices = indices.unsqueeze(axis)
    places = as_tensor(np.arange(count, dtype=indices.dtype).reshape(-1, *(1,) * (indices.ndim - 1 - axis)))
    matches = indices == places if indices.dtype.kind == "u" else (indices == places) | (indices == places - count)
    return fastnet.where(matches, values[1], values[0])
