"""Losses that train an image tower and a text tower together, under open_clip's names."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnet._core.tensor import Tensor
from fastnet.nn import functional as F
from fastnet.nn.module import Module

__all__ = ["ClipLoss", "SigLipLoss"]


class _PairLoss(Module):
    """A loss of pairs, with open_clip's arguments of several processes, of which there is one."""

    _function: Callable[..., Tensor]
    cache_labels: bool
    rank: int
    world_size: int

    def __init__(self, cache_labels: bool, rank: int, world_size: int) -> None:
        super().__init__()
        if world_size != 1 or rank != 0:
            raise ValueError(f"{type(self).__name__}: expected rank=0 and world_size=1, since no features are gathered "
                             f"from other processes, got rank={rank} and world_size={world_size}")
        self.cache_labels, self.rank, self.world_size = cache_labels, rank, world_size

    def forward(self, image_features: Tensor, text_features: Tensor, logit_scale: Tensor | float,
                logit_bias: Tensor | float | None = None, output_dict: bool = False) -> Any:
        loss = self._function(image_features, text_features, logit_scale, logit_bias)
        return {"contrastive_loss": loss} if output_dict else loss


class ClipLoss(_PairLoss):
    """Cross-entropy of the pairs of a batch, in both directions: see `functional.clip_loss`.

    loss = (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2, with labels 0, 1, ..., N - 1 and
    logits = logit_scale * image_features @ text_features.T. Radford et al. 2021, https://arxiv.org/abs/2103.00020.

    The arguments are open_clip's. All but `world_size` and `rank`, which are checked, are accepted and ignored: they
    say how the features of several processes are gathered, and that labels are kept, which a recorded step does.

    Args:
        local_loss, gather_with_grad: ignored.
        cache_labels: ignored.
        rank: 0.
        world_size: 1.
        use_horovod: ignored.

    Shape:
        forward(image_features, text_features, logit_scale, logit_bias=None, output_dict=False): features (N, E) and a
        factor, to a tensor without dimensions; with `output_dict`, to {"contrastive_loss": this tensor}.

    Raises:
        ValueError: another rank or world_size; when called: features of other shapes.

    Example:
        >>> import fastnet
        >>> features = fastnet.eye(3)
        >>> fastnet.nn.ClipLoss()(features, features, 1.0)
        tensor(0.5514)
    """

    _function = staticmethod(F.clip_loss)
    local_loss: bool
    gather_with_grad: bool
    use_horovod: bool

    def __init__(self, local_loss: bool = False, gather_with_grad: bool = False, cache_labels: bool = False,
                 rank: int = 0, world_size: int = 1, use_horovod: bool = False) -> None:
        super().__init__(cache_labels, rank, world_size)
        self.local_loss, self.gather_with_grad, self.use_horovod = local_loss, gather_with_grad, use_horovod


class SigLipLoss(_PairLoss):
    """Binary cross-entropy of all pairs of a batch: see `functional.siglip_loss`.

    loss = -1/N sum over i, j of log sigmoid(z[i, j] logits[i, j]), with z = 1 for the pairs (i, i) and -1 for all
    others, and logits = logit_scale * image_features @ text_features.T + logit_bias. Zhai et al. 2023,
    https://arxiv.org/abs/2303.15343.

    The arguments are open_clip's; `cache_labels` and `dist_impl` are accepted and ignored.

    Args:
        cache_labels: ignored.
        rank: 0.
        world_size: 1.
        dist_impl: ignored.

    Shape:
        forward(image_features, text_features, logit_scale, logit_bias, output_dict=False): features (N, E), a factor
        and a number, to a tensor without dimensions; with `output_dict`, to {"contrastive_loss": this tensor}.

    Raises:
        ValueError: another rank or world_size; when called: features of other shapes.

    Example:
        >>> import fastnet
        >>> features = fastnet.eye(3)
        >>> fastnet.nn.SigLipLoss()(features, features, 10.0, -5.0)
        tensor(0.0201)
    """

    _function = staticmethod(F.siglip_loss)
    dist_impl: str | None

    def __init__(self, cache_labels: bool = False, rank: int = 0, world_size: int = 1,
                 dist_impl: str | None = None) -> None:
        super().__init__(cache_labels, rank, world_size)
        self.dist_impl = dist_impl
