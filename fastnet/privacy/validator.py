"""Checks that a module treats each sample on its own, and replacements of layers that do not."""
from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from fastnet import nn
from fastnet.lora.layers import AdaptedLayer, LoRAEmbedding
from fastnet.nn.lazy import LazyModule
from fastnet.nn.recurrent import RNNBase
from fastnet.nn.recurrent_cells import RNNCellBase

__all__ = ["ModuleValidator"]

_BATCH_NORMS = nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d
_INSTANCE_NORMS = nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d


class ModuleValidator:
    """Refuses modules whose result for a sample depends on other samples, or whose gradients have no samples.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
        >>> for error in fastnet.privacy.ModuleValidator.validate(model):
        ...     print(error)
        '1' (BatchNorm2d): its statistics mix the samples of a batch; use GroupNorm, or ModuleValidator.fix(module)
        >>> type(fastnet.privacy.ModuleValidator.fix(model)[1]).__name__
        'GroupNorm'
    """

    @staticmethod
    def validate(module: nn.Module, *, strict: bool = False) -> list[str]:
        """The reasons why a module cannot be trained privately, one for each layer.

        Args:
            module: the module.
            strict: raise instead of returning a list that is not empty.

        Raises:
            TypeError: not a Module.
            ValueError: with strict, the module cannot be trained privately; the layers are named.

        Example:
            >>> import fastnet
            >>> fastnet.privacy.ModuleValidator.validate(fastnet.nn.Linear(4, 2))
            []
        """
        if not isinstance(module, nn.Module):
            raise TypeError(f"expected a Module, got {type(module).__name__}")
        errors = [f"{name!r} ({type(part).__name__}): {reason}" for name, part in module.named_modules()
                  if (reason := _refusal(part)) is not None]
        if strict and errors:
            raise ValueError("expected a module that treats each sample on its own, got layers that do not:\n"
                             + "\n".join(errors))
        return errors

    @staticmethod
    def is_valid(module: nn.Module) -> bool:
        """Whether a module can be trained privately, as far as its layers tell.

        Example:
            >>> import fastnet
            >>> fastnet.privacy.ModuleValidator.is_valid(fastnet.nn.BatchNorm1d(4))
            False
        """
        return not ModuleValidator.validate(module)

    @staticmethod
    def fix(module: nn.Module) -> nn.Module:
        """A copy of a module with each batch norm replaced by a new group norm, and no running statistics elsewhere.

        A group norm has gcd(32, channels) groups. The weights of batch norms are not kept.

        Args:
            module: the module, which does not change.

        Example:
            >>> import fastnet
            >>> type(fastnet.privacy.ModuleValidator.fix(fastnet.nn.BatchNorm2d(16))).__name__
            'GroupNorm'
        """
        return _fixed(copy.deepcopy(module))


def _refusal(part: nn.Module) -> str | None:
    """Why a layer cannot be trained privately, or None."""
    for kind, test, reason in _REFUSED:
        if isinstance(part, kind) and test(part):
            return reason
    return None


def _always(part: Any) -> bool:
    return True


_REFUSED: list[tuple[Any, Callable[[Any], bool], str]] = [
    (_BATCH_NORMS, _always,
     "its statistics mix the samples of a batch; use GroupNorm, or ModuleValidator.fix(module)"),
    (_INSTANCE_NORMS, lambda part: part.track_running_stats,
     "its running statistics hold data without noise; use track_running_stats=False, or ModuleValidator.fix(module)"),
    (RNNBase, _always, "gradients of single samples are not supported for recurrent layers; use attention or Conv1d"),
    (RNNCellBase, _always, "gradients of single samples are not supported for recurrent cells; use attention or "
     "Conv1d"),
    (nn.MultiheadAttention, lambda part: not part.batch_first,
     "expected batch_first=True, so that the first dimension of all results are the samples"),
    (nn.Embedding, lambda part: part.sparse, "expected sparse=False, since noise is added to all rows"),
    (nn.Embedding, lambda part: part.max_norm is not None,
     "expected max_norm=None, which rescales the rows that the samples look up, without noise"),
    (nn.Embedding, lambda part: part.scale_grad_by_freq,
     "expected scale_grad_by_freq=False, which counts the tokens of all samples"),
    (nn.EmbeddingBag, _always, "gradients of single samples are not supported; use Embedding and a mean"),
    (nn.LayerNorm, lambda part: len(part.normalized_shape) > 1 and part.elementwise_affine,
     "expected a normalized_shape of one dimension, or elementwise_affine=False"),
    (nn.RMSNorm, lambda part: len(part.normalized_shape) > 1 and part.elementwise_affine,
     "expected a normalized_shape of one dimension, or elementwise_affine=False"),
    (LoRAEmbedding, lambda part: len(part.adapters) > 0,
     "gradients of single samples are not supported for adapters of embeddings; name other layers in target_modules"),
    (AdaptedLayer, lambda part: any(a.lora_magnitude_vector is not None for a in part.adapters.values()),
     "gradients of single samples are not supported for DoRA's lengths; add the adapter with dora=False"),
    (LazyModule, lambda part: part.has_uninitialized_params(), "expected parameters with shapes; call the module once"),
]


def _fixed(module: nn.Module) -> nn.Module:
    if isinstance(module, _BATCH_NORMS):
        return nn.GroupNorm(math.gcd(32, module.num_features), module.num_features, module.eps, module.affine)
    if isinstance(module, _INSTANCE_NORMS) and module.track_running_stats:
        return type(module)(module.num_features, module.eps, module.momentum, module.affine)
    for name, child in list(module.named_children()):
        replaced = _fixed(child)
        if replaced is not child:
            setattr(module, name, replaced)
    return module
