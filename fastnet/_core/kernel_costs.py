"""The cost of a call of a kernel: multiply-adds, FLOPs and bytes, from the shapes of its arrays.

A multiply-add is two FLOPs; an elementwise kernel, a gradient of one and a reduction take one for each element. A
kernel with a longer formula, such as Adam's, takes the operations of the formula in its reference, on one element.
Copies, lookups, sorting and checks take none. The costs of a graph's nodes (fastnet/graph/costs.py) are made of the
same numbers.
"""
from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnet._core.annotations import Array

__all__ = ["ELEMENTWISE_KERNELS", "MOVES", "UNCOUNTED", "KernelCost", "flops_per_element", "is_counted", "kernel_cost",
           "recorded_costs"]

_KernelArguments = Mapping[str, Any]          # of a call, by the names of the kernel's parameters


@dataclass(frozen=True)
class KernelCost:
    """The cost of one or several calls of kernels.

    Attributes:
        multiply_adds: of matrix products, convolutions, recurrent layers and attention, and of their gradients. The
            algorithm does not matter: Winograd's convolution counts as the direct one.
        flops: two for each multiply-add, and the other operations on numbers (see the docstring of the module).
        bytes_read: of the arrays that kernels read; of a lookup only the rows.
        bytes_written: of the arrays that they write. These are arguments of kernels; caches serve a part of them.

    Example:
        >>> from fastnet.graph import KernelCost
        >>> KernelCost(6, 12, 40, 8) + KernelCost(0, 2, 8, 8)
        KernelCost(multiply_adds=6, flops=14, bytes_read=48, bytes_written=16)
    """

    multiply_adds: int = 0
    flops: int = 0
    bytes_read: int = 0
    bytes_written: int = 0

    @property
    def bytes(self) -> int:
        """The bytes read and written."""
        return self.bytes_read + self.bytes_written

    def __add__(self, other: KernelCost) -> KernelCost:
        return KernelCost(self.multiply_adds + other.multiply_adds, self.flops + other.flops,
                          self.bytes_read + other.bytes_read, self.bytes_written + other.bytes_written)

    def __mul__(self, count: int) -> KernelCost:
        return KernelCost(self.multiply_adds * count, self.flops * count, self.bytes_read * count,
                          self.bytes_written * count)


def kernel_cost(kernel: Any, args: Sequence[Any], attrs: Mapping[str, Any]) -> KernelCost:
    """The cost of a call of a kernel.

    Args:
        kernel: the reference kernel, whose name and declaration count.
        args, attrs: of the call.
    """
    name = kernel.__name__
    call = _named_arguments(kernel, args, attrs)
    products = _KERNEL_PRODUCTS[name](call) if name in _KERNEL_PRODUCTS else 0
    read, written = _call_bytes(kernel, args, attrs, call)
    return KernelCost(products, 2 * products + _single_flops(kernel, args, call), read, written)


def recorded_costs(launches: Any) -> list[Any]:
    """The kernel calls in a LaunchList, each with its `cost`, which is computed once.

    Args:
        launches: the LaunchList of a recording that exists: some costs depend on values, such as a weight decay.
    """
    calls: list[Any] = launches.calls
    for call in calls:
        if call.cost is None:
            call.cost = kernel_cost(call.kernel, call.args, call.attrs)
    return calls


def is_counted(kernel: Any) -> bool:
    """Whether the FLOPs of a kernel are known; those of UNCOUNTED are not.

    Args:
        kernel: the reference kernel.
    """
    name = kernel.__name__
    return kernel.check or any(name in table for table in (
        MOVES, ELEMENTWISE_KERNELS, _PER_ELEMENT, _FLOP_FORMULAS, _KERNEL_PRODUCTS))


def _named_arguments(kernel: Any, args: Sequence[Any], attrs: Mapping[str, Any]) -> _KernelArguments:
    names, defaults = _kernel_parameters(kernel)
    return {**defaults, **dict(zip(names, args)), **attrs}


@functools.cache
def _kernel_parameters(kernel: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The names of a kernel's parameters, and the defaults."""
    parameters = inspect.signature(kernel).parameters
    return tuple(parameters), {name: parameter.default for name, parameter in parameters.items()
                               if parameter.default is not parameter.empty}


# ---- multiply-adds --------------------------------------------------------------------------------------------------

def _matmul_products(call: _KernelArguments) -> int:
    return call["out"].size * call["a"].shape[-1]


def _weight_only_products(call: _KernelArguments) -> int:
    return call["out"].size * call["x"].shape[-1]


def _conv_products(call: _KernelArguments) -> int:
    return call["out"].size * math.prod(call["weight"].shape[1:])


def _conv_input_products(call: _KernelArguments) -> int:
    return call["dy"].size * math.prod(call["weight"].shape[1:])


def _conv_weight_products(call: _KernelArguments) -> int:
    return call["dy"].size * math.prod(call["dw"].shape[1:])


def _separable_products(call: _KernelArguments) -> int:
    """Of a 1x1, a depthwise and another 1x1 convolution."""
    out, x, width = call["out"], call["x"], call["depthwise"].shape[0]
    pixels = out.size // max(out.shape[-1], 1)
    return x.size * width + pixels * call["depthwise"].size + out.size * width


def _attention_products(call: _KernelArguments) -> int:
    """Queries times keys, and weights times values; causal attention counts as full attention."""
    return _score_count(call) * (call["q"].shape[3] + call["v"].shape[3])


def _attention_backward_products(call: _KernelArguments) -> int:
    """The scores again, the gradient of the weights, and those of the arguments that are wanted."""
    width, value_width = call["q"].shape[3], call["v"].shape[3]
    wanted = [width * (call["dq"] is not None), width * (call["dk"] is not None),
              value_width * (call["dv"] is not None)]
    return _score_count(call) * (width + value_width + sum(wanted))


def _score_count(call: _KernelArguments) -> int:
    batch, queries, heads, _ = call["q"].shape
    return batch * queries * heads * call["k"].shape[1]


def _recurrence_products(call: _KernelArguments) -> int:
    """Each row times the matrices of the state, of a projection, and of the input if the kernel multiplies it."""
    rows = len(call["gates"] if "gates" in call else call["dgates"])
    matrices = (call.get(name) for name in ("weight", "projection", "input_weight"))
    return rows * sum(matrix.size for matrix in matrices if matrix is not None)


_KERNEL_PRODUCTS: dict[str, Callable[[_KernelArguments], int]] = {
    "matmul": _matmul_products, "quantized_matmul": _matmul_products, "integer_matmul": _matmul_products,
    "dequantized_matmul": _matmul_products, "weight_only_matmul": _weight_only_products, "conv": _conv_products,
    "quantized_conv": _conv_products, "integer_conv": _conv_products, "conv_separable": _separable_products,
    "conv_input": _conv_input_products, "conv_weight": _conv_weight_products, "attention": _attention_products,
    "attention_backward": _attention_backward_products,
    **dict.fromkeys(("lstm_", "lstm_backward", "gru_", "gru_backward", "rnn", "rnn_backward"), _recurrence_products)}


# ---- other operations -----------------------------------------------------------------------------------------------

# Kernels that move, compare or check elements.
MOVES = frozenset((
    "arange", "argsort", "byte_table", "copy", "copy_rows_", "embedding", "embedding_bag_max",
    "embedding_bag_shares", "fill", "fill_rows_", "gather", "increment_", "index_get", "index_put_", "join", "kth",
    "linalg_triangle", "max_unpool", "one_hot", "randperm", "searchsorted", "select_rows", "take_volume", "topk",
    "triangle", "true_places", "unfold", "conj", "times_i"))

# Kernels whose work depends on values, or has no agreed count: their FLOPs are not counted.
UNCOUNTED = frozenset((
    "csr_matmul", "csr_matmul_backward", "ctc_loss", "ctc_loss_backward", "fft", "fft_real", "fft_real_backward",
    "fft_real_inverse", "fft_real_inverse_backward", "gamma_slope", "irfft", "mel_spectrogram", "nms",
    "random_binomial", "random_gamma", "random_poisson", "rfft", "special", "special_backward",
    "special_backward_second", "spectrogram", "spectrogram_backward", "stft", "stft_backward",
    *(f"linalg_{name}" for name in (
        "cholesky", "cholesky_backward", "det", "det_backward", "eig", "eigh", "eigh_backward", "inv", "inv_backward",
        "lu", "lu_backward", "matrix_exp", "matrix_exp_backward", "pinv", "pinv_backward", "qr", "qr_backward",
        "slogdet", "slogdet_backward", "solve", "solve_backward", "solve_triangular", "svd", "svd_backward"))))

# Kernels that take one operation for each element of their first output: elementwise functions and their gradients.
ELEMENTWISE_KERNELS = frozenset((
    "abs", "acos", "acosh", "add", "angle", "angle_backward", "asin", "asinh", "atan", "atan2", "atanh",
    "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "clamp_backward", "complex_abs",
    "complex_abs_backward", "copysign", "cos", "cosh", "cross_entropy_backward", "cummax", "cummin", "cumprod",
    "cumprod_backward", "cumsum", "dequantize", "div", "dropout", "dropout_backward", "elu", "elu_backward", "eq",
    "erf", "exp", "expm1", "exponent", "fake_quantize", "fake_quantize_backward", "floor", "floor_divide", "fmax",
    "fmin", "fmod", "gcd", "ge", "gelu", "gelu_backward", "gelu_tanh", "gelu_tanh_backward", "gt", "hardsigmoid",
    "hardsigmoid_backward", "hardswish", "hardswish_backward", "hardtanh_backward", "heaviside", "hypot",
    "isfinite", "isinf", "isnan", "lcm", "le", "leaky_relu", "leaky_relu_backward", "left_shift", "log", "log10",
    "log1p", "log2", "logcumsumexp", "logcumsumexp_backward", "logical_and", "logical_not", "logical_or",
    "logical_xor", "lt", "maximum", "minimum", "mul", "ne", "neg", "nextafter", "pow", "prod_backward", "quantize",
    "quantize_rows", "quantized_add", "quantized_average_pool", "quantized_gru_cell", "quantized_lstm_cell",
    "quantized_max_pool", "quantized_mul", "quantized_softmax", "random_bernoulli", "random_integers",
    "random_normal", "random_uniform", "reciprocal", "relu", "relu_backward", "remainder", "requantize",
    "right_shift", "round", "selu", "selu_backward", "sigmoid", "sigmoid_backward", "sign", "signbit", "silu",
    "silu_backward", "sin", "sinh", "softplus", "softplus_backward", "sqrt", "square", "sub", "tan", "tanh",
    "tanh_backward", "trunc", "unpack_weight", "where"))

# {kernel: (the argument whose elements count, operations on each of them)}
_PER_ELEMENT: dict[str, tuple[str, int]] = {
    **dict.fromkeys((
        "sum", "mean", "var", "std", "amax", "amin", "argmax", "argmin", "sum_across", "mean_across", "amax_across",
        "amin_across", "prod", "any", "all"), ("x", 1)),
    "sum_squares": ("x", 2), "square_sums": ("x", 2),
    "softmax": ("x", 5), "log_softmax": ("x", 5), "cross_entropy": ("x", 5), "cross_entropy_probs": ("x", 7),
    "softmax_backward": ("dx", 4), "log_softmax_backward": ("dx", 4), "cross_entropy_probs_backward": ("dx", 3),
    "logsumexp": ("x", 4), "logsumexp_backward": ("dx", 3),
    "mse_loss": ("x", 2), "mse_loss_backward": ("dx", 2), "l1_loss": ("x", 2), "l1_loss_backward": ("dx", 2),
    "huber_loss": ("x", 5), "huber_loss_backward": ("dx", 3), "smooth_l1_loss": ("x", 6),
    "smooth_l1_loss_backward": ("dx", 4), "bce_with_logits": ("x", 8), "bce_with_logits_backward": ("dx", 5),
    "kl_div": ("x", 4), "kl_div_backward": ("dx", 2),
    "channel_norm_stats": ("x", 3), "group_norm": ("x", 5), "layer_norm": ("x", 5), "rms_norm": ("x", 5),
    "local_response_norm": ("x", 5), "local_response_norm_backward": ("dx", 10),
    "channel_affine": ("var", 5), "batch_norm_update_": ("running_mean", 7), "clip_scale_": ("g", 1),
    "embedding_backward": ("dy", 1), "gather_backward": ("dy", 1), "index_add_": ("dy", 1), "add_rows_": ("src", 2),
    "embedding_bag_backward": ("factors", 2), "fold": ("columns", 1), "overlap_add": ("frames", 1),
    "take_volume_backward": ("dy", 1), "max_pool_backward": ("dy", 1),
    "lstm_": ("out", 8), "gru_": ("out", 6), "rnn": ("out", 2),         # an activation and a product for each gate
    "lstm_backward": ("dout", 27), "gru_backward": ("dout", 18), "rnn_backward": ("dout", 4),
    "adadelta_": ("p", 14), "adamax_": ("p", 9), "nadam_": ("p", 16), "radam_": ("p", 12), "rprop_": ("p", 5),
    "asgd_": ("p", 6)}


def flops_per_element(kernel: str) -> int:
    """The FLOPs that a kernel takes for each element, without its multiply-adds.

    Args:
        kernel: its name; its count must not depend on attributes.

    Raises:
        KeyError: there is no such number.

    Example:
        >>> from fastnet._core.kernel_costs import flops_per_element
        >>> flops_per_element("relu"), flops_per_element("softmax")
        (1, 5)
    """
    return 1 if kernel in ELEMENTWISE_KERNELS else _PER_ELEMENT[kernel][1]


def _single_flops(kernel: Any, args: Sequence[Any], call: _KernelArguments) -> int:
    """The operations on numbers that are not part of a multiply-add."""
    name = kernel.__name__
    if name in _FLOP_FORMULAS:
        return _FLOP_FORMULAS[name](call)
    if name in _PER_ELEMENT:
        argument, count = _PER_ELEMENT[name]
        return count * call[argument].size
    if name in ELEMENTWISE_KERNELS:
        return next((args[i].size for i in kernel.outputs if args[i] is not None), 0)
    return 0


def _finish_flops(call: _KernelArguments) -> int:
    """Of the epilogue of a product: scale and shift, a residual and an activation, each one for each element.

    A bias takes none: K products and their sum with it are K multiply-adds.
    """
    steps = 2 * (call.get("affine") is not None) + (call.get("residual") is not None)
    return (steps + (call.get("activation", "none") != "none")) * call["out"].size


def _weighted_mean_flops(call: _KernelArguments) -> int:
    """Two sums, and their quotient."""
    return 2 * call["x"].size + 1


def _scatter_flops(call: _KernelArguments) -> int:
    return 0 if call["reduce"] == "put" else call["src"].size


def _channel_norm_flops(call: _KernelArguments) -> int:
    """Scale and shift, a residual and an activation."""
    return (2 + (call["residual"] is not None) + (call["activation"] != "none")) * call["x"].size


def _channel_norm_backward_flops(call: _KernelArguments) -> int:
    """The normalized input, and each gradient that is wanted."""
    steps = 2 + (call["activation"] != "none") + (call["dbias"] is not None) + 2 * (call["dweight"] is not None)
    return (steps + (call["dx"] is not None) * (5 if call["training"] else 1)) * call["x"].size


def _layer_norm_backward_flops(call: _KernelArguments) -> int:
    steps = 2 + (call["dbias"] is not None) + 2 * (call["dweight"] is not None)
    return (steps + (call["dx"] is not None) * (7 + (call["weight"] is not None))) * call["x"].size


def _rms_norm_backward_flops(call: _KernelArguments) -> int:
    steps = 1 + 2 * (call["dweight"] is not None)
    return (steps + (call["dx"] is not None) * (5 + (call["weight"] is not None))) * call["x"].size


def _pool_flops(call: _KernelArguments) -> int:
    """One for each element of each window; of adaptive pooling one for each element of the image."""
    small, large = (call["out"], call["x"]) if "out" in call else (call["dy"], call["dx"])
    windows = call["windows"]
    return large.size if windows is None else small.size * math.prod(axis[0] for axis in windows)


def _resample_flops(call: _KernelArguments) -> int:
    x = call["x"]
    return 2 * len(call["index"]) * (x.size // max(x.shape[1], 1))


def _grid_flops(call: _KernelArguments) -> int:
    """A multiply-add for each tap of each point and channel; of a gradient for each argument."""
    taps = {"nearest": 1, "bilinear": 2, "bicubic": 4}[call["mode"]] ** call["grid"].shape[2]
    values = call["dy" if "dy" in call else "out"].size
    wanted = sum(call[name] is not None for name in ("dx", "dgrid")) if "dy" in call else 1
    return 2 * taps * values * wanted


def _hyper_numbers(call: _KernelArguments) -> list[float]:
    return np.asarray(call["hyper"]).tolist()


def _penalty_flops(weight_decay: float, l1: float) -> int:
    return 2 * (weight_decay != 0) + 3 * (l1 != 0)


def _sgd_flops(call: _KernelArguments) -> int:
    """p -= lr * d, the momentum's buffer, Nesterov's direction and the penalties."""
    _, momentum, _, weight_decay, l1 = _hyper_numbers(call)
    moved = 3 + 2 * bool(call["nesterov"]) if call["buf"] is not None and momentum else 0
    return (2 + moved + _penalty_flops(weight_decay, l1)) * call["p"].size


def _adam_flops(call: _KernelArguments) -> int:
    """Both moments (3 + 4), AMSGrad's maximum, the denominator (3) and the update (3), and the penalties."""
    _, _, _, _, weight_decay, l1 = _hyper_numbers(call)
    decay = 1 if call["decoupled"] and weight_decay else 2 * bool(weight_decay)
    return (13 + (call["vmax"] is not None) + decay + 3 * bool(l1)) * call["p"].size


def _rmsprop_flops(call: _KernelArguments) -> int:
    _, _, _, weight_decay, momentum, l1 = _hyper_numbers(call)
    more = 6 * (call["gavg"] is not None) + 2 * (call["buf"] is not None and momentum != 0)
    return (9 + more + _penalty_flops(weight_decay, l1)) * call["p"].size


def _adagrad_flops(call: _KernelArguments) -> int:
    _, _, _, weight_decay, l1 = _hyper_numbers(call)
    return (7 + _penalty_flops(weight_decay, l1)) * call["p"].size


_FLOP_FORMULAS: dict[str, Callable[[_KernelArguments], int]] = {
    **dict.fromkeys(("matmul", "conv"), _finish_flops), "scatter_": _scatter_flops,
    "weighted_mean": _weighted_mean_flops,
    "channel_norm": _channel_norm_flops, "channel_norm_backward": _channel_norm_backward_flops,
    "layer_norm_backward": _layer_norm_backward_flops, "rms_norm_backward": _rms_norm_backward_flops,
    **dict.fromkeys(("max_pool", "avg_pool", "avg_pool_backward"), _pool_flops), "resample": _resample_flops,
    **dict.fromkeys(("grid_sample", "grid_sample_backward"), _grid_flops), "sgd_": _sgd_flops, "adam_": _adam_flops,
    "rmsprop_": _rmsprop_flops, "adagrad_": _adagrad_flops}


# ---- bytes ----------------------------------------------------------------------------------------------------------

# {kernel: (the table that it looks up, or that it writes in places; the array of these places' elements)}
_PLACES = {"embedding": ("weight", "out"), "gather": ("x", "out"), "index_get": ("x", "out"),
           "select_rows": ("x", "out"), "take_volume": ("x", "out"), "index_put_": ("x", "value"),
           "index_add_": ("dx", "dy"), "add_rows_": ("out", "src"), "copy_rows_": ("out", "src"),
           "scatter_": ("out", "src")}


def _call_bytes(kernel: Any, args: Sequence[Any], attrs: Mapping[str, Any], call: _KernelArguments) -> tuple[int, int]:
    """The bytes that a call reads and writes."""
    in_place = kernel.__name__.endswith("_") or bool(call.get("accumulate"))
    written = {id(args[i]): args[i] for i in kernel.outputs if isinstance(args[i], np.ndarray)}
    arrays = [a for a in (*args, *attrs.values()) if isinstance(a, np.ndarray)]
    read = {id(a): a for a in arrays if in_place or id(a) not in written}
    most: dict[int, int] = {}
    if kernel.__name__ in _PLACES:
        table, places = (call[name] for name in _PLACES[kernel.__name__])
        most[id(table)] = getattr(places, "nbytes", 0)
    return tuple(sum(min(_memory_bytes(a), most.get(id(a), _memory_bytes(a))) for a in side.values())
                 for side in (read, written))           # type: ignore[return-value]


def _memory_bytes(a: Array) -> int:
    """The bytes of an array; an element that it repeats by a stride of 0 counts once."""
    return a.itemsize * math.prod(n for n, stride in zip(a.shape, a.strides) if stride or n == 0)
