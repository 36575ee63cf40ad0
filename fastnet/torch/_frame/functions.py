"""Functions of layers and losses that PyTorch also has in the module `torch`, some with other arguments."""
from __future__ import annotations

from typing import Any

import numpy as np

import fastnet
from fastnet._core.tensor import Tensor
from fastnet.dtypes import as_dtype
from fastnet.nn import functional as F
from fastnet.nn.functional import (
    adaptive_avg_pool1d,
    adaptive_max_pool1d,
    alpha_dropout,
    avg_pool1d,
    bilinear,
    binary_cross_entropy_with_logits,
    celu,
    channel_shuffle,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    cosine_embedding_loss,
    cosine_similarity,
    ctc_loss,
    embedding_bag,
    feature_alpha_dropout,
    group_norm,
    hardshrink,
    hinge_embedding_loss,
    kl_div,
    margin_ranking_loss,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool3d,
    pairwise_distance,
    pdist,
    pixel_shuffle,
    pixel_unshuffle,
    poisson_nll_loss,
    prelu,
    rms_norm,
    rrelu,
    selu,
    threshold,
    triplet_margin_loss,
)

__all__ = [
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "alpha_dropout", "asarray", "avg_pool1d", "batch_norm", "bilinear",
    "binary_cross_entropy_with_logits", "celu", "channel_shuffle", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "cosine_embedding_loss", "cosine_similarity", "ctc_loss", "detach",
    "dropout", "embedding", "embedding_bag", "feature_alpha_dropout", "feature_dropout", "frombuffer", "group_norm",
    "hardshrink", "hinge_embedding_loss", "instance_norm", "kl_div", "layer_norm", "margin_ranking_loss", "max_pool1d",
    "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "pairwise_distance", "pdist", "pixel_shuffle",
    "pixel_unshuffle", "poisson_nll_loss", "prelu", "rms_norm", "rrelu", "selu", "threshold", "triplet_margin_loss",
]


def detach(input: Tensor) -> Tensor:
    """See `Tensor.detach`."""
    return input.detach()


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A one-dimensional tensor over the memory of an object such as bytes, bytearray or memoryview.

    Args:
        buffer: the object. A tensor over read-only memory, such as bytes, is a copy.
        dtype: of the elements.
        count: number of elements; by default, all.
        offset: the bytes before the first element.
        requires_grad: whether backward() computes a gradient for the tensor.

    Raises:
        ValueError: an offset or a count beyond the memory, or memory of no whole number of elements.
    """
    array = np.frombuffer(buffer, as_dtype(dtype), count, offset)
    return fastnet.from_numpy(array if array.flags.writeable else array.copy()).requires_grad_(requires_grad)


def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None,
            requires_grad: bool = False) -> Tensor:
    """A tensor of an array, a tensor, a number or nested lists, which shares the memory of an array or a tensor.

    Args:
        obj: the values.
        dtype: of the tensor; by default that of the values.
        device: "cpu".
        copy: True copies in any case; False raises an error where a copy is needed.
        requires_grad: whether backward() computes a gradient for the tensor.

    Raises:
        ValueError: copy=False and the values must be copied or converted.
    """
    made = fastnet.as_tensor(obj, dtype=dtype, device=device)
    shares = (isinstance(obj, Tensor) and made.data_ptr() == obj.data_ptr()) or (
        hasattr(obj, "__array_interface__") and made.data_ptr() == obj.__array_interface__["data"][0])
    if copy is False and not shares:
        raise ValueError("asarray: expected values that can be shared with copy=False, got some that must be copied")
    if copy and shares:
        made = made.detach().clone()
    elif made.requires_grad and not requires_grad:
        made = made.detach()
    return made.requires_grad_() if requires_grad else made


def batch_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
               running_var: Tensor | None, training: bool, momentum: float, eps: float,
               cudnn_enabled: bool = True) -> Tensor:
    """`nn.functional.batch_norm` with its arguments in another order."""
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.dropout`."""
    return F.dropout(input, p, train)


def embedding(weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False,
              sparse: bool = False) -> Tensor:
    """`nn.functional.embedding` with its arguments in another order; a padding_idx of -1 is none."""
    return F.embedding(indices, weight, None if padding_idx == -1 else padding_idx,
                       scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.dropout2d` of images of any number of dimensions."""
    return {3: F.dropout1d, 4: F.dropout2d, 5: F.dropout3d}[input.ndim](input, p, train)


def instance_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
                  running_var: Tensor | None, use_input_stats: bool, momentum: float, eps: float,
                  cudnn_enabled: bool = True) -> Tensor:
    """`nn.functional.instance_norm` with its arguments in another order."""
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def layer_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5, cudnn_enable: bool = True) -> Tensor:
    """`nn.functional.layer_norm`."""
    return F.layer_norm(input, normalized_shape, weight, bias, eps)
