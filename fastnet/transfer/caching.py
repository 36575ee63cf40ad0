"""Features of a whole data set, computed once."""
from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import data, nn
from fastnet._core.construction import as_tensor
from fastnet._core.errors import listed
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.models.heads import head_of
from fastnet.nn.state_dict import join
from fastnet.transfer.extraction import arguments_noted, calls_noted
from fastnet.transfer.patterns import require_module

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import ArrayData

__all__ = ["cache_features"]


def cache_features(model: nn.Module, x: Any, y: ArrayData | None = None, *, before: str | None = None,
                   batch_size: int = 256) -> data.TensorDataset:
    """Run the frozen part of a model over a data set once, and return a data set of its outputs.

    What is kept is the input of a module, by default of the head. Training that module on the cached features changes
    the model's own module, but costs no pass through the rest. Batch norm and dropout are in evaluation mode; random
    transforms of a loader are drawn once.

    Args:
        model: a Module.
        x: inputs, an array or tensor with samples along the first axis, with targets `y`; or a data set with `take`,
            such as `fastnet.data.TensorDataset` or `ImageFolder`; or a loader. These give tuples (inputs..., target).
            Floating-point inputs are cast to the model's dtype.
        y: the targets of an array x.
        before: path of the module whose input is kept; by default the head, the last Linear or Conv2d of the model.
        batch_size: samples that are computed at a time, except from a loader.

    Returns:
        A `fastnet.data.TensorDataset` of features and targets, in the order in which x gives them.

    Raises:
        ValueError: the model calls the module several times or not at all, or another Linear or Conv2d after its head;
            x has no samples; or y is missing.
        AttributeError: there is no module at the path.
        TypeError: the model is not a Module.

    Warns:
        UserWarning: parameters that are used before the module are trainable: the features do not follow them.

    Example:
        >>> import fastnet, numpy as np
        >>> from fastnet.transfer import cache_features, freeze, replace_head
        >>> model = fastnet.models.resnet8()
        >>> head = replace_head(model, 2)
        >>> _ = freeze(model, "features")
        >>> x, y = np.zeros((6, 3, 32, 32), np.float32), np.array([0, 1, 0, 1, 0, 1])
        >>> cached = cache_features(model, x, y)
        >>> cached
        TensorDataset(samples=6, arrays=[float32 (6, 64), int64 (6,)])
        >>> trainer = fastnet.Trainer(head, "adamw", loss="cross_entropy")
        >>> _ = trainer.fit(*cached.arrays, epochs=2, progress=False)
    """
    forbid_in_recording("cache_features()")
    require_module("cache_features", model)
    head = head_of(model) if before is None else before
    if head is None:
        raise ValueError(f"cache_features: {type(model).__name__} has no Linear and no Conv2d; name a module with "
                         "before=")
    dtype = next((p.dtype for p in model.parameters()), None)
    features: list[Array] = []
    targets: list[Array] = []
    with no_grad(), arguments_noted(model, head) as run:
        for *inputs, target in _batches_with_targets(x, y, batch_size):
            tensors = [as_tensor(part) for part in inputs]
            cast = [t.to(dtype) if dtype is not None and t.dtype.kind == "f" else t for t in tensors]
            if features:
                found = run(*cast)
            else:                       # hooks turn fusion off: only the first batch notes the calls
                with calls_noted(model) as calls:
                    found = run(*cast)
                _check_head_calls(model, head, calls, before is None)
            features.append(found.numpy().copy())
            targets.append(target.numpy() if isinstance(target, Tensor) else np.asarray(target))
    if not features:
        raise ValueError("cache_features: expected at least one sample, got none")
    return data.TensorDataset(np.concatenate(features), np.concatenate(targets))


def _check_head_calls(model: nn.Module, head: str, calls: list[str], is_default: bool) -> None:
    """Refuse a head that is not the last layer, and warn of trainable parameters before it.

    Args:
        model: the model.
        head: the path of the module whose input is kept.
        calls: the paths of the modules in the order of their calls.
        is_default: whether the head was found by the order of the modules.
    """
    last = head_of(model, calls)
    if is_default and last != head:
        raise ValueError(f"cache_features: the last layer that {type(model).__name__} has, {head!r}, is not the last "
                         f"one that it calls, {last!r}; name the module whose input to keep with before=")
    cut = model.get_submodule(head)                     # its path may be a second one of the module
    earlier = itertools.takewhile(lambda path: model.get_submodule(path) is not cut, calls)
    trainable = [join(path, name) for path in dict.fromkeys(earlier)
                 for name, p in model.get_submodule(path)._parameters.items() if p is not None and p.requires_grad]
    if trainable:
        warnings.warn(f"cache_features: the model uses trainable parameters before {head!r}: "
                      f"{listed(map(repr, trainable))}. The features do not follow them when they change; freeze them "
                      "first", stacklevel=3)


def _batches_with_targets(x: Any, y: ArrayData | None, batch_size: int) -> Iterable[Any]:
    """Tuples (inputs..., target)."""
    if y is not None:
        return data.DataLoader(data.TensorDataset(x, y), batch_size)
    if hasattr(x, "take") and hasattr(x, "targets"):            # a data set; an array has no targets
        return data.DataLoader(x, batch_size)
    if hasattr(x, "shape") or not hasattr(x, "__iter__"):
        raise ValueError("cache_features: expected targets y with an array, or a data set or loader that gives them")
    return x
