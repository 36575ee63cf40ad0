"""Schema of a module's constructor arguments: which of them a model file holds, and how each is written and read.

The annotations of a module's `__init__` are its schema. Each alternative of an annotation is one row:

    annotation              value in the file           value comes from
    int, float, str, None   the value                   the attribute named like the argument
    bool                    true or false               the attribute; for the name of a parameter: whether it exists
    Literal["same", ...]    one of these words          the attribute
    tuple[int, int]         a list of two integers      the attribute
    Sequence[int]           a list of integers          the attribute
    Sequence[int | None]    a list of them and nulls    the attribute
    Sequence[float]         a list of numbers           the attribute
    dict[str, object]       an object of single values  the attribute
    Tensor                  "tensor"                    the state of the module, where the tensor is saved
    DTypeLike               the dtype's name            the first parameter or buffer
    Callable, Module        not allowed                 an error, if the attribute is one
    Device                  not written

An annotation such as `int | tuple[int, int] | Literal["same"]` combines rows. A float that JSON does not have is
written as "inf", "-inf" or "nan". An argument that a file lacks gets its default. A module whose attribute of an
argument's name is something else states the argument in its dictionary `saved_arguments`.
"""
from __future__ import annotations

import functools
import inspect
import math
import numbers
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from fastnet._core.tensor import Tensor

__all__ = ["TENSOR", "Argument", "json_value", "schema", "value_text"]

TENSOR = "tensor"                       # stands in a file for an argument that is a tensor of the module's state

_NON_FINITE = ("inf", "-inf", "nan")
_MOST_DIMENSIONS = 64                   # of an array in NumPy
_SINGLE = (bool, int, float, str, types.NoneType)       # values of a dictionary
_MISSING = object()                     # a value of the wrong kind


class _DType:
    """Marks an annotation DTypeLike."""


class _Device:
    """Marks an annotation Device."""


class _Object:
    """Marks an annotation Callable or Module."""

    def __class_getitem__(cls, item: Any) -> type[_Object]:
        return cls


_ANNOTATION_NAMES = {"DTypeLike": _DType, "Device": _Device, "Tensor": Tensor, "Literal": Literal, "Sequence": Sequence,
                     "Size": int | Sequence[int], "Callable": _Object, "Module": _Object}


class Argument(NamedTuple):
    """One argument of a constructor.

    Attributes:
        name: of the argument.
        required: it has no default.
        alternatives: of its annotation; one of them must accept a value.
    """

    name: str
    required: bool
    alternatives: tuple[Any, ...]

    def value_of(self, module: Any) -> Any:
        """The JSON value with which the constructor makes a module like this one; TENSOR for a tensor.

        Args:
            module: an instance of the class whose argument this is.

        Raises:
            ValueError: the module has a value that the annotation does not allow.
        """
        if _DType in self.alternatives:
            return next((x.dtype.name for registry in (module._parameters, module._buffers)
                         for x in registry.values() if x is not None), None)
        if bool in self.alternatives and self.name in module._parameters:
            return module._parameters[self.name] is not None
        found = getattr(module, "saved_arguments", {}).get(self.name, getattr(module, self.name, None))
        if isinstance(found, Tensor) and Tensor in self.alternatives:
            return TENSOR
        value = json_value(found)
        if self.alternatives == (bool,) and value in (0, 1):
            value = bool(value)
        if self._from_json(value) is _MISSING:
            raise ValueError(f"{self.name} is {value_text(found)}")
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value

    def is_tensor(self, value: Any) -> bool:
        """Whether a JSON value stands for a tensor of the module's state.

        Args:
            value: from a file or from `value_of`.
        """
        return Tensor in self.alternatives and bool(value == TENSOR)

    def read(self, value: Any) -> Any:
        """The constructor's argument for a JSON value; TENSOR remains TENSOR.

        Args:
            value: from a file.

        Raises:
            ValueError: the annotation does not allow the value.
        """
        made = self._from_json(value)
        if made is _MISSING:
            raise ValueError(f"{self.name} cannot be {value_text(value)}")
        return made

    def _from_json(self, value: Any) -> Any:
        for alternative in self.alternatives:
            made = _reader(alternative)(value)
            if made is not _MISSING:
                return made
        return _MISSING


# ---- one function for each kind of annotation: a JSON value to an argument, or _MISSING ------------------------------

def _whole(value: Any) -> Any:
    return value if type(value) is int and abs(value) < 1 << 63 else _MISSING


def _real(value: Any) -> Any:
    if type(value) is str and value in _NON_FINITE:
        return float(value)
    return value if type(value) is float else _whole(value)


def _exactly(kind: type) -> Callable[[Any], Any]:
    return lambda value: value if type(value) is kind else _MISSING


def _word(*words: Any) -> Callable[[Any], Any]:
    return lambda value: value if type(value) in (str, type(None)) and value in words else _MISSING


def _integers(value: Any) -> Any:
    fits = type(value) is list and len(value) <= _MOST_DIMENSIONS and all(_whole(v) is not _MISSING for v in value)
    return value if fits else _MISSING


def _integers_or_none(value: Any) -> Any:
    fits = type(value) is list and _integers([v for v in value if v is not None]) is not _MISSING
    return value if fits and len(value) <= _MOST_DIMENSIONS else _MISSING


def _reals(value: Any) -> Any:
    fits = type(value) is list and len(value) <= _MOST_DIMENSIONS and all(_real(v) is not _MISSING for v in value)
    return [_real(v) for v in value] if fits else _MISSING


def _options(value: Any) -> Any:
    fits = type(value) is dict and len(value) <= _MOST_DIMENSIONS and all(
        type(name) is str and type(v) in _SINGLE for name, v in value.items())
    return value if fits else _MISSING


def _tuple_of(length: int) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        return tuple(value) if _integers(value) is not _MISSING and len(value) == length else _MISSING
    return read


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    int: _whole, float: _real, bool: _exactly(bool), str: _exactly(str), types.NoneType: _exactly(types.NoneType),
    Sequence[int | None]: _integers_or_none, Sequence[int]: _integers, Sequence[float]: _reals, list[int]: _integers,
    tuple[int, ...]: _integers, dict[str, object]: _options,
    _DType: _word("float32", "float64", "float16", "bfloat16"), Tensor: _word(TENSOR), _Object: _word(),
}


@functools.cache
def _reader(alternative: Any) -> Callable[[Any], Any]:
    """The function that reads a JSON value as one alternative of an annotation."""
    if alternative in _READERS:
        return _READERS[alternative]
    arguments = typing.get_args(alternative)
    if typing.get_origin(alternative) is Literal:
        return _word(*arguments)
    if typing.get_origin(alternative) is tuple and set(arguments) == {int}:
        return _tuple_of(len(arguments))
    raise TypeError(f"model files cannot hold an argument of type {alternative}")


# ---- the schema of a class ------------------------------------------------------------------------------------------

@functools.cache
def schema(cls: type[Any]) -> Mapping[str, Argument]:
    """The arguments of a module class that a model file holds, by name.

    Args:
        cls: its `__init__` is annotated.

    Raises:
        TypeError: an annotation that model files cannot hold.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.schema import schema
        >>> list(schema(fastnet.nn.Linear))
        ['in_features', 'out_features', 'bias', 'dtype']
    """
    hints = typing.get_type_hints(cls.__init__, localns=_ANNOTATION_NAMES)
    found = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name not in hints:
            raise TypeError(f"{cls.__name__}.__init__: the argument {name} has no annotation")
        alternatives = _alternatives(hints[name])
        if _Device not in alternatives:
            for alternative in alternatives:
                _reader(alternative)
            found[name] = Argument(name, parameter.default is parameter.empty, alternatives)
    return types.MappingProxyType(found)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(annotation) in (types.UnionType, typing.Union)
    return typing.get_args(annotation) if is_union else (annotation,)


# ---- values ---------------------------------------------------------------------------------------------------------

def json_value(value: Any) -> Any:
    """A setting of a module as JSON would return it; an object that equals nothing if JSON has no such value.

    Args:
        value: NumPy's numbers become Python's, tuples become lists.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral | np.bool_):
        return value.item() if isinstance(value, np.generic) else int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, tuple | list):
        return [json_value(v) for v in value]
    if isinstance(value, dict):
        return {name: json_value(v) for name, v in value.items()}
    return [] if isinstance(value, set) and not value else object()


def value_text(value: Any) -> str:
    """A short description of a value for errors.

    Args:
        value: of any type.
    """
    plain = isinstance(value, str | int | float | None)
    return repr(value)[:60] if plain else f"an object of type {type(value).__name__}"
