"""What Python values hold: the places in them that a recorded function may read."""
import collections
import functools
import operator
import threading
import types
from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnet._core.tensor import Tensor
from fastnet._replay import impure
from fastnet._replay.code import origin
from fastnet._replay.members import (
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
from fastnet._replay.plain import FUNCTIONS, alike, is_plain
from fastnet._runtime.native import watch as native

Place = native.Place

LARGEST_ARRAY = 1 << 20                 # bytes of a NumPy array whose contents are compared before each replay
MOST_PLACES = 20_000                    # with this many a comparison takes about 0.2 ms
_LOCKS = (type(threading.Lock()), type(threading.RLock()))
_NUMBERS = ("numpy", "scipy")


class Values:
    """The places that a recording depends on, found from value to value, and what cannot be watched."""

    def __init__(self):
        self.places = native.Places(alike)
        self.problems = {}              # what cannot be watched -> why
        self._names, self._our_names = set(), set()     # attributes named by the user's code, and by ours
        self._strings, self._dynamic, self._catches = set(), False, False
        self._seen: dict[int, Any] = {}  # id -> each object looked at: held, so that its address stays its own
        self._named = []                # (object, path, names read so far) of what is read by names
        self._generators = []           # (random generator, path, its state before)

    def _function(self, function):
        """Look through a function: `Watch` does."""
        raise NotImplementedError

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
        users = is_users(type(value))
        if users and looks_up_itself(type(value)):
            self.problems[path] = f"reads {path}, whose class {type(value).__qualname__} has a __getattribute__"
            return
        try:
            self._visit(value, path, users)
        except Exception as error:              # of the user's own methods, which only the function may raise
            if not users:
                raise
            self.problems[path] = f"reads {path}, which cannot be looked at ({type(error).__name__}: {error})"

    def _visit(self, value, path, users):
        self._strings |= {value} if isinstance(value, str) else set()   # a key, perhaps
        if (is_plain(value) and not users) or id(value) in self._seen or len(self.places) > MOST_PLACES:
            return
        self._seen[id(value)] = value
        look = Values._nothing if is_plain(value) else next(
            (look for types_, look in _LOOKS if isinstance(value, types_)), Values._object)
        look(self, value, path)
        if users and look not in (Values._by_name, Values._object):
            self._by_name(value, path)          # a list with attributes
        elif not users and is_container(value):
            self._computed(value, path, lambda v: tuple(vars(v).values()))

    def _object(self, value, path):
        """Watch what an object of no special kind holds."""
        if "_modules" in getattr(value, "__dict__", ()):
            self._module(value, path)
        elif hasattr(type(value), "__next__"):
            self.problems[path] = f"reads {path}, an iterator ({type(value).__name__})"
        elif isinstance(value, Mapping):
            self._computed(value, path, _entries)
        elif type(value).__module__.partition(".")[0] in _NUMBERS:
            self._computed(value, path, lambda v: tuple(getattr(v, "__dict__", {}).values()))
        elif isinstance(value, _LOCKS):
            pass
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
        if isinstance(value, collections.defaultdict):
            self._computed(value, path, lambda table: (table.default_factory,))

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
        if not isinstance(value, (type, types.ModuleType)):
            self._class(value, path)
        elif is_users(type(value)):
            self.visit(type(value), type(value).__qualname__)           # a metaclass
        self._attributes(*entry)

    def _class(self, value, path):
        """Watch which class an object is of, and the methods of that class."""
        self.places.add(Place("CLASS", value, methods, f"the methods of {path}"))

    def _tensor(self, value, path):
        self._named.append((value, path, set()))

    def _getter(self, value, path):
        """An itemgetter or an attrgetter: it names keys or attributes."""
        for key in value.__reduce__()[1]:
            self.visit(key, path)
            self._names |= set(key.split(".")) if isinstance(key, str) else set()

    def _operators(self, cls):
        """Look through the methods of a user's class that no code names: those of operators."""
        for base in filter(is_users, cls.__mro__):
            for name, method in vars(base).items():
                named = name != "forward" and (not name.startswith("__") or name in NEVER_CALLED)
                if not named and isinstance(method, METHODS):
                    self.visit(method, f"{base.__name__}.{name}")

    def _module(self, value, path):
        """A fastnet.nn.Module: the settings that its class reads, its hooks, its modules, and what users read of it."""
        attributes, cls = vars(value), value.__class__
        for name in sorted(settings(cls) & attributes.keys()):
            self._place("ENTRY", attributes, name, f"{path}.{name}")
        self.visit(attributes.get("forward"), f"{path}.forward")
        for hooks in attributes.get("_hooks") or ():
            self.visit(hooks, f"a hook of {path}")
        for registry in ("_modules", "_parameters", "_buffers"):
            for name, part in list(attributes[registry].items()):
                self.visit(part, f"{path}.{name}")
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
        private = not ours
        if ours and "param_groups" in attributes:        # an optimizer: recordings guard the rest
            names = {name for name in names | reached(type(value), names - {"step", "zero_grad"})
                     if name in ("param_groups", "defaults") or member(type(value), name) is not MISSING}
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
                continue                # what Python, or our own code, keeps for itself
            self._attribute(value, attributes, name, f"{path}.{name}", ours)

    def _attribute(self, value, attributes, name, path, ours):
        if isinstance(value, type):
            if member(value, name) is not MISSING or self._may_lack(value, name):
                self._place("MEMBER", value, name, path)
            return
        if name in attributes:
            if not isinstance(value, types.ModuleType) or origin(getattr(value, "__file__", None) or "") == "user":
                self._own(value, attributes, name, path)
                return
            self.places.add(Place("ENTRY", attributes, name, path))
            if isinstance(attributes[name], _OF_LIBRARIES):
                self.visit(attributes[name], path)
            return
        found = member(type(value), name)
        if isinstance(value, Tensor) and name == "requires_grad":
            self._computed(value, path, lambda tensor: (tensor.requires_grad,))
        if found is MISSING and not self._may_lack(value, name):
            return
        if found is not MISSING and ours and (isinstance(value, Tensor) or "_modules" in attributes):
            return                      # modules count what hides a method
        if isinstance(found, _SLOTS) and not ours:
            self._computed(value, path, lambda v: (operator.attrgetter(name)(v),) if hasattr(v, name) else ())
            return
        if isinstance(attributes, dict):
            self.places.add(Place("ENTRY", attributes, name, path))         # not there: the class has it, or nobody
        if not ours:
            self._place("MEMBER", type(value), name, path)

    def _may_lack(self, value, name):
        """Whether the code that names an attribute may run where it is missing."""
        return self._catches or name in self._strings or (
            isinstance(getter := member(type(value), "__getattr__"), types.FunctionType)
            and origin(getter.__code__.co_filename) == "user")

    def _own(self, value, attributes, name, path):
        """An attribute in an object's own dictionary."""
        if name == "param_groups" and hasattr(value, "state"):
            for i, group in enumerate(attributes[name]):
                named = self._strings & group.keys() or group.keys()        # none: its keys are computed
                for key in sorted(named - {"params"}):
                    self._place("ENTRY", group, key, f"{path}[{i}][{key!r}]")
        elif isinstance(attributes, dict):
            self._place("ENTRY", attributes, name, path)



_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType,
          type(vars(collections.namedtuple("_Pair", "first second"))["first"]))
_OF_LIBRARIES = (Mapping, types.ModuleType, types.BuiltinFunctionType, types.MethodType, types.FunctionType)
_LOOKS: list[Any] = [
    (Tensor, Values._tensor),
    (_SLOTS, Values._nothing),
    ((tuple, frozenset), Values._elements),
    (list, Values._list),
    (collections.OrderedDict, lambda watch, value, path: watch._computed(value, path, _entries)),
    (threading.local, lambda watch, value, path: watch._computed(value, path, lambda local: _entries(vars(local)))),
    (dict, Values._dict),
    ((set, collections.deque, bytearray, array), lambda watch, value, path: watch._computed(value, path, tuple)),
    (np.ndarray, Values._array),
    (impure.GENERATORS, Values._generator),
    (types.FunctionType, Values._plain_function),
    (types.MethodType, Values._method),
    (functools.partial, Values._partial),
    ((operator.itemgetter, operator.attrgetter), Values._getter),
    ((property, staticmethod, classmethod), Values._wrapper),
    (functools.singledispatchmethod, lambda watch, value, path: watch.visit(value.dispatcher, path)),
    (FUNCTIONS, Values._builtin),
    ((type, types.ModuleType), Values._by_name),
]


def _entries(mapping):
    return tuple(part for entry in mapping.items() for part in entry)


def _has_state(value):
    """Whether the methods of an object of fastnet's read what no recording guards: a schedule's do."""
    return type(value).__module__.startswith("fastnet.") and not (
        isinstance(value, Tensor) or "_modules" in getattr(value, "__dict__", ()))
