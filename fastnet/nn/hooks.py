"""Hooks of modules: functions that a module calls before or after forward(), backward() and state_dict()."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fastnet._core.changes import changes
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd.function import Function, FunctionCtx
from fastnet.autograd.hooks import RemovableHandle

if TYPE_CHECKING:
    from fastnet.nn.module import Module

__all__ = ["Hooks", "RemovableHandle", "has_hooks", "load_hooks", "register_module_forward_hook",
           "register_module_forward_pre_hook", "register_module_full_backward_hook",
           "register_module_full_backward_pre_hook", "state_hooks"]

_Dict = dict[int, Callable[..., Any]]
_PreHook = Callable[[Any, Any], Any] | Callable[[Any, Any, Any], Any]                       # the last: with_kwargs
_ForwardHook = Callable[[Any, Any, Any], Any] | Callable[[Any, Any, Any, Any], Any]

# Hooks of all modules: pre-forward, forward, pre-backward, backward.
_EVERYWHERE: tuple[_Dict, _Dict, _Dict, _Dict] = ({}, {}, {}, {})


class _WithKwargs:
    """A forward hook that takes the keyword arguments, too."""

    def __init__(self, hook: Callable[..., Any]) -> None:
        self.hook = hook

    def __call__(self, *args: Any) -> Any:
        return self.hook(*args)


def has_hooks(module: Module) -> bool:
    """Whether a module has hooks of any kind."""
    return any(any(kind) for kind in (module._hooks or (), module._gradient_hooks or (),
                                      (module._state_hooks or {}).values()))


class _WithoutModule:
    """A hook that is called without the module."""

    def __init__(self, hook: Callable[..., Any]) -> None:
        self.hook = hook

    def __call__(self, module: Any, *args: Any) -> Any:
        return self.hook(*args)


def _hooks_attribute(kind: str, place: int) -> property:
    """An attribute with the hooks of one kind, by number, which programs may empty or replace."""
    def get(module: Hooks) -> _Dict:
        changes.value += 1              # the caller may remove hooks, and then a recording is no longer valid
        hooks = module.__dict__.get(kind)
        return {} if hooks is None else hooks[place]

    def replace(module: Hooks, hooks: _Dict) -> None:
        both = [*module.__dict__.get(kind, ({}, {}))]
        both[place] = hooks
        module.__dict__[kind] = *both,
        module.__dict__.setdefault("_hooks", ({}, {}))
        changes.value += 1
    return property(get, replace)


class Hooks:
    """The hooks of a module; every `Module` has these methods."""

    _hooks: tuple[_Dict, _Dict] | None = None           # pre-forward, forward
    _gradient_hooks: tuple[_Dict, _Dict] | None = None  # pre-backward, backward
    _state_hooks: dict[str, _Dict] | None = None

    # ---- forward ----

    def register_forward_pre_hook(self, hook: _PreHook, *, prepend: bool = False,
                                  with_kwargs: bool = False) -> RemovableHandle:
        """Call hook(module, args) before each forward(); a result other than None replaces the arguments.

        Args:
            hook: the function.
            prepend: call it before the hooks that are registered already.
            with_kwargs: call hook(module, args, kwargs) instead; a result is a pair (args, kwargs).

        Returns:
            A handle whose `remove()` removes the hook.
        """
        return self._add_hook(0, _WithKwargs(hook) if with_kwargs else hook, prepend)

    def register_forward_hook(self, hook: _ForwardHook, *, prepend: bool = False, with_kwargs: bool = False,
                              always_call: bool = False) -> RemovableHandle:
        """Call hook(module, args, output) after each forward(); a result other than None replaces the output.

        Args:
            hook: the function.
            prepend: call it before the hooks that are registered already.
            with_kwargs: call hook(module, args, kwargs, output) instead.
            always_call: ignored; after an error in forward() no hook is called.

        Returns:
            A handle whose `remove()` removes the hook.
        """
        return self._add_hook(1, _WithKwargs(hook) if with_kwargs else hook, prepend)

    # the names by which PyTorch's programs list the hooks of a module and remove them
    _forward_pre_hooks = _hooks_attribute("_hooks", 0)
    _forward_hooks = _hooks_attribute("_hooks", 1)
    _backward_hooks = _hooks_attribute("_gradient_hooks", 1)

    def _add_hook(self, place: int, hook: Callable[..., Any], prepend: bool) -> RemovableHandle:
        return _registered_hook(self.__dict__.setdefault("_hooks", ({}, {}))[place], hook, prepend)

    def _call_with_hooks(self, before: _Dict, after: _Dict, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        compiled = self.__dict__.get("_compiled_call")
        if compiled is not None and state.recorder is None:
            return compiled(*args, **kwargs)
        return self._call_eagerly(before, after, args, kwargs)

    def _call_eagerly(self, before: _Dict, after: _Dict, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook in [*_EVERYWHERE[0].values(), *before.values()]:
            changed = hook(self, args, kwargs) if isinstance(hook, _WithKwargs) else hook(self, args)
            if changed is not None and isinstance(hook, _WithKwargs):
                args, kwargs = changed
            elif changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        watch = None
        if (any(self._gradient_hooks or ()) or any(_EVERYWHERE[2:])) and state.grad_enabled:
            own = self._gradient_hooks or ({}, {})
            watch = _Watch(self, {**_EVERYWHERE[2], **own[0]}, {**_EVERYWHERE[3], **own[1]})
            args = watch.inputs(args)
        output = self.forward(*args, **kwargs)          # type: ignore[attr-defined]    # of the module
        for hook in [*_EVERYWHERE[1].values(), *after.values()]:
            changed = (hook(self, args, kwargs, output) if isinstance(hook, _WithKwargs)
                       else hook(self, args, output))
            output = output if changed is None else changed
        return output if watch is None else watch.outputs(output)

    # ---- backward ----

    def register_full_backward_pre_hook(self, hook: Callable[[Any, Any], Any],
                                        prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_output) when backward() has computed the gradients of the module's output.

        Args:
            hook: a function of the module and a tuple of gradients. A result other than None replaces them.
            prepend: call it before the hooks that are registered already.

        Returns:
            A handle whose `remove()` removes the hook.
        """
        return self._add_backward_hook(0, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[[Any, Any, Any], Any],
                                    prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_input, grad_output) when backward() has computed the gradients of the module's inputs.

        Args:
            hook: a function of the module, the gradients of the positional arguments and those of the output, two
                tuples of tensors and None. A result other than None replaces the gradients of the arguments.
            prepend: call it before the hooks that are registered already.

        Returns:
            A handle whose `remove()` removes the hook.
        """
        return self._add_backward_hook(1, hook, prepend)

    register_backward_hook = register_full_backward_hook

    def _add_backward_hook(self, place: int, hook: Callable[..., Any], prepend: bool) -> RemovableHandle:
        self.__dict__.setdefault("_hooks", ({}, {}))            # calls look for hooks, and fusion leaves the module out
        return _registered_hook(self.__dict__.setdefault("_gradient_hooks", ({}, {}))[place], hook, prepend)

    # ---- state ----

    def _register_load_state_dict_pre_hook(self, hook: Callable[..., None], with_module: bool = False
                                           ) -> RemovableHandle:
        """`register_load_state_dict_pre_hook` under its older name, for hooks that do not take the module."""
        return self.register_load_state_dict_pre_hook(hook if with_module else _WithoutModule(hook))

    def register_state_dict_pre_hook(self, hook: Callable[[Any, str, bool], None]) -> RemovableHandle:
        """Call hook(module, prefix, keep_vars) before each state_dict()."""
        return self._add_state_hook("before", hook)

    def register_state_dict_post_hook(self, hook: Callable[[Any, dict[str, Any], str, dict[str, Any]], None]
                                      ) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, local_metadata) after each state_dict(), which it may change."""
        return self._add_state_hook("after", hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        before each load_state_dict(); it may change its copy of the state_dict.
        """
        return self._add_state_hook("load", hook)

    def register_load_state_dict_post_hook(self, hook: Callable[[Any, Any], None]) -> RemovableHandle:
        """Call hook(module, incompatible_keys) after each load_state_dict(); it may change the lists of keys."""
        return self._add_state_hook("loaded", hook)

    def _add_state_hook(self, kind: str, hook: Callable[..., Any]) -> RemovableHandle:
        hooks = self.__dict__.setdefault("_state_hooks", {})
        return RemovableHandle(hooks.setdefault(kind, {}), hook)


def _registered_hook(hooks: _Dict, hook: Callable[..., Any], prepend: bool) -> RemovableHandle:
    changes.value += 1                  # a recording without the hook is no longer valid
    before = dict(hooks) if prepend else {}
    if prepend:
        hooks.clear()
    handle = RemovableHandle(hooks, hook)
    hooks.update(before)
    return handle


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(module, args) before each forward() of any module, and before the module's own hooks.

    Args:
        hook: as of `Module.register_forward_pre_hook`.

    Returns:
        A handle whose `remove()` removes the hook.
    """
    return _registered_everywhere(0, hook)


def register_module_forward_hook(hook: Callable[..., Any], *, with_kwargs: bool = False,
                                 always_call: bool = False) -> RemovableHandle:
    """Call hook(module, args, output) after each forward() of any module, and before the module's own hooks.

    Arguments are those of `Module.register_forward_hook`.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.hooks import register_module_forward_hook
        >>> with register_module_forward_hook(lambda module, args, output: print(type(module).__name__)):
        ...     _ = fastnet.nn.Sequential(fastnet.nn.Linear(2, 2), fastnet.nn.ReLU())(fastnet.ones(1, 2))
        Linear
        ReLU
        Sequential
    """
    return _registered_everywhere(1, _WithKwargs(hook) if with_kwargs else hook)


def register_module_full_backward_pre_hook(hook: Callable[[Any, Any], Any]) -> RemovableHandle:
    """Call hook(module, grad_output) in the backward pass of any module, and before the module's own hooks.

    Args:
        hook: as of `Module.register_full_backward_pre_hook`.

    Returns:
        A handle whose `remove()` removes the hook.
    """
    return _registered_everywhere(2, hook)


def register_module_full_backward_hook(hook: Callable[[Any, Any, Any], Any]) -> RemovableHandle:
    """Call hook(module, grad_input, grad_output) in the backward pass of any module, before the module's own hooks.

    Args:
        hook: as of `Module.register_full_backward_hook`.

    Returns:
        A handle whose `remove()` removes the hook.
    """
    return _registered_everywhere(3, hook)


def _registered_everywhere(place: int, hook: Callable[..., Any]) -> RemovableHandle:
    Hooks._hooks = {}, {}               # modules without hooks look for those of all modules
    changes.value += 1
    return _HandleOfAll(_EVERYWHERE[place], hook)


class _HandleOfAll(RemovableHandle):
    """Removes a hook of all modules."""

    def remove(self) -> None:
        super().remove()
        if not any(_EVERYWHERE):
            Hooks._hooks = None


def state_hooks(
module: Module, kind: str) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """(module, prefix, hook) of the hooks of one kind, of a module and its submodules."""
    for path, part in module.named_modules():
        for hook in list((part._state_hooks or {}).get(kind, {}).values()):
            yield part, path + "." if path else "", hook


def load_hooks(module: Module, state_dict: Mapping[str, Any], strict: bool) -> Mapping[str, Any]:
    """The state_dict after the hooks that run before it is loaded."""
    hooks = list(state_hooks(module, "load"))
    if not hooks:
        return state_dict
    changed, errors = dict(state_dict), [[], [], []]    # type: tuple[dict[str, Any], list[list[str]]]
    for part, prefix, hook in hooks:
        hook(part, changed, prefix, {}, strict, *errors)
    if errors[2]:
        raise RuntimeError(f"load_state_dict: {'; '.join(errors[2])}")
    return changed


class _Boundary(Function):
    """The identity of tensors, whose gradients pass through a function."""

    @staticmethod
    def forward(ctx: FunctionCtx, through: Any, *tensors: Any) -> Any:
        ctx.set_materialize_grads(False)
        ctx.through = through           # type: ignore[attr-defined]    # a context takes any attribute
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return None, *ctx.through(grads)


class _Watch:
    """The backward hooks of one call of a module."""

    def __init__(self, module: Any, before: _Dict, after: _Dict) -> None:
        self.module, self.before, self.after = module, before, after
        self.grad_output: tuple[Any, ...] = ()
        self.watched: int | None = None         # the number of arguments, if one of them needs a gradient

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, whose gradients pass through the hooks."""
        if not self.after or not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return args
        self.watched = len(args)
        return _passed_through(args, self._input_gradients)

    def outputs(self, output: Any) -> Any:
        """The output, whose gradients pass through the hooks."""
        parts = output if isinstance(output, tuple) else (output,)
        if not any(isinstance(x, Tensor) and x.requires_grad for x in parts):
            return output
        passed = _passed_through(parts, self._output_gradients)
        if not isinstance(output, tuple):
            return passed[0]
        return type(output)(*passed) if hasattr(output, "_fields") else passed

    def _output_gradients(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in list(self.before.values()):
            grads = _replaced_gradients(grads, hook(self.module, grads))
        self.grad_output = grads
        if self.watched is None:
            for hook in list(self.after.values()):
                hook(self.module, (None,), grads)
        return grads

    def _input_gradients(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in list(self.after.values()):
            grads = _replaced_gradients(grads, hook(self.module, grads, self.grad_output))
        return grads


def _replaced_gradients(grads: tuple[Any, ...], changed: Any) -> tuple[Any, ...]:
    if changed is None:
        return grads
    changed = changed if isinstance(changed, tuple) else (changed,)
    if len(changed) != len(grads):
        raise RuntimeError(f"backward hook: expected {len(grads)} gradients or None, got {len(changed)}")
    return changed


def _passed_through(values: tuple[Any, ...], function: Callable[..., Any]) -> tuple[Any, ...]:
    """The values, with the tensors among them after a boundary. The function takes a gradient for each value."""
    places = [i for i, x in enumerate(values) if isinstance(x, Tensor)]

    def through(grads: tuple[Any, ...]) -> tuple[Any, ...]:
        spread: list[Any] = [None] * len(values)
        for i, g in zip(places, grads):
            spread[i] = g
        found = function(tuple(spread))
        return tuple(found[i] for i in places)
    passed = list(values)
    for i, x in zip(places, _Boundary.apply(through, *(values[i] for i in places))):
        passed[i] = x
    return tuple(passed)
