"""Losses of pairs: image i of a batch belongs to text i, and to no other text."""
from __future__ import annotations

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.activation import logsigmoid
from fastnet.functional.classification import cross_entropy
from fastnet.functional.creation import arange, eye
from fastnet.functional.dims import check_tensors

__all__ = ["clip_loss", "siglip_loss"]


def clip_loss(image_features: Tensor, text_features: Tensor, logit_scale: Tensor | float,
              logit_bias: Tensor | float | None = None) -> Tensor:
    """Cross-entropy of the pairs of a batch, in both directions, as open_clip's `ClipLoss`.

    With logits = logit_scale * image_features @ text_features.T + logit_bias and labels = 0, 1, ..., N - 1:

        loss = (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2

    Radford et al. 2021, https://arxiv.org/abs/2103.00020.

    Args:
        image_features: (N, E), usually of length 1.
        text_features: (N, E), row i belongs to row i of the images.
        logit_scale: a factor, the inverse of the temperature: a number or a tensor of one element.
        logit_bias: added to all logits; it changes nothing here, but in `siglip_loss`.

    Returns:
        A tensor without dimensions.

    Raises:
        TypeError: features that are not tensors.
        ValueError: features of other or of different shapes.

    Example:
        >>> import fastnet
        >>> x = fastnet.eye(3)
        >>> fastnet.nn.functional.clip_loss(x, x, 2.0)
        tensor(0.2395)
    """
    logits = _pair_logits("clip_loss", image_features, text_features, logit_scale, logit_bias)
    labels = arange(len(logits))
    return (cross_entropy(logits, labels) + cross_entropy(logits.t(), labels)) / 2


def siglip_loss(image_features: Tensor, text_features: Tensor, logit_scale: Tensor | float,
                logit_bias: Tensor | float | None = None) -> Tensor:
    """Binary cross-entropy of all N * N pairs of a batch, as open_clip's `SigLipLoss`.

    With logits = logit_scale * image_features @ text_features.T + logit_bias, and labels z of 1 for the pairs (i, i)
    and -1 for all others:

        loss = -1/N sum over i, j of log sigmoid(z[i, j] logits[i, j])

    Zhai et al. 2023, https://arxiv.org/abs/2303.15343.

    Args:
        image_features: (N, E), usually of length 1.
        text_features: (N, E), row i belongs to row i of the images.
        logit_scale: a factor, the inverse of the temperature: a number or a tensor of one element.
        logit_bias: added to all logits. The paper starts with -10, since most pairs do not belong together.

    Returns:
        A tensor without dimensions.

    Raises:
        TypeError: features that are not tensors.
        ValueError: features of other or of different shapes.

    Example:
        >>> import fastnet
        >>> x = fastnet.eye(3)
        >>> fastnet.nn.functional.siglip_loss(x, x, 10.0, -5.0)
        tensor(0.0201)
    """
    logits = _pair_logits("siglip_loss", image_features, text_features, logit_scale, logit_bias)
    count = len(logits)
    labels = 2 * eye(count, dtype=logits.dtype) - 1
    return -logsigmoid(labels * logits).sum() / count


def _pair_logits(name: str, image_features: Tensor, text_features: Tensor, logit_scale: Tensor | float,
                 logit_bias: Tensor | float | None) -> Tensor:
    """The logits of all pairs, (N, N): row i has those of image i."""
    check_tensors(name, image_features=image_features, text_features=text_features)
    if image_features.ndim != 2 or image_features.shape != text_features.shape or not len(image_features):
        raise ValueError(f"{name}: expected features (N, E) of N pairs, got {shape_text(image_features)} of the images "
                         f"and {shape_text(text_features)} of the texts")
    logits = logit_scale * image_features @ text_features.t()
    return logits if logit_bias is None else logits + logit_bias
