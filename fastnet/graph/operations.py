"""Operations by name: the function that runs a node of a graph."""
from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet import functional
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd.tape import OPERATIONS
from fastnet.functional.creation import arange
from fastnet.functional.linear import linear_activated
from fastnet.functional.shape import reshape

if TYPE_CHECKING:
    from fastnet._core.annotations import DTypeLike

__all__ = ["DRAWS", "ELEMENTWISE", "MOVES", "bound", "operation", "writes_state"]

# Modules with operations that `import fastnet` does not load, in addition to those of fastnet.functional.
_LATE = "fastnet.special", "fastnet.linalg", "fastnet.fft", "fastnet.nn.utils.rnn"

# Operations whose result is random.
DRAWS = frozenset(("bernoulli", "dropout", "drawn_columns", "draws", "normal_around", "scaled_channels",
                   "standard_gamma"))

# Operations of one tensor, or of several that broadcast, each element of whose result depends on one element of each.
ELEMENTWISE = frozenset((
    "abs", "acos", "acosh", "add", "add_multiple", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and",
    "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "copysign", "cos", "cosh", "div", "elu", "eq",
    "erf", "exp", "expm1", "floor", "floor_divide", "fmod", "fmax", "fmin", "ge", "gelu", "gelu_tanh", "gt",
    "hardsigmoid", "hardswish", "hardtanh", "heaviside", "hypot", "isfinite", "isinf", "isnan", "le", "leaky_relu",
    "log", "log10", "log1p", "log2", "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor", "lt",
    "maximum", "minimum", "mul", "ne", "neg", "nextafter", "pow", "reciprocal", "relu", "remainder", "round",
    "selu", "sigmoid", "sign", "signbit", "silu", "sin", "sinh", "softplus", "sqrt",
    "square", "sub", "sub_multiple", "tan", "tanh", "trunc", "trunc_divide", "where"))


# They move or repeat elements of their first argument and compute nothing.
MOVES = frozenset(("view", "reshaped_copy", "transposed", "expanded", "index_view", "copied", "clone", "channels_last",
                   "flipped", "rolled", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "interpolate_nearest"))


def operation(name: str) -> Callable[..., Tensor]:
    """The function on tensors that computes the nodes of an operation.

    Args:
        name: such as "conv"; that of a node. "view" also takes tensors that have no view of the shape, and copies them.

    Raises:
        KeyError: fastnet has no operation of this name.

    Example:
        >>> import fastnet
        >>> from fastnet.graph import operation
        >>> operation("leaky_relu")(fastnet.tensor([-1.0, 2.0]), 0.5)
        tensor([-0.5,  2. ])
    """
    if name in _INSTEAD:
        return _INSTEAD[name]
    found = _operation_of(name)
    return _with_slopes_as_needed(found) if name in _SAVING else found


def _operation_of(name: str) -> Callable[..., Tensor]:
    """An entry of OPERATIONS. If it is missing, all modules that can have it are imported."""
    if name not in OPERATIONS:
        for module in (*(f"fastnet.functional.{found.name}" for found in pkgutil.iter_modules(functional.__path__)),
                       *_LATE):
            importlib.import_module(module)
    if name not in OPERATIONS:
        raise KeyError(f"fastnet has no operation {name!r}")
    return OPERATIONS[name]


def bound(function: Callable[..., Any], arguments: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The positional and the keyword arguments of a call from the arguments of a node.

    Args:
        function: of the operation.
        arguments: by the names of its parameters; `*args` is a tuple.

    Example:
        >>> from fastnet.graph.operations import bound
        >>> bound(lambda x, *sizes, dim: None, {"x": 1, "sizes": (2, 3), "dim": 4})
        ([1, 2, 3], {'dim': 4})
    """
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in arguments:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += arguments[name]
        elif parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = arguments[name]
        elif parameter.kind is parameter.VAR_KEYWORD:
            named |= arguments[name]
        else:
            positional.append(arguments[name])
    return positional, named


def writes_state(operation: str, arguments: dict[str, Any]) -> bool:
    """Whether a node writes into a buffer: a normalization in training, with running statistics.

    Args:
        operation: of the node.
        arguments: of the node.

    Example:
        >>> from fastnet.graph.operations import writes_state
        >>> writes_state("batch_norm", {"training": True, "running_mean": None})
        False
    """
    updates = operation == "group_norm" or (operation == "batch_norm" and bool(arguments.get("training")))
    return updates and arguments.get("running_mean") is not None


# ---- operations of graphs that are not those of `op` ----------------------------------------------------------------

# Operations whose argument `tracked` says whether they save what their gradient reads.
_SAVING = frozenset(("cell", "fused", "layer", "max_pool"))


def _with_slopes_as_needed(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An operation that has a gradient where the run needs one; its node was traced without gradients."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def run(*args: Any, **attributes: Any) -> Tensor:
        call = signature.bind(*args, **attributes)
        needed = any(isinstance(x, Tensor) and x.requires_grad for x in args)
        call.arguments["tracked"] = state.grad_enabled and needed
        return function(*call.args, **call.kwargs)
    return run


def _run_view(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    return reshape(x, shape)


def _run_arange(start: float, end: float, step: float, dtype: DTypeLike) -> Tensor:
    return arange(start, end, step, dtype=dtype)


def _refuse_gradients(name: str, tensors: tuple[Tensor | None, ...]) -> None:
    if state.grad_enabled and any(x is not None and x.requires_grad for x in tensors):
        raise RuntimeError(f"{name}: a fused operation without a gradient; use fastnet.no_grad(), or a graph that is "
                           "not fused")


def _run_linear_activated(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
    if activation not in _WITH_GRADIENT:
        _refuse_gradients("linear_activated", (x, weight, bias))
    return linear_activated(x, weight, bias, activation)


_WITH_GRADIENT = "relu", "sigmoid", "tanh"      # activations of `linear_activated` with a gradient


def _run_conv_normed(x: Tensor, weight: Tensor, bias: Tensor | None, mean: Tensor | None, var: Tensor | None,
                 scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, geometry: Any,
                 sizes: tuple[int, ...], activation: str) -> Tensor:
    _refuse_gradients("conv_normed", (x, weight, bias, mean, var, scale, shift, residual))
    return _operation_of("conv_normed")(x, weight, bias, mean, var, scale, shift, residual, eps, geometry, sizes,
                                      activation)


_INSTEAD: dict[str, Callable[..., Tensor]] = {
    "view": _run_view, "arange": _run_arange, "linear_activated": _run_linear_activated,
    "conv_normed": _run_conv_normed}
