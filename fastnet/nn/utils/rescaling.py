"""Hooks that compute a weight before each call, and norms of weights."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fastnet._core.state import state
from fastnet.autograd import no_grad
from fastnet.functional.dims import as_dim
from fastnet.functional.normalization import normalize
from fastnet.functional.norms import norm
from fastnet.functional.random import randn
from fastnet.nn.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from fastnet.nn.hooks import has_hooks
from fastnet.nn.parameter import Parameter

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor
    from fastnet.autograd.hooks import RemovableHandle
    from fastnet.nn.module import Module

__all__ = ["WeightHook", "detach_hook", "improve", "norms_by_dim", "output_dim", "random_unit_vector", "remove_hook",
           "spectral_radius", "weight_hooks", "weight_matrix"]

_Hook = TypeVar("_Hook", bound="WeightHook")


class WeightHook:
    """Hook that computes a weight before each call of a module; subclasses define `weight`.

    Args:
        name: the name of the weight.
    """

    name: str = ""

    def __init__(self, name: str) -> None:
        self.name = name

    def weight(self, module: Module, training: bool) -> Tensor:
        """The weight.

        Args:
            module: the module.
            training: whether the call may change buffers.
        """
        raise NotImplementedError

    def __call__(self, module: Module, args: Any) -> None:
        if state.recorder is not None:
            state.recorder.note_computed(vars(module), self.name)
        setattr(module, self.name, self.weight(module, module.training))

    def attach(self, module: Module) -> None:
        """Call the hook before each call of a module from now on.

        Args:
            module: the module.
        """
        handle = module.register_forward_pre_hook(self)
        module.__dict__.setdefault("_weight_hooks", {})[self.name] = self, handle


def weight_hooks(module: Module) -> dict[str, tuple[WeightHook, RemovableHandle]]:
    """{name: (the hook that computes this weight, its handle)} of a module.

    Args:
        module: the module.
    """
    return module.__dict__.get("_weight_hooks", {})


def detach_hook(module: Module, name: str, kind: type[_Hook]) -> _Hook | None:
    """Remove the hook that computes a weight, and return it; None if the weight has no hook of this kind.

    A module without other hooks is as before the first one, so that it is fused and saved again.

    Args:
        module: the module.
        name: the name of the weight.
        kind: the class of the hook.
    """
    hook, handle = weight_hooks(module).get(name, (None, None))
    if handle is None or not isinstance(hook, kind):
        return None
    handle.remove()
    del module.__dict__["_weight_hooks"][name]
    if not module.__dict__["_weight_hooks"]:
        del module.__dict__["_weight_hooks"]
    if not has_hooks(module):
        module.__dict__.pop("_hooks", None)
    return hook


def remove_hook(module: Module, name: str, kind: type[WeightHook], parts: Sequence[str]) -> None:
    """Remove the hook of a weight, which becomes a parameter with the computed value.

    Args:
        module: the module.
        name: the name of the weight.
        kind: the class of the hook.
        parts: what to append to the name for those of the tensors that the hook uses.

    Raises:
        ValueError: the module has no such hook.
    """
    hook = detach_hook(module, name, kind)
    if hook is None:
        raise ValueError(f"the weight {name!r} of {type(module).__name__} is not normalized")
    with no_grad():
        weight = hook.weight(module, False)
    for part in ("", *parts):
        delattr(module, name + part)
    module.register_parameter(name, Parameter(weight))


def norms_by_dim(v: Tensor, dim: int | None) -> Tensor:
    """The norms of the entries of v along a dimension, or of all of v.

    Args:
        v: the tensor.
        dim: the dimension; None or, as in PyTorch, -1 for the norm of all.
    """
    if dim is None or dim == -1:
        return norm(v)
    axis = as_dim(v, dim)
    return v.abs() if v.ndim == 1 else norm(v, 2, tuple(d for d in range(v.ndim) if d != axis), keepdim=True)


def output_dim(module: Module) -> int:
    """The dimension of a layer's weight that holds the output channels: 1 for transposed convolutions, otherwise 0.

    Args:
        module: the layer.
    """
    return int(isinstance(module, ConvTranspose1d | ConvTranspose2d | ConvTranspose3d))


def weight_matrix(weight: Tensor, dim: int) -> Tensor:
    """A weight as a matrix (size of a dimension, product of the other sizes).

    Args:
        weight: at least one dimension.
        dim: the dimension that becomes the rows; not negative.
    """
    if dim:
        weight = weight.permute(dim, *(d for d in range(weight.ndim) if d != dim))
    return weight.reshape(weight.shape[0], -1)


def random_unit_vector(like: Tensor, size: int, eps: float) -> Tensor:
    """A random direction, a vector of length 1.

    Args:
        like: a tensor of the dtype.
        size: the number of elements.
        eps: the smallest norm to divide by.
    """
    return normalize(randn(size, dtype=like.dtype), dim=0, eps=eps)


@no_grad()
def improve(to: Tensor, matrix: Tensor, vector: Tensor, eps: float) -> None:
    """Half a step of the power iteration, in place: to = matrix @ vector / |matrix @ vector|.

    Args:
        to: the singular vector that is overwritten.
        matrix: (m, n).
        vector: the singular vector of the other side, (n,).
        eps: the smallest norm to divide by.
    """
    to.copy_(normalize(matrix.detach().mv(vector), dim=0, eps=eps))


def spectral_radius(matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """u . (matrix @ v): the largest singular value, if u and v are its singular vectors.

    The vectors are copied, so that a later power iteration leaves the backward pass of this call valid.

    Args:
        matrix: (m, n).
        u: (m,).
        v: (n,).
    """
    return u.clone().dot(matrix.mv(v.clone()))
