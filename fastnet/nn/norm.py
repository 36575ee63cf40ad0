"""Normalisation layers."""
from fastnet._core.errors import check_sizes, naming_none, shape_text
from fastnet.functional.creation import ones, zeros
from fastnet.functional.normalization import track_batch_norm
from fastnet.nn import init
from fastnet.nn.functional import layer_norm, rms_norm
from fastnet.nn.module import Module
from fastnet.nn.parameter import floating, new_buffer, new_parameter


class _BatchNorm(Module):
    """Batch norm over channels; subclasses say which inputs they take."""

    dims: tuple[int, ...]

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, device=None,
                 dtype=None, *, bias=True):
        super().__init__()
        check_sizes(type(self).__name__, num_features=num_features)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, new_parameter(num_features, device=device, dtype=dtype) if wanted else None)
        tracks, dtype = track_running_stats, floating(dtype)
        self.register_buffer("running_mean", new_buffer(zeros, num_features, dtype=dtype) if tracks else None)
        self.register_buffer("running_var", new_buffer(ones, num_features, dtype=dtype) if tracks else None)
        self.register_buffer("num_batches_tracked", new_buffer(zeros, dtype=int) if tracks else None)
        self.reset_parameters()

    def reset_running_stats(self):
        """Forget the batches seen."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self):
        """Forget the batches seen, and start weight and bias at 1 and 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    @naming_none
    def forward(self, input):
        if input.ndim not in self.dims or input.shape[1] != self.num_features:
            raise ValueError(f"{type(self).__name__}({self.num_features}): expected an input of shape "
                             f"{' or '.join(self._expected(n) for n in self.dims)}, got {shape_text(input)}")
        training = self.training
        mean = self.running_mean if not training or self.track_running_stats else None
        var = self.running_var if not training or self.track_running_stats else None
        return track_batch_norm(input, mean, var, self.num_batches_tracked, self.weight, self.bias,
                                training or mean is None, self.momentum, self.eps)

    def _expected(self, dims):
        return f"({', '.join(['N', str(self.num_features), *'LHW'[:dims - 2]])})"

    def extra_repr(self):
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


class BatchNorm1d(_BatchNorm):
    """(x - mean) / sqrt(variance + eps) * weight + bias for each feature, over the batch (and the length).

    While training, mean and variance are the batch's, and the running statistics move towards them; in evaluation mode
    the running statistics are used. Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the weight of each new batch in the running statistics; None: the mean over all batches.
        affine: learn a weight and a bias.
        track_running_stats: keep running statistics; without, the batch's own are always used.
        dtype: of the parameters and the statistics, float32 by default.
        bias: with affine, learn a bias.

    Raises:
        ValueError: when called, an input of another shape, or one value a feature while training.

    Shape:
        (N, C) or (N, C, L) to the same. weight, bias, running_mean and running_var are (C,), num_batches_tracked is ().

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.BatchNorm1d(1, eps=0.0)
        >>> layer(fastnet.tensor([[1.0], [3.0]])).tolist()
        [[-1.0], [1.0]]
        >>> layer.running_mean, int(layer.num_batches_tracked)
        (tensor([0.2]), 1)
    """

    dims = (2, 3)


class LayerNorm(Module):
    """(x - mean) / sqrt(variance + eps) * weight + bias, over the last dimensions.

    Ba et al. 2016, https://arxiv.org/abs/1607.06450.

    Args:
        normalized_shape: the length of the last dimension, or the lengths of the last several.
        eps: added to the variance.
        elementwise_affine: learn a weight and a bias of normalized_shape.
        bias: with elementwise_affine, learn a bias.
        dtype: of the parameters, float32 by default.

    Raises:
        RuntimeError: when called, an input that does not end in normalized_shape.

    Shape:
        (..., *normalized_shape) to the same.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.LayerNorm(2, eps=0.0)
        >>> layer(fastnet.tensor([[1.0, 3.0], [20.0, 10.0]])).tolist()
        [[-1.0, 1.0], [1.0, -1.0]]
    """

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, device=None, dtype=None):
        super().__init__()
        self.normalized_shape = _as_tuple("LayerNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        for name, wanted in (("weight", elementwise_affine), ("bias", elementwise_affine and bias)):
            self.register_parameter(
                name, new_parameter(*self.normalized_shape, device=device, dtype=dtype) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Start weight and bias at 1 and 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input):
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")


class RMSNorm(Module):
    """x / sqrt(mean(x^2) + eps) * weight, over the last dimensions.

    Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467.

    Args:
        normalized_shape: the length of the last dimension, or the lengths of the last several.
        eps: added to the mean; by default the machine epsilon of the input's dtype.
        elementwise_affine: learn a weight of normalized_shape.
        dtype: of the parameter, float32 by default.

    Example:
        >>> import fastnet
        >>> fastnet.nn.RMSNorm(2, eps=0.0)(fastnet.tensor([[3.0, -3.0]])).tolist()
        [[1.0, -1.0]]
    """

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None):
        super().__init__()
        self.normalized_shape = _as_tuple("RMSNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.register_parameter(
            "weight", new_parameter(*self.normalized_shape, device=device, dtype=dtype) if elementwise_affine else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Start the weight at 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input):
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


def _as_tuple(name, normalized_shape):
    shape = tuple(normalized_shape) if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
    check_sizes(name, normalized_shape=shape)
    return tuple(map(int, shape))
