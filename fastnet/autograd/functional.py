"""Jacobians, Hessians and their products with vectors, as `torch.autograd.functional`."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.autograd.calls import grad
from fastnet.autograd.modes import enable_grad
from fastnet.autograd.rules import join_entries

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors: TypeAlias = "Tensor | tuple[Tensor, ...]"


def _as_tensors(name: str, what: str, value: Any) -> tuple[Tensor, ...]:
    listed = tuple(value) if isinstance(value, tuple | list) else (value,)
    for i, t in enumerate(listed):
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}: expected {what} to be a tensor or a tuple of tensors, got {type(t).__name__} at "
                            f"position {i}")
    return listed


def _tracked_inputs(inputs: Sequence[Tensor], create_graph: bool) -> tuple[Tensor, ...]:
    """The inputs as tensors whose gradients can be asked for one by one: on their graph if it is to be kept."""
    return tuple(x.view(x.shape) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in inputs)


def _called(name: str, func: Callable[..., Any], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], bool]:
    """(outputs, whether the function returned a tuple)."""
    result = func(*inputs)
    return _as_tensors(name, "the result of func", result), isinstance(result, tuple | list)


def _in_form_of(values: Sequence[Any], like: Any) -> Any:
    return tuple(values) if isinstance(like, tuple | list) else values[0]


def _checked_vector(name: str, v: Any, like: Sequence[Tensor], what: str) -> list[Tensor]:
    """A vector with an entry for each tensor; ones for a single element if it is missing."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"{name}: expected a vector v, which may be None only if {what} is one element")
        return [like[0].detach() * 0 + 1]
    vector = list(_as_tensors(name, "v", v))
    if len(vector) != len(like) or any(a.shape != b.shape for a, b in zip(vector, like)):
        raise RuntimeError(f"{name}: expected v in the shapes {[shape_text(t) for t in like]} of {what}, got "
                           f"{[shape_text(t) for t in vector]}")
    return vector


def _grads(name: str, outputs: Sequence[Tensor], inputs: Sequence[Tensor], vectors: Sequence[Tensor],
           create_graph: bool, strict: bool) -> list[Tensor]:
    """The gradients of the outputs that have some; zeros where there are none, an error if `strict`."""
    used = [(out, v) for out, v in zip(outputs, vectors) if out.requires_grad]
    if strict and len(used) < len(outputs):
        raise RuntimeError(f"{name}: an output of the function does not depend on the inputs, which strict=True "
                           "refuses")
    if not used:
        return [x.detach() * 0 for x in inputs]
    found = grad([out for out, _ in used], inputs, [v for _, v in used], True, create_graph, allow_unused=True)
    if strict and None in found:
        raise RuntimeError(f"{name}: the outputs do not depend on input {found.index(None)}, which strict=True refuses")
    return [x.detach() * 0 if g is None else g for g, x in zip(found, inputs)]


def _finished(values: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
    return list(values) if create_graph else [v.detach() for v in values]


def vjp(func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """Compute v @ J, with J the Jacobian of a function.

    Args:
        func: a function of the inputs that returns a tensor or a tuple of tensors.
        inputs: a tensor, or a tuple of tensors.
        v: in the shapes of the outputs; None for an output of one element (then 1).
        create_graph: keep the result on the tape, so that it can be differentiated.
        strict: raise an error where an output does not depend on an input, instead of giving zeros.

    Returns:
        (func(*inputs), the product in the form of the inputs).

    Raises:
        RuntimeError: v has other shapes than the outputs.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0])
        >>> fastnet.autograd.functional.vjp(lambda x: x * x, x, fastnet.tensor([1.0, 10.0]))
        (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        xs = _tracked_inputs(_as_tensors("vjp", "inputs", inputs), create_graph)
        outputs, several = _called("vjp", func, xs)
        vectors = _checked_vector("vjp", v, outputs, "the output")
        found = _grads("vjp", outputs, xs, vectors, create_graph, strict)
    outputs = tuple(_finished(outputs, create_graph))
    return (outputs if several else outputs[0]), _in_form_of(_finished(found, create_graph), inputs)


def jvp(func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """Compute J @ v, with J the Jacobian of a function, by two backward passes.

    The gradient of u @ J with respect to u is J, for any u, so a second backward gives the product.

    Args:
        func, inputs, create_graph, strict: as of `vjp`.
        v: in the shapes of the inputs; None for an input of one element (then 1).

    Returns:
        (func(*inputs), the product in the form of the outputs).

    Raises:
        RuntimeError: v has other shapes than the inputs.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0])
        >>> fastnet.autograd.functional.jvp(lambda x: (x * x).sum(), x, fastnet.tensor([1.0, 10.0]))
        (tensor(5.), tensor(42.))
    """
    with enable_grad():
        xs = _tracked_inputs(_as_tensors("jvp", "inputs", inputs), create_graph)
        vectors = _checked_vector("jvp", v, xs, "the input")
        outputs, several = _called("jvp", func, xs)
        us = [(out.detach() * 0).requires_grad_() for out in outputs]
        rows = _grads("jvp", outputs, xs, us, True, strict)
        found = _grads("jvp", rows, us, vectors, create_graph, False)
    outputs = tuple(_finished(outputs, create_graph))
    found = _finished(found, create_graph)
    return (outputs, tuple(found)) if several else (outputs[0], found[0])


def jacobian(func: Callable[..., Any], inputs: Tensors, create_graph: bool = False, strict: bool = False,
             vectorize: bool = False, strategy: str = "reverse-mode") -> Any:
    """Compute the Jacobian of a function: a backward pass for each element of the outputs.

    Args:
        func, inputs, create_graph, strict: as of `vjp`.
        vectorize, strategy: ignored; each row takes its backward pass.

    Returns:
        For one output and one input a tensor of shape (*output.shape, *input.shape); with several outputs or inputs a
        tuple of these, or a tuple of tuples [output][input].

    Example:
        >>> import fastnet
        >>> fastnet.autograd.functional.jacobian(lambda x: x * x, fastnet.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    with enable_grad():
        xs = _tracked_inputs(_as_tensors("jacobian", "inputs", inputs), create_graph)
        outputs, several = _called("jacobian", func, xs)
        blocks = [_block(out, xs, create_graph, strict) for out in outputs]
    rows = [_in_form_of(_finished(block, create_graph), inputs) for block in blocks]
    return tuple(rows) if several else rows[0]


def _block(out: Tensor, xs: Sequence[Tensor], create_graph: bool, strict: bool) -> list[Tensor]:
    """The Jacobian of one output with respect to each input."""
    flat = out.reshape(-1)
    rows = [_grads("jacobian", [flat[k]], xs, [flat[k].detach() * 0 + 1], create_graph, strict)
            for k in range(flat.numel())]
    if not rows:
        return [x.new_zeros((*out.shape, *x.shape)) for x in xs]
    return [join_entries(parts).reshape(*out.shape, *x.shape) for parts, x in zip(zip(*rows), xs)]


def hessian(func: Callable[..., Any], inputs: Tensors, create_graph: bool = False, strict: bool = False,
            vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode") -> Any:
    """Compute the Hessian of a function with one element as its result: the Jacobian of its gradient.

    Args:
        func, inputs, create_graph, strict: as of `vjp`.
        vectorize, outer_jacobian_strategy: ignored.

    Returns:
        For one input a tensor of shape (*input.shape, *input.shape), else a tuple of tuples [input][input].

    Raises:
        RuntimeError: the result has several elements.

    Example:
        >>> import fastnet
        >>> fastnet.autograd.functional.hessian(lambda x: (x**3).sum(), fastnet.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    def slope(*xs: Tensor) -> Any:
        tracked = tuple(x.view(x.shape) for x in xs)
        out = _one_element("hessian", func(*tracked))
        return _in_form_of(_grads("hessian", [out], tracked, [out.detach() * 0 + 1], True, strict), inputs)
    return jacobian(slope, inputs, create_graph, strict)


def _one_element(name: str, out: Any) -> Tensor:
    if not isinstance(out, Tensor) or out.numel() != 1:
        raise RuntimeError(f"{name}: expected func to return a tensor of one element, got "
                           f"{shape_text(out) if isinstance(out, Tensor) else type(out).__name__}")
    return out


def vhp(func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """Compute v @ H, with H the Hessian of a function with one element as its result.

    Args:
        func, inputs, create_graph, strict: as of `vjp`.
        v: in the shapes of the inputs; None for an input of one element (then 1).

    Returns:
        (func(*inputs), the product in the form of the inputs).

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0])
        >>> fastnet.autograd.functional.vhp(lambda x: (x**3).sum(), x, fastnet.ones(2))
        (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        xs = _tracked_inputs(_as_tensors("vhp", "inputs", inputs), create_graph)
        vectors = _checked_vector("vhp", v, xs, "the input")
        out = _one_element("vhp", func(*xs))
        slopes = _grads("vhp", [out], xs, [out.detach() * 0 + 1], True, strict)
        found = _grads("vhp", slopes, xs, vectors, create_graph, False)
    return _finished([out], create_graph)[0], _in_form_of(_finished(found, create_graph), inputs)


def hvp(func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """Compute H @ v, with H the Hessian of a function, which is symmetric: the same as `vhp`.

    Arguments are those of `vhp`.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0])
        >>> fastnet.autograd.functional.hvp(lambda x: x.prod(), x, fastnet.tensor([1.0, 0.0]))
        (tensor(2.), tensor([0., 1.]))
    """
    return vhp(func, inputs, v, create_graph, strict)
