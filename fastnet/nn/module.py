"""The base of all layers and models."""
import itertools
from typing import Any

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.placement import check_placement
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.functional.casting import wanted_dtype
from fastnet.nn.parameter import Parameter, convert, floating
from fastnet.nn.registry import Registry
from fastnet.nn.state_dict import load

_hook_numbers = itertools.count()


class Module(Registry):
    """The base of all layers and models.

    A Parameter or a Module assigned to an attribute is registered under the attribute's name: `parameters()`,
    `state_dict()`, `to()` and `train()` find it. Subclasses call `super().__init__()` first and define `forward`.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> class Scale(nn.Module):
        ...     def __init__(self, n):
        ...         super().__init__()
        ...         self.factor = nn.Parameter(fastnet.ones(n))
        ...
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> model = nn.Sequential(Scale(3), nn.ReLU())
        >>> model
        Sequential(
          (0): Scale()  # factor (3,)
          (1): ReLU()
        )  # 3 parameters
        >>> [name for name, p in model.named_parameters()]
        ['0.factor']
    """

    _hooks: tuple[dict, dict] | None = None     # those before and after forward(), once there is one

    def __init__(self):
        super().__init__()
        self.__dict__["_training"] = True

    def forward(self, *args, **kwargs):
        """What calling the module computes; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args, **kwargs):
        if state.recorder is not None:
            self._note()
        if self._hooks is not None:
            return self._call_with_hooks(*self._hooks, args, kwargs)
        return self.forward(*args, **kwargs)

    # ---- what is in it ----

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """(path, module) of this module and every one below, depth first; each module once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._children():
            if module is not None:
                yield from module.named_modules(memo, _join(prefix, name), remove_duplicate)

    def _children(self):
        if state.recorder is not None:
            self._note()
        return self._modules.items()

    def modules(self):
        """This module and every one below, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self):
        """(name, module) of the modules directly in this one, each once."""
        seen = set()
        for name, module in self._children():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self):
        """The modules directly in this one, each once."""
        return (module for _, module in self.named_children())

    def _members(self, registry, prefix, recurse, remove_duplicate):
        seen = set()
        for path, module in self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [
                (prefix, self)]:
            if state.recorder is not None:
                module._note()
            for name, x in module.__dict__[registry].items():
                if x is not None and x not in seen:
                    if remove_duplicate:
                        seen.add(x)
                    yield _join(path, name), x

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """(path, Parameter) of this module and those below, each once."""
        return self._members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse=True):
        """The Parameters of this module and those below, each once."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """(path, tensor) of the buffers of this module and those below, each once."""
        return self._members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """The buffers of this module and those below, each once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def get_submodule(self, target):
        """The module at a path such as "encoder.0.norm"; "" is this one."""
        return self._get(target, Module)

    def get_parameter(self, target):
        """The Parameter at a path."""
        return self._get(target, Parameter)

    def get_buffer(self, target):
        """The buffer at a path."""
        return self._get(target, Tensor)

    def _get(self, target, kind):
        found: Any = self
        for name in target.split(".") if target else ():
            found = getattr(found, name, None) if isinstance(found, Module) else None
        if not isinstance(found, kind):
            raise AttributeError(f"{type(self).__name__} has no {kind.__name__} at {target!r}")
        return found

    # ---- changing all of it ----

    def apply(self, fn):
        """Call fn(module) for every module below and then for this one; returns the module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    @property
    def training(self):
        """Whether the module is in training mode: dropout drops, batch norm uses the batch's statistics."""
        if state.recorder is not None:
            state.recorder.note_module(self)
        return self.__dict__["_training"]

    @training.setter
    def training(self, mode):
        if state.recorder is not None:  # what the function sets itself needs no guard
            state.recorder.guards.setdefault(id(self), (_set_inside, "nothing"))
        self.__dict__["_training"] = bool(mode)

    def train(self, mode=True):
        """Put this module and those below into training mode, or with False into evaluation mode; returns it."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: expected True or False, got {mode!r}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Put this module and those below into evaluation mode; returns it."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Let gradients be recorded for every parameter, or not; returns the module."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Forget every parameter's gradient, or with set_to_none=False write zeros into it."""
        for p in self.parameters():
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad.zero_()

    def to(self, *args, dtype=None, device=None, non_blocking=False, memory_format=None):
        """Turn every floating-point parameter and buffer into another dtype; returns the module.

        The arguments are those of `Tensor.to`.
        """
        check_placement("to", memory_format=memory_format)
        dtype = wanted_dtype(args, dtype, device)
        if dtype is not None:
            dtype = floating(dtype)
            for x in [*self.parameters(), *self.buffers()]:
                if x.dtype.kind == "f" and x.dtype != dtype:
                    convert(x, dtype)
        return self

    def float(self):
        """Turn every floating-point parameter and buffer into float32; returns the module."""
        return self.to(dtypes.float32)

    def double(self):
        """Turn every floating-point parameter and buffer into float64; returns the module."""
        return self.to(dtypes.float64)

    def cpu(self):
        """The module itself: there is only the CPU."""
        return self

    # ---- saving and loading ----

    def _state(self, prefix=""):
        """(path, tensor) of everything in the state; what is tied is there under each of its names."""
        for path, module in self.named_modules(prefix=prefix, remove_duplicate=False):
            for registry in ("_parameters", "_buffers"):
                for name, x in module.__dict__[registry].items():
                    if x is not None and not (registry == "_buffers" and name in module._non_persistent):
                        yield _join(path, name), x

    def state_dict(self, *, destination=None, prefix="", keep_vars=False):
        """Every parameter and persistent buffer by its path, as tensors that share the module's memory.

        Keys and shapes are PyTorch's.

        Args:
            destination: a dictionary to add to, instead of a new one.
            prefix: put before each path.
            keep_vars: the parameters themselves instead of detached tensors.
        """
        destination = {} if destination is None else destination
        for name, x in self._state():
            destination[prefix + name] = x if keep_vars else x.detach()
        return destination

    def load_state_dict(self, state_dict, strict=True):
        """Copy the values of a state_dict, fastnet's or PyTorch's, into the module's own memory.

        Nothing is copied unless everything fits. Values are cast to the module's dtypes.

        Args:
            state_dict: a mapping from paths to tensors or arrays.
            strict: refuse keys that are missing or unexpected.

        Returns:
            A pair (missing_keys, unexpected_keys) of lists.

        Raises:
            RuntimeError: keys are missing or unexpected, or shapes differ. All are listed, shapes both.
        """
        return load(type(self).__name__, dict(self._state()), state_dict, strict)

    def save(self, path, metadata=None):
        """Write the model into a safetensors file: weights, architecture and `metadata`.

        `fastnet.load(path)` gives the model back if it and all in it are of classes that `fastnet.nn` offers, without
        hooks or attributes of your own. Of any other the file holds the weights: `fastnet.load(path, model=...)`. The
        file is replaced whole or not at all, and holds no code. Its tensors are those of `state_dict()`, for PyTorch
        and all that read safetensors.

        Args:
            path: of the file, usually "....safetensors".
            metadata: a dictionary of your own, of what JSON has: `fastnet.load_metadata(path)` gives it back.

        Raises:
            OSError: naming the file: the disk is full, the folder is missing. An old file is as it was.
            ValueError: metadata would not come back as it is.

        Example:
            >>> import fastnet, os, tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "model.safetensors")
            ...     fastnet.nn.Linear(3, 2).save(path, metadata={"classes": ["cat", "dog"]})
            ...     fastnet.load(path), fastnet.load_metadata(path)["classes"]
            (Linear(in_features=3, out_features=2, bias=True)  # weight (2, 3), bias (2,); 8 parameters, ['cat', 'dog'])
        """
        from fastnet.nn.saving import save  # it knows all modules, which know this one
        save(self, path, metadata)

    # ---- hooks ----

    def register_forward_pre_hook(self, hook):
        """Call hook(module, args) before each forward(); what it returns, if not None, are the arguments instead.

        Returns:
            A handle; its `remove()` takes the hook away.
        """
        return self._hook(0, hook)

    def register_forward_hook(self, hook):
        """Call hook(module, args, output) after each forward(); what it returns, if not None, is the output instead.

        Returns:
            A handle; its `remove()` takes the hook away.
        """
        return self._hook(1, hook)

    def _hook(self, place, hook):
        self._changed()                 # a recording without the hook no longer serves
        return Handle(self.__dict__.setdefault("_hooks", ({}, {}))[place], hook)

    def _call_with_hooks(self, before, after, args, kwargs):
        for hook in list(before.values()):
            changed = hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        output = self.forward(*args, **kwargs)
        for hook in list(after.values()):
            changed = hook(self, args, output)
            output = output if changed is None else changed
        return output

    # ---- what a reader sees ----

    def extra_repr(self):
        """The settings that `repr` shows in the parentheses."""
        return ""

    def __repr__(self):
        parameters = list(self.parameters())
        if not parameters:
            return self._describe()
        trainable = sum(p.numel() for p in parameters if p.requires_grad)
        count = sum(p.numel() for p in parameters)
        frozen = f", {trainable:,} of them trainable" if trainable < count else ""
        return self._describe(f"{count:,} parameters{frozen}")

    def _describe(self, total=""):
        """The text of `repr`; a comment gives the shapes of the module's own parameters."""
        shapes = ", ".join(f"{name} {shape_text(p)}" for name, p in self._parameters.items() if p is not None)
        comment = "; ".join(filter(None, (shapes, total)))
        comment = f"  # {comment}" if comment else ""
        lines = [f"({name}): {_indented(module)}" for name, module in self._modules.items()]
        if not lines:
            return f"{type(self).__name__}({self.extra_repr()}){comment}"
        lines = [*self.extra_repr().splitlines(), *lines]
        return "\n  ".join([f"{type(self).__name__}(", *lines]) + f"\n){comment}"


class Handle:
    """What registering a hook gives.

    Args:
        hooks: the dictionary that the hook is in.
    """

    def __init__(self, hooks, hook):
        self._hooks, self._key = hooks, next(_hook_numbers)
        hooks[self._key] = hook

    def remove(self):
        """Take the hook away."""
        self._hooks.pop(self._key, None)


def _indented(module):
    return "None" if module is None else module._describe().replace("\n", "\n  ")


def _join(path, name):
    return f"{path}.{name}" if path else name


def _set_inside():
    """The guard of a training flag that the recorded function itself sets."""
    return True
