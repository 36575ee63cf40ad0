"""The parametrizations of one tensor, and the context that keeps their values."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastnet._core.errors import shape_text
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.nn.containers import ModuleList
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, store

__all__ = ["ParametrizationList", "add_tensor", "assign", "cached", "check_like", "inverted"]


class _Cache(threading.local):
    """The values that this thread has computed inside `cached`; a recording computes its own values."""

    def __init__(self) -> None:
        self.depth = 0
        self.values: dict[tuple[Any, Any], Tensor] = {}


_cache = _Cache()


@contextmanager
def cached() -> Iterator[None]:
    """Context in which each parametrized tensor is computed once, at its first access.

    Useful where a forward pass reads a tensor several times, as a recurrent cell does. The values are forgotten at the
    end of the outermost context, and when the tensor is assigned.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import parametrizations, parametrize
        >>> layer = parametrizations.weight_norm(fastnet.nn.Linear(3, 2))
        >>> with parametrize.cached():
        ...     layer.weight is layer.weight
        True
    """
    _cache.depth += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        if not _cache.depth:
            _cache.values = {}


def inverted(modules: Sequence[Module], value: Any, required: bool) -> Any:
    """A value after the `right_inverse` of each module, from the last to the first.

    Args:
        modules: the parametrizations.
        value: of the tensor.
        required: raise if a module has no `right_inverse`; otherwise it is passed over.

    Raises:
        RuntimeError: see `required`.
    """
    for module in reversed(modules):
        inverse: Callable[[Any], Any] | None = getattr(module, "right_inverse", None)
        if inverse is not None:
            try:
                value = inverse(value)
            except NotImplementedError:
                if required:
                    raise
        elif required:
            raise RuntimeError(f"the parametrization {type(module).__name__} has no right_inverse(), so the tensor "
                               "cannot be assigned")
    return value


def check_like(what: str, value: Any, like: Tensor) -> None:
    """Raise ValueError unless a value is a tensor of the shape and the dtype of another.

    Args:
        what: the function that returned the value, for the message.
        value: anything.
        like: the other tensor.
    """
    if not isinstance(value, Tensor):
        raise ValueError(f"{what} must return a tensor, got {type(value).__name__}")
    if (value.dtype, value.shape) != (like.dtype, like.shape):
        raise ValueError(f"{what} must return a tensor of shape {shape_text(like)} and dtype {like.dtype}, got shape "
                         f"{shape_text(value)} and dtype {value.dtype}; pass unsafe=True to allow it")


def assign(original: Tensor, value: Tensor) -> None:
    """Write a value into a parameter or a buffer, which takes its shape.

    Args:
        original: the parameter or buffer.
        value: of its dtype.
    """
    value = value.detach().clone()      # the value may be a view of the tensor
    if original.shape == value.shape:
        original.copy_(value)
    else:
        store(original, value._data, original.dtype)


def add_tensor(module: Module, name: str, tensor: Tensor) -> None:
    """Register a tensor as a parameter or a buffer of a module.

    Args:
        module: the module.
        name: of the attribute.
        tensor: a Parameter, or another tensor, which becomes a buffer.
    """
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in the order of their application, and the tensors that they start from.

    `module.parametrizations[name]` is one, after `register_parametrization(module, name, ...)`. It holds the tensor
    `original`, or `original0`, `original1`, ... if the `right_inverse` of the first parametrization returns several.

    Args:
        modules: the parametrizations.
        original: the parameter or buffer that they replace.
        unsafe: allow them to change its shape and dtype; nothing is checked then.

    Raises:
        ValueError: no modules, or they change the shape or the dtype.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import parametrizations
        >>> layer = parametrizations.weight_norm(fastnet.nn.Linear(3, 2))
        >>> [name for name, _ in layer.parametrizations.weight.named_parameters()]
        ['original0', 'original1']
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not len(modules):
            raise ValueError("ParametrizationList: expected at least one module")
        super().__init__(modules)
        self.unsafe = unsafe
        with no_grad():
            new = inverted(list(self), original, required=False)
        self.is_tensor = isinstance(new, Tensor)
        news = [new] if self.is_tensor else self._checked_parts(new)
        self.ntensors = len(news)
        if self.is_tensor and new.dtype != original.dtype:
            raise ValueError(f"right_inverse() must return a tensor of dtype {original.dtype}, got {new.dtype}")
        if not unsafe:
            with no_grad():
                check_like("a parametrization", self._through(*news), original)
        if self.is_tensor:
            if new is not original:
                with no_grad():
                    assign(original, new)
            add_tensor(self, "original", original)
            return
        for i, part in enumerate(news):
            part = part.detach().clone()
            if isinstance(original, Parameter):
                part = Parameter(part, original.requires_grad)
            add_tensor(self, f"original{i}", part)

    @staticmethod
    def _checked_parts(parts: Any) -> list[Tensor]:
        if not isinstance(parts, Sequence) or not all(isinstance(part, Tensor) for part in parts):
            raise ValueError(f"right_inverse() must return a tensor or a sequence of tensors, got "
                             f"{type(parts).__name__}")
        return list(parts)

    def _originals(self) -> list[Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def _through(self, *originals: Tensor) -> Any:
        first, *others = self
        value = first(*originals)
        for module in others:
            value = module(value)
        return value

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals to `right_inverse(value)` of the parametrizations, from the last to the first.

        Args:
            value: the value that the tensor should have.

        Raises:
            RuntimeError: a parametrization has no right_inverse().
            ValueError: the number of tensors, or a dtype, differs from the originals.
        """
        with no_grad():
            value = inverted(list(self), value, required=True)
            news, originals = [value] if self.is_tensor else self._checked_parts(value), self._originals()
            if [getattr(new, "dtype", None) for new in news] != [original.dtype for original in originals]:
                raise ValueError(f"right_inverse() must return tensors of the dtypes "
                                 f"{', '.join(str(original.dtype) for original in originals)}")
            for original, new in zip(originals, news):
                assign(original, new)
        for key in [key for key in _cache.values if key[0] is self]:
            del _cache.values[key]

    def forward(self) -> Tensor:
        return self._through(*self._originals())

    def value(self) -> Tensor:
        """The parametrized tensor, which `cached` computes once."""
        if not _cache.depth:
            return self()
        key = self, state.recorder
        if key not in _cache.values:
            _cache.values[key] = self()
        return _cache.values[key]
