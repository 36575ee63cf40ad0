"""The attributes of a module that count: parameters, buffers and modules are registered as they are assigned."""
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.nn.parameter import Parameter

_WHAT = {"_parameters": "parameter", "_buffers": "buffer", "_modules": "module"}


class Registry:
    """Keeps Parameters, buffers and modules that are assigned to its attributes in three dictionaries."""

    _recorded = False                   # whether a recording looked at what is registered here
    _changes = 0                        # how often anything that a recording looked at was registered anew

    def __init__(self):
        self.__dict__.update(_parameters={}, _buffers={}, _modules={}, _non_persistent=set())

    def __getattr__(self, name):
        for registry in _WHAT:
            members = self.__dict__.get(registry)
            if members is not None and name in members:
                if state.recorder is not None:
                    self._note()
                return members[name]
        if state.recorder is not None:  # it may come later
            self._note()
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name, value):
        if isinstance(value, Parameter):
            self._register("_parameters", name, value)
        elif isinstance(value, Registry):
            self._register("_modules", name, value)
        else:
            registry = self._registry_of(name)
            if registry is None:
                object.__setattr__(self, name, value)
                self._hidden(name)
            elif value is None or (registry == "_buffers" and isinstance(value, Tensor)):
                self._register(registry, name, value)
            else:
                raise TypeError(f"{name!r} is a {_WHAT[registry]} of {type(self).__name__}: it cannot be set to a "
                                f"{type(value).__name__}; delete it first")

    def __delattr__(self, name):
        registry = self._registry_of(name)
        if registry is None:
            object.__delattr__(self, name)
            self._hidden(name)
        else:
            del self.__dict__[registry][name]
            self._non_persistent.discard(name)
            self._changed()

    def __dir__(self):
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "_recorded"}

    def _registry_of(self, name):
        return next((r for r in _WHAT if name in self.__dict__.get(r, ())), None)

    def _register(self, registry, name, value):
        if registry not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}.__init__ must call super().__init__() before it assigns a "
                                 f"{_WHAT[registry]}")
        self.__dict__.pop(name, None)
        for other in _WHAT:
            if other != registry:
                self.__dict__[other].pop(name, None)
        if registry != "_buffers":
            self._non_persistent.discard(name)
        self.__dict__[registry][name] = value
        self._changed()

    def _changed(self):
        if self._recorded:
            Registry._changes += 1

    def _hidden(self, name):
        """An attribute comes to hide what the class has, or no longer does: of a method, recordings are told."""
        if callable(getattr(type(self), name, None)):
            Registry._changes += 1

    def _note(self):
        """Guard the recording in progress against another parameter, buffer, module or setting taking its place here.
        """
        self.__dict__["_recorded"] = True
        before = Registry._changes
        state.recorder.guards.setdefault(Registry, (
            lambda: Registry._changes == before, "the parameters, buffers, modules, hooks and methods of modules"))
        state.recorder.watch.visit(self, type(self).__name__)

    def _add(self, registry, name, value, kind):
        """Register under a name that is given in words: it must be free, and one word."""
        what = _WHAT[registry]
        if not isinstance(name, str) or not name or "." in name:
            raise KeyError(f"the name of a {what} must be a string without dots that is not empty, got {name!r}")
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name!r} cannot be registered as a {what}: it is a {type(value).__name__}")
        if registry in self.__dict__ and name not in self.__dict__[registry] and hasattr(self, name):
            raise KeyError(f"{type(self).__name__} already has an attribute {name!r}")
        self._register(registry, name, value)

    def register_parameter(self, name, param):
        """Make the Parameter (or None, for one that is left out) an attribute."""
        self._add("_parameters", name, param, Parameter)

    def register_buffer(self, name, tensor, persistent=True):
        """Make a tensor that is not learnt an attribute: part of `state_dict()` if persistent."""
        self._add("_buffers", name, tensor, Tensor)
        (self._non_persistent.discard if persistent else self._non_persistent.add)(name)

    def add_module(self, name, module):
        """Make a module (or None) an attribute."""
        self._add("_modules", name, module, Registry)

    register_module = add_module
