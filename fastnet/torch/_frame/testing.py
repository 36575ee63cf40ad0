"""`torch.testing`: comparison of tensors."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import as_tensor
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.random import rand, randint

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

# The default tolerances (rtol, atol) of each dtype, those of PyTorch; for other dtypes, values must be equal.
_TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
               "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}


def assert_close(actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None,
                 atol: float | None = None, equal_nan: bool = False, check_device: bool = True,
                 check_dtype: bool = True, check_layout: bool = True, check_stride: bool = False,
                 msg: str | Callable[[str], str] | None = None) -> None:
    """Raise an AssertionError if |actual - expected| > atol + rtol * |expected| for any element.

    Args:
        actual, expected: tensors, arrays or numbers, or sequences or mappings of them.
        rtol, atol: tolerances, given both or neither; by default those of the dtype: 1.3e-6 and 1e-5 for float32.
        equal_nan: take NaN as equal to NaN.
        check_dtype: the dtypes must be equal, too.
        check_stride: the strides must be equal, too.
        msg: the error's message, or a function of the default one.
        allow_subclasses, check_device, check_layout: accepted and ignored.

    Raises:
        AssertionError: they differ; the message names the place.
        ValueError: only one of the tolerances is given.

    Example:
        >>> import fastnet.torch as torch
        >>> torch.testing.assert_close(torch.ones(2), torch.ones(2) + 1e-7)
        >>> torch.testing.assert_close(torch.ones(2), torch.zeros(2))
        Traceback (most recent call last):
            ...
        AssertionError: tensors differ in 2 of 2 elements; the largest difference is 1.0 at (0,), allowed: atol 1e-05, \
rtol 1.3e-06
    """
    if (rtol is None) != (atol is None):
        raise ValueError("assert_close: expected both rtol and atol, or neither")
    tolerances = None if rtol is None or atol is None else (rtol, atol)
    problem = _difference(actual, expected, tolerances, equal_nan, check_dtype, check_stride)
    if problem:
        raise AssertionError(msg(problem) if callable(msg) else msg or problem)


def _difference(actual: Any, expected: Any, tolerances: tuple[float, float] | None, equal_nan: bool,
                check_dtype: bool, check_stride: bool) -> str:
    """The first difference in words, or ""."""
    options = tolerances, equal_nan, check_dtype, check_stride
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            return f"the keys differ: {sorted(map(str, actual))} and {sorted(map(str, expected))}"
        return _first_difference([(k, actual[k], expected[k]) for k in actual], options)
    if _is_list(actual) and _is_list(expected):
        if len(actual) != len(expected):
            return f"the lengths differ: {len(actual)} and {len(expected)}"
        return _first_difference([(i, a, e) for i, (a, e) in enumerate(zip(actual, expected))], options)
    numbers = not isinstance(actual, Tensor | np.ndarray) or not isinstance(expected, Tensor | np.ndarray)
    a, e = (x.detach() if isinstance(x, Tensor) else as_tensor(x) for x in (actual, expected))
    if a.shape != e.shape:
        return f"the shapes differ: {shape_text(a)} and {shape_text(e)}"
    if check_dtype and not numbers and a.dtype != e.dtype:
        return f"the dtypes differ: {a.dtype} and {e.dtype}"
    if check_stride and a.stride() != e.stride():
        return f"the strides differ: {a.stride()} and {e.stride()}"
    return _largest_difference(a.numpy(), e.numpy(), tolerances, equal_nan)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _first_difference(pairs: list[tuple[Any, Any, Any]], options: Any) -> str:
    for place, a, e in pairs:
        problem = _difference(a, e, *options)
        if problem:
            return f"at {place!r}: {problem}"
    return ""


def _largest_difference(a: Any, e: Any, tolerances: tuple[float, float] | None, equal_nan: bool) -> str:
    rtol, atol = tolerances or max(_TOLERANCES.get(str(x.dtype), (0.0, 0.0)) for x in (a, e))
    wide = np.complex128 if "c" in (a.dtype.kind, e.dtype.kind) else np.float64
    if a.dtype.kind in "iub" and e.dtype.kind in "iub" and not (rtol or atol):
        close = a == e
    else:
        close = np.isclose(a.astype(wide), e.astype(wide), rtol, atol, equal_nan)
    if close.all():
        return ""
    with np.errstate(all="ignore"):
        difference = np.where(close, 0, np.abs(a.astype(wide) - e.astype(wide)))
    place = np.unravel_index(np.argmax(np.nan_to_num(difference, nan=np.inf)), difference.shape)
    return (f"tensors differ in {np.count_nonzero(~close)} of {close.size} elements; the largest difference is "
            f"{difference[place]} at {tuple(map(int, place))}, allowed: atol {atol}, rtol {rtol}")


def assert_allclose(actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None,
                    equal_nan: bool = True, msg: str = "") -> None:
    """`assert_close` without a check of dtypes, as in older versions of PyTorch."""
    assert_close(as_tensor(actual), as_tensor(expected), rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False,
                 msg=msg or None)


def make_tensor(*shape: Any, dtype: Any, device: Any = "cpu", low: float | None = None, high: float | None = None,
                requires_grad: bool = False, noncontiguous: bool = False, exclude_zero: bool = False,
                memory_format: Any = None) -> Tensor:
    """A tensor of random values, uniform in [low, high): by default -9 to 9.

    Args:
        shape: the length of each dimension.
        dtype: of the tensor.
        low, high: the bounds.
        requires_grad: record gradients.
        exclude_zero: replace 0 by 1.
        device, noncontiguous, memory_format: accepted; the tensor is contiguous.
    """
    sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], list | tuple) else shape
    found = dtypes.as_dtype(dtype)
    low, high = -9 if low is None else low, 9 if high is None else high
    if found.kind in "iub":
        low, high = (0, 2) if found.kind == "b" else (max(low, 0) if found.kind == "u" else low, high)
        made: Any = randint(int(low), int(high), tuple(sizes)).to(found)
    else:
        made = (rand(*sizes) * (high - low) + low).to(found)
    if exclude_zero:
        made[made == 0] = 1
    return made.requires_grad_(requires_grad)
