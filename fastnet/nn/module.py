"""The base class of all layers and models."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fastnet import dtypes
from fastnet._core.placement import check_placement
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.functional.casting import wanted_dtype
from fastnet.nn.hooks import Hooks, load_hooks, state_hooks
from fastnet.nn.parameter import Parameter, convert, floating
from fastnet.nn.registry import Registry
from fastnet.nn.replacing import Replacing
from fastnet.nn.representation import module_text
from fastnet.nn.state_dict import IncompatibleKeys, join, load_state, named_state

if TYPE_CHECKING:
    from typing import ParamSpec

    from typing_extensions import Self

    from fastnet._core.annotations import DTypeLike, StrPath

    _P = ParamSpec("_P")
    _R = TypeVar("_R", covariant=True)

    class _HasForward(Protocol[_P, _R]):
        def forward(self, *args: _P.args, **kwargs: _P.kwargs) -> _R: ...

__all__ = ["Module"]

_Member = TypeVar("_Member")


class Module(Registry, Hooks, Replacing):
    """Base class of all layers and models.

    A Parameter or a Module assigned to an attribute is registered under the attribute's name, so that `parameters()`,
    `state_dict()`, `to()` and `train()` include it. Subclasses call `super().__init__()` first and define `forward`.

    Attributes:
        training: True in training mode, False in evaluation mode.

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

    def __init__(self) -> None:
        super().__init__()
        self.__dict__["_training"] = True

    _frozen: bool = False               # set by fastnet.transfer.freeze: `train` leaves the module in evaluation mode

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's output; every subclass defines it.

        Raises:
            NotImplementedError: the subclass does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    if TYPE_CHECKING:                   # a call has the arguments and the result of the subclass's forward()
        def __call__(self: _HasForward[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    else:
        def __call__(self, *args, **kwargs):
            if state.recorder is not None:
                self._note()
            if self._hooks is not None:
                return self._call_with_hooks(*self._hooks, args, kwargs)
            return self.forward(*args, **kwargs)

    # ---- traversal ----

    def named_modules(self, memo: set[Module] | None = None, prefix: str = "",
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """Iterate over (path, module) of this module and all submodules, depth first.

        Args:
            memo: modules to skip.
            prefix: the path of this module.
            remove_duplicate: yield a module that appears under several paths only once.
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._children():
            if module is not None:
                yield from module.named_modules(memo, join(prefix, name), remove_duplicate)

    def _children(self) -> Iterable[tuple[str, Module | None]]:
        if state.recorder is not None:
            self._note()
        return self._modules.items()

    def modules(self) -> Iterator[Module]:
        """Iterate over this module and all submodules, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Iterate over (name, module) of the direct submodules, each once."""
        seen = set()
        for name, module in self._children():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Iterate over the direct submodules, each once."""
        return (module for _, module in self.named_children())

    def _members(self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen = set()
        for path, module in self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [
                (prefix, self)]:
            if state.recorder is not None:
                module._note()
            for name, x in module.__dict__[registry].items():
                if x is not None and x not in seen:
                    if remove_duplicate:
                        seen.add(x)
                    yield join(path, name), x

    def named_parameters(self, prefix: str = "", recurse: bool = True,
                         remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Iterate over (path, parameter).

        Args:
            prefix: the path of this module.
            recurse: include the parameters of submodules.
            remove_duplicate: yield a tied parameter only once.
        """
        return self._members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Iterate over the parameters, each once.

        Args:
            recurse: include the parameters of submodules.
        """
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True,
                      remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Iterate over (path, buffer). Arguments as in `named_parameters`."""
        return self._members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Iterate over the buffers, each once. Argument as in `parameters`."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """Look up a submodule by path, such as "encoder.0.norm"; "" is the module itself.

        Raises:
            AttributeError: there is no submodule at the path.
        """
        return self._get(target, Module)

    def get_parameter(self, target: str) -> Parameter:
        """Look up a parameter by path.

        Raises:
            AttributeError: there is no parameter at the path.
        """
        return self._get(target, Parameter)

    def get_buffer(self, target: str) -> Tensor:
        """Look up a buffer by path.

        Raises:
            AttributeError: there is no buffer at the path.
        """
        return self._get(target, Tensor)

    def _get(self, target: str, cls: type[_Member]) -> _Member:
        found: Any = self
        for name in target.split(".") if target else ():
            found = getattr(found, name, None) if isinstance(found, Module) else None
        if not isinstance(found, cls):
            raise AttributeError(f"{type(self).__name__} has no {cls.__name__} at {target!r}")
        return found

    # ---- changes of the whole module ----

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call fn(module) for every submodule, then for this module; returns the module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    @property
    def training(self) -> bool:
        """True in training mode: dropout is active, and batch norm uses the statistics of the batch."""
        if state.recorder is not None:
            state.recorder.note_training(self)
        return self.__dict__["_training"]

    @training.setter
    def training(self, mode: bool) -> None:
        if state.recorder is not None:
            state.recorder.note_training_set(self)
        self.__dict__["_training"] = bool(mode)

    def train(self, mode: bool = True) -> Self:
        """Switch this module and its submodules to training mode, or with False to evaluation mode.

        Modules that `fastnet.transfer.freeze` froze stay in evaluation mode.

        Returns:
            The module.
        """
        if not isinstance(mode, bool):
            raise ValueError(f"train: expected True or False, got {mode!r}")
        self.training = mode and not self._frozen
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Switch this module and its submodules to evaluation mode; returns the module."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Record gradients for every parameter, or with False freeze them; returns the module."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients of all parameters.

        Args:
            set_to_none: set them to None; False fills them with zeros.
        """
        for p in self.parameters():
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad.zero_()

    def to(self, *args: DTypeLike | Tensor | bool, dtype: DTypeLike | None = None, device: str | None = None,
           non_blocking: bool = False, memory_format: str | None = None) -> Self:
        """Convert the floating-point parameters and buffers to another dtype; returns the module.

        The arguments are those of `Tensor.to`. `memory_format` has no effect: parameters stay contiguous, since kernels
        pack weights in the order that they need.
        """
        check_placement("to", memory_format=memory_format)
        dtype = wanted_dtype(args, dtype, device)
        if dtype is not None:
            dtype = floating(dtype)
            for x in [*self.parameters(), *self.buffers()]:
                if dtypes.is_floating(x.dtype) and x.dtype != dtype:
                    convert(x, dtype)
        return self

    def float(self) -> Self:
        """Convert the floating-point parameters and buffers to float32; returns the module."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """Convert the floating-point parameters and buffers to float64; returns the module."""
        return self.to(dtypes.float64)

    def half(self) -> Self:
        """Convert the floating-point parameters and buffers to float16; returns the module."""
        return self.to(dtypes.float16)

    def bfloat16(self) -> Self:
        """Convert the floating-point parameters and buffers to bfloat16; returns the module."""
        return self.to(dtypes.bfloat16)

    def cpu(self) -> Self:
        """Return the module: the CPU is the only device."""
        return self

    def cuda(self, device: str | None = None) -> Self:
        """Raise a RuntimeError: the CPU is the only device."""
        return self.to("cuda" if device is None else device)

    # ---- saving and loading ----

    def state_dict(self, *, destination: dict[str, Tensor] | None = None, prefix: str = "",
                   keep_vars: bool = False) -> dict[str, Tensor]:
        """Return all parameters and persistent buffers by path, as tensors that share the module's memory.

        Keys and shapes are PyTorch's.

        Args:
            destination: a dictionary to add to, instead of a new one.
            prefix: prepended to each path.
            keep_vars: return the parameters themselves instead of detached tensors.
        """
        destination = {} if destination is None else destination
        for part, path, hook in state_hooks(self, "before"):
            hook(part, prefix + path, keep_vars)
        for name, x in named_state(self):
            destination[prefix + name] = x if keep_vars else x.detach()
        for part, path, hook in state_hooks(self, "after"):
            hook(part, destination, prefix + path, {})
        return destination

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy the values of a state_dict, fastnet's or PyTorch's, into the module's tensors.

        Either all values are copied or, after an error, none. Values are cast to the module's dtypes.

        Args:
            state_dict: a mapping from paths to tensors or arrays.
            strict: raise if keys are missing or unexpected.

        Returns:
            The named pair (missing_keys, unexpected_keys) of lists.

        Raises:
            RuntimeError: keys are missing or unexpected, or shapes differ; the message lists the first ten of each
                kind and tells how many more there are.
        """
        state_dict = load_hooks(self, state_dict, strict)
        keys = load_state(type(self).__name__, dict(named_state(self)), state_dict, strict)
        for part, _, hook in state_hooks(self, "loaded"):
            hook(part, keys)
        return keys

    def save(self, path: StrPath, metadata: dict[str, Any] | None = None, dtype: str | None = None) -> None:
        """Write the model to a safetensors file: weights, architecture and `metadata`.

        `fastnet.load(path)` rebuilds the model if it consists of modules of `fastnet.nn` and `fastnet.models` without
        hooks and without attributes that you added; masks of `fastnet.prune` and adapters of `fastnet.lora` are
        restored. For any other model the file holds the weights, and you load them into an existing model with
        `fastnet.load(path, model=...)`; a warning says so, unless a module is of your own class. The file is replaced
        completely or not at all, and contains no code. Its tensors are those of `state_dict()`, so PyTorch and every
        reader of safetensors can use it.

        Args:
            path: of the file, usually "....safetensors".
            metadata: a dictionary of JSON values; `fastnet.load_metadata(path)` returns it.
            dtype: "float16" or "bfloat16" rounds the floating-point numbers in the file, which then has half the size;
                `fastnet.load` converts them back.

        Raises:
            OSError: the disk is full or the folder is missing; the message names the file, and an existing file is
                unchanged.
            ValueError: JSON cannot represent the metadata exactly.

        Example:
            >>> import fastnet, os, tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "model.safetensors")
            ...     fastnet.nn.Linear(3, 2).save(path, metadata={"classes": ["cat", "dog"]})
            ...     fastnet.load(path), fastnet.load_metadata(path)["classes"]
            (Linear(in_features=3, out_features=2, bias=True)  # weight (2, 3), bias (2,); 8 parameters, ['cat', 'dog'])
        """
        from fastnet.nn.saving import save  # saving imports all modules, and they import this one
        save(self, path, metadata, dtype)

    # ---- text ----

    def extra_repr(self) -> str:
        """The settings that `repr` shows in parentheses; subclasses override it."""
        return ""

    def __repr__(self) -> str:
        return module_text(self, Module.__repr__)
