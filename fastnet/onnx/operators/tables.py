"""The simple operators of ONNX's set for classical machine learning, ai.onnx.ml."""
from __future__ import annotations

from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.onnx.program import as_tensor
from fastnet.onnx.registry import Node, operator

_DOMAIN_ML = "ai.onnx.ml"


@operator("ArrayFeatureExtractor", domain=_DOMAIN_ML, known=("index",))
def array_feature_extractor(node: Node, x: Any, index: Any) -> Any:
    """The columns of x at indices."""
    places = np.ravel(index)
    if isinstance(x, np.ndarray):
        return np.take(x, places, -1).reshape(*x.shape[:-1], -1) if x.ndim > 1 else np.take(x, places)[None]
    found = fastnet.index_select(x, x.ndim - 1, as_tensor(places))
    return found if x.ndim > 1 else found.unsqueeze(0)


@operator("Binarizer", domain=_DOMAIN_ML)
def binarizer(node: Node, x: Tensor) -> Tensor:
    """1 above a threshold, else 0."""
    return (x > node.attribute("threshold", 0.0)).to(x.dtype)


@operator("Scaler", domain=_DOMAIN_ML)
def scaler(node: Node, x: Tensor) -> Tensor:
    """(x - offset) * scale"""
    offset, scale = (as_tensor(np.array(node.attribute(name, (default,)), np.float32))
                     for name, default in (("offset", 0.0), ("scale", 1.0)))
    return (x.to(np.dtype(np.float32)) - offset) * scale


@operator("Normalizer", domain=_DOMAIN_ML)
def normalizer(node: Node, x: Tensor) -> Tensor:
    """Rows divided by their greatest magnitude, their L1 norm or their L2 norm."""
    kind, x = node.attribute("norm", "MAX"), x.to(np.dtype(np.float32))
    if kind == "L2":
        size = fastnet.sqrt(fastnet.sum(fastnet.square(x), 1, True))
    else:
        size = (fastnet.amax if kind == "MAX" else fastnet.sum)(fastnet.abs(x), 1, True)
    return x / fastnet.where(size == 0, fastnet.ones_like(size), size)


@operator("LabelEncoder", domain=_DOMAIN_ML, known=("x",))
def label_encoder(node: Node, x: Any) -> Any:
    """Each element replaced by the value that the attributes pair with it."""
    keys, values = ([found for kind in ("floats", "int64s", "strings", "tensor")
                     if (found := node.attribute(f"{name}_{kind}")) is not None] for name in ("keys", "values"))
    if not keys or not values:
        raise node.refuse("the attributes of version 1")
    wanted = np.asarray(values[0])
    kinds: dict[str, np.dtype[Any]] = {"f": np.dtype(np.float32), "i": np.dtype(np.int64)}
    dtype = wanted.dtype if isinstance(values[0], np.ndarray) else kinds.get(wanted.dtype.kind, np.dtype(object))
    default = node.attribute("default_tensor")
    if default is not None:
        absent: Any = np.ravel(default)[0]
    else:
        absent = {"f": node.attribute("default_float", -0.0), "i": node.attribute("default_int64", -1)}.get(
            dtype.kind, node.attribute("default_string", "_Unused"))
    table = dict(zip(np.ravel(np.asarray(keys[0])).tolist(), np.ravel(wanted).tolist()))
    missing = next((value for key, value in table.items() if key != key), absent)       # of the key NaN
    found = [table.get(key, missing if key != key else absent) for key in np.ravel(x).tolist()]
    return np.array(found, dtype).reshape(x.shape)


@operator("LinearRegressor", domain=_DOMAIN_ML)
def linear_regressor(node: Node, x: Tensor) -> Tensor:
    """A linear function of rows."""
    if node.attribute("post_transform", "NONE") != "NONE":
        raise node.refuse(f"the transformation {node.attribute('post_transform')}")
    targets = node.attribute("targets", 1)
    weight = as_tensor(np.array(node.attribute("coefficients"), np.float32).reshape(targets, -1))
    bias = as_tensor(np.array(node.attribute("intercepts", (0.0,) * targets), np.float32))
    return fastnet.nn.functional.linear(x.to(np.dtype(np.float32)), weight, bias)
