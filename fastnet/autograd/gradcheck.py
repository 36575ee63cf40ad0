"""Comparison of gradients with finite differences: `gradcheck` and `gradgradcheck`, as in PyTorch."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.autograd.calls import grad
from fastnet.autograd.modes import enable_grad, no_grad

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A gradient that differs from finite differences.

    Example:
        >>> from fastnet.autograd.gradcheck import GradcheckError
        >>> issubclass(GradcheckError, RuntimeError)
        True
    """


def gradcheck(func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
              raise_exception: bool = True, **options: Any) -> bool:
    """Compare the gradients of a function with finite differences.

    (f(x + eps) - f(x - eps)) / (2 eps) for each element of each input that requires a gradient.

    Args:
        func: a function that returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple; those that require gradients should be float64.
        eps: the step.
        atol, rtol: the tolerances.
        raise_exception: raise an error for a difference, instead of returning False.
        options: PyTorch's further options (fast_mode, nondet_tol, check_batched_grad, ...) are ignored.

    Returns:
        True if all gradients agree.

    Raises:
        ValueError: no input requires a gradient.
        GradcheckError: the gradients differ.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0], dtype=fastnet.float64, requires_grad=True)
        >>> fastnet.autograd.gradcheck(fastnet.sin, (x,))
        True
    """
    args = inputs if isinstance(inputs, tuple | list) else (inputs,)
    xs = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
    if not xs:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of the them have "
                         "requires_grad=True.")
    try:
        for k, out in enumerate(_outputs(func, args)):
            if out.is_floating_point():
                _compare(func, args, xs, k, out, eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _outputs(func: Callable[..., Any], args: Sequence[Any]) -> tuple[Tensor, ...]:
    found = func(*args)
    return tuple(found) if isinstance(found, tuple | list) else (found,)


def _compare(func: Callable[..., Any], args: Sequence[Any], xs: Sequence[Tensor], k: int, out: Tensor, eps: float,
             atol: float, rtol: float) -> None:
    """Compare the Jacobian of one output."""
    exact = [np.zeros((out.numel(), x.numel())) for x in xs]
    flat = out.reshape(-1)
    for row in range(out.numel() if out.requires_grad else 0):
        for matrix, g in zip(exact, grad(flat[row], xs, retain_graph=True, allow_unused=True)):
            if g is not None:
                matrix[row] = g.detach().numpy().reshape(-1)
    for i, (x, matrix) in enumerate(zip(xs, exact)):
        near = _central_differences(func, args, x, k, eps)
        if not np.allclose(matrix, near, rtol, atol):
            raise GradcheckError(f"Jacobian mismatch for output {k} with respect to input {i} of shape "
                                 f"{shape_text(x)}: the gradient gives\n{matrix}\nand finite differences give\n{near}")


def _central_differences(func: Callable[..., Any], args: Sequence[Any], x: Tensor, k: int, eps: float) -> Any:
    """The Jacobian of output k with respect to x by central differences."""
    columns = []
    values = x._data.reshape(-1) if x._data.flags.c_contiguous else x._data.flat
    with no_grad():
        for i in range(x.numel()):
            before = values[i]
            moved = []
            for step in (eps, -eps):
                values[i] = before + step
                moved.append(np.array(_outputs(func, args)[k].detach().numpy(), np.float64).reshape(-1))
            values[i] = before
            columns.append((moved[0] - moved[1]) / (2 * eps))
    return np.stack(columns, 1) if columns else np.zeros((0, 0))


def gradgradcheck(func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6,
                  atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True, **options: Any) -> bool:
    """Compare the second derivatives of a function with finite differences of its gradients.

    Args:
        func, inputs, eps, atol, rtol, raise_exception, options: as of `gradcheck`.
        grad_outputs: the gradients of the outputs; by default random numbers.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0], dtype=fastnet.float64, requires_grad=True)
        >>> fastnet.autograd.gradgradcheck(fastnet.sin, (x,))
        True
    """
    args = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    outputs = [out for out in _outputs(func, args) if out.requires_grad]
    if grad_outputs is None:
        draw = np.random.default_rng(0)
        vectors = [out.new_tensor(draw.standard_normal(out.shape)).requires_grad_() for out in outputs]
    else:
        vectors = list(grad_outputs) if isinstance(grad_outputs, tuple | list) else [grad_outputs]

    def slopes(*values: Any) -> Any:
        given, vs = values[:len(args)], values[len(args):]
        xs = [a for a in given if isinstance(a, Tensor) and a.requires_grad]
        with enable_grad():
            outs = [out for out in _outputs(func, given) if out.requires_grad]
            return tuple(g for g in grad(outs, xs, list(vs), create_graph=True, allow_unused=True) if g is not None)
    return gradcheck(slopes, (*args, *vectors), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception)
