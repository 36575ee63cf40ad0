"""Registration of parameters, buffers and submodules that are assigned to a module's attributes."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.changes import changes
from fastnet._core.errors import given_text
from fastnet._core.state import UPDATE_IN_TRACE, forbid_in_trace, state
from fastnet._core.tensor import Tensor
from fastnet.nn.parameter import Buffer, Parameter

if TYPE_CHECKING:
    from fastnet.nn.module import Module

__all__ = ["Registry"]

_KIND_OF = {"_parameters": "parameter", "_buffers": "buffer", "_modules": "module"}


class Registry:
    """Keeps the parameters, buffers and submodules that are assigned to its attributes in three dictionaries."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent: set[str]           # names of the buffers that state_dict() leaves out

    _recorded = False                   # whether a recording has read these dictionaries

    def __init__(self) -> None:
        self.__dict__.update(_parameters={}, _buffers={}, _modules={}, _non_persistent=set())

    def __getattr__(self, name: str) -> Any:
        for registry in _KIND_OF:
            members = self.__dict__.get(registry)
            if members is not None and name in members:
                if state.recorder is not None:
                    self._note()
                return members[name]
        if state.recorder is not None:  # the name may be registered later
            self._note()
        hook, _ = self.__dict__.get("_weight_hooks", {}).get(name, (None, None))
        if hook is not None:            # a pruned weight, which is computed when it is read
            return hook.weight(self, False)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._register("_parameters", name, value)
        elif isinstance(value, Registry):
            self._register("_modules", name, value)
        elif isinstance(value, Buffer):
            self._register("_buffers", name, value)
            (self._non_persistent.discard if value.persistent else self._non_persistent.add)(name)
        else:
            registry = self._registry_of(name)
            if registry is None:
                object.__setattr__(self, name, value)
                self._shadowed(name)
            elif value is None or (registry == "_buffers" and isinstance(value, Tensor)):
                forbid_in_trace(f"an assignment to {name!r}", UPDATE_IN_TRACE)
                self._register(registry, name, value)
            else:
                raise TypeError(f"{name!r} is a {_KIND_OF[registry]} of {type(self).__name__}: it cannot be set to a "
                                f"{type(value).__name__}; delete it first")

    def __delattr__(self, name: str) -> None:
        registry = self._registry_of(name)
        if registry is None:
            object.__delattr__(self, name)
            self._shadowed(name)
        else:
            del self.__dict__[registry][name]
            self._non_persistent.discard(name)
            self._changed()

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def __getstate__(self) -> dict[str, Any]:
        computed = self.__dict__.get("_weight_hooks", ())       # results of operations, computed again in each call
        return {name: value.detach() if name in computed else value
                for name, value in self.__dict__.items() if name not in ("_recorded", "_compiled_call")}

    def _registry_of(self, name: str) -> str | None:
        return next((r for r in _KIND_OF if name in self.__dict__.get(r, ())), None)

    def _register(self, registry: str, name: str, value: Any) -> None:
        if registry not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}.__init__ must call super().__init__() before it assigns a "
                                 f"{_KIND_OF[registry]}")
        self.__dict__.pop(name, None)
        for other in _KIND_OF:
            if other != registry:
                self.__dict__[other].pop(name, None)
        if registry != "_buffers":
            self._non_persistent.discard(name)
        self.__dict__[registry][name] = value
        self._changed()

    def _changed(self) -> None:
        """Invalidate recordings that have read these dictionaries."""
        if self._recorded:
            changes.value += 1

    def _shadowed(self, name: str) -> None:
        """Invalidate recordings if an attribute that was set or deleted shadows a method of the class."""
        if callable(getattr(type(self), name, None)):
            changes.value += 1

    def _note(self) -> None:
        """Guard the recording in progress against changes of the registered objects and of the settings."""
        self.__dict__["_recorded"] = True
        state.recorder.note_changes(changes, "the parameters, buffers, modules, hooks and methods of modules")
        state.recorder.note_values(self, type(self).__name__)

    def _add(self, registry: str, name: str, value: Any, cls: type) -> None:
        """Register an object under a name that no other attribute has and that contains no dots."""
        kind = _KIND_OF[registry]
        if not isinstance(name, str) or not name or "." in name:
            raise KeyError(f"the name of a {kind} must be a non-empty string without dots, got {name!r}")
        if value is not None and not isinstance(value, cls):
            raise TypeError(f"{name!r} cannot be registered as a {kind}: got {given_text(value)}")
        if registry in self.__dict__ and name not in self.__dict__[registry] and hasattr(self, name):
            raise KeyError(f"{type(self).__name__} already has an attribute {name!r}")
        self._register(registry, name, value)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name; None stands for an optional parameter that the module does not have.

        Raises:
            KeyError: the name is taken, empty or contains a dot.
            TypeError: param is not a Parameter.
        """
        self._add("_parameters", name, param, Parameter)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a buffer, a tensor that is not learned, under a name.

        Args:
            name: the attribute's name.
            tensor: the buffer, or None for an optional buffer that the module does not have.
            persistent: include it in `state_dict()`.

        Raises:
            KeyError: the name is taken, empty or contains a dot.
            TypeError: tensor is not a Tensor.
        """
        self._add("_buffers", name, tensor, Tensor)
        (self._non_persistent.discard if persistent else self._non_persistent.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule under a name.

        Raises:
            KeyError: the name is taken, empty or contains a dot.
            TypeError: module is not a Module.
        """
        self._add("_modules", name, module, Registry)

    register_module = add_module
