"""The places that a recorded function may read, found from value to value."""
from __future__ import annotations

import collections
import functools
import operator
import threading
import types
from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnet._core.later import load
from fastnet._core.tensor import Tensor
from fastnet._replay import impure
from fastnet._replay.bytecode import NUMERIC_PACKAGES, origin
from fastnet._replay.classes import (
    METHODS,
    MISSING,
    NEVER_CALLED,
    is_container,
    is_users,
    looks_up_itself,
    member,
    methods,
    reached,
    settings,
)
from fastnet._replay.guards import alike
from fastnet._replay.plain_values import is_plain
from fastnet._runtime.native import places
from fastnet.autograd.function import FunctionCtx

LARGEST_ARRAY = 1 << 20                 # bytes of a NumPy array whose contents are compared before each replay
MOST_PLACES = 20_000                    # comparing this many takes about 0.2 ms
_LOCKS = (type(threading.Lock()), type(threading.RLock()))


class PlaceFinder:
    """Finds the places that a recording depends on, and the values that cannot be compared."""

    def __init__(self) -> None:
        self.places = places.Places(alike)
        self.problems: dict[str, str] = {}      # a value that cannot be compared -> "reads ...", "calls ..."
        self._names: set[str] = set()           # attributes that the user's code names
        self._our_names: set[str] = set()       # attributes that fastnet's code names
        self._strings: set[str] = set()         # string constants of the user's code
        self._dynamic = self._catches = False   # of any of the user's code: see `Reads`
        self._seen: dict[int, Any] = {}         # every object visited; held, so that no other object gets its id
        self._named: list[tuple[Any, str, set[str]]] = []       # (object, path, attributes watched so far)
        self._groups: list[tuple[dict[str, Any], str, set[str]]] = []   # (an optimizer's group, path, keys watched)
        self._generators: list[tuple[Any, str, bytes]] = []     # (random generator, path, its state before)

    def _function(self, function: types.FunctionType, force: bool = False) -> None:
        """Look through a function: defined by `Watch`."""
        raise NotImplementedError

    def _add(self, kind: str, holder: Any, key: Any, path: str) -> places.Place:
        """Watch a place."""
        place = places.Place(kind, holder, key, path)
        self.places.add(place)
        return place

    def _follow(self, kind: str, holder: Any, key: Any, path: str) -> None:
        """Watch a place, and the places in the value that it holds."""
        place = self._add(kind, holder, key, path)
        if place.expected is not MISSING:
            self.visit(place.expected, path)

    def visit(self, value: Any, path: str) -> None:
        """Watch the places in a value.

        Args:
            value: of any type.
            path: the value in the user's words: "model.width".
        """
        users = is_users(type(value))
        if users and looks_up_itself(type(value)):
            self.problems[path] = f"reads {path}, whose class {type(value).__qualname__} has a __getattribute__"
            return
        try:
            self._visit(value, path, users)
        except Exception as error:              # of the user's methods: only the function itself may raise it
            if not users:
                raise
            self.problems[path] = f"reads {path}, which cannot be inspected ({type(error).__name__}: {error})"

    def _visit(self, value, path, users):
        self._strings |= {value} if isinstance(value, str) else set()   # it may be a key
        if (is_plain(value) and not users) or id(value) in self._seen or len(self.places) > MOST_PLACES:
            return
        if isinstance(value, FunctionCtx):      # made inside, from values that are watched
            return
        self._seen[id(value)] = value
        visitor = PlaceFinder._nothing if is_plain(value) else next(
            (visitor for types_, visitor in _VISITORS if isinstance(value, types_)), PlaceFinder._object)
        visitor(self, value, path)
        if users and visitor not in (PlaceFinder._by_name, PlaceFinder._object):
            self._by_name(value, path)          # a list with attributes
        elif not users and is_container(value):
            self._computed(value, path, lambda v: tuple(vars(v).values()))

    def _object(self, value, path):
        """Watch the attributes of an object of another class."""
        if "_modules" in getattr(value, "__dict__", ()):
            self._module(value, path)
        elif hasattr(type(value), "__next__"):
            self.problems[path] = f"reads {path}, an iterator ({type(value).__name__})"
        elif isinstance(value, Mapping):
            self._computed(value, path, _items)
        elif type(value).__module__.partition(".")[0] in NUMERIC_PACKAGES:
            self._computed(value, path, lambda v: tuple(getattr(v, "__dict__", {}).values()))
        elif isinstance(value, _LOCKS):
            pass
        elif hasattr(value, "__dict__") or hasattr(type(value), "__slots__"):
            self._by_name(value, path)
        else:
            self.problems[path] = f"reads {path}, a {type(value).__module__}.{type(value).__qualname__}"

    def _nothing(self, value, path):
        """A value that needs no place in it: its identity is enough."""

    def _elements(self, value, path):
        for i, element in enumerate(value):
            self.visit(element, f"{path}[{i}]")

    def _list(self, value, path):
        self._add("ELEMENTS", value, None, path)
        self._elements(value, path)

    def _dict(self, value, path):
        self._add("ENTRIES", value, None, path)
        for key, element in list(value.items()):
            self.visit(element, f"{path}[{key!r}]")
        if isinstance(value, collections.defaultdict):
            self._computed(value, path, lambda table: (table.default_factory,))

    def _computed(self, value, path, compute):
        """Watch compute(value), a tuple, and the places in its elements."""
        self._elements(self._add("COMPUTED", value, compute, path).expected, path)

    def _array(self, value, path):
        if value.nbytes > LARGEST_ARRAY or value.dtype.hasobject:
            self.problems[path] = (f"reads {path}, a NumPy array of shape {value.shape}; "
                                   "make it a tensor, with fastnet.from_numpy")
        else:
            self._add("COMPUTED", value, lambda a: (a.shape, a.dtype, a.tobytes()), path)

    def _generator(self, value, path):
        self._generators.append((value, path, impure.generator_state(value)))

    def _plain_function(self, value, path):
        self._function(value)

    def _method(self, value, path):
        self.visit(value.__self__, path)
        self.visit(value.__func__, path)
        attributes = getattr(value.__self__, "__dict__", {})
        for name in attributes.get("_weight_hooks", ()):        # forward() itself calls no hooks
            self._follow("ENTRY", attributes, name, f"{path}.{name}")

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
        entry: tuple[Any, str, set[str]] = (value, path, set())
        self._named.append(entry)
        self._operators(value if isinstance(value, type) else type(value))
        if not isinstance(value, (type, types.ModuleType)):
            self._class(value, path)
        elif is_users(type(value)):
            self.visit(type(value), type(value).__qualname__)           # a metaclass
        self._attributes(*entry)

    def _class(self, value, path):
        """Watch the class of an object, and the methods of the class."""
        self._add("CLASS", value, methods, f"the methods of {path}")

    def _tensor(self, value, path):
        self._named.append((value, path, set()))

    def _getter(self, value, path):
        """An itemgetter or an attrgetter, which names keys or attributes."""
        for key in value.__reduce__()[1]:
            self.visit(key, path)
            self._names |= set(key.split(".")) if isinstance(key, str) else set()

    def _operators(self, cls):
        """Look through the methods of a user's class that run without being named: those of operators."""
        for base in filter(is_users, cls.__mro__):
            for name, method in vars(base).items():
                named = name != "forward" and (not name.startswith("__") or name in NEVER_CALLED)
                if not named and isinstance(method, METHODS):
                    self.visit(method, f"{base.__name__}.{name}")

    def _module(self, value, path):
        """A fastnet.nn.Module: settings that its class reads, hooks, submodules, attributes that the user's code names.
        """
        attributes, cls = vars(value), value.__class__
        computed = attributes.get("_weight_hooks", ())          # weights that a hook sets before each call reads them
        for name in sorted((settings(cls) & attributes.keys()).difference(computed)):
            self._follow("ENTRY", attributes, name, f"{path}.{name}")
        self.visit(attributes.get("forward"), f"{path}.forward")
        for hooks in (*(attributes.get("_hooks") or ()), *(attributes.get("_gradient_hooks") or ())):
            self.visit(hooks, f"a hook of {path}")
        for registry in ("_modules", "_parameters", "_buffers"):
            for name, part in list(attributes[registry].items()):
                self.visit(part, f"{path}.{name}")
        self._by_name(value, path)

    def _settle(self):
        """Watch the attributes that have been named since, until there is no new name."""
        before, found = -1, (self._names, self._our_names, self._named, self._strings, self._groups)
        while before != (before := sum(map(len, found)) + self._dynamic):
            for entry in list(self._named):
                self._attributes(*entry)
            for entry in list(self._groups):
                self._options(*entry)

    def _attributes(self, value, path, done):
        """Watch the attributes of an object that some code names."""
        attributes = getattr(value, "__dict__", ())
        ours = not is_users(value if isinstance(value, type) else type(value))
        names = set(self._names) if ours else self._names | self._our_names
        private = not ours
        if ours and "param_groups" in attributes:        # an optimizer: OptimizerGuard covers the rest
            names = {name for name in names | reached(type(value), names - {"step", "zero_grad"})
                     if name in ("param_groups", "defaults", "state") or member(type(value), name) is not MISSING}
        elif ours and _has_state(value):
            names, private = reached(type(value), names), True
            names |= set(attributes) if "__dict__" in names else set()
        elif self._dynamic:             # hasattr and getattr name attributes in strings
            names |= set(filter(str.isidentifier, self._strings))
            names |= set() if isinstance(value, types.ModuleType) else set(attributes)
        new = names - done
        done |= new
        for name in sorted(new):
            if name.startswith("__") or (name.startswith("_") and not private):
                continue                # private to Python or to fastnet
            self._attribute(value, attributes, name, f"{path}.{name}", ours)

    def _attribute(self, value, attributes, name, path, ours):
        if isinstance(value, type):
            if member(value, name) is not MISSING or self._may_lack(value, name):
                self._follow("MEMBER", value, name, path)
            return
        if isinstance(value, types.ModuleType):
            load(value, name)           # now, since the recorded run must find it as later runs do
        if name in attributes:
            if not isinstance(value, types.ModuleType) or origin(getattr(value, "__file__", None) or "") == "user":
                self._own(value, attributes, name, path)
                return
            self._add("ENTRY", attributes, name, path)
            if isinstance(attributes[name], _OF_LIBRARIES):
                self.visit(attributes[name], path)
            return
        found = member(type(value), name)
        if isinstance(value, Tensor) and name == "requires_grad":
            self._computed(value, path, lambda tensor: (tensor.requires_grad,))
        if found is MISSING and not self._may_lack(value, name):
            return
        if found is not MISSING and ours and (isinstance(value, Tensor) or "_modules" in attributes):
            return                      # modules count changes that hide a method
        if isinstance(found, _SLOTS) and not ours:
            self._computed(value, path, lambda v: (operator.attrgetter(name)(v),) if hasattr(v, name) else ())
            return
        if isinstance(attributes, dict):
            self._add("ENTRY", attributes, name, path)      # missing: an attribute of the class, if any
        if not ours:
            self._follow("MEMBER", type(value), name, path)

    def _may_lack(self, value, name):
        """Whether the code that names an attribute may run if the attribute is missing."""
        return self._catches or name in self._strings or (
            isinstance(getter := member(type(value), "__getattr__"), types.FunctionType)
            and origin(getter.__code__.co_filename) == "user")

    def _own(self, value, attributes, name, path):
        """Watch an attribute in an object's dictionary."""
        if name == "param_groups" and hasattr(value, "state"):
            self._add("ENTRY", attributes, name, path)
            self._add("ELEMENTS", attributes[name], None, path)
            self._groups += [(group, f"{path}[{i}]", set()) for i, group in enumerate(attributes[name])]
        elif isinstance(attributes, dict):
            self._follow("ENTRY", attributes, name, path)

    def _options(self, group, path, done):
        """Watch the options of an optimizer's group that strings of the user's code name, also those that are absent.

        If they name no option, the code computes the keys and may read each.
        """
        named = {name for name in self._strings if name.isidentifier()}
        new = (named if named & group.keys() else named | group.keys()) - done
        done |= new
        for key in sorted(new):
            self._follow("ENTRY", group, key, f"{path}[{key!r}]")


_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType,
          type(vars(collections.namedtuple("_Pair", "first second"))["first"]))
_BUILTIN_FUNCTIONS: tuple[type, ...] = (
    types.BuiltinFunctionType, types.MethodWrapperType, types.WrapperDescriptorType, types.MethodDescriptorType,
    types.ClassMethodDescriptorType, np.ufunc, functools._lru_cache_wrapper)
_OF_LIBRARIES = (Mapping, types.ModuleType, types.BuiltinFunctionType, types.MethodType, types.FunctionType)
_VISITORS: list[Any] = [
    (Tensor, PlaceFinder._tensor),
    (_SLOTS, PlaceFinder._nothing),
    ((tuple, frozenset), PlaceFinder._elements),
    (list, PlaceFinder._list),
    (collections.OrderedDict, lambda finder, value, path: finder._computed(value, path, _items)),
    (threading.local, lambda finder, value, path: finder._computed(value, path, lambda local: _items(vars(local)))),
    (dict, PlaceFinder._dict),
    ((set, collections.deque, bytearray, array), lambda finder, value, path: finder._computed(value, path, tuple)),
    (np.ndarray, PlaceFinder._array),
    (impure.GENERATORS, PlaceFinder._generator),
    (types.FunctionType, PlaceFinder._plain_function),
    (types.MethodType, PlaceFinder._method),
    (functools.partial, PlaceFinder._partial),
    ((operator.itemgetter, operator.attrgetter), PlaceFinder._getter),
    ((property, staticmethod, classmethod), PlaceFinder._wrapper),
    (functools.singledispatchmethod, lambda finder, value, path: finder.visit(value.dispatcher, path)),
    (_BUILTIN_FUNCTIONS, PlaceFinder._builtin),
    ((type, types.ModuleType), PlaceFinder._by_name),
]


def _items(mapping):
    return tuple(part for entry in mapping.items() for part in entry)


def _has_state(value):
    """Whether the methods of a fastnet object read values that no guard covers: those of a schedule do."""
    return type(value).__module__.startswith("fastnet.") and not (
        isinstance(value, Tensor) or "_modules" in getattr(value, "__dict__", ()))
