"""A dictionary of parameters."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import ArrayLike

__all__ = ["ParameterDict"]


class ParameterDict(Module):
    """A dictionary of registered parameters in the order of insertion. Tensors become parameters.

    Args:
        parameters: the initial parameters: a dictionary, or pairs (name, tensor); names alone stand for None.

    Raises:
        KeyError: an absent name is read or deleted.

    Example:
        >>> import fastnet
        >>> scales = fastnet.nn.ParameterDict({"left": fastnet.ones(2), "right": fastnet.zeros(1)})
        >>> list(scales), scales["right"].shape
        (['left', 'right'], (1,))
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        self.update({} if parameters is None else parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, parameter: Tensor | ArrayLike | None) -> None:
        self._keys[key] = None
        if isinstance(parameter, Tensor) and not isinstance(parameter, Parameter):
            parameter = Parameter(parameter)
        if parameter is None or isinstance(parameter, Parameter):
            self.register_parameter(key, parameter)
        else:
            setattr(self, key, parameter)

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._keys.keys()

    def values(self) -> Iterable[Any]:
        """The parameters."""
        return [self[key] for key in self._keys]

    def items(self) -> Iterable[tuple[str, Any]]:
        """Pairs (name, parameter)."""
        return [(key, self[key]) for key in self._keys]

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of a name, or the default."""
        return self[key] if key in self._keys else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The parameter of a name; a new name gets the default."""
        if key not in self._keys:
            self[key] = default
        return self[key]

    def update(self, parameters: Mapping[str, Any] | Iterable[Any]) -> None:
        """Add or replace the parameters of a dictionary, or of pairs (name, tensor)."""
        named: Any = parameters
        for key, parameter in named.items() if isinstance(named, Mapping | ParameterDict) else named:
            self[key] = parameter

    def pop(self, key: str) -> Any:
        """Remove a parameter and return it."""
        parameter = self[key]
        del self[key]
        return parameter

    def popitem(self) -> tuple[str, Any]:
        """Remove the last pair (name, parameter) and return it."""
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove all parameters."""
        for key in list(self._keys):
            del self[key]

    def copy(self) -> ParameterDict:
        """A dictionary of the same parameters."""
        return ParameterDict(dict(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A dictionary with one value for all names."""
        return ParameterDict(dict.fromkeys(keys, default))

    def __or__(self, other: ParameterDict) -> ParameterDict:
        made = self.copy()
        made.update(other)
        return made
