"""Calls of a module with other parameters and buffers than its own."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor
    from fastnet.nn.module import Module

__all__ = ["functional_call"]


def functional_call(module: Module, parameters_and_buffers: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
                    args: Any = None, kwargs: Mapping[str, Any] | None = None, *, tie_weights: bool = True,
                    strict: bool = False) -> Any:
    """Call a module with given tensors in place of its parameters and buffers, without changing the module.

    Gradients flow to the given tensors.

    Args:
        module: the module.
        parameters_and_buffers: tensors by the names of `named_parameters()` and `named_buffers()`, in one dictionary or
            several; parameters without a tensor are the module's own.
        args: a tuple of positional arguments, or one argument.
        kwargs: keyword arguments.
        tie_weights: replace a parameter under all names that it has in the module.
        strict: refuse missing names.

    Returns:
        What the module returns.

    Raises:
        RuntimeError: an unknown name, or with `strict` a missing one.
        ValueError: a name in two dictionaries.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.Linear(2, 1, bias=False)
        >>> weight = fastnet.tensor([[1.0, 10.0]], requires_grad=True)
        >>> fastnet.nn.utils.stateless.functional_call(layer, {"weight": weight}, fastnet.ones(1, 2)).tolist()
        [[11.0]]
    """
    parts = [parameters_and_buffers] if isinstance(parameters_and_buffers, Mapping) else parameters_and_buffers
    tensors = {name: tensor for part in parts for name, tensor in part.items()}
    if len(tensors) < sum(map(len, parts)):
        raise ValueError("functional_call: expected each name in one of the dictionaries, got one in several")
    positional = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, tensors, tie_weights, strict):
        return module(*positional, **dict(kwargs or {}))


@contextmanager
def _replaced(module: Module, tensors: Mapping[str, Tensor], tie_weights: bool, strict: bool) -> Iterator[None]:
    """A module whose parameters and buffers are other tensors inside the `with` block."""
    places: dict[str, tuple[Any, str, Any]] = {f"{path}.{name}" if path else name: (kind, name, value)
              for path, part in module.named_modules(remove_duplicate=False)
              for kind in (part._parameters, part._buffers) for name, value in kind.items()}
    unknown = [name for name in tensors if name not in places]
    missing = [name for name in places if name not in tensors]
    if unknown or (strict and missing):
        raise RuntimeError(f"functional_call: expected names of parameters and buffers of {type(module).__name__}, got "
                           f"unexpected {unknown} and no {missing if strict else []}")
    chosen = {name: tensors[name] for name in tensors}
    if tie_weights:
        by_value = {id(places[name][2]): tensor for name, tensor in tensors.items() if places[name][2] is not None}
        chosen.update({name: by_value[id(value)] for name, (_, _, value) in places.items()
                       if name not in tensors and id(value) in by_value})
    before = [(*places[name][:2], places[name][2]) for name in chosen]
    try:
        for name, tensor in chosen.items():
            places[name][0][places[name][1]] = tensor
        yield
    finally:
        for registry, key, value in before:
            registry[key] = value
