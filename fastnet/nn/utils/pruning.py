"""The base of pruning methods: weights that are multiplied with their masks when they are read."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import shape_text
from fastnet.autograd import no_grad
from fastnet.functional.creation import ones_like
from fastnet.nn.parameter import Parameter
from fastnet.nn.state_dict import join
from fastnet.nn.utils.rescaling import WeightHook, detach_hook, weight_hooks

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor
    from fastnet.nn.module import Module

__all__ = ["BasePruningMethod", "PruningContainer", "checked_dim", "detach_masks", "pruned_parameters", "pruning_hook"]


class BasePruningMethod(WeightHook):
    """Base class of pruning methods: `compute_mask` chooses what to keep, `apply` adds the mask to a module.

    A subclass sets `PRUNING_TYPE` and defines `compute_mask`. On a weight that is pruned already, the type decides what
    the method sees: "unstructured", the elements that are left, as a vector; "structured", the entries along `dim` that
    are left; "global", all elements.

    Attributes:
        PRUNING_TYPE: "unstructured", "structured" or "global".

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> class Negative(prune.BasePruningMethod):
        ...     PRUNING_TYPE = "unstructured"
        ...
        ...     def compute_mask(self, t, default_mask):
        ...         return default_mask * (t > 0)
        >>> layer = fastnet.nn.Linear(2, 1)
        >>> _ = fastnet.nn.init.constant_(layer.bias, -1.0)
        >>> method = Negative.apply(layer, "bias")
        >>> layer.bias_mask
        tensor([0.])
    """

    PRUNING_TYPE: str = "unstructured"

    def __init__(self) -> None:         # the name of the weight is set by `apply`, as in PyTorch
        super().__init__("")

    @property
    def _tensor_name(self) -> str:
        """The name of the weight, under PyTorch's name."""
        return self.name

    @_tensor_name.setter
    def _tensor_name(self, name: str) -> None:
        self.name = name

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of a tensor: 1 for each element to keep, 0 for each other.

        Args:
            t: the importance of each element; by default the weight itself.
            default_mask: the mask so far, in the shape of t.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define compute_mask()")

    def weight(self, module: Module, training: bool) -> Tensor:
        """weight_orig * weight_mask"""
        return self.apply_mask(module)

    def __call__(self, module: Module, args: Any) -> None:
        """Drop a weight that a program has set: it is computed from the original and the mask each time it is read."""
        vars(module).pop(self.name, None)

    def apply_mask(self, module: Module) -> Tensor:
        """The product of the original weight and the mask of a module.

        Args:
            module: it has the parameter name + "_orig" and the buffer name + "_mask".
        """
        original: Tensor = getattr(module, self.name + "_orig")
        mask: Tensor = getattr(module, self.name + "_mask")
        return original * mask.to(original.dtype)

    @classmethod
    def apply(cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None,
              **kwargs: Any) -> BasePruningMethod:
        """Prune a parameter of a module: it becomes name + "_orig", and its mask the buffer name + "_mask".

        Args:
            module: the module.
            name: of the parameter.
            args: of the constructor.
            importance_scores: the importance of each element, in the shape of the parameter; by default the parameter.
            kwargs: of the constructor.

        Returns:
            the method, or for a parameter that is pruned already a PruningContainer.

        Raises:
            ValueError: the module has no such parameter, or scores of another shape.
        """
        method: BasePruningMethod = cls(*args, **kwargs)
        old = pruning_hook(module, name)
        original = module._parameters.get(name if old is None else name + "_orig")
        if not isinstance(original, Parameter):
            own = ", ".join(n for n, p in module._parameters.items() if p is not None)
            raise ValueError(f"prune: {type(module).__name__} has no parameter {name!r}; it has "
                             f"{own or 'none of its own: prune its layers, one at a time'}")
        scores = original if old is None else old.apply_mask(module)
        if importance_scores is not None:
            if importance_scores.shape != original.shape:
                raise ValueError(f"prune: expected importance_scores of the shape {shape_text(original)} of {name!r}, "
                                 f"got {shape_text(importance_scores)}")
            scores = importance_scores
        if old is not None:
            before = [*old] if isinstance(old, PruningContainer) else [old]
            method.name = name
            method = PruningContainer(*before, method)
        method.name = name
        with no_grad():
            so_far = ones_like(original) if old is None else getattr(module, name + "_mask").detach().clone()
            mask = method.compute_mask(scores.detach(), so_far)
        method._put_on(module, original, mask)
        return method

    def _put_on(self, module: Module, original: Parameter, mask: Tensor) -> None:
        """Replace the method of a weight, or its parameter, by this method."""
        if detach_hook(module, self.name, BasePruningMethod) is None:
            delattr(module, self.name)
            module.register_parameter(self.name + "_orig", original)
        module.register_buffer(self.name + "_mask", mask.detach().to(original.dtype))
        self.attach(module)

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """A pruned copy of a tensor: t * mask.

        Args:
            t: the tensor.
            default_mask: a mask in its shape, to be restricted further; by default ones.
            importance_scores: the importance of each element; by default t.

        Raises:
            ValueError: scores of another shape.
        """
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise ValueError(f"prune: expected importance_scores of the shape {shape_text(t)}, got "
                             f"{shape_text(scores)}")
        return t * self.compute_mask(scores.detach(), ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Make the pruned weight of a module a parameter again, the object that it was, with zeros where it is pruned.

        Args:
            module: the module.

        Raises:
            ValueError: its weight of this name is not pruned.
        """
        hook = pruning_hook(module, self.name)
        if hook is None:
            raise ValueError(f"prune: the parameter {self.name!r} of {type(module).__name__} is not pruned")
        with no_grad():
            getattr(module, self.name + "_orig").copy_(hook.apply_mask(module))
        _detach_mask(module, self.name)


def _detach_mask(module: Module, name: str) -> None:
    """Make the original of a pruned weight an ordinary parameter, with its present values."""
    detach_hook(module, name, BasePruningMethod)
    original = module._parameters[name + "_orig"]
    for part in ("_orig", "_mask"):
        delattr(module, name + part)
    module.register_parameter(name, original)


def detach_masks(model: Module) -> list[str]:
    """Make the originals of all pruned weights of a model ordinary parameters, with their present values.

    Args:
        model: the model.

    Returns:
        the keys that these parameters have in its `state_dict`.
    """
    pruned = list(pruned_parameters(model))
    keys = [join(path, name) for path, part in model.named_modules(remove_duplicate=False)
            for module, name in pruned if module is part]
    for module, name in pruned:
        _detach_mask(module, name)
    return keys


def pruning_hook(module: Module, name: str) -> BasePruningMethod | None:
    """The pruning method of a weight; None if it is not pruned.

    Args:
        module: the module.
        name: of the weight.
    """
    hook, _ = weight_hooks(module).get(name, (None, None))
    return hook if isinstance(hook, BasePruningMethod) else None


class PruningContainer(BasePruningMethod):
    """Several pruning methods of one weight, each applied to what those before it have left.

    Args:
        methods: in the order in which they were applied.

    Raises:
        TypeError: one of them is not a pruning method.
        ValueError: a method of another weight.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils import prune
        >>> layer = prune.l1_unstructured(fastnet.nn.Linear(4, 2), "weight", amount=2)
        >>> method = prune.L1Unstructured.apply(layer, "weight", amount=2)
        >>> len(method), int(layer.weight_mask.sum())
        (2, 4)
    """

    def __init__(self, *methods: BasePruningMethod) -> None:
        super().__init__()
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if methods:
            self.name = getattr(methods[0], "name", "")
        for method in methods:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Add a method after the others.

        Args:
            method: for the same weight.
        """
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"prune: expected a pruning method, got {type(method).__name__}")
        if method.name != self.name:
            raise ValueError(f"prune: expected a method for the parameter {self.name!r}, got one for {method.name!r}")
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask so far, with the last method applied to what it leaves.

        Args:
            t: the importance of each element.
            default_mask: the mask so far.
        """
        method = self._pruning_methods[-1]
        mask, values = default_mask.numpy().copy(), t.numpy()
        part = _part_left(method, mask)
        found = method.compute_mask(from_numpy(np.ascontiguousarray(values[part])),
                                    default_mask=from_numpy(np.ascontiguousarray(mask[part])))
        mask[part] = found.numpy()
        return from_numpy(mask)


def _part_left(method: Any, mask: Array) -> Any:
    """The key of the elements that a method sees in an array with a mask."""
    kind = method.PRUNING_TYPE
    if kind == "unstructured":
        return mask == 1
    if kind == "global":
        return (slice(None),) * mask.ndim
    if kind != "structured":
        raise ValueError(f"prune: expected PRUNING_TYPE of {type(method).__name__} to be 'unstructured', 'structured' "
                         f"or 'global', got {kind!r}")
    dim = checked_dim(mask.shape, method.dim)
    kept = mask.any(axis=tuple(d for d in range(mask.ndim) if d != dim))
    return (*(slice(None),) * dim, kept)


def checked_dim(shape: Sequence[int], dim: int) -> int:
    """A dimension of a weight, counted from the front.

    Args:
        shape: of the weight.
        dim: the dimension; negative ones count from the end.

    Raises:
        IndexError: the weight has no such dimension.
    """
    if not -len(shape) <= dim < len(shape):
        raise IndexError(f"prune: dimension {dim} is out of range for a weight of shape {shape_text(shape)}")
    return dim % len(shape)


def pruned_parameters(model: Module) -> Iterator[tuple[Module, str]]:
    """Iterate over (module, name) of the pruned parameters of a model.

    Args:
        model: the model.
    """
    for module in model.modules():
        for name, (hook, _) in list(weight_hooks(module).items()):
            if isinstance(hook, BasePruningMethod):
                yield module, name
