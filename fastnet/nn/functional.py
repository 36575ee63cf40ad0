"""Functional forms of the layers, under the names of torch.nn.functional."""
from __future__ import annotations

from fastnet._core.errors import name_none as _name_none, public_function as _public_function
from fastnet._core.later import imported_on_use as _imported_on_use, places_of as _places_of
from fastnet._core.tensor import Tensor
from fastnet.functional import activation as _activation, random as _random
from fastnet.functional.inplace import apply_to as _apply_to, can_hold as _can_hold, compute_into as _compute_into

# imported on first use: module of `fastnet.functional` -> its names
_IMPORTED = _places_of("fastnet.functional", {
    "activation": ("gelu", "log_softmax", "logsigmoid", "sigmoid", "softmax", "softplus", "tanh"),
    "adaptive_pooling": (
        "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
        "adaptive_max_pool2d", "adaptive_max_pool3d"),
    "attention": ("scaled_dot_product_attention",),
    "average_pooling": ("avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d"),
    "bilinear": ("bilinear",),
    "channel_dropout": ("alpha_dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"),
    "channel_normalization": ("batch_norm", "group_norm", "instance_norm", "local_response_norm"),
    "classification": ("binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "nll_loss"),
    "composed_activation": (
        "celu", "glu", "gumbel_softmax", "hardshrink", "prelu", "rrelu", "softmin", "softshrink", "softsign",
        "tanhshrink", "threshold"),
    "contrastive_losses": ("clip_loss", "siglip_loss"),
    "convolution": ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    "ctc": ("ctc_loss",),
    "distances": ("pairwise_distance", "pdist"),
    "embedding": ("embedding", "one_hot"),
    "embedding_bag": ("embedding_bag",),
    "folding": ("fold", "unfold"),
    "fractional_pooling": (
        "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
        "fractional_max_pool3d_with_indices"),
    "grid": ("affine_grid", "grid_sample"),
    "likelihood_losses": ("gaussian_nll_loss", "poisson_nll_loss"),
    "linear": ("linear",),
    "linear_classification": ("linear_cross_entropy",),
    "loss": ("huber_loss", "kl_div", "l1_loss", "mse_loss", "smooth_l1_loss"),
    "margin_losses": (
        "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
        "multilabel_margin_loss", "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss",
        "triplet_margin_with_distance_loss"),
    "max_pooling": (
        "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d",
        "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d"),
    "normalization": ("cosine_similarity", "layer_norm", "normalize", "rms_norm"),
    "padding": ("pad",),
    "pixel_shuffle": ("channel_shuffle", "pixel_shuffle", "pixel_unshuffle"),
    "resampling": ("interpolate",),
})

__all__ = [
    *_IMPORTED,
    "dropout", "elu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "mish", "relu", "relu6", "selu", "silu",
]

__getattr__ = _imported_on_use(globals(), _IMPORTED, _public_function)


def _limited(name: str, input: Tensor, low: float, high: float, inplace: bool) -> Tensor:
    """min(max(x, low), high), in the memory of the input if `inplace`."""
    if inplace and low <= high and _can_hold(input):
        return _compute_into(name, input, _activation.hardtanh_into, float(low), float(high))
    return _apply_to(name, _activation.hardtanh, input, inplace, low, high)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0).

    Args:
        input: any shape.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.relu(fastnet.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return input.relu_() if inplace else _activation.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6). Krizhevsky 2010, "Convolutional deep belief networks on CIFAR-10".

    Args:
        input: any shape.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.relu6(fastnet.tensor([-1.0, 3.0, 8.0]))
        tensor([0., 3., 6.])
    """
    return _limited("relu6", input, 0.0, 6.0, inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope * x.

    Args:
        input: any shape.
        negative_slope: the slope for negative numbers.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.leaky_relu(fastnet.tensor([-1.0, 2.0]), 0.1)
        tensor([-0.1,  2. ])
    """
    return _apply_to("leaky_relu", _activation.leaky_relu, input, inplace, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha * (exp(x) - 1).

    Clevert et al. 2015, https://arxiv.org/abs/1511.07289.

    Args:
        input: any shape.
        alpha: the limit for large negative numbers is -alpha.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.elu(fastnet.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.    ])
    """
    return _apply_to("elu", _activation.elu, input, inplace, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 * x where x > 0, else 1.7581 * (exp(x) - 1). Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.

    Args:
        input: any shape.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.selu(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-1.1113,  0.    ,  1.0507])
    """
    return _apply_to("selu", _activation.selu, input, inplace)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x). Elfwing et al. 2017, https://arxiv.org/abs/1702.03118.

    Args:
        input: any shape.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.silu(fastnet.tensor([0.0, 1.0]))
        tensor([0.    , 0.7311])
    """
    return _apply_to("silu", _activation.silu, input, inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(softplus(x)). Misra 2019, https://arxiv.org/abs/1908.08681.

    Args:
        input: any shape.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.mish(fastnet.tensor([0.0, 1.0]))
        tensor([0.    , 0.8651])
    """
    return _apply_to("mish", _activation.mish, input, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * min(max(x + 3, 0), 6) / 6. Howard et al., https://arxiv.org/abs/1905.02244.

    Args:
        input: any shape.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.hardswish(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.3333,  0.    ,  0.6667])
    """
    return _apply_to("hardswish", _activation.hardswish, input, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x + 3, 0), 6) / 6. Howard et al., https://arxiv.org/abs/1905.02244.

    Args:
        input: any shape.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.hardsigmoid(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([0.3333, 0.5   , 0.6667])
    """
    return _apply_to("hardsigmoid", _activation.hardsigmoid, input, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """min(max(x, min_val), max_val).

    Args:
        input: any shape.
        min_val, max_val: the limits.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.hardtanh(fastnet.tensor([-2.0, 0.5, 2.0]))
        tensor([-1. ,  0.5,  1. ])
    """
    return _limited("hardtanh", input, min_val, max_val, inplace)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability p and scale the others by 1/(1-p); the identity in evaluation.

    Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Args:
        input: any shape.
        p: between 0 and 1.
        training: False returns the input unchanged.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.dropout(fastnet.ones(2), 0.9, training=False)
        tensor([1., 1.])
    """
    return _apply_to("dropout", _random.dropout, input, inplace, p, training)


_name_none(globals())


def __dir__() -> list[str]:
    return sorted(__all__)
