"""The Python values that a recorded function reads: found before it runs, compared before each replay.

A recording is valid as long as the Python values that its function read are those of the recorded run. `Watch` finds
them from the function on: globals and closure variables that its code names, attributes that any code of the user
names, and the contents of lists and dicts (`PlaceFinder`). Functions found on the way are searched before they run, all
others when they begin to run. The aim is to watch more than is read; a value that is read and not watched is a bug.
"""
from __future__ import annotations

import builtins
import gc
import os
import random
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnet._core.tensor import Tensor
from fastnet._replay import impure
from fastnet._replay.bytecode import is_closed_generator, origin, reads
from fastnet._replay.classes import functions_with, is_users
from fastnet._replay.place_finder import MOST_PLACES, PlaceFinder
from fastnet._runtime.native import frames, places

_ANY_GLOBAL = frozenset(("globals", "eval", "exec"))     # through these a function can read any global
_IMPORTERS = frozenset(("import_module", "__import__", "modules"))


class Watch(PlaceFinder):
    """Finds the places that a recording depends on, while its function runs."""

    def __init__(self) -> None:
        super().__init__()
        self._codes: dict[int, types.CodeType] = {}             # code that was read; held, as in `_seen`
        self._implicit: dict[int, types.CodeType] = {}          # code that the interpreter runs: finalizers, say
        self._searched: set[int] = set()        # ids of code whose functions were searched for
        for name, function in (("random", random.getstate), ("numpy.random", np.random.get_state)):
            self.visit(getattr(function, "__self__"), name)     # noqa: B009  the module's own generator

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """function(*args, **kwargs). The places that it may read are found before and while it runs.

        Args:
            function: the function that is recorded.
            args, kwargs: its arguments.
        """
        self._class(Tensor.__new__(Tensor), "fastnet.Tensor")
        inner = getattr(function, "__func__", function)
        if isinstance(inner, types.FunctionType):
            self._searched.add(id(inner.__code__))
            self._function(inner, force=True)
        self.visit(function, getattr(function, "__qualname__", type(function).__name__))
        self._settle()
        reports = frames.Frames(self._enter, lambda filename: origin(filename) == "user", impure.FUNCTIONS, self._call)
        return reports.run(function, args, kwargs)

    def finish(self) -> list[places.Place]:
        """The places that the run itself changed. Everything that only the run needed is let go."""
        for generator, path, before in self._generators:
            if impure.generator_state(generator) != before:
                self.problems[path] = f"draws random numbers from {path}; use fastnet's (fastnet.rand, dropout, ...)"
        if len(self.places) > MOST_PLACES:
            self.problems["values"] = f"reads {len(self.places)} Python values, which take long to compare"
        changed = self.places.changed()
        for field in (self._seen, self._named, self._groups, self._codes, self._implicit, self._searched,
                      self._generators):
            field.clear()
        return changed

    # ---- code ----

    def _enter(self, frame):
        """A frame of the user's code begins to run."""
        code, caller = frame.f_code, frame.f_back
        if self._runs_implicitly(frame):
            return
        called_by_us = caller is None or origin(caller.f_code.co_filename) == "fastnet"
        known = id(code) in self._codes
        if known and not called_by_us:
            return
        if not known:
            self._read(code, frame.f_globals)
        given = [frame.f_locals[name] for name in code.co_varnames[:code.co_argcount] if name in frame.f_locals]
        if code.co_freevars and id(code) not in self._searched:
            self._searched.add(id(code))
            for function in functions_with(code, given):
                self._function(function)
        if called_by_us:
            for value in given:
                if _has_attributes(value):
                    self.visit(value, type(value).__name__)
        self._settle()

    def _runs_implicitly(self, frame):
        """Whether the interpreter runs the code, not the function: finalizers, the making of a named tuple."""
        code, caller = frame.f_code, frame.f_back
        if not (code.co_name == "__del__" or (caller and id(caller.f_code) in self._implicit)
                or (id(code) not in self._codes and is_closed_generator(frame))
                or any(getattr(f, "__code__", None) is code for f in gc.callbacks)
                or frame.f_globals.get("__name__", "").startswith("namedtuple_")):
            return False
        self._implicit[id(code)] = code
        return True

    def _call(self, function, frame):
        """A clock or another built-in function of `impure.FUNCTIONS` is about to be called."""
        if id(frame.f_code) in self._implicit:
            return
        if origin(frame.f_code.co_filename) == "user" or function is impure.SYSTEM_RANDOM:
            name = f"{function.__module__ or type(function.__self__).__name__}.{function.__name__}"
            self.problems[name] = f"calls {name}() ({frame.f_code.co_filename}:{frame.f_lineno})"

    def _function(self, function, force=False):
        """Look through a function before it runs."""
        code = function.__code__
        if not force and origin(code.co_filename) != "user":
            self._library_function(function)
            return
        self._seen[id(function)] = function
        self._add("FUNCTION", function, None, f"code and defaults of {function.__qualname__}")
        self._named.append((function, function.__qualname__, set()))
        self._read(code, function.__globals__)
        if origin(code.co_filename) == "fastnet":
            for cell in function.__closure__ or ():
                self._users_parts(cell.cell_contents)
            return
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            self._follow("CELL", cell, None, name)
        for value in (*(function.__defaults__ or ()), function.__kwdefaults__):
            self.visit(value, f"a default of {function.__qualname__}")

    def _library_function(self, function):
        """Watch the tables of a library function: the environment, the types of a singledispatch."""
        names = reads(function.__code__)
        if "environ" in names.globals | names.attributes:
            self.visit(os.environ, "os.environ")
        if origin(function.__code__.co_filename) == "library":
            for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
                table = places.Place("CELL", cell, None, name).expected
                if isinstance(table, dict | types.FunctionType):
                    self.visit(table, f"{name} of {function.__qualname__}")

    def _users_parts(self, value):
        """Watch objects of the user's classes in a closure variable of fastnet's functions: callbacks, say."""
        for part in value if isinstance(value, tuple | list) else (value,):
            if _has_attributes(part) and is_users(type(part)):
                self.visit(part, type(part).__name__)

    def _read(self, code, variables):
        """Note the names in code; `variables` are its globals."""
        if id(code) in self._codes:
            return
        self._note_code(code)
        names = reads(code)
        if origin(code.co_filename) == "fastnet":
            self._our_names |= names.attributes
            return
        self._names |= names.attributes
        self._strings |= names.strings
        self._dynamic |= names.dynamic
        self._catches |= names.catches
        for name in names.globals & _ANY_GLOBAL:
            self.problems[name] = f"calls {name}() ({code.co_filename}:{code.co_firstlineno})"
        for name in sorted(names.globals):
            self._follow("ENTRY", variables, name, name)
            if name not in variables and hasattr(builtins, name):
                self._add("ENTRY", vars(builtins), name, name)
        by_name = names.strings if _IMPORTERS & (names.globals | names.attributes) else frozenset()
        for name in sorted(names.imports | by_name):
            if name in sys.modules:
                self.visit(sys.modules[name], name)

    def _note_code(self, code):
        self._codes[id(code)] = code
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._note_code(constant)


def _has_attributes(value):
    return not issubclass(type(value), (Tensor, np.ndarray, tuple, list, dict, set, type))
