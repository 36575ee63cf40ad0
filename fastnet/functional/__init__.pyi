"""Differentiable operations on tensors, one module for each subject. `fastnet` has all of them under their names.

Written by tools/stubs.py: change the operations and run it again.
"""
from collections.abc import Iterable, Sequence
from typing import Any, Literal, overload

from fastnet._core.annotations import Dims, DType, DTypeLike, Number, Operand, Shape, Size, TensorOrNumber
from fastnet._core.tensor import Tensor
from fastnet.functional.histograms import Histogram
from fastnet.functional.number_parts import MantissaExponent
from fastnet.functional.ordering import ValuesIndices
from fastnet.functional.statistics import MinMax
from fastnet.random import Generator

__all__ = [
    "abs", "absolute", "acos", "acosh", "add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv", "addr", "adjoint",
    "all", "allclose", "amax", "amin", "aminmax", "angle", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh",
    "arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort", "argwhere", "as_strided", "asin", "asinh", "atan",
    "atan2", "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "baddbmm", "bernoulli", "bincount", "binomial",
    "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "block_diag", "bmm", "broadcast_shapes", "broadcast_tensors", "broadcast_to", "bucketize", "cartesian_prod", "cat",
    "cdist", "ceil", "chain_matmul", "chunk", "clamp", "clamp_max", "clamp_min", "clip", "clone", "column_stack",
    "combinations", "complex", "concat", "concatenate", "conj", "conj_physical", "copysign", "corrcoef", "cos", "cosh",
    "count_nonzero", "cov", "cross", "cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid", "deg2rad", "diag",
    "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "diff", "dist", "div", "divide", "dot", "dropout",
    "dsplit", "dstack", "einsum", "empty", "empty_like", "eq", "equal", "erf", "exp", "expm1", "eye",
    "fake_quantize_per_channel_affine", "fake_quantize_per_tensor_affine", "fix", "flatten", "flip", "fliplr", "flipud",
    "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac", "frexp", "full", "full_like", "gather",
    "gcd", "ge", "ger", "get_device", "gradient", "greater", "greater_equal", "gt", "heaviside", "histc", "histogram",
    "hsplit", "hstack", "hypot", "imag", "index_add", "index_copy", "index_fill", "index_put", "index_reduce",
    "index_select", "inner", "is_complex", "is_conj", "is_nonzero", "is_same_size", "is_signed", "isclose", "isfinite",
    "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal", "kron", "kthvalue", "lcm", "ldexp", "le", "lerp",
    "less", "less_equal", "linspace", "log", "log10", "log1p", "log2", "log_softmax", "logaddexp", "logaddexp2",
    "logcumsumexp", "logical_and", "logical_not", "logical_or", "logical_xor", "logspace", "logsumexp", "lt",
    "masked_fill", "masked_scatter", "masked_select", "matmul", "max", "maximum", "mean", "median", "meshgrid", "min",
    "minimum", "mm", "mode", "moveaxis", "movedim", "msort", "mul", "multinomial", "multiply", "mv", "nan_to_num",
    "nanmean", "nanmedian", "nanquantile", "nansum", "narrow", "narrow_copy", "ne", "neg", "negative", "nextafter",
    "nonzero", "norm", "normal", "not_equal", "ones", "ones_like", "outer", "permute", "poisson", "polar", "positive",
    "pow", "prod", "put", "quantile", "rad2deg", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "randperm", "range", "ravel", "real", "reciprocal", "relu", "remainder", "renorm", "repeat_interleave", "reshape",
    "resolve_conj", "result_type", "roll", "rot90", "round", "row_stack", "rsqrt", "rsub", "scatter", "scatter_add",
    "scatter_reduce", "searchsorted", "select", "select_scatter", "sgn", "sigmoid", "sign", "signbit", "sin", "sinh",
    "slice_scatter", "softmax", "sort", "sparse_coo_tensor", "split", "split_with_sizes", "sqrt", "square", "squeeze",
    "stack", "std", "std_mean", "sub", "subtract", "sum", "swapaxes", "swapdims", "t", "take", "take_along_dim", "tan",
    "tanh", "tensor_split", "tensordot", "tile", "topk", "trace", "transpose", "trapezoid", "trapz", "tril",
    "tril_indices", "triu", "triu_indices", "true_divide", "trunc", "unbind", "unflatten", "unique",
    "unique_consecutive", "unravel_index", "unsqueeze", "vander", "var", "var_mean", "vdot", "view_as_complex",
    "view_as_real", "vsplit", "vstack", "where", "zeros", "zeros_like",
]

def abs(input: Tensor) -> Tensor:
    """|x|. The gradient at 0 is 0."""

def absolute(input: Tensor) -> Tensor:
    """|x|. The gradient at 0 is 0."""

def acos(input: Tensor) -> Tensor:
    """The inverse cosine, in radians from 0 to pi; NaN outside [-1, 1]. Integers give float32."""

def acosh(input: Tensor) -> Tensor:
    """The inverse hyperbolic cosine, 0 or more; NaN below 1. Integers give float32."""

def add(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input + alpha * other."""

def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * the sum of bmm(batch1, batch2) over the batch."""

def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 / tensor2, element by element."""

def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 * tensor2, element by element."""

def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""

def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec)."""

def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2)."""

def adjoint(input: Tensor) -> Tensor:
    """The conjugate transposes of matrices, (..., rows, columns) to (..., columns, rows); `x.mH` is the same."""

def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are true (not 0). Arguments are those of `sum`."""

def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08,
             equal_nan: bool = False) -> bool:
    """Whether every element is close, a Python bool: see `isclose`."""

def amax(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The largest element along dimensions; NaN if any is NaN. Equal elements share the gradient evenly."""

def amin(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The smallest element along dimensions; NaN if any is NaN. Equal elements share the gradient evenly."""

def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """The smallest and the largest element, of all or along a dimension."""

def angle(input: Tensor) -> Tensor:
    """The angle of complex numbers, in radians from -pi to pi; of real numbers 0, or pi below 0."""

def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether any element is true (not 0). Arguments are those of `sum`."""

def arange(start: TensorOrNumber = 0, end: TensorOrNumber | None = None, step: TensorOrNumber = 1, *,
           dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
           layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """The numbers start, start + step, ... below end; arange(end) starts at 0."""

def arccos(input: Tensor) -> Tensor:
    """The inverse cosine, in radians from 0 to pi; NaN outside [-1, 1]. Integers give float32."""

def arccosh(input: Tensor) -> Tensor:
    """The inverse hyperbolic cosine, 0 or more; NaN below 1. Integers give float32."""

def arcsin(input: Tensor) -> Tensor:
    """The inverse sine, in radians from -pi/2 to pi/2; NaN outside [-1, 1]. Integers give float32."""

def arcsinh(input: Tensor) -> Tensor:
    """The inverse hyperbolic sine. Integers give float32."""

def arctan(input: Tensor) -> Tensor:
    """The inverse tangent, in radians from -pi/2 to pi/2. Integers give float32."""

def arctan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle of the point (x, y) = (other, input), in radians from -pi to pi."""

def arctanh(input: Tensor) -> Tensor:
    """The inverse hyperbolic tangent; NaN outside [-1, 1]. Integers give float32."""

def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest element along a dimension, int64."""

def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest element along a dimension, int64."""

def argsort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = True) -> Tensor:
    """The indices that sort a tensor along a dimension, int64; stable, with NaN as the largest."""

def argwhere(input: Tensor) -> Tensor:
    """The coordinates of the elements that are not 0, as rows: `nonzero`."""

def as_strided(input: Tensor, size: Sequence[int], stride: Sequence[int],
               storage_offset: int | None = None) -> Tensor:
    """A view of the elements of a contiguous tensor with any shape and strides."""

def asin(input: Tensor) -> Tensor:
    """The inverse sine, in radians from -pi/2 to pi/2; NaN outside [-1, 1]. Integers give float32."""

def asinh(input: Tensor) -> Tensor:
    """The inverse hyperbolic sine. Integers give float32."""

def atan(input: Tensor) -> Tensor:
    """The inverse tangent, in radians from -pi/2 to pi/2. Integers give float32."""

def atan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle of the point (x, y) = (other, input), in radians from -pi to pi."""

def atanh(input: Tensor) -> Tensor:
    """The inverse hyperbolic tangent; NaN outside [-1, 1]. Integers give float32."""

def atleast_1d(*tensors: Tensor | Sequence[Tensor]) -> Any:
    """A tensor with at least 1 dimension, or a tuple of such for several."""

def atleast_2d(*tensors: Tensor | Sequence[Tensor]) -> Any:
    """A tensor with at least 2 dimensions, or a tuple of such for several: vectors become rows."""

def atleast_3d(*tensors: Tensor | Sequence[Tensor]) -> Any:
    """A tensor with at least 3 dimensions, or a tuple of such for several: (n,) becomes (1, n, 1)."""

def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2)."""

def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Random ones and zeros: 1 with the probability given by each element, else 0. The gradient is 0."""

def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 to the largest occurs, int64; or the sum of the weights of its occurrences."""

def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Random numbers of successes in `count` trials with probability `prob`."""

def bitwise_and(input: Tensor, other: Operand) -> Tensor:
    """input & other, bit by bit; logical for bool. RuntimeError if either is a float."""

def bitwise_left_shift(input: Operand, other: Operand) -> Tensor:
    """input * 2^other, by shifting bits, element by element. RuntimeError for floats and bools."""

def bitwise_not(input: Tensor) -> Tensor:
    """The complement of each bit; the negation of a bool."""

def bitwise_or(input: Tensor, other: Operand) -> Tensor:
    """input | other, bit by bit; logical for bool. RuntimeError if either is a float."""

def bitwise_right_shift(input: Operand, other: Operand) -> Tensor:
    """input / 2^other rounded down, by shifting bits, element by element. RuntimeError for floats and bools."""

def bitwise_xor(input: Tensor, other: Operand) -> Tensor:
    """input ^ other, bit by bit; logical for bool. RuntimeError if either is a float."""

def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the given matrices along its diagonal, zeros elsewhere."""

def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Products of two batches of matrices, (B, M, K) and (B, K, N)."""

def broadcast_shapes(*shapes: Size) -> Shape:
    """The shape that shapes broadcast to."""

def broadcast_tensors(*tensors: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Views of tensors in the shape that they broadcast to."""

def broadcast_to(input: Tensor, shape: Size) -> Tensor:
    """`expand` to `shape`."""

def bucketize(input: TensorOrNumber, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The bucket of each element: i where boundaries[i - 1] < x <= boundaries[i], int64."""

def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of one element of each vector, as rows."""

def cat(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Concatenate tensors along a dimension."""

def cdist(x1: Tensor, x2: Tensor, p: float = 2.0,
          compute_mode: str = 'use_mm_for_euclid_dist_if_necessary') -> Tensor:
    """The p-norm distance of each row of one matrix from each row of another: out[i][j] = |x1[i] - x2[j]|_p."""

def ceil(input: Tensor) -> Tensor:
    """The smallest integer not below x. Its gradient is 0."""

def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices, from the left."""

def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor along a dimension into at most `chunks` views of equal length; the last may be shorter."""

def clamp(input: Tensor, min: TensorOrNumber | None = None, max: TensorOrNumber | None = None) -> Tensor:
    """min(max(input, min), max): limit each element to [min, max]. A NaN limit gives NaN."""

def clamp_max(input: Tensor, max: TensorOrNumber) -> Tensor:
    """min(input, max): `clamp` with an upper limit."""

def clamp_min(input: Tensor, min: TensorOrNumber) -> Tensor:
    """max(input, min): `clamp` with a lower limit."""

def clip(input: Tensor, min: TensorOrNumber | None = None, max: TensorOrNumber | None = None) -> Tensor:
    """min(max(input, min), max): limit each element to [min, max]. A NaN limit gives NaN."""

def clone(input: Tensor, *, memory_format: object = None) -> Tensor:
    """A copy that gradients flow through."""

def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along dimension 1; vectors count as columns."""

def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, as rows, in the order of the vector."""

def complex(real: Tensor, imag: Tensor) -> Tensor:
    """Complex numbers from their real and imaginary parts."""

def concat(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Concatenate tensors along a dimension."""

def concatenate(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Concatenate tensors along a dimension."""

def conj(input: Tensor) -> Tensor:
    """The conjugate of complex numbers, as a new tensor; a real tensor itself."""

def conj_physical(input: Tensor) -> Tensor:
    """See `conj`."""

def copysign(input: Tensor, other: Operand) -> Tensor:
    """The magnitude of `input` with the sign of `other`, element by element. Integers give float32."""

def corrcoef(input: Tensor) -> Tensor:
    """The matrix of correlation coefficients of variables in rows, limited to [-1, 1]."""

def cos(input: Tensor) -> Tensor:
    """The cosine of an angle in radians. Integers give float32."""

def cosh(input: Tensor) -> Tensor:
    """The hyperbolic cosine, (e^x + e^-x) / 2. Integers give float32."""

def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """The number of elements that are not 0, int64."""

def cov(input: Tensor, *, correction: int = 1, fweights: Tensor | None = None,
        aweights: Tensor | None = None) -> Tensor:
    """The covariance matrix of variables in rows."""

def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The cross product of vectors of 3 elements."""

def cummax(input: Tensor, dim: int) -> ValuesIndices:
    """The largest element so far along a dimension: (values, indices). Of equal ones the last; NaN stays."""

def cummin(input: Tensor, dim: int) -> ValuesIndices:
    """The smallest element so far along a dimension: (values, indices). Arguments are those of `cummax`."""

def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative products along a dimension: out[i] = x[0] * ... * x[i]. The gradient is exact for zeros, too."""

def cumsum(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative sums along a dimension: out[i] = x[0] + ... + x[i]."""

def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1) -> Tensor:
    """The running integral along a dimension by the trapezoidal rule. Arguments are those of `trapezoid`."""

def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians: x * pi / 180. Integers give float32."""

def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix as a copy, or the matrix with a vector on its diagonal."""

def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices of zeros with the last dimension of the input on their diagonals."""

def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with the flattened input on its diagonal."""

def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the diagonals of the matrices in two dimensions; they become the last dimension."""

def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of the input with `src` in its diagonals: see `diagonal`."""

def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None,
         append: Tensor | None = None) -> Tensor:
    """Differences of neighbours along a dimension: out[i] = x[i + 1] - x[i], applied n times. Bools give `!=`."""

def dist(input: Tensor, other: Operand, p: float = 2) -> Tensor:
    """The p-norm of input - other, over all elements: see `norm`."""

def div(input: Operand, other: Operand, *, rounding_mode: Literal['floor', 'trunc'] | None = None) -> Tensor:
    """input / other, element by element; integers give float32."""

def divide(input: Operand, other: Operand, *, rounding_mode: Literal['floor', 'trunc'] | None = None) -> Tensor:
    """input / other, element by element; integers give float32."""

def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Inner product of two vectors, sum_i input[i] * tensor[i]."""

def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Zero each element with probability p and scale the others by 1/(1-p); the identity in evaluation."""

def dsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Split a tensor of 3 dimensions or more along dimension 2. Arguments and errors are those of `hsplit`."""

def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along dimension 2, after `atleast_3d`."""

def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products of elements, in Einstein's notation: "bij,bjk->bik" is a batched matrix product."""

def empty(*size: Size, dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
          layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """A tensor with uninitialised values, to be written before it is read."""

def empty_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
               layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """A tensor with uninitialised values in the shape and, by default, the dtype of `input`."""

def eq(input: Tensor, other: Operand) -> Tensor:
    """input == other, element by element, as bool; shapes broadcast."""

def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements, a Python bool."""

def erf(input: Tensor) -> Tensor:
    """The error function, 2/sqrt(pi) * integral of exp(-t^2) from 0 to x. Integers give float32."""

def exp(input: Tensor) -> Tensor:
    """e^x. Integers give float32."""

def expm1(input: Tensor) -> Tensor:
    """e^x - 1, exact near 0. Integers give float32."""

def eye(n: int, m: int | None = None, *, dtype: DTypeLike | None = None, requires_grad: bool = False,
        device: str | None = None, layout: str | None = None, pin_memory: bool = False,
        memory_format: object = None) -> Tensor:
    """The identity matrix."""

def fake_quantize_per_channel_affine(input: Tensor, scale: Tensor, zero_point: Tensor, axis: int, quant_min: int,
                                     quant_max: int) -> Tensor:
    """As `fake_quantize_per_tensor_affine`, with a scale and a zero point for each index along a dimension."""

def fake_quantize_per_tensor_affine(input: Tensor, scale: float | Tensor, zero_point: int | Tensor, quant_min: int,
                                    quant_max: int) -> Tensor:
    """(clamp(round(x / scale) + zero_point, quant_min, quant_max) - zero_point) * scale."""

def fix(input: Tensor) -> Tensor:
    """x without its fraction. Its gradient is 0."""

def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the dimensions from start_dim to end_dim into one; a view where possible."""

def flip(input: Tensor, dims: Size, *more: int) -> Tensor:
    """Reverse the order of elements along dimensions, given as integers or one tuple; a copy."""

def fliplr(input: Tensor) -> Tensor:
    """Reverse the order along dimension 1; a copy."""

def flipud(input: Tensor) -> Tensor:
    """Reverse the order along dimension 0; a copy."""

def float_power(input: Operand, exponent: Operand) -> Tensor:
    """input^exponent in float64."""

def floor(input: Tensor) -> Tensor:
    """The largest integer not above x. Its gradient is 0."""

def floor_divide(input: Operand, other: Operand) -> Tensor:
    """floor(input / other), element by element. Its gradient is 0."""

def fmax(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two, element by element; a number if the other one is NaN."""

def fmin(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two, element by element; a number if the other one is NaN."""

def fmod(input: Tensor, other: Operand) -> Tensor:
    """input - other * trunc(input / other). It has the sign of the dividend, as C's fmod."""

def frac(input: Tensor) -> Tensor:
    """The fraction x - trunc(x), with the sign of x."""

def frexp(input: Tensor) -> MantissaExponent:
    """The mantissa, between 1/2 and 1, and the exponent (int32) of each number: input = mantissa * 2^exponent."""

def full(size: Size, fill_value: Number, *, dtype: DTypeLike | None = None, requires_grad: bool = False,
         device: str | None = None, layout: str | None = None, pin_memory: bool = False,
         memory_format: object = None) -> Tensor:
    """A tensor of one value."""

def full_like(input: Tensor, fill_value: Number, *, dtype: DTypeLike | None = None, requires_grad: bool = False,
              device: str | None = None, layout: str | None = None, pin_memory: bool = False,
              memory_format: object = None) -> Tensor:
    """One value in the shape and, by default, the dtype of `input`."""

def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Elements at the given indices along a dimension: out[i][j][k] = input[index[i][j][k]][j][k] for dim 0."""

def gcd(input: Operand, other: Operand) -> Tensor:
    """The greatest common divisor, element by element. RuntimeError for floats and bools."""

def ge(input: Tensor, other: Operand) -> Tensor:
    """input >= other, element by element, as bool; shapes broadcast."""

def ger(input: Tensor, vec2: Tensor) -> Tensor:
    """Outer product of two vectors, out[i][j] = input[i] * vec2[j]."""

def get_device(input: Tensor) -> int:
    """-1, which stands for the CPU."""

def gradient(input: Tensor, *, spacing: Any = 1, dim: int | Sequence[int] | None = None,
             edge_order: int = 1) -> tuple[Tensor, ...]:
    """The derivatives of sampled values along dimensions, by central differences of second order."""

def greater(input: Tensor, other: Operand) -> Tensor:
    """input > other, element by element, as bool; shapes broadcast."""

def greater_equal(input: Tensor, other: Operand) -> Tensor:
    """input >= other, element by element, as bool; shapes broadcast."""

def gt(input: Tensor, other: Operand) -> Tensor:
    """input > other, element by element, as bool; shapes broadcast."""

def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """The step function: 0 where input < 0, `values` where it is 0, 1 where it is positive. The gradients are 0."""

def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """The number of elements in bins of equal width between min and max; the last bin includes max."""

def histogram(input: Tensor, bins: int | Tensor, *, range: Sequence[float] | None = None, weight: Tensor | None = None,
              density: bool = False) -> Histogram:
    """A histogram: the counts of the elements in bins, and the edges of the bins."""

def hsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Split along dimension 1, a vector along its only one: into equal parts, or before the given indices."""

def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along dimension 1; vectors along their only one."""

def hypot(input: Tensor, other: Tensor) -> Tensor:
    """sqrt(input^2 + other^2), without overflow."""

def imag(input: Tensor) -> Tensor:
    """The imaginary parts of complex numbers, a view."""

def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor:
    """Add entries at indices along a dimension: out[index[i]] += alpha * source[i] for dim 0."""

def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Write entries at indices along a dimension: out[index[i]] = source[i] for dim 0."""

def index_fill(input: Tensor, dim: int, index: Tensor, value: TensorOrNumber) -> Tensor:
    """Write one value into the entries at indices along a dimension."""

def index_put(input: Tensor, indices: tuple[Tensor | None, ...], values: Operand,
              accumulate: bool = False) -> Tensor:
    """A copy of the input with `values` at the places that index tensors pick: input[indices] = values."""

def index_reduce(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *,
                 include_self: bool = True) -> Tensor:
    """Combine entries at indices along a dimension by a product, a mean or an extreme."""

def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Entries along a dimension, selected by an index tensor; a copy."""

def inner(input: Tensor, other: Tensor) -> Tensor:
    """The dot products of the last dimensions: out[..., i, j] = sum over k of input[..., i, k] * other[j, k]."""

def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""

def is_conj(input: Tensor) -> bool:
    """False: `conj` always computes."""

def is_nonzero(input: Tensor) -> bool:
    """Whether the single element of a tensor is not 0."""

def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape."""

def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers."""

def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08,
            equal_nan: bool = False) -> Tensor:
    """|input - other| <= atol + rtol * |other|, element by element."""

def isfinite(input: Tensor) -> Tensor:
    """Whether each element is neither NaN nor infinite."""

def isin(elements: Operand, test_elements: Operand, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element occurs in `test_elements`, as bool."""

def isinf(input: Tensor) -> Tensor:
    """Whether each element is infinite, of either sign."""

def isnan(input: Tensor) -> Tensor:
    """Whether each element is NaN."""

def isneginf(input: Tensor) -> Tensor:
    """Whether each element is negative infinity."""

def isposinf(input: Tensor) -> Tensor:
    """Whether each element is positive infinity."""

def isreal(input: Tensor) -> Tensor:
    """Whether the imaginary part of each element is 0: True for all real numbers."""

def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: each element of the input times all of `other`."""

def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The k-th smallest element along a dimension, counted from 1: (values, indices)."""

def lcm(input: Operand, other: Operand) -> Tensor:
    """The least common multiple, element by element. RuntimeError for floats and bools."""

def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2^other, element by element."""

def le(input: Tensor, other: Operand) -> Tensor:
    """input <= other, element by element, as bool; shapes broadcast."""

def lerp(input: Tensor, end: Tensor, weight: Operand) -> Tensor:
    """Linear interpolation: input + weight * (end - input)."""

def less(input: Tensor, other: Operand) -> Tensor:
    """input < other, element by element, as bool; shapes broadcast."""

def less_equal(input: Tensor, other: Operand) -> Tensor:
    """input <= other, element by element, as bool; shapes broadcast."""

def linspace(start: TensorOrNumber, end: TensorOrNumber, steps: int, *, dtype: DTypeLike | None = None,
             requires_grad: bool = False, device: str | None = None, layout: str | None = None,
             pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """Evenly spaced numbers from start to end, both included."""

def log(input: Tensor) -> Tensor:
    """The natural logarithm. Integers give float32."""

def log10(input: Tensor) -> Tensor:
    """The logarithm to base 10. Integers give float32."""

def log1p(input: Tensor) -> Tensor:
    """log(1 + x), exact near 0. Integers give float32."""

def log2(input: Tensor) -> Tensor:
    """The logarithm to base 2. Integers give float32."""

def log_softmax(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """x - log(sum(exp(x))) along `dim`: the logarithm of `softmax`, without overflow."""

def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""

def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2^input + 2^other), without overflow."""

def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Logarithms of cumulative sums: out[i] = log(exp(x[0]) + ... + exp(x[i])), without overflow."""

def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Whether both are true, element by element. Every number but 0 is true."""

def logical_not(input: Tensor) -> Tensor:
    """Whether each element is 0 or False."""

def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Whether either is true, element by element. Every number but 0 is true."""

def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Whether exactly one is true, element by element. Every number but 0 is true."""

def logspace(start: Number, end: Number, steps: int, base: float = 10.0, *, dtype: DTypeLike | None = None,
             requires_grad: bool = False, device: str | None = None, layout: str | None = None,
             pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """`steps` numbers from base^start to base^end, whose logarithms are evenly spaced."""

def logsumexp(input: Tensor, dim: Size, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over dimensions, without overflow; -inf without elements. Integers give float32."""

def lt(input: Tensor, other: Operand) -> Tensor:
    """input < other, element by element, as bool; shapes broadcast."""

def masked_fill(input: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """The input with `value` where the mask is true."""

def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy of the input with the elements of `source`, in order, where the mask is true."""

def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, in one dimension."""

def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Matrix product of two tensors: out[..., i, j] = sum_k input[..., i, k] * other[..., k, j]."""

@overload
def max(input: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, other: Tensor, /) -> Tensor: ...
@overload
def max(input: Tensor, *, other: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices:
    """The largest element; along a dimension, (values, indices); of two tensors, the larger elements."""

def maximum(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two, element by element; NaN if either is NaN. Equal elements share the gradient."""

def mean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The arithmetic mean over dimensions, sum(x) / n. Arguments and errors are those of `sum`."""

def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median, of an even number of elements the lower one of the two in the middle; NaN if there is a NaN."""

def meshgrid(*tensors: Tensor | Sequence[Tensor], indexing: str = 'ij') -> tuple[Tensor, ...]:
    """The coordinates of a grid: for each vector, a view of its values over the grid of all."""

@overload
def min(input: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, other: Tensor, /) -> Tensor: ...
@overload
def min(input: Tensor, *, other: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices:
    """The smallest element; along a dimension, (values, indices); of two tensors, the smaller elements."""

def minimum(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two, element by element; NaN if either is NaN. Equal elements share the gradient."""

def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Product of two matrices, (M, K) and (K, N)."""

def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The most frequent element along a dimension, the smallest of several, and the index where it occurs last."""

def moveaxis(input: Tensor, source: Size, destination: Size) -> Tensor:
    """A view with dimensions moved to new positions; the others keep their order."""

def movedim(input: Tensor, source: Size, destination: Size) -> Tensor:
    """A view with dimensions moved to new positions; the others keep their order."""

def msort(input: Tensor) -> Tensor:
    """The input sorted along dimension 0."""

def mul(input: Operand, other: Operand) -> Tensor:
    """input * other, element by element."""

def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *,
                generator: Generator | None = None) -> Tensor:
    """Random column numbers of each row, int64, drawn with probabilities proportional to its weights."""

def multiply(input: Operand, other: Operand) -> Tensor:
    """input * other, element by element."""

def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Product of a matrix (M, K) and a vector (K,)."""

def nan_to_num(input: Tensor, nan: float | None = None, posinf: float | None = None,
               neginf: float | None = None) -> Tensor:
    """The input with numbers in place of NaN and infinities."""

def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The mean over dimensions of the elements that are not NaN. Arguments are those of `mean`."""

def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of the elements that are not NaN. Arguments and errors are those of `median`."""

def nanquantile(input: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *,
                interpolation: str = 'linear') -> Tensor:
    """Quantiles of the elements that are not NaN. Arguments and errors are those of `quantile`."""

def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The sum over dimensions, with 0 in place of NaN. Arguments are those of `sum`."""

def narrow(input: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """A view of `length` consecutive entries along a dimension."""

def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`narrow` as a copy."""

def ne(input: Tensor, other: Operand) -> Tensor:
    """input != other, element by element, as bool; shapes broadcast."""

def neg(input: Tensor) -> Tensor:
    """-x."""

def negative(input: Tensor) -> Tensor:
    """-x."""

def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """The next floating-point number after `input` towards `other`. The gradient is that of `input`."""

@overload
def nonzero(input: Tensor, *, as_tuple: Literal[False] = False) -> Tensor: ...
@overload
def nonzero(input: Tensor, *, as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...
@overload
def nonzero(input: Tensor, *, as_tuple: bool) -> Tensor | tuple[Tensor, ...]:
    """The indices of the nonzero elements, int64, (n, dimensions)."""

def norm(input: Tensor, p: float | Literal['fro'] = 2, dim: Dims = None, keepdim: bool = False,
         dtype: DTypeLike | None = None) -> Tensor:
    """The p-norm, sum(|x|^p)^(1/p). Its gradient at the zero vector is 0."""

def normal(mean: TensorOrNumber, std: TensorOrNumber = 1.0, size: Sequence[int] | None = None, *,
           generator: Generator | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False,
           device: str | None = None, layout: str | None = None, pin_memory: bool = False,
           memory_format: object = None) -> Tensor:
    """Normal random numbers with the given mean and standard deviation."""

def not_equal(input: Tensor, other: Operand) -> Tensor:
    """input != other, element by element, as bool; shapes broadcast."""

def ones(*size: Size, dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
         layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """A tensor of ones. Arguments and errors are those of `zeros`."""

def ones_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
              layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """Ones in the shape and, by default, the dtype of `input`."""

def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Outer product of two vectors, out[i][j] = input[i] * vec2[j]."""

def permute(input: Tensor, *dims: Size) -> Tensor:
    """A view with the dimensions in another order."""

def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Random numbers of the Poisson distribution with the given rates, in the input's dtype."""

def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """Complex numbers from their absolute values and angles: abs * e^(i angle)."""

def positive(input: Tensor) -> Tensor:
    """+x, which is the tensor itself."""

def pow(input: Operand, exponent: Operand) -> Tensor:
    """input^exponent, element by element."""

def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The product along a dimension. Integers and bools give int64. The gradient is exact for zeros, too."""

def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of the input with the elements of `source` at the given numbers of the flattened input."""

def quantile(input: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *,
             interpolation: str = 'linear') -> Tensor:
    """Quantiles: the value at place q * (n - 1) of the n sorted elements; NaN if there is a NaN."""

def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees: x * 180 / pi. Integers give float32."""

def rand(*size: Size, generator: Generator | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False,
         device: str | None = None, layout: str | None = None, pin_memory: bool = False,
         memory_format: object = None) -> Tensor:
    """Uniform random numbers in [0, 1), or complex ones whose real and imaginary parts are uniform."""

def rand_like(input: Tensor, *, generator: Generator | None = None, dtype: DTypeLike | None = None,
              requires_grad: bool = False, device: str | None = None, layout: str | None = None,
              pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """Uniform random numbers in [0, 1) in the shape and, by default, the dtype of `input`."""

@overload
def randint(high: int, size: Sequence[int], *, generator: Generator | None = None, dtype: DTypeLike | None = None,
            requires_grad: bool = False, device: str | None = None, layout: str | None = None, pin_memory: bool = False,
            memory_format: object = None) -> Tensor: ...
@overload
def randint(low: int, high: int, size: Sequence[int], *, generator: Generator | None = None,
            dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
            layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """Random integers in [low, high); randint(high, size) starts at 0."""

def randint_like(input: Tensor, low: int = 0, high: int | None = None, *, generator: Generator | None = None,
                 dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
                 layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """Random integers in [low, high) in the shape and, by default, the dtype of `input`."""

def randn(*size: Size, generator: Generator | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False,
          device: str | None = None, layout: str | None = None, pin_memory: bool = False,
          memory_format: object = None) -> Tensor:
    """Normal random numbers with mean 0 and variance 1. Arguments and errors are those of `rand`."""

def randn_like(input: Tensor, *, generator: Generator | None = None, dtype: DTypeLike | None = None,
               requires_grad: bool = False, device: str | None = None, layout: str | None = None,
               pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """Normal random numbers with mean 0 and variance 1 in the shape and, by default, the dtype of `input`."""

def randperm(n: int, *, generator: Generator | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False,
             device: str | None = None, layout: str | None = None, pin_memory: bool = False,
             memory_format: object = None) -> Tensor:
    """A random permutation of the integers 0 to n-1."""

def range(start: Number = 0, end: Number | None = None, step: Number = 1, *, dtype: DTypeLike | None = None,
          requires_grad: bool = False, device: str | None = None, layout: str | None = None, pin_memory: bool = False,
          memory_format: object = None) -> Tensor:
    """The numbers start, start + step, ... up to and including end, float32 by default. `arange` excludes the end."""

def ravel(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the dimensions from start_dim to end_dim into one; a view where possible."""

def real(input: Tensor) -> Tensor:
    """The real parts of complex numbers, a view; a real tensor itself."""

def reciprocal(input: Tensor) -> Tensor:
    """1 / x. Integers give float32."""

def relu(input: Tensor) -> Tensor:
    """max(x, 0). RuntimeError for bool."""

def remainder(input: Operand, other: Operand) -> Tensor:
    """input - other * floor(input / other). It has the sign of the divisor, as Python's %."""

def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """The input with each entry along a dimension scaled down to a p-norm of at most `maxnorm`."""

@overload
def repeat_interleave(input: Tensor, repeats: int | Tensor, dim: int | None = None, *,
                      output_size: int | None = None) -> Tensor: ...
@overload
def repeat_interleave(input: Tensor, *, output_size: int | None = None) -> Tensor:
    """Repeat each entry along a dimension: entry i occurs repeats[i] times in a row."""

def reshape(input: Tensor, *shape: Size) -> Tensor:
    """The tensor in another shape: a view where possible, else a copy."""

def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: `conj` always computes."""

def result_type(tensor1: Operand, tensor2: Operand) -> DType:
    """The dtype of arithmetic on two tensors or numbers: see `fastnet.dtypes.result_type`."""

def roll(input: Tensor, shifts: Size, dims: Size | None = None) -> Tensor:
    """Rotate a tensor along dimensions: an entry moves by `shifts` places, past the end to the front; a copy."""

def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turn a tensor k times by 90 degrees, from the first of two dimensions towards the second; a copy."""

def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest integer; halves round to the even one. Its gradient is 0."""

def row_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along dimension 0; vectors count as rows."""

def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(x)."""

def rsub(input: Tensor, other: Operand, *, alpha: Number = 1) -> Tensor:
    """other - alpha * input."""

def scatter(input: Tensor, dim: int, index: Tensor, src: TensorOrNumber | None = None, *, reduce: str | None = None,
            value: TensorOrNumber | None = None) -> Tensor:
    """Write elements at indices along a dimension: out[index[i][j][k]][j][k] = src[i][j][k] for dim 0."""

def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Add elements at indices along a dimension: out[index[i][j][k]][j][k] += src[i][j][k] for dim 0."""

def scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *,
                   include_self: bool = True) -> Tensor:
    """Combine elements at indices along a dimension by a sum, a product, a mean or an extreme."""

def searchsorted(sorted_sequence: Tensor, input: TensorOrNumber, *, out_int32: bool = False, right: bool = False,
                 side: str | None = None, sorter: Tensor | None = None) -> Tensor:
    """The places at which elements would keep a sorted sequence sorted, by binary search, int64."""

def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view of one entry along a dimension, which is removed."""

def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of the input with `src` in one entry along a dimension: see `select`."""

def sgn(input: Tensor) -> Tensor:
    """-1, 0 or 1: `sign`, under the name that also holds for complex numbers."""

def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)). Integers give float32."""

def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1. Its gradient is 0."""

def signbit(input: Tensor) -> Tensor:
    """Whether the sign of each element is negative; also that of -0.0."""

def sin(input: Tensor) -> Tensor:
    """The sine of an angle in radians. Integers give float32."""

def sinh(input: Tensor) -> Tensor:
    """The hyperbolic sine, (e^x - e^-x) / 2. Integers give float32."""

def slice_scatter(input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None,
                  step: int = 1) -> Tensor:
    """A copy of the input with `src` in the entries start, start + step, ... below end along a dimension."""

def softmax(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, without overflow."""

def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = True) -> ValuesIndices:
    """Sort a tensor along a dimension: (values, indices). Stable, with NaN as the largest."""

def sparse_coo_tensor(indices: Any, values: Any, size: Any = None, *, dtype: DTypeLike | None = None,
                      device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Refuse a sparse layout: all tensors are dense."""

def split(tensor: Tensor, split_size_or_sections: Size, dim: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor along a dimension into a tuple of views."""

def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor along a dimension into views of the given lengths: see `split`."""

def sqrt(input: Tensor) -> Tensor:
    """The square root; NaN below 0. Integers give float32."""

def square(input: Tensor) -> Tensor:
    """x^2. Bools give int64."""

def squeeze(input: Tensor, dim: Size | None = None) -> Tensor:
    """A view without the dimensions of length 1, or only without those among `dim` (an integer or a tuple)."""

def stack(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new dimension."""

def std(input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *,
        correction: float | None = None) -> Tensor:
    """The standard deviation over dimensions, the square root of the variance."""

def std_mean(input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Tensor, Tensor]:
    """(standard deviation, mean) over dimensions: see `std`."""

def sub(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input - alpha * other."""

def subtract(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input - alpha * other."""

def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The sum over dimensions. Integers and bools give int64."""

def swapaxes(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions exchanged."""

def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions exchanged."""

def t(input: Tensor) -> Tensor:
    """The transpose of a matrix, a view. A vector is returned unchanged."""

def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements of the flattened input at the given numbers."""

def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Elements at the given indices along a dimension, as `gather`; the other dimensions broadcast."""

def tan(input: Tensor) -> Tensor:
    """The tangent of an angle in radians. Integers give float32."""

def tanh(input: Tensor) -> Tensor:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)). Integers give float32."""

def tensor_split(input: Tensor, indices_or_sections: int | Sequence[int] | Tensor,
                 dim: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor into n views of nearly equal length, or before the given indices."""

def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """The sum of products over dimensions of two tensors."""

def tile(input: Tensor, *dims: Size) -> Tensor:
    """Repeat a tensor dims[i] times along dimension i, counted from the last."""

def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """The k largest or smallest elements along a dimension: (values, indices). Of equal elements the first ones."""

def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix."""

def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions exchanged."""

def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1) -> Tensor:
    """The integral along a dimension by the trapezoidal rule."""

def trapz(y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1) -> Tensor:
    """The integral along a dimension by the trapezoidal rule."""

def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of matrices: zeros where column - row > diagonal."""

def tril_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike | None = None, device: str | None = None,
                 layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """The places (row numbers, column numbers) of the lower triangle of a matrix, (2, n)."""

def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of matrices: zeros where column - row < diagonal. Arguments are those of `tril`."""

def triu_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike | None = None, device: str | None = None,
                 layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """The places (row numbers, column numbers) of the upper triangle of a matrix, (2, n)."""

def true_divide(input: Operand, other: Operand, *,
                rounding_mode: Literal['floor', 'trunc'] | None = None) -> Tensor:
    """input / other, element by element; integers give float32."""

def trunc(input: Tensor) -> Tensor:
    """x without its fraction. Its gradient is 0."""

def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The entries along a dimension, a tuple of views."""

def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split one dimension into several."""

def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: int | None = None) -> Tensor | tuple[Tensor, ...]:
    """The distinct elements of a tensor, sorted. Every NaN is distinct."""

def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False,
                       dim: int | None = None) -> Tensor | tuple[Tensor, ...]:
    """The elements of a tensor without those that equal the one before them. Arguments are those of `unique`."""

def unravel_index(indices: Tensor, shape: Size) -> tuple[Tensor, ...]:
    """The coordinates, in a tensor of this shape, of elements given by their numbers."""

def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a dimension of length 1 inserted at `dim`."""

def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix: the powers of each element of a vector as a row."""

def var(input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *,
        correction: float | None = None) -> Tensor:
    """The variance over dimensions, sum((x - mean)^2) / (n - correction)."""

def var_mean(input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Tensor, Tensor]:
    """(variance, mean) over dimensions: see `var`."""

def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The dot product of two vectors: `dot`, which for real numbers is the same."""

def view_as_complex(input: Tensor) -> Tensor:
    """A real tensor with a last dimension of length 2 as a complex one, a view."""

def view_as_real(input: Tensor) -> Tensor:
    """A complex tensor as a real one with a last dimension of length 2, a view."""

def vsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Split a tensor of 2 dimensions or more along dimension 0. Arguments and errors are those of `hsplit`."""

def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along dimension 0; vectors count as rows."""

@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: Operand, other: Operand) -> Tensor:
    """`input` where the condition is true, `other` elsewhere. With the condition alone, `nonzero` as a tuple."""

def zeros(*size: Size, dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
          layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """A tensor of zeros."""

def zeros_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
               layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """Zeros in the shape and, by default, the dtype of `input`."""
