"""Gradients as users write them: own operations, gradient modes as decorators, grad()."""
from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import fastnet
from fastnet import Tensor
from fastnet.autograd import gradient, op, writes_out

Array = np.ndarray[Any, Any]


@writes_out
def cube_slope(g: Array, x: Array, scale: float, *, out: Array | None = None) -> Array:
    return np.multiply(g, 3 * scale * x * x, out=out)


@op
def cube(x: Array, scale: float = 1.0) -> tuple[Array, Any]:
    return scale * x**3, (gradient(cube_slope, x, scale), None)


@op
def times(x: Array, y: Array, scale: float) -> tuple[Array, Any]:
    return scale * x * y, (gradient(lambda g, y, scale: scale * (g * y), y, scale),
                           gradient(lambda g, x, scale: scale * (g * x), x, scale), None)


@op
def double(x: Array) -> tuple[Array, Any]:
    return x + x, gradient(lambda g: g + g).then(lambda twice: twice)


@op(view=True)
def first(x: Array) -> tuple[Array, Any]:
    return x[:1], None


@fastnet.no_grad
def mean(x: Tensor) -> float:
    return float(x.mean())


@fastnet.no_grad()
def total(x: Tensor) -> Tensor:
    return x.sum()


@fastnet.set_grad_enabled(False)
def count(x: Tensor) -> int:
    return x.numel()


x = fastnet.tensor([1.0, 2.0], requires_grad=True)
cube(x, scale=2.0).sum().backward()
assert x.grad is not None
assert x.grad.tolist() == [6.0, 24.0]
assert mean(x) + total(x).item() + count(x) == 6.5
assert first(x).shape[0] == 1
assert fastnet.grad((times(x, x, 2.0) + double(x)).sum(), x)[0].tolist() == [6.0, 10.0]

[gx] = fastnet.grad((x * x).sum(), x)
assert (gx + 1).tolist() == [3.0, 5.0]
for maybe in fastnet.grad((x * x).sum(), [x], allow_unused=True):
    assert maybe is not None and maybe.requires_grad is False

with fastnet.no_grad(), fastnet.enable_grad():
    y = x * 2 + 1
if y.grad_fn is not None:
    assert y.grad_fn.name == "add"
values: npt.NDArray[np.float32] = y.detach().numpy()
shared = fastnet.from_numpy(values)
assert fastnet.is_tensor(shared) and shared.size(0) == 2 and shared.stride() == (1,)
assert fastnet.as_tensor([1, 2], device="cpu").dtype == fastnet.int64
