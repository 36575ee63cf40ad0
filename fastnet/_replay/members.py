"""What classes have: the attributes and methods that a recorded function may reach."""
import functools
import gc
import inspect
import sys
import types
from typing import Any

from fastnet._replay.code import origin, reads, reads_of_itself
from fastnet._runtime.native import watch as native

MISSING = native.MISSING
METHODS = (types.FunctionType, property, staticmethod, classmethod)
NEVER_CALLED = frozenset(("__init__", "__new__", "__repr__", "__str__", "__init_subclass__", "__class_getitem__",
                          "extra_repr", "reset_parameters"))        # while a function is recorded, of what is there
_BASES = frozenset(("fastnet.nn.module", "fastnet.nn.registry"))


def is_users(cls: type) -> bool:
    """Whether a class is the user's own.

    Args:
        cls: the class.
    """
    module = sys.modules.get(cls.__module__)
    return module is None or (not isinstance(module, types.ModuleType)) or (
        cls.__module__ != "builtins" and origin(getattr(module, "__file__", None) or "<user>") == "user")


def member(cls: type, name: str) -> Any:
    """The attribute of a class or of one of its bases, as it is stored; MISSING if there is none.

    Args:
        cls: the class.
        name: of the attribute.
    """
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), MISSING)


def methods(cls: type) -> tuple:
    """The methods and properties of a class and its bases, in the order of the look-up.

    Args:
        cls: the class.
    """
    return tuple(value for base in cls.__mro__ for value in vars(base).values() if isinstance(value, METHODS))


def reached(cls: type, names: set[str]) -> set[str]:
    """`names`, and the attributes of their object that the methods of a class among them read, and so on.

    Args:
        cls: the class.
        names: of attributes.
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
    """Whether the attributes of a class's objects come from a Python function of its own.

    Args:
        cls: the class.
    """
    return isinstance(member(cls, "__getattribute__"), types.FunctionType)


def is_container(value: Any) -> bool:
    """Whether a value is a container of the standard library that keeps what it holds in attributes.

    Args:
        value: of any type.
    """
    module = sys.modules.get(type(value).__module__)
    return hasattr(type(value), "__len__") and (isinstance(value, dict) or not hasattr(value, "keys")) and bool(
        getattr(value, "__dict__", None)) and origin(getattr(module, "__file__", None) or "") == "library"


def functions_with(code: types.CodeType, given: list) -> list[types.FunctionType]:
    """The functions whose code this is: a method of the first argument, or all that exist.

    Args:
        code: which begins to run.
        given: its arguments.
    """
    if given:
        method = _function_of(member(type(given[0]), code.co_name))
        if getattr(method, "__code__", None) is code:
            return [method]
    return [f for f in gc.get_referrers(code) if isinstance(f, types.FunctionType)]


@functools.cache
def settings(cls) -> set[str]:
    """The attributes of a module that the classes of fastnet.nn among its bases read.

    Args:
        cls: the module's class.
    """
    return {name for base in cls.__mro__ if base.__module__.startswith("fastnet.nn.") and base.__module__ not in _BASES
            for function in map(inspect.unwrap, vars(base).values()) if isinstance(function, types.FunctionType)
            for name in reads(function.__code__).attributes
            if not name.startswith("_") and function.__name__ not in NEVER_CALLED}
