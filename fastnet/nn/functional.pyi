"""Functional forms of the layers, under the names of torch.nn.functional.

Written by tools/stubs.py: change the operations and run it again.
"""
from collections.abc import Callable, Sequence
from typing import Any, Literal

from fastnet._core.annotations import DTypeLike, Size
from fastnet._core.tensor import Tensor
from fastnet.functional.conv_windows import Padding
from fastnet.functional.embedding_bag import BagMode
from fastnet.functional.loss import Reduction

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "affine_grid", "alpha_dropout", "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm",
    "bilinear", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu", "channel_shuffle", "clip_loss",
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_embedding_loss",
    "cosine_similarity", "cross_entropy", "ctc_loss", "dropout", "dropout1d", "dropout2d", "dropout3d", "elu",
    "embedding", "embedding_bag", "feature_alpha_dropout", "fold", "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices", "fractional_max_pool3d", "fractional_max_pool3d_with_indices",
    "gaussian_nll_loss", "gelu", "glu", "grid_sample", "group_norm", "gumbel_softmax", "hardshrink", "hardsigmoid",
    "hardswish", "hardtanh", "hinge_embedding_loss", "huber_loss", "instance_norm", "interpolate", "kl_div", "l1_loss",
    "layer_norm", "leaky_relu", "linear", "linear_cross_entropy", "local_response_norm", "log_softmax", "logsigmoid",
    "lp_pool1d", "lp_pool2d", "lp_pool3d", "margin_ranking_loss", "max_pool1d", "max_pool1d_with_indices", "max_pool2d",
    "max_pool2d_with_indices", "max_pool3d", "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
    "mish", "mse_loss", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss",
    "normalize", "one_hot", "pad", "pairwise_distance", "pdist", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss",
    "prelu", "relu", "relu6", "rms_norm", "rrelu", "scaled_dot_product_attention", "selu", "siglip_loss", "sigmoid",
    "silu", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh",
    "tanhshrink", "threshold", "triplet_margin_loss", "triplet_margin_with_distance_loss", "unfold",
]

def adaptive_avg_pool1d(input: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """Average of each window, with windows chosen so that the output has a given size."""

def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    """Average of each window, with windows chosen so that the output has a given size."""

def adaptive_avg_pool3d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    """Average of each window, with windows chosen so that the output has a given size."""

def adaptive_max_pool1d(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False) -> Any:
    """Largest element of each window, with windows chosen so that the output has a given size."""

def adaptive_max_pool2d(input: Tensor, output_size: int | Sequence[int | None],
                        return_indices: bool = False) -> Any:
    """Largest element of each window, with windows chosen so that the output has a given size."""

def adaptive_max_pool3d(input: Tensor, output_size: int | Sequence[int | None],
                        return_indices: bool = False) -> Any:
    """Largest element of each window, with windows chosen so that the output has a given size."""

def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The points of an affine map of images, for `grid_sample`: grid[n, i, j] = theta[n] @ (x, y, 1)."""

def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Set elements to -1.7581 with probability p and restore mean 0 and variance 1; the identity in evaluation."""

def avg_pool1d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
               count_include_pad: bool = True) -> Tensor:
    """Average of each window: sum of its elements / their number. LeCun et al. 1998, https://doi.org/10.1109/5.726791."""

def avg_pool2d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """Average of each window: sum of its elements / their number. LeCun et al. 1998, https://doi.org/10.1109/5.726791."""

def avg_pool3d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """Average of each window: sum of its elements / their number. LeCun et al. 1998, https://doi.org/10.1109/5.726791."""

def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
               bias: Tensor | None = None, training: bool = False, momentum: float = 0.1,
               eps: float = 1e-05) -> Tensor:
    """Batch normalisation: (x - mean) / sqrt(variance + eps) * weight + bias for each channel."""

def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """out[k] = input1 @ weight[k] @ input2 + bias[k], for each row of the inputs."""

def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, *,
                         reduction: Reduction = 'mean') -> Tensor:
    """Binary cross-entropy of probabilities: -(t log p + (1 - t) log(1 - p)) with p = input and t = target."""

def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None, *,
                                     reduction: Reduction = 'mean', pos_weight: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of logits, stable for every input."""

def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha * (exp(x / alpha) - 1). Barron 2017, https://arxiv.org/abs/1704.07483."""

def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave groups of channels: out[:, i*groups + g] = input[:, g*(C/groups) + i]."""

def clip_loss(image_features: Tensor, text_features: Tensor, logit_scale: Tensor | float,
              logit_bias: Tensor | float | None = None) -> Tensor:
    """Cross-entropy of the pairs of a batch, in both directions, as open_clip's `ClipLoss`."""

def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Padding = 0,
           dilation: Size = 1, groups: int = 1) -> Tensor:
    """Convolution over the last dimension; `conv2d` describes it and its arguments."""

def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Padding = 0,
           dilation: Size = 1, groups: int = 1) -> Tensor:
    """Convolution (cross-correlation) over the last two dimensions."""

def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Padding = 0,
           dilation: Size = 1, groups: int = 1) -> Tensor:
    """Convolution over the last three dimensions; `conv2d` describes it and its arguments."""

def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
                     output_padding: Size = 0, groups: int = 1, dilation: Size = 1) -> Tensor:
    """Transposed convolution over the last dimension; `conv_transpose2d` describes it and its arguments."""

def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
                     output_padding: Size = 0, groups: int = 1, dilation: Size = 1) -> Tensor:
    """Transposed convolution over the last two dimensions: the gradient of `conv2d` for its input."""

def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
                     output_padding: Size = 0, groups: int = 1, dilation: Size = 1) -> Tensor:
    """Transposed convolution over the last three dimensions; `conv_transpose2d` describes it and its arguments."""

def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, *, margin: float = 0,
                          reduction: Reduction = 'mean') -> Tensor:
    """1 - cos(input1, input2) where the target is 1, max(0, cos - margin) where it is -1."""

def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-08) -> Tensor:
    """Cosine of the angle between x1 and x2 along a dimension; the shapes broadcast."""

def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
                  reduction: Reduction = 'mean', label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of logits, -log softmax(input)[target], computed in one pass over the logits."""

def ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Tensor | Sequence[int] | int,
             target_lengths: Tensor | Sequence[int] | int, blank: int = 0, reduction: Reduction = 'mean',
             zero_infinity: bool = False) -> Tensor:
    """Connectionist temporal classification: -log of the total probability of all alignments of a target."""

def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability p and scale the others by 1/(1-p); the identity in evaluation."""

def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero channels of a sequence with probability p and scale the others by 1/(1-p); the identity in evaluation."""

def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero channels of an image with probability p and scale the others by 1/(1-p); the identity in evaluation."""

def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero channels of a volume with probability p and scale the others by 1/(1-p); the identity in evaluation."""

def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha * (exp(x) - 1)."""

def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """Rows of a table, selected by integers: weight[input]."""

def embedding_bag(input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
                  norm_type: float = 2, scale_grad_by_freq: bool = False, mode: BagMode = 'mean', sparse: bool = False,
                  per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> Tensor:
    """The sum, mean or maximum of the rows of a table in each bag: mode(weight[input[b]]); zeros for an empty bag."""

def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels: all elements of a channel are kept or none."""

def fold(input: Tensor, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0,
         stride: Size = 1) -> Tensor:
    """Add up columns of windows to images: (N, C*kh*kw, L) to (N, C, H, W), the transpose of `unfold`."""

def fractional_max_pool2d(input: Tensor, kernel_size: Size, output_size: Size | None = None,
                          output_ratio: float | Sequence[float] | None = None, return_indices: bool = False,
                          _random_samples: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """Maxima of windows at random places, whose number is the size of the output."""

def fractional_max_pool2d_with_indices(input: Tensor, kernel_size: Size, output_size: Size | None = None,
                                       output_ratio: float | Sequence[float] | None = None,
                                       return_indices: bool = False,
                                       _random_samples: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """`fractional_max_pool2d` with return_indices: (output, indices)."""

def fractional_max_pool3d(input: Tensor, kernel_size: Size, output_size: Size | None = None,
                          output_ratio: float | Sequence[float] | None = None, return_indices: bool = False,
                          _random_samples: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """`fractional_max_pool2d` of inputs (N, C, D, H, W) or (C, D, H, W), with random numbers (N, C, 3)."""

def fractional_max_pool3d_with_indices(input: Tensor, kernel_size: Size, output_size: Size | None = None,
                                       output_ratio: float | Sequence[float] | None = None,
                                       return_indices: bool = False,
                                       _random_samples: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """`fractional_max_pool3d` with return_indices: (output, indices)."""

def gaussian_nll_loss(input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-06, *,
                      reduction: Reduction = 'mean') -> Tensor:
    """The negative log-likelihood of a normal distribution: (log var + (input - target)^2 / var) / 2."""

def gelu(input: Tensor, approximate: Literal['none', 'tanh'] = 'none') -> Tensor:
    """x * Phi(x), where Phi is the cumulative distribution function of the normal distribution."""

def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Gated linear unit: a * sigmoid(b), where a and b are the halves of the input along `dim`."""

def grid_sample(input: Tensor, grid: Tensor, mode: str = 'bilinear', padding_mode: str = 'zeros',
                align_corners: bool | None = None) -> Tensor:
    """Sample images at given points: out[n, :, i, j] is input[n] at the point grid[n, i, j]."""

def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-05) -> Tensor:
    """Group normalisation: (x - mean) / sqrt(variance + eps) * weight + bias for each group of channels of a sample."""

def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """Samples of the relaxed categorical distribution: softmax((logits + Gumbel noise) / tau)."""

def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, else 0."""

def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x + 3, 0), 6) / 6. Howard et al., https://arxiv.org/abs/1905.02244."""

def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * min(max(x + 3, 0), 6) / 6. Howard et al., https://arxiv.org/abs/1905.02244."""

def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """min(max(x, min_val), max_val)."""

def hinge_embedding_loss(input: Tensor, target: Tensor, *, margin: float = 1.0,
                         reduction: Reduction = 'mean') -> Tensor:
    """x where the target is 1, max(0, margin - x) where it is -1."""

def huber_loss(input: Tensor, target: Tensor, reduction: Reduction = 'mean', delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:
    """Huber loss: with d = input - target, d^2/2 where |d| < delta, else delta (|d| - delta/2)."""

def instance_norm(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
                  weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-05) -> Tensor:
    """Instance normalisation: (x - mean) / sqrt(variance + eps) * weight + bias for each channel of each sample."""

def interpolate(input: Tensor, size: Size | None = None, scale_factor: float | Sequence[float] | None = None,
                mode: str = 'nearest', align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Tensor:
    """Resample images to another size."""

def kl_div(input: Tensor, target: Tensor, *, reduction: Literal['none', 'mean', 'sum', 'batchmean'] = 'mean',
           log_target: bool = False) -> Tensor:
    """Kullback-Leibler divergence of the distribution `input` from `target`: t (log t - input), with 0 log 0 = 0."""

def l1_loss(input: Tensor, target: Tensor, *, reduction: Reduction = 'mean',
            weight: Tensor | None = None) -> Tensor:
    """Mean absolute error: |input - target|. The gradient is 0 where they are equal."""

def layer_norm(input: Tensor, normalized_shape: Size, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-05) -> Tensor:
    """Layer normalisation: (x - mean) / sqrt(variance + eps) * weight + bias over the last dimensions."""

def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope * x."""

def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Affine map input @ weight.T + bias, computed by one kernel."""

def linear_cross_entropy(input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None,
                         weight: Tensor | None = None, reduction: Reduction = 'mean', ignore_index: int | None = None,
                         label_smoothing: float = 0.0, options: object = None) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target), without holding all logits."""

def local_response_norm(input: Tensor, size: int, alpha: float = 0.0001, beta: float = 0.75,
                        k: float = 1.0) -> Tensor:
    """Local response normalisation: x / (k + alpha / size * sum of x^2 over neighbouring channels) ^ beta."""

def log_softmax(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """x - log(sum(exp(x))) along `dim`: the logarithm of `softmax`, without overflow."""

def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow."""

def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Size, stride: Size | None = None,
              ceil_mode: bool = False) -> Tensor:
    """Power-average pooling: (sum of x^p over each window)^(1/p), the p-norm of windows of positive elements."""

def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Size, stride: Size | None = None,
              ceil_mode: bool = False) -> Tensor:
    """Power-average pooling: (sum of x^p over each window)^(1/p), the p-norm of windows of positive elements."""

def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Size, stride: Size | None = None,
              ceil_mode: bool = False) -> Tensor:
    """Power-average pooling: (sum of x^p over each window)^(1/p), the p-norm of windows of positive elements."""

def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, *, margin: float = 0,
                        reduction: Reduction = 'mean') -> Tensor:
    """max(0, -target * (input1 - input2) + margin): input1 shall rank above input2 where the target is 1."""

def max_pool1d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Largest element of each window. NaN wins; of equal elements the first in row-major order has the gradient."""

def max_pool1d_with_indices(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                            dilation: Size = 1, ceil_mode: bool = False,
                            return_indices: bool = False) -> tuple[Tensor, Tensor]:
    """`max_pool1d` with return_indices: (output, indices)."""

def max_pool2d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Largest element of each window. NaN wins; of equal elements the first in row-major order has the gradient."""

def max_pool2d_with_indices(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                            dilation: Size = 1, ceil_mode: bool = False,
                            return_indices: bool = False) -> tuple[Tensor, Tensor]:
    """`max_pool2d` with return_indices: (output, indices)."""

def max_pool3d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Largest element of each window. NaN wins; of equal elements the first in row-major order has the gradient."""

def max_pool3d_with_indices(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                            dilation: Size = 1, ceil_mode: bool = False,
                            return_indices: bool = False) -> tuple[Tensor, Tensor]:
    """`max_pool3d` with return_indices: (output, indices)."""

def max_unpool1d(input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                 output_size: Sequence[int] | None = None) -> Tensor:
    """Partial inverse of `max_pool1d`: each element at the position that pooling took it from, zeros elsewhere."""

def max_unpool2d(input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                 output_size: Sequence[int] | None = None) -> Tensor:
    """Partial inverse of `max_pool2d`: each element at the position that pooling took it from, zeros elsewhere."""

def max_unpool3d(input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                 output_size: Sequence[int] | None = None) -> Tensor:
    """Partial inverse of `max_pool3d`: each element at the position that pooling took it from, zeros elsewhere."""

def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(softplus(x)). Misra 2019, https://arxiv.org/abs/1908.08681."""

def mse_loss(input: Tensor, target: Tensor, *, reduction: Reduction = 'mean',
             weight: Tensor | None = None) -> Tensor:
    """Mean squared error: (input - target)^2."""

def multi_margin_loss(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, *,
                      reduction: Reduction = 'mean') -> Tensor:
    """sum over other classes i of max(0, margin - x[target] + x[i])^p / C."""

def multilabel_margin_loss(input: Tensor, target: Tensor, *, reduction: Reduction = 'mean') -> Tensor:
    """sum over labels j and other classes i of max(0, 1 - x[j] + x[i]) / C."""

def multilabel_soft_margin_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, *,
                                reduction: Reduction = 'mean') -> Tensor:
    """The mean over classes of the binary cross-entropy of logits."""

def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
             reduction: Reduction = 'mean') -> Tensor:
    """Negative log-likelihood of labels: -weight[target] * input[target]."""

def normalize(input: Tensor, p: float = 2.0, dim: Size = 1, eps: float = 1e-12) -> Tensor:
    """Vectors scaled to unit norm: input / max(p-norm along dim, eps)."""

def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """One-hot vectors of class indices, in int64."""

def pad(input: Tensor, pad: Sequence[int], mode: str = 'constant', value: float | None = None) -> Tensor:
    """Pad the last dimensions of a tensor; negative sizes crop them."""

def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension."""

def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of all pairs of rows, in the order (0, 1), (0, 2), ..., (1, 2), ..."""

def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Rearrange channels into pixels: (..., C*r*r, H, W) to (..., C, H*r, W*r)."""

def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Rearrange pixels into channels: (..., C, H*r, W*r) to (..., C*r*r, H, W), the inverse of `pixel_shuffle`."""

def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, *, eps: float = 1e-08,
                     reduction: Any = 'mean') -> Tensor:
    """The negative log-likelihood of a Poisson distribution: exp(input) - target * input."""

def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, else weight * x, with a learned slope. He et al. 2015, https://arxiv.org/abs/1502.01852."""

def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0)."""

def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6). Krizhevsky 2010, "Convolutional deep belief networks on CIFAR-10"."""

def rms_norm(input: Tensor, normalized_shape: Size, weight: Tensor | None = None,
             eps: float | None = None) -> Tensor:
    """RMS normalisation: x / sqrt(mean(x^2) + eps) * weight, with the mean over the last dimensions."""

def rrelu(input: Tensor, lower: float = 0.125, upper: float = 0.3333333333333333, training: bool = False,
          inplace: bool = False) -> Tensor:
    """x where x > 0, else slope * x; in training each element has a random slope, else all have the mean."""

def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
                                 dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
                                 enable_gqa: bool = False) -> Tensor:
    """Attention: softmax(scale * query @ key.T + mask) @ value, for each head."""

def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 * x where x > 0, else 1.7581 * (exp(x) - 1). Klambauer et al. 2017, https://arxiv.org/abs/1706.02515."""

def siglip_loss(image_features: Tensor, text_features: Tensor, logit_scale: Tensor | float,
                logit_bias: Tensor | float | None = None) -> Tensor:
    """Binary cross-entropy of all N * N pairs of a batch, as open_clip's `SigLipLoss`."""

def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)). Integers give float32."""

def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x). Elfwing et al. 2017, https://arxiv.org/abs/1702.03118."""

def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: Reduction = 'mean', beta: float = 1.0) -> Tensor:
    """Smooth L1 loss: with d = input - target, d^2/(2 beta) where |d| < beta, else |d| - beta/2."""

def soft_margin_loss(input: Tensor, target: Tensor, *, reduction: Reduction = 'mean') -> Tensor:
    """log(1 + exp(-target * input)), the logistic loss with a target of 1 or -1."""

def softmax(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, without overflow."""

def softmin(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """exp(-x) / sum(exp(-x)) along `dim`: the softmax of -x. Arguments and errors are those of `softmax`."""

def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta, and x where beta * x > threshold."""

def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x - lambd where x > lambd, x + lambd where x < -lambd, else 0."""

def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""

def tanh(input: Tensor) -> Tensor:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)). Integers give float32."""

def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""

def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, else value."""

def triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-06, swap: bool = False, reduction: Reduction = 'mean') -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), where d is `pairwise_distance`."""

def triplet_margin_with_distance_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *,
                                      distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
                                      margin: float = 1.0, swap: bool = False,
                                      reduction: Reduction = 'mean') -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) with any distance d."""

def unfold(input: Tensor, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> Tensor:
    """Sliding windows of images as columns: (N, C, H, W) to (N, C*kh*kw, L), with L windows from left to right."""
