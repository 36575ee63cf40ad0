"""Containers: modules that hold other modules or parameters, by position or by name."""
from __future__ import annotations

import inspect
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, overload

from fastnet._core.errors import given_text
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.nn.fusion import chain
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter

if TYPE_CHECKING:
    from typing_extensions import Self, TypeVar

    from fastnet._core.annotations import ArrayLike

    _M = TypeVar("_M", bound=Module, default=Module)
    _Member = TypeVar("_Member")
else:
    from typing import TypeVar

    _M, _Member = TypeVar("_M"), TypeVar("_Member")

__all__ = ["ModuleDict", "ModuleList", "ParameterList", "Sequential"]


class _Indexed(Module, Generic[_Member]):
    """A container of members named "0", "1", ... (a Sequential may have other names)."""

    _registry = "_modules"

    def __init__(self, members: Iterable[_Member] = ()) -> None:
        super().__init__()
        self.extend(members)

    def _own_members(self) -> dict[str, Any]:
        if state.recorder is not None:
            self._note()
        return self.__dict__[self._registry]

    def _name_at(self, index: SupportsIndex) -> str:
        """The name of the member at an index; IndexError beyond the end."""
        names = list(self._own_members())
        index = index.__index__()
        if not -len(names) <= index < len(names):
            raise IndexError(f"index {index} is out of range: this {type(self).__name__} has {len(names)} entries")
        return names[index]

    def _replace_all(self, members: Iterable[_Member]) -> None:
        """Replace all members and number them from 0."""
        self.__dict__[self._registry].clear()
        self._changed()
        self.extend(members)

    def __len__(self) -> int:
        return len(self._own_members())

    def __iter__(self) -> Iterator[_Member]:
        return iter(self._own_members().values())

    def __contains__(self, member: object) -> bool:
        return any(member is m for m in self)

    @overload
    def __getitem__(self, index: SupportsIndex) -> _Member: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice) -> _Member | Self:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._own_members()[self._name_at(index)]

    def __setitem__(self, index: SupportsIndex, member: _Member) -> None:
        setattr(self, self._name_at(index), member)

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        members = list(self)
        del members[index]
        self._replace_all(members)

    def append(self, member: _Member) -> Self:
        """Add a member at the end; returns the container.

        Raises:
            TypeError: the member has the wrong type.
        """
        setattr(self, self._checked(str(len(self)), member), member)
        return self

    def extend(self, members: Iterable[_Member]) -> Self:
        """Append each of `members`; returns the container."""
        for member in list(members):
            self.append(member)
        return self

    def insert(self, index: int, member: _Member) -> Self:
        """Insert a member before the one at `index`; returns the container."""
        members = list(self)
        members.insert(index, member)
        self._checked(str(index), member)
        self._replace_all(members)
        return self

    def pop(self, key: int = -1) -> _Member:
        """Remove the member at an index and return it."""
        member = self[key]
        del self[key]
        return member

    def __iadd__(self, members: Iterable[_Member]) -> Self:
        return self.extend(members)

    def _checked(self, name: str, member: object) -> str:
        cls = Module if self._registry == "_modules" else Parameter
        if not isinstance(member, cls):
            use = "; use its module, such as nn.ReLU()" if cls is Module and inspect.isroutine(member) else ""
            raise TypeError(f"{type(self).__name__}: expected entry {name} to be a {cls.__name__}, got "
                            f"{given_text(member)}{use}")
        return name


class Sequential(_Indexed[Module]):
    """A chain of modules: each receives the output of the one before it.

    Args:
        args: the modules in order, or one dictionary from names to modules.

    Raises:
        TypeError: an argument is not a Module.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> model(fastnet.ones(5, 4)).shape
        (5, 2)
        >>> model[0].weight.shape, len(model[1:])
        ((8, 4), 2)
    """

    @overload
    def __init__(self, *args: Module) -> None: ...
    @overload
    def __init__(self, modules: Mapping[str, Module], /) -> None: ...
    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(self._checked(name, module), module)
        else:
            self.extend(args)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Module | Self:
        if isinstance(index, slice):
            return type(self)(dict(list(self._own_members().items())[index]))
        return super().__getitem__(index)

    def forward(self, input: Tensor) -> Tensor:
        return chain(input, *self._own_members().values())


class ModuleList(_Indexed[_M]):
    """A list of registered modules.

    Args:
        modules: the initial modules.

    Raises:
        TypeError: an entry is not a Module.

    Example:
        >>> from fastnet import nn
        >>> layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
        >>> len(layers), len(list(layers.parameters()))
        (3, 6)
    """

    def __init__(self, modules: Iterable[_M] | None = None) -> None:
        super().__init__(() if modules is None else modules)


class ParameterList(_Indexed[Parameter]):
    """A list of registered parameters; tensors are converted to Parameters.

    Args:
        values: the initial parameters.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> [tuple(p.shape) for p in nn.ParameterList([fastnet.ones(2), fastnet.ones(3)])]
        [(2,), (3,)]
    """

    _registry = "_parameters"

    def __init__(self, values: Iterable[Tensor | ArrayLike] | None = None) -> None:
        super().__init__()
        self.extend(() if values is None else values)

    def append(self, member: Tensor | ArrayLike) -> Self:
        """Add a parameter at the end; returns the list."""
        return super().append(member if isinstance(member, Parameter) else Parameter(member))

    if TYPE_CHECKING:
        def extend(self, members: Iterable[Tensor | ArrayLike]) -> Self: ...


class ModuleDict(Module, Generic[_M]):
    """A dictionary of registered modules in the order of insertion.

    Args:
        modules: the initial modules: a dictionary, or pairs (name, module).

    Raises:
        TypeError: a value is not a Module.

    Example:
        >>> from fastnet import nn
        >>> heads = nn.ModuleDict({"digit": nn.Linear(8, 10), "parity": nn.Linear(8, 2)})
        >>> list(heads), heads["parity"].out_features
        (['digit', 'parity'], 2)
    """

    def __init__(self, modules: Mapping[str, _M] | Iterable[tuple[str, _M]] | None = None) -> None:
        super().__init__()
        self.update({} if modules is None else modules)

    def _own_members(self) -> dict[str, Any]:
        if state.recorder is not None:
            self._note()
        return self._modules

    def __getitem__(self, key: str) -> _M:
        return self._own_members()[key]

    def __setitem__(self, key: str, module: _M) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"ModuleDict: expected entry {key!r} to be a Module, got {given_text(module)}")
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]
        self._changed()

    def __len__(self) -> int:
        return len(self._own_members())

    def __iter__(self) -> Iterator[str]:
        return iter(self._own_members())

    def __contains__(self, key: object) -> bool:
        return key in self._own_members()

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._own_members().keys()

    def values(self) -> ValuesView[_M]:
        """The modules."""
        return self._own_members().values()

    def items(self) -> ItemsView[str, _M]:
        """Pairs (name, module)."""
        return self._own_members().items()

    def update(self, modules: Mapping[str, _M] | Iterable[tuple[str, _M]]) -> None:
        """Add or replace the modules of a dictionary, or of pairs (name, module)."""
        for key, module in dict(modules).items():
            self[key] = module

    def pop(self, key: str) -> _M:
        """Remove a module and return it."""
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()
        self._changed()
