"""Parametrizations: parameters and buffers that a module computes from others at each access."""
from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from fastnet.autograd import no_grad
from fastnet.nn.containers import ModuleDict
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter
from fastnet.nn.utils.parametrization_list import ParametrizationList, add_tensor, assign, cached, check_like, inverted

__all__ = ["ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
           "transfer_parametrizations_and_params", "type_before_parametrizations"]

_M = TypeVar("_M", bound="Module")


# ---- classes of parametrized modules ----

def _computed(name: str) -> property:
    """The property that computes a tensor."""
    def value(self: Any) -> Any:
        several = self.parametrizations[name]
        try:
            return several.value()
        except AttributeError as e:     # Python would report that the module has no attribute `name`
            raise RuntimeError(f"the parametrization of {name!r} failed: {e}") from e
    return property(value)


@lru_cache(128)
def _parametrized_class(base: type[Module], names: frozenset[str]) -> type[Module]:
    """A subclass whose attributes `names` are computed; copies and pickles of its objects keep the class."""
    def set_attribute(self: Any, name: str, value: Any) -> None:
        if name in names:               # a Parameter, too, sets the originals
            self.parametrizations[name].right_inverse(value)
        else:
            base.__setattr__(self, name, value)

    def reduced(self: Any, protocol: Any) -> Any:
        return _without_state, (base, names), self.__getstate__()

    members: dict[str, Any] = {"__setattr__": set_attribute, "__reduce_ex__": reduced, "__module__": base.__module__,
                               "_computed_tensors": names}
    for name in names:
        members[name] = _computed(name)
    return type(f"Parametrized{base.__name__}", (base,), members)


def _without_state(base: Any, names: frozenset[str]) -> Module:
    cls = _parametrized_class(base, names)
    return cls.__new__(cls)


def _set_class(module: Module, base: Any) -> None:
    """Give a module the class for its parametrizations."""
    names = frozenset(module.parametrizations)
    module.__class__ = _parametrized_class(base, names) if names else base


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, of one tensor or of any.

    Args:
        module: the module.
        tensor_name: the name of the parameter or buffer; None for any.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import parametrizations, parametrize
        >>> layer = parametrizations.weight_norm(fastnet.nn.Linear(3, 2))
        >>> parametrize.is_parametrized(layer), parametrize.is_parametrized(layer, "bias")
        (True, False)
    """
    found = getattr(module, "parametrizations", None)
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class of a module before its first parametrization.

    Args:
        module: the module.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import parametrizations, parametrize
        >>> layer = parametrizations.weight_norm(fastnet.nn.Linear(3, 2))
        >>> type(layer).__name__, parametrize.type_before_parametrizations(layer).__name__
        ('ParametrizedLinear', 'Linear')
    """
    cls = type(module)
    return cls.__bases__[0] if "_computed_tensors" in cls.__dict__ else cls


def _check_another(module: Module, name: str, parametrization: Module) -> None:
    """Check a parametrization that is applied after others."""
    with no_grad():
        before = getattr(module, name)
        after = parametrization(before)
        check_like("a parametrization", after, before)
        check_like("right_inverse()", inverted([parametrization], after, required=False), before)


def register_parametrization(module: _M, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> _M:
    """Replace a parameter or buffer of a module by the output of another module: weight = parametrization(original).

    The learned parameter is `module.parametrizations[tensor_name].original`, and `module.weight` computes the value at
    each access. Several parametrizations of one tensor are applied in the order of their registration. If
    `parametrization` has a method `right_inverse`, the original is set to right_inverse(weight), and `module.weight`
    can be assigned. If that returns several tensors, they become `original0`, `original1`, ..., and the parametrization
    takes that many arguments; an optimizer made before does not know them.

    The module's class becomes a subclass, such as ParametrizedLinear. Lezcano 2019, https://arxiv.org/abs/1909.09501.

    Args:
        module: the module.
        tensor_name: the name of the parameter or buffer.
        parametrization: the module that computes it.
        unsafe: allow a change of the shape and the dtype; nothing is checked then.

    Returns:
        the module.

    Raises:
        ValueError: the module has no such parameter or buffer, or the parametrization changes its shape or dtype.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> class Symmetric(nn.Module):
        ...     def forward(self, x):
        ...         return x.triu() + x.triu(1).T
        ...
        ...     def right_inverse(self, a):
        ...         return a.triu()
        >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
        >>> bool((layer.weight == layer.weight.T).all())
        True
        >>> [name for name, _ in layer.named_parameters()]
        ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_another(module, tensor_name, parametrization)
        several: Any = module.parametrizations[tensor_name]
        several.append(parametrization)
        several.unsafe |= unsafe
        return module
    original = getattr(module, tensor_name, None)
    if tensor_name not in {*module._parameters, *module._buffers} or original is None:
        raise ValueError(f"register_parametrization: {type(module).__name__} has no parameter or buffer "
                         f"{tensor_name!r}")
    several = ParametrizationList([parametrization], original, unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = several
    _set_class(module, type_before_parametrizations(module))
    return module


def remove_parametrizations(module: _M, tensor_name: str, leave_parametrized: bool = True) -> _M:
    """Make a parametrized tensor of a module a parameter or buffer again.

    Args:
        module: the module.
        tensor_name: the name of the tensor.
        leave_parametrized: keep the computed value; with False the tensor is the original.

    Returns:
        the module.

    Raises:
        ValueError: the tensor is not parametrized, or leave_parametrized=False and it has several originals.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import parametrizations, parametrize
        >>> layer = parametrizations.weight_norm(fastnet.nn.Linear(3, 2))
        >>> sorted(parametrize.remove_parametrizations(layer, "weight").state_dict())
        ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {type(module).__name__} has no parametrization of {tensor_name!r}")
    several: Any = module.parametrizations[tensor_name]
    if not (several.is_tensor or leave_parametrized):
        raise ValueError(f"remove_parametrizations: {tensor_name!r} is computed from {several.ntensors} tensors; "
                         "leave_parametrized=False needs one original")
    with no_grad():
        value = getattr(module, tensor_name)
        if several.is_tensor:
            original = several.original
            if leave_parametrized:
                assign(original, value)
        else:
            learned = list(several.parameters(recurse=False))
            original = Parameter(value, learned[0].requires_grad) if learned else value.detach()
    del module.parametrizations[tensor_name]
    _set_class(module, type_before_parametrizations(module))
    if not len(module.parametrizations):
        del module.parametrizations
    add_tensor(module, tensor_name, original)
    return module


def transfer_parametrizations_and_params(from_module: Module, to_module: _M, tensor_name: str | None = None) -> _M:
    """Register the parametrizations of a module for another module, too, which shares them and their originals.

    Args:
        from_module: the module that has them; without parametrizations nothing happens.
        to_module: the other module; a parameter that it lacks is created.
        tensor_name: the name of one tensor; None for all.

    Returns:
        to_module.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import parametrizations, parametrize
        >>> layer, other = parametrizations.spectral_norm(fastnet.nn.Linear(3, 2)), fastnet.nn.Linear(3, 2)
        >>> other = parametrize.transfer_parametrizations_and_params(layer, other)
        >>> other.parametrizations.weight.original is layer.parametrizations.weight.original
        True
    """
    found: Any = from_module.parametrizations if is_parametrized(from_module) else {}
    for name in list(found) if tensor_name is None or not found else [tensor_name]:
        if not hasattr(to_module, name):
            add_tensor(to_module, name, Parameter(getattr(from_module, name).detach()))
        for parametrization in found[name]:
            register_parametrization(to_module, name, parametrization)
        for part in ("_parameters", "_buffers"):
            for own, original in found[name].__dict__[part].items():
                setattr(to_module.parametrizations[name], own, original)
    return to_module
