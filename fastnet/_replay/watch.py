"""The Python values that a recorded function reads: found before it runs, compared before each replay.

A recording is right for as long as the Python values that its function read are those of the recorded run. `Watch`
finds them from the function on: the globals and closure variables that its code names, the attributes that any code of
the user's names, and the contents of lists and dicts. Functions found on the way are searched before they run, all
others as they begin to run. More is watched than is read, never less.
"""
import collections
import functools
import gc
import operator
import random
import sys
import threading
import types
from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnet._native import watch as native
from fastnet._replay import impure
from fastnet._replay.code import is_builtin, is_closed_generator, origin, reads
from fastnet._replay.members import MISSING, NEVER_CALLED, functions_with, is_users, member, settings
from fastnet._replay.plain import FUNCTIONS, alike, is_plain
from fastnet.tensor import Tensor

Place = native.Place

LARGEST_ARRAY = 1 << 20                 # bytes of a NumPy array whose contents are compared before each replay
MOST_PLACES = 20_000                    # with this many a comparison takes about 0.2 ms
_ANY_GLOBAL = frozenset(("globals", "eval", "exec"))     # through these a function can read any global
_LOCKS = (type(threading.Lock()), type(threading.RLock()), threading.local)
_NUMBERS = ("numpy.", "scipy.")


class Watch:
    """The places that a recording depends on, and what cannot be watched."""

    def __init__(self):
        self.places = native.Places(alike)
        self.problems = {}              # what cannot be watched -> why
        self._names, self._our_names = set(), set()     # attributes named by the user's code, and by ours
        self._strings, self._dynamic = set(), False
        self._seen: dict[int, Any] = {}  # id -> each object looked at: held, so that its address stays its own
        self._named = []                # (object, path, names read so far) of what is read by names
        self._codes = {}                # id -> code looked through
        self._unasked = {}              # id -> code that the interpreter runs unasked
        self._searched = set()          # ids of codes whose functions were looked for everywhere
        self._generators = []           # (random generator, path, its state before)
        for name, function in (("random", random.getstate), ("numpy.random", np.random.get_state)):
            self.visit(getattr(function, "__self__"), name)     # noqa: B009  the generator of the module's functions

    def run(self, function, args, kwargs):
        """function(*args, **kwargs), its reads watched from before the run on.

        Args:
            function: which is recorded.
            args, kwargs: its arguments.
        """
        inner = getattr(function, "__func__", function)
        if isinstance(inner, types.FunctionType):
            self._searched.add(id(inner.__code__))
            self._function(inner, force=True)
        self.visit(function, getattr(function, "__qualname__", type(function).__name__))
        self._settle()
        frames = native.Frames(self._enter, lambda filename: origin(filename) == "user", impure.FUNCTIONS, self._call)
        return frames.run(function, args, kwargs)

    def finish(self):
        """What the run itself changed of what it reads; lets go of everything that only the run needed."""
        for generator, path, before in self._generators:
            if impure.generator_state(generator) != before:
                self.problems[path] = f"draws random numbers from {path}; use fastnet's (fastnet.rand, dropout, ...)"
        if len(self.places) > MOST_PLACES:
            self.problems["values"] = f"reads {len(self.places)} Python values, which take long to compare"
        changed = self.places.changed()
        for field in (self._seen, self._named, self._codes, self._unasked, self._searched, self._generators):
            field.clear()
        return changed

    # ---- code ----

    def _enter(self, frame):
        """A user's code begins to run."""
        code, caller = frame.f_code, frame.f_back
        if self._not_called(frame):
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

    def _not_called(self, frame):
        """Whether code is run by the interpreter for its own ends: to clean up, or to make a named tuple."""
        code, caller = frame.f_code, frame.f_back
        if not (code.co_name == "__del__" or (caller and id(caller.f_code) in self._unasked)
                or (id(code) not in self._codes and is_closed_generator(frame))
                or any(getattr(f, "__code__", None) is code for f in gc.callbacks)
                or frame.f_globals.get("__name__", "").startswith("namedtuple_")):
            return False
        self._unasked[id(code)] = code
        return True

    def _call(self, function, frame):
        """A built-in function whose value comes from outside is about to be called."""
        if id(frame.f_code) in self._unasked:
            return
        if origin(frame.f_code.co_filename) == "user" or function is impure.SYSTEM_RANDOM:
            name = f"{function.__module__ or type(function.__self__).__name__}.{function.__name__}"
            self.problems[name] = f"calls {name}() ({frame.f_code.co_filename}:{frame.f_lineno})"

    def _function(self, function, force=False):
        """Look through a function before it runs."""
        code = function.__code__
        if not force and origin(code.co_filename) != "user":
            return
        self._seen[id(function)] = function
        self._named += [(function, function.__qualname__, set())] if vars(function) else []
        self._read(code, function.__globals__)
        if origin(code.co_filename) == "fastnet":
            for cell in function.__closure__ or ():
                self._users_parts(cell.cell_contents)
            return
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            self._place("CELL", cell, None, name)
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.visit(value, f"a default of {function.__qualname__}")

    def _users_parts(self, value):
        """Look at the objects of a user's classes that our own function works with, its callbacks."""
        for part in value if isinstance(value, tuple | list) else (value,):
            if _has_attributes(part) and is_users(type(part)):
                self.visit(part, type(part).__name__)

    def _read(self, code, variables):
        """Note what code names; `variables` are its globals."""
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
        for name in names.globals & _ANY_GLOBAL:
            self.problems[name] = f"calls {name}() ({code.co_filename}:{code.co_firstlineno})"
        for name in sorted(names.globals):
            if name in variables or not is_builtin(name):
                self._place("ENTRY", variables, name, name)
        for name in sorted(names.imports):
            if name in sys.modules:
                self.visit(sys.modules[name], name)

    def _note_code(self, code):
        self._codes[id(code)] = code
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._note_code(constant)

    # ---- values ----

    def _place(self, kind, holder, key, path):
        """Watch a place and look at what stands there."""
        place = Place(kind, holder, key, path)
        self.places.add(place)
        if place.expected is not MISSING:
            self.visit(place.expected, path)

    def visit(self, value, path):
        """Watch what a value holds.

        Args:
            value: of any type.
            path: what a reader knows it by.
        """
        self._strings |= {value} if isinstance(value, str) else set()   # a key, perhaps
        if is_plain(value) or id(value) in self._seen or len(self.places) > MOST_PLACES:
            return
        self._seen[id(value)] = value
        for types_, look in _LOOKS:
            if isinstance(value, types_):
                look(self, value, path)
                return
        if "_modules" in getattr(value, "__dict__", ()):
            self._module(value, path)
        elif hasattr(type(value), "__next__"):
            self.problems[path] = f"reads {path}, an iterator ({type(value).__name__})"
        elif isinstance(value, Mapping):
            self._computed(value, path, lambda mapping: tuple(part for entry in mapping.items() for part in entry))
        elif type(value).__module__.startswith(_NUMBERS) or isinstance(value, _LOCKS):
            pass                        # sparse matrices reach kernels as arrays, which recordings look at
        elif hasattr(value, "__dict__") or hasattr(type(value), "__slots__"):
            self._by_name(value, path)
        else:
            self.problems[path] = f"reads {path}, a {type(value).__module__}.{type(value).__qualname__}"

    def _nothing(self, value, path):
        """A value that is the same while it is the same object."""

    def _elements(self, value, path):
        for i, element in enumerate(value):
            self.visit(element, f"{path}[{i}]")

    def _list(self, value, path):
        self.places.add(Place("ELEMENTS", value, None, path))
        self._elements(value, path)

    def _dict(self, value, path):
        self.places.add(Place("ENTRIES", value, None, path))
        for key, element in list(value.items()):
            self.visit(element, f"{path}[{key!r}]")

    def _computed(self, value, path, compute):
        """Watch what is computed of a value: a tuple, whose elements are looked at."""
        place = Place("COMPUTED", value, compute, path)
        self.places.add(place)
        self._elements(place.expected, path)

    def _array(self, value, path):
        if value.nbytes > LARGEST_ARRAY or value.dtype.hasobject:
            self.problems[path] = (f"reads {path}, a NumPy array of shape {value.shape}; "
                                   "make it a tensor, with fastnet.from_numpy")
        else:
            self.places.add(Place("COMPUTED", value, lambda a: (a.shape, a.dtype, a.tobytes()), path))

    def _generator(self, value, path):
        self._generators.append((value, path, impure.generator_state(value)))

    def _plain_function(self, value, path):
        self._function(value)

    def _method(self, value, path):
        self.visit(value.__self__, path)
        self.visit(value.__func__, path)

    def _builtin(self, value, path):
        for part in (getattr(value, "__self__", None), getattr(value, "__wrapped__", None)):
            if isinstance(part, (types.FunctionType, *impure.GENERATORS)):
                self.visit(part, path)

    def _partial(self, value, path):
        self.visit(value.func, path)
        self._elements(value.args, path)
        self._dict(value.keywords, path)

    def _wrapper(self, value, path):
        """A property, a static or a class method."""
        self.visit(getattr(value, "fget", None) or getattr(value, "__func__", None), path)

    def _by_name(self, value, path):
        entry = (value, path, set())
        self._named.append(entry)
        self._operators(value if isinstance(value, type) else type(value))
        self._attributes(*entry)

    def _operators(self, cls):
        """Look through the methods of a user's class that no code names: those of operators."""
        for base in filter(is_users, cls.__mro__):
            for name, method in vars(base).items():
                named = name != "forward" and (not name.startswith("__") or name in NEVER_CALLED)
                if not named and isinstance(method, _METHODS):
                    self.visit(method, f"{base.__name__}.{name}")

    def _module(self, value, path):
        """A fastnet.nn.Module: the settings that its class reads, its hooks, its modules, and what users read of it."""
        attributes, cls = vars(value), value.__class__
        for name in sorted(settings(cls) & attributes.keys()):
            self._place("ENTRY", attributes, name, f"{path}.{name}")
        for hooks in attributes.get("_hooks") or ():
            self.visit(hooks, f"a hook of {path}")
        for name, module in list(attributes["_modules"].items()):
            if module is not None:
                self.visit(module, f"{path}.{name}")
        self._by_name(value, path)

    def _settle(self):
        """Look at the attributes that have been named since, until no name is new."""
        before, found = -1, (self._names, self._our_names, self._named, self._strings)
        while before != (before := sum(map(len, found)) + self._dynamic):
            for entry in list(self._named):
                self._attributes(*entry)

    def _attributes(self, value, path, done):
        """Watch the attributes of an object that some code names."""
        attributes = getattr(value, "__dict__", ())
        ours = not is_users(value if isinstance(value, type) else type(value))
        names = set(self._names) if ours else self._names | self._our_names
        if ours and "param_groups" in attributes:
            names &= {"param_groups"}           # an optimizer: recordings guard the rest
        elif self._dynamic and not isinstance(value, types.ModuleType):
            names |= {*attributes, *self._strings}      # hasattr and getattr name attributes in strings
        new = names - done
        done |= new
        for name in sorted(new):
            if name.startswith("__") or (ours and name.startswith("_")):
                continue                # what Python, or our own code, keeps for itself
            self._attribute(value, attributes, name, f"{path}.{name}", ours)

    def _attribute(self, value, attributes, name, path, ours):
        if isinstance(value, type):
            if is_users(value) and member(value, name) is not MISSING:
                self._place("MEMBER", value, name, path)
            return
        if name in attributes:
            if not isinstance(value, types.ModuleType) or origin(getattr(value, "__file__", None) or "") == "user":
                self._own(value, attributes, name, path)
            elif isinstance(attributes[name], _OF_LIBRARIES):
                self.visit(attributes[name], path)
            return
        found = member(type(value), name)
        if ours or (found is MISSING and name not in self._strings):
            return
        if isinstance(found, _SLOTS):
            self._computed(value, path, lambda v: (operator.attrgetter(name)(v),) if hasattr(v, name) else ())
            return
        if isinstance(attributes, dict):
            self.places.add(Place("ENTRY", attributes, name, path))         # not there: the class has it
        self._place("MEMBER", type(value), name, path)

    def _own(self, value, attributes, name, path):
        """An attribute in an object's own dictionary."""
        if name == "param_groups" and hasattr(value, "state"):
            for i, group in enumerate(attributes[name]):
                for key in sorted(self._strings & group.keys() - {"params"}):
                    self._place("ENTRY", group, key, f"{path}[{i}][{key!r}]")
        elif isinstance(attributes, dict):
            self._place("ENTRY", attributes, name, path)


_METHODS = (types.FunctionType, property, staticmethod, classmethod)
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)
_OF_LIBRARIES = (Mapping, types.ModuleType, types.BuiltinFunctionType, types.MethodType)
_LOOKS: list[Any] = [
    ((Tensor, *_SLOTS), Watch._nothing),
    ((tuple, frozenset), Watch._elements),
    (list, Watch._list),
    (dict, Watch._dict),
    ((set, collections.deque, bytearray, array), lambda watch, value, path: watch._computed(value, path, tuple)),
    (np.ndarray, Watch._array),
    (impure.GENERATORS, Watch._generator),
    (types.FunctionType, Watch._plain_function),
    (types.MethodType, Watch._method),
    (functools.partial, Watch._partial),
    ((property, staticmethod, classmethod), Watch._wrapper),
    (FUNCTIONS, Watch._builtin),
    ((type, types.ModuleType), Watch._by_name),
]


def _has_attributes(value):
    return not is_plain(value) and not isinstance(value, (Tensor, np.ndarray, tuple, list, dict, set, type))
