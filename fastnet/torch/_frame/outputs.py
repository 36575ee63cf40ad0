"""Functions of the module `torch` with the argument `out`, a tensor that gets the result."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import fastnet
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet._runtime.native import wrappers
from fastnet.functional.inplace import replace_value

_NAMES = """
    abs acos acosh add addbmm addcdiv addcmul addmm addmv addr all amax amin angle any arange argmax argmin argsort
    asin asinh atan atan2 atanh baddbmm bernoulli bitwise_and bitwise_not bitwise_or bitwise_xor bmm bucketize cat
    ceil clamp clip column_stack copysign cos cosh cross cummax cummin cumprod cumsum deg2rad diag diff digamma div
    dot dstack empty eq erf erfc erfinv exp exp2 expm1 eye float_power floor floor_divide fmax fmin fmod frac full
    gather gcd ge gt heaviside hstack hypot index_select inner isin kron kthvalue lcm le lerp lgamma linspace log
    log10 log1p log2 logaddexp logaddexp2 logcumsumexp logical_and logical_not logical_or logical_xor logit logspace
    logsumexp lt masked_select max maximum mean median min minimum mm mode mul multinomial multiply mv nan_to_num ne
    neg negative nextafter nonzero norm normal ones outer pow prod quantile rad2deg rand randint randn randperm
    reciprocal remainder round rsqrt searchsorted sigmoid sign signbit sin sinc sinh sort sqrt square stack std sub
    subtract sum take take_along_dim tan tanh tensordot topk tril triu true_divide trunc var vstack where xlogy
    zeros
"""


def _write_result(out: Any, result: Any) -> Any:
    """Write a result, a tensor or several, into `out` and return it.

    Raises:
        TypeError: `out` is not a tensor.
        RuntimeError: another shape, unless `out` is empty, a dtype of a lower category, or gradients are recorded.
    """
    if isinstance(result, tuple):
        written = [_write_result(o, r) for o, r in zip(out, result, strict=True)]
        return type(result)(*written) if hasattr(result, "_fields") else tuple(written)
    if not isinstance(out, Tensor):
        raise not_a_tensor("out", "out", out)
    if state.grad_enabled and (out.requires_grad or result.requires_grad):
        raise RuntimeError("out= does not support gradients; leave it out, or use torch.no_grad()")
    if out.shape != result.shape:
        if out.numel():
            raise RuntimeError(f"out: expected a tensor of shape {shape_text(result)} or an empty one, got "
                               f"{shape_text(out)}")
        out.resize_(*result.shape)
    return replace_value("out", out, result)


def _with_out(function: Callable[..., Any]) -> Callable[..., Any]:
    return functools.wraps(function)(wrappers.accept_out(function, _write_result))


_functions = {name: _with_out(getattr(fastnet, name)) for name in _NAMES.split() if hasattr(fastnet, name)}
globals().update(_functions)

__all__ = [*_functions]
