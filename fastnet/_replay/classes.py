"""The attributes and methods of classes that a recorded function may reach."""
from __future__ import annotations

import functools
import gc
import inspect
import sys
import types
from typing import Any

from fastnet._replay.bytecode import origin, reads, reads_of_itself
from fastnet._runtime.native import places

MISSING = places.MISSING
METHODS = (types.FunctionType, property, staticmethod, classmethod)
NEVER_CALLED = frozenset(("__init__", "__new__", "__repr__", "__str__", "__init_subclass__", "__class_getitem__",
                          "extra_repr", "reset_parameters"))        # while a function is recorded, on existing objects
_BASES = frozenset(("fastnet.nn.module", "fastnet.nn.registry"))        # what they read is guarded by other means


def is_users(cls: type) -> bool:
    """Whether a class is the user's: not of fastnet or a library.

    Args:
        cls: the class.
    """
    module = sys.modules.get(cls.__module__)
    return module is None or (not isinstance(module, types.ModuleType)) or (
        cls.__module__ != "builtins" and origin(getattr(module, "__file__", None) or "<user>") == "user")


def member(cls: type, name: str) -> Any:
    """The attribute of a class or of one of its bases, as stored; MISSING if there is none.

    Args:
        cls: the class.
        name: the name of the attribute.
    """
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), MISSING)


def methods(cls: type) -> tuple[Any, ...]:
    """The methods and properties of a class and its bases, in the order of lookup.

    Args:
        cls: the class.
    """
    return tuple(value for base in cls.__mro__ for value in vars(base).values() if isinstance(value, METHODS))


def reached(cls: type, names: set[str]) -> set[str]:
    """`names`, the attributes that methods among them read of their object, and so on.

    Args:
        cls: the class of the object.
        names: names of attributes.
    """
    found: set[str] = set()
    new = set(names)
    while new:
        found |= new
        functions = [_function_of(member(cls, name)) for name in new]
        new = {name for f in functions if isinstance(f, types.FunctionType) for name in reads_of_itself(f.__code__)}
        new -= found
    return found


def _function_of(method):
    return getattr(method, "fget", None) or getattr(method, "__func__", method)


def looks_up_itself(cls: type) -> bool:
    """Whether a class has a `__getattribute__` in Python.

    Args:
        cls: the class.
    """
    return isinstance(member(cls, "__getattribute__"), types.FunctionType)


def is_container(value: Any) -> bool:
    """Whether a value is a container of the standard library that keeps its elements in attributes.

    Args:
        value: of any type.
    """
    module = sys.modules.get(type(value).__module__)
    return hasattr(type(value), "__len__") and (isinstance(value, dict) or not hasattr(value, "keys")) and bool(
        getattr(value, "__dict__", None)) and origin(getattr(module, "__file__", None) or "") == "library"


def functions_with(code: types.CodeType, given: list[Any]) -> list[types.FunctionType]:
    """The functions with this code: a method of the first argument, or all functions that exist.

    Args:
        code: the code, which begins to run.
        given: the arguments.
    """
    if given:
        method = _function_of(member(type(given[0]), code.co_name))
        if getattr(method, "__code__", None) is code:
            return [method]
    return [f for f in gc.get_referrers(code) if isinstance(f, types.FunctionType)]


@functools.cache
def settings(cls: type) -> set[str]:
    """The attributes of a module that the classes of fastnet among its bases read, except the bases of all modules.

    Args:
        cls: the module's class.
    """
    return {name for base in cls.__mro__ if base.__module__.startswith("fastnet.") and base.__module__ not in _BASES
            for function in map(inspect.unwrap, vars(base).values()) if isinstance(function, types.FunctionType)
            for name in reads(function.__code__).attributes
            if not name.startswith("_") and function.__name__ not in NEVER_CALLED}
