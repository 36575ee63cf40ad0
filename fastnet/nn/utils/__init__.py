"""Gradient clipping, conversion of parameters to a vector, parametrizations, pruning, and folding of batch norm.

PyTorch's argument `foreach` chooses between implementations of the same result; fastnet ignores it.
"""
from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.later import imported_on_use as _imported_on_use, modules_of as _modules_of
from fastnet._core.memory import empty
from fastnet._core.state import forbid_in_recording, state
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.complex_numbers import real_parts
from fastnet.functional.joining import cat
from fastnet.functional.ordering import maximum
from fastnet.nn.utils import fusion, rnn
from fastnet.nn.utils.fusion import fuse_conv_bn_eval, fuse_conv_bn_weights, fuse_linear_bn_eval, fuse_linear_bn_weights
from fastnet.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from fastnet.nn.utils.weight_norm import remove_weight_norm, weight_norm

if TYPE_CHECKING:
    from fastnet.nn.utils import parametrizations, parametrize, prune

__all__ = [
    "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "fuse_conv_bn_eval", "fuse_conv_bn_weights",
    "fuse_linear_bn_eval", "fuse_linear_bn_weights", "fusion", "get_total_norm", "parameters_to_vector",
    "parametrizations", "parametrize", "prune", "remove_spectral_norm", "remove_weight_norm", "rnn", "spectral_norm",
    "vector_to_parameters", "weight_norm",
]

_Tensors: TypeAlias = "Tensor | Iterable[Tensor]"


def _as_list(name: str, tensors: _Tensors) -> list[Tensor]:
    """One tensor or several as a list; warns if an iterator is exhausted, for example by an earlier call."""
    if isinstance(tensors, Tensor):
        return [tensors]
    listed = list(tensors)
    if not listed and iter(tensors) is tensors:
        warnings.warn(f"{name}: the iterator of tensors is exhausted, so there is nothing to clip; pass a list, or "
                      "call model.parameters() again", UserWarning, stacklevel=4)
    return listed


def _gradients(name: str, parameters: _Tensors) -> list[Tensor]:
    """The gradients of the parameters that have one."""
    try:
        gradients = [p.grad for p in _as_list(name, parameters)]
    except (AttributeError, TypeError):
        if hasattr(parameters, "parameters"):
            raise TypeError(f"{name}: expected a tensor or several, got the module {type(parameters).__name__}; pass "
                            "its parameters()") from None
        raise
    return [g for g in gradients if g is not None]


def _check_bound(name: str, argument: str, bound: float) -> None:
    """Raise ValueError for NaN or a negative bound, which would reverse gradients."""
    if not bound >= 0:
        raise ValueError(f"{name}: expected {argument} to be a non-negative number, got {bound}")


def _record(tensors: Sequence[Tensor]) -> None:
    """Tell a recording in progress which tensors the following kernels use."""
    if state.recorder is not None:
        state.recorder.note_tensors(tensors)


@no_grad()
def get_total_norm(tensors: _Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Tensor:
    """Compute the p-norm over all elements of all tensors, as a 0-d tensor.

    Args:
        tensors: a tensor or several.
        norm_type: p; may be inf.
        error_if_nonfinite: raise if the norm is not finite; not available in compiled functions.
        foreach: ignored.

    Raises:
        RuntimeError: with error_if_nonfinite, the norm is not finite.

    Example:
        >>> import fastnet
        >>> fastnet.nn.utils.get_total_norm([fastnet.tensor([3.0]), fastnet.tensor([4.0])])
        tensor(5.)
    """
    tensors = [t.abs() if t.dtype.kind == "c" else t for t in _as_list("get_total_norm", tensors)]
    norm_type = float(norm_type)
    if not tensors:
        return Tensor._wrap(kernels.full((), 0, dtypes.float32))
    if norm_type == 2 and all(t.dtype == tensors[0].dtype for t in tensors):
        norm = _two_norm(tensors)
    elif math.isinf(norm_type):
        norm = tensors[0].norm(norm_type)
        for t in tensors[1:]:
            norm = maximum(norm, t.norm(norm_type)) if norm_type > 0 else norm.minimum(t.norm(norm_type))
    else:
        norm = cat([t.norm(norm_type).reshape(1) for t in tensors]).norm(norm_type)
    if error_if_nonfinite:
        forbid_in_recording("error_if_nonfinite=True")
        if not math.isfinite(norm.item()):
            raise RuntimeError(f"expected a finite total norm of order {norm_type}, got {norm.item()}; pass "
                               "error_if_nonfinite=False to scale the gradients anyway")
    return norm


def _two_norm(tensors: Sequence[Tensor]) -> Tensor:
    """The square root of the sum of squares, in one launch per tensor and two more."""
    _record(tensors)
    squares = empty((len(tensors),), tensors[0].dtype)
    for i, t in enumerate(tensors):
        K.sum_squares(squares[i:i + 1], t._data)
    total = empty((1, 1), squares.dtype)
    K.sum(total, squares.reshape(1, len(tensors), 1))
    return Tensor._wrap(kernels.unary("sqrt", total).reshape(()))


def clip_grads_with_norm_(parameters: _Tensors, max_norm: float, total_norm: Tensor,
                          foreach: bool | None = None) -> None:
    """Scale every gradient by min(1, max_norm / (total_norm + 1e-6)), in place.

    Args:
        parameters: a tensor or several; those without a gradient are skipped.
        max_norm: not negative.
        total_norm: a 0-d tensor, as `get_total_norm` returns it.
        foreach: ignored.

    Raises:
        ValueError: a negative max_norm.

    Example:
        >>> import fastnet
        >>> w = fastnet.zeros(2, requires_grad=True)
        >>> (w * fastnet.tensor([3.0, 4.0])).sum().backward()
        >>> fastnet.nn.utils.clip_grads_with_norm_(w, 1.0, fastnet.nn.utils.get_total_norm([w.grad]))
        >>> w.grad
        tensor([0.6, 0.8])
    """
    _check_bound("clip_grads_with_norm_", "max_norm", max_norm)
    _scale_to_norm(_gradients("clip_grads_with_norm_", parameters), max_norm, total_norm)


def _scale_to_norm(gradients: Sequence[Tensor], max_norm: float, total_norm: Tensor) -> None:
    _record((*gradients, total_norm))
    for g in gradients:
        parts = real_parts(g._data)
        K.clip_scale_(parts, kernels.cast(total_norm._data, parts.dtype), float(max_norm))
        g._storage.version += 1


def clip_grad_norm_(parameters: _Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                    foreach: bool | None = None) -> Tensor:
    """Clip the norm of all gradients together, in place, to at most `max_norm`.

    The gradients are multiplied by min(1, max_norm / (norm + 1e-6)). A compiled function records the clipping.
    Pascanu et al. 2013, https://arxiv.org/abs/1211.5063.

    Args:
        parameters: a tensor or several; those without a gradient are skipped.
        max_norm: the largest norm, not negative.
        norm_type: the p of the p-norm; may be inf.
        error_if_nonfinite: raise if the norm is not finite; not available in compiled functions.
        foreach: ignored.

    Returns:
        The norm before clipping, a 0-d tensor.

    Raises:
        ValueError: a negative max_norm.
        RuntimeError: with error_if_nonfinite, the norm is not finite.

    Example:
        >>> import fastnet
        >>> w = fastnet.nn.Parameter(fastnet.ones(2))
        >>> (w * fastnet.tensor([3.0, 4.0])).sum().backward()
        >>> fastnet.nn.utils.clip_grad_norm_([w], max_norm=1.0)
        tensor(5.)
        >>> w.grad
        tensor([0.6, 0.8])
    """
    _check_bound("clip_grad_norm_", "max_norm", max_norm)
    gradients = _gradients("clip_grad_norm_", parameters)
    norm = get_total_norm(gradients, norm_type, error_if_nonfinite)
    _scale_to_norm(gradients, max_norm, norm)
    return norm


def clip_grad_value_(parameters: _Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Clip every element of every gradient to [-clip_value, clip_value], in place.

    Args:
        parameters: a tensor or several; those without a gradient are skipped.
        clip_value: not negative.
        foreach: ignored.

    Raises:
        ValueError: a negative clip_value.

    Example:
        >>> import fastnet
        >>> w = fastnet.nn.Parameter(fastnet.ones(2))
        >>> (w * fastnet.tensor([3.0, -0.5])).sum().backward()
        >>> fastnet.nn.utils.clip_grad_value_([w], 1.0)
        >>> w.grad
        tensor([ 1. , -0.5])
    """
    _check_bound("clip_grad_value_", "clip_value", clip_value)
    gradients = _gradients("clip_grad_value_", parameters)
    _record(gradients)
    for g in gradients:
        kernels.check_floating("clip_grad_value_", g, "gradient")
        K.clamp(g._data, g._data, -float(clip_value), float(clip_value))
        g._storage.version += 1


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Flatten and concatenate parameters into one vector; the operation is differentiable.

    Args:
        parameters: tensors of any shapes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.utils.parameters_to_vector([fastnet.ones(1, 2), fastnet.zeros(1)])
        tensor([1., 1., 0.])
    """
    return cat([p.reshape(p.numel()) for p in parameters])


@no_grad()
def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy consecutive parts of a vector into parameters, in place; the reverse of `parameters_to_vector`.

    Args:
        vec: a vector with as many elements as all parameters together.
        parameters: tensors of any shapes.

    Raises:
        ValueError: the number of elements differs.

    Example:
        >>> import fastnet
        >>> w = fastnet.nn.Parameter(fastnet.ones(2))
        >>> fastnet.nn.utils.vector_to_parameters(fastnet.tensor([3.0, 4.0]), [w])
        >>> w.tolist()
        [3.0, 4.0]
    """
    parameters = list(parameters)
    if vec.shape != (sum(p.numel() for p in parameters),):
        raise ValueError(f"vector_to_parameters: expected a vector of {sum(p.numel() for p in parameters)} elements, "
                         f"got shape {shape_text(vec)}")
    start = 0
    for p in parameters:
        p.copy_(vec.narrow(0, start, p.numel()).reshape(p.shape))
        start += p.numel()


def __dir__() -> list[str]:
    return sorted(__all__)


if not TYPE_CHECKING:                   # to type checkers, it would give the module every attribute
    __getattr__ = _imported_on_use(globals(), _modules_of(__name__, ("parametrizations", "parametrize", "prune")))
