"""Differentiable operations on tensors, one module for each subject. `fastnet` has all of them under their names.

Written by tools/stubs.py: change the operations and run it again.
"""
from collections.abc import Iterable, Sequence
from typing import Any, Literal, overload

from fastnet._core.annotations import Dims, DTypeLike, Number, Operand, Size, TensorOrNumber
from fastnet._core.tensor import Tensor
from fastnet.functional.ordering import ValuesIndices
from fastnet.random import Generator

__all__ = [
    "abs", "acos", "add", "addcdiv", "addcmul", "addmm", "all", "allclose", "amax", "amin", "any", "arange", "argmax",
    "argmin", "argsort", "asin", "atan", "atan2", "bernoulli", "bincount", "bitwise_and", "bitwise_not", "bitwise_or",
    "bitwise_xor", "bmm", "broadcast_to", "bucketize", "cat", "cdist", "ceil", "chunk", "clamp", "clamp_max",
    "clamp_min", "clone", "concat", "concatenate", "cos", "cosh", "cummax", "cummin", "cumprod", "cumsum", "diff",
    "dist", "div", "dot", "dropout", "einsum", "empty", "empty_like", "eq", "equal", "erf", "exp", "expm1", "eye",
    "flatten", "flip", "floor", "floor_divide", "fmod", "full", "full_like", "gather", "ge", "get_device", "gt",
    "index_add", "index_copy", "index_fill", "index_select", "is_complex", "is_nonzero", "is_same_size", "is_signed",
    "isclose", "isfinite", "isinf", "isnan", "kthvalue", "le", "lerp", "linspace", "log", "log10", "log1p", "log2",
    "log_softmax", "logaddexp", "logcumsumexp", "logical_and", "logical_not", "logical_or", "logical_xor", "logsumexp",
    "lt", "masked_fill", "masked_select", "matmul", "max", "maximum", "mean", "min", "minimum", "mm", "moveaxis",
    "movedim", "mul", "multinomial", "mv", "narrow", "ne", "neg", "nonzero", "norm", "normal", "ones", "ones_like",
    "outer", "permute", "positive", "pow", "prod", "rand", "rand_like", "randint", "randn", "randn_like", "randperm",
    "reciprocal", "relu", "remainder", "repeat_interleave", "reshape", "roll", "round", "rsqrt", "scatter",
    "scatter_add", "scatter_reduce", "searchsorted", "select", "sigmoid", "sign", "sin", "sinh", "softmax", "sort",
    "split", "sqrt", "square", "squeeze", "stack", "std", "sub", "sum", "t", "take_along_dim", "tan", "tanh", "topk",
    "transpose", "tril", "triu", "trunc", "unbind", "unflatten", "unique", "unique_consecutive", "unsqueeze", "var",
    "where", "zeros", "zeros_like",
]

def abs(input: Tensor) -> Tensor:
    """|x|. The gradient at 0 is 0."""

def acos(input: Tensor) -> Tensor:
    """The inverse cosine, in radians from 0 to pi; NaN outside [-1, 1]. Integers give float32."""

def add(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input + alpha * other."""

def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 / tensor2, element by element."""

def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 * tensor2, element by element."""

def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""

def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are true (not 0). Arguments are those of `sum`."""

def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08,
             equal_nan: bool = False) -> bool:
    """Whether every element is close, a Python bool: see `isclose`."""

def amax(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The largest element along dimensions; NaN if any is NaN. Equal elements share the gradient evenly."""

def amin(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The smallest element along dimensions; NaN if any is NaN. Equal elements share the gradient evenly."""

def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether any element is true (not 0). Arguments are those of `sum`."""

def arange(start: TensorOrNumber = 0, end: TensorOrNumber | None = None, step: TensorOrNumber = 1, *,
           dtype: DTypeLike | None = None, requires_grad: bool = False, device: str | None = None,
           layout: str | None = None, pin_memory: bool = False, memory_format: object = None) -> Tensor:
    """The numbers start, start + step, ... below end; arange(end) starts at 0."""

def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest element along a dimension, int64."""

def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest element along a dimension, int64."""

def argsort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = True) -> Tensor:
    """The indices that sort a tensor along a dimension, int64; stable, with NaN as the largest."""

def asin(input: Tensor) -> Tensor:
    """The inverse sine, in radians from -pi/2 to pi/2; NaN outside [-1, 1]. Integers give float32."""

def atan(input: Tensor) -> Tensor:
    """The inverse tangent, in radians from -pi/2 to pi/2. Integers give float32."""

def atan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle of the point (x, y) = (other, input), in radians from -pi to pi."""

def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Random ones and zeros: 1 with the probability given by each element, else 0. The gradient is 0."""

def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 to the largest occurs, int64; or the sum of the weights of its occurrences."""

def bitwise_and(input: Tensor, other: Operand) -> Tensor:
    """input & other, bit by bit; logical for bool. RuntimeError if either is a float."""

def bitwise_not(input: Tensor) -> Tensor:
    """The complement of each bit; the negation of a bool."""

def bitwise_or(input: Tensor, other: Operand) -> Tensor:
    """input | other, bit by bit; logical for bool. RuntimeError if either is a float."""

def bitwise_xor(input: Tensor, other: Operand) -> Tensor:
    """input ^ other, bit by bit; logical for bool. RuntimeError if either is a float."""

def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Products of two batches of matrices, (B, M, K) and (B, K, N)."""

def broadcast_to(input: Tensor, shape: Size) -> Tensor:
    """`expand` to `shape`."""

def bucketize(input: TensorOrNumber, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The bucket of each element: i where boundaries[i - 1] < x <= boundaries[i], int64."""

def cat(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Concatenate tensors along a dimension."""

def cdist(x1: Tensor, x2: Tensor, p: float = 2.0,
          compute_mode: str = 'use_mm_for_euclid_dist_if_necessary') -> Tensor:
    """The p-norm distance of each row of one matrix from each row of another: out[i][j] = |x1[i] - x2[j]|_p."""

def ceil(input: Tensor) -> Tensor:
    """The smallest integer not below x. Its gradient is 0."""

def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor along a dimension into at most `chunks` views of equal length; the last may be shorter."""

def clamp(input: Tensor, min: TensorOrNumber | None = None, max: TensorOrNumber | None = None) -> Tensor:
    """min(max(input, min), max): limit each element to [min, max]. A NaN limit gives NaN."""

def clamp_max(input: Tensor, max: TensorOrNumber) -> Tensor:
    """min(input, max): `clamp` with an upper limit."""

def clamp_min(input: Tensor, min: TensorOrNumber) -> Tensor:
    """max(input, min): `clamp` with a lower limit."""

def clone(input: Tensor, *, memory_format: object = None) -> Tensor:
    """A copy that gradients flow through."""

def concat(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Concatenate tensors along a dimension."""

def concatenate(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Concatenate tensors along a dimension."""

def cos(input: Tensor) -> Tensor:
    """The cosine of an angle in radians. Integers give float32."""

def cosh(input: Tensor) -> Tensor:
    """The hyperbolic cosine, (e^x + e^-x) / 2. Integers give float32."""

def cummax(input: Tensor, dim: int) -> ValuesIndices:
    """The largest element so far along a dimension: (values, indices). Of equal ones the last; NaN stays."""

def cummin(input: Tensor, dim: int) -> ValuesIndices:
    """The smallest element so far along a dimension: (values, indices). Arguments are those of `cummax`."""

def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative products along a dimension: out[i] = x[0] * ... * x[i]. The gradient is exact for zeros, too."""

def cumsum(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative sums along a dimension: out[i] = x[0] + ... + x[i]."""

def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None,
         append: Tensor | None = None) -> Tensor:
    """Differences of neighbours along a dimension: out[i] = x[i + 1] - x[i], applied n times. Bools give `!=`."""

def dist(input: Tensor, other: Operand, p: float = 2) -> Tensor:
    """The p-norm of input - other, over all elements: see `norm`."""

def div(input: Operand, other: Operand, *, rounding_mode: Literal['floor', 'trunc'] | None = None) -> Tensor:
    """input / other, element by element; integers give float32."""

def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Inner product of two vectors, sum_i input[i] * tensor[i]."""

def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Zero each element with probability p and scale the others by 1/(1-p); the identity in evaluation."""

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

def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the dimensions from start_dim to end_dim into one; a view where possible."""

def flip(input: Tensor, dims: Size, *more: int) -> Tensor:
    """Reverse the order of elements along dimensions, given as integers or one tuple; a copy."""

def floor(input: Tensor) -> Tensor:
    """The largest integer not above x. Its gradient is 0."""

def floor_divide(input: Operand, other: Operand) -> Tensor:
    """floor(input / other), element by element. Its gradient is 0."""

def fmod(input: Tensor, other: Operand) -> Tensor:
    """input - other * trunc(input / other). It has the sign of the dividend, as C's fmod."""

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

def ge(input: Tensor, other: Operand) -> Tensor:
    """input >= other, element by element, as bool; shapes broadcast."""

def get_device(input: Tensor) -> int:
    """-1, which stands for the CPU."""

def gt(input: Tensor, other: Operand) -> Tensor:
    """input > other, element by element, as bool; shapes broadcast."""

def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor:
    """Add entries at indices along a dimension: out[index[i]] += alpha * source[i] for dim 0."""

def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Write entries at indices along a dimension: out[index[i]] = source[i] for dim 0."""

def index_fill(input: Tensor, dim: int, index: Tensor, value: TensorOrNumber) -> Tensor:
    """Write one value into the entries at indices along a dimension."""

def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Entries along a dimension, selected by an index tensor; a copy."""

def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""

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

def isinf(input: Tensor) -> Tensor:
    """Whether each element is infinite, of either sign."""

def isnan(input: Tensor) -> Tensor:
    """Whether each element is NaN."""

def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The k-th smallest element along a dimension, counted from 1: (values, indices)."""

def le(input: Tensor, other: Operand) -> Tensor:
    """input <= other, element by element, as bool; shapes broadcast."""

def lerp(input: Tensor, end: Tensor, weight: Operand) -> Tensor:
    """Linear interpolation: input + weight * (end - input)."""

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

def logsumexp(input: Tensor, dim: Size, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over dimensions, without overflow; -inf without elements. Integers give float32."""

def lt(input: Tensor, other: Operand) -> Tensor:
    """input < other, element by element, as bool; shapes broadcast."""

def masked_fill(input: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """The input with `value` where the mask is true."""

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

def moveaxis(input: Tensor, source: Size, destination: Size) -> Tensor:
    """A view with dimensions moved to new positions; the others keep their order."""

def movedim(input: Tensor, source: Size, destination: Size) -> Tensor:
    """A view with dimensions moved to new positions; the others keep their order."""

def mul(input: Operand, other: Operand) -> Tensor:
    """input * other, element by element."""

def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *,
                generator: Generator | None = None) -> Tensor:
    """Random column numbers of each row, int64, drawn with probabilities proportional to its weights."""

def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Product of a matrix (M, K) and a vector (K,)."""

def narrow(input: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """A view of `length` consecutive entries along a dimension."""

def ne(input: Tensor, other: Operand) -> Tensor:
    """input != other, element by element, as bool; shapes broadcast."""

def neg(input: Tensor) -> Tensor:
    """-x."""

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

def positive(input: Tensor) -> Tensor:
    """+x, which is the tensor itself."""

def pow(input: Operand, exponent: Operand) -> Tensor:
    """input^exponent, element by element."""

def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The product along a dimension. Integers and bools give int64. The gradient is exact for zeros, too."""

def rand(*size: Size, generator: Generator | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False,
         device: str | None = None, layout: str | None = None, pin_memory: bool = False,
         memory_format: object = None) -> Tensor:
    """Uniform random numbers in [0, 1)."""

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

def reciprocal(input: Tensor) -> Tensor:
    """1 / x. Integers give float32."""

def relu(input: Tensor) -> Tensor:
    """max(x, 0). RuntimeError for bool."""

def remainder(input: Operand, other: Operand) -> Tensor:
    """input - other * floor(input / other). It has the sign of the divisor, as Python's %."""

@overload
def repeat_interleave(input: Tensor, repeats: int | Tensor, dim: int | None = None, *,
                      output_size: int | None = None) -> Tensor: ...
@overload
def repeat_interleave(input: Tensor, *, output_size: int | None = None) -> Tensor:
    """Repeat each entry along a dimension: entry i occurs repeats[i] times in a row."""

def reshape(input: Tensor, *shape: Size) -> Tensor:
    """The tensor in another shape: a view where possible, else a copy."""

def roll(input: Tensor, shifts: Size, dims: Size | None = None) -> Tensor:
    """Rotate a tensor along dimensions: an entry moves by `shifts` places, past the end to the front; a copy."""

def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest integer; halves round to the even one. Its gradient is 0."""

def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(x)."""

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

def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)). Integers give float32."""

def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1. Its gradient is 0."""

def sin(input: Tensor) -> Tensor:
    """The sine of an angle in radians. Integers give float32."""

def sinh(input: Tensor) -> Tensor:
    """The hyperbolic sine, (e^x - e^-x) / 2. Integers give float32."""

def softmax(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, without overflow."""

def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = True) -> ValuesIndices:
    """Sort a tensor along a dimension: (values, indices). Stable, with NaN as the largest."""

def split(tensor: Tensor, split_size_or_sections: Size, dim: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor along a dimension into a tuple of views."""

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

def sub(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input - alpha * other."""

def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The sum over dimensions. Integers and bools give int64."""

def t(input: Tensor) -> Tensor:
    """The transpose of a matrix, a view. A vector is returned unchanged."""

def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Elements at the given indices along a dimension, as `gather`; the other dimensions broadcast."""

def tan(input: Tensor) -> Tensor:
    """The tangent of an angle in radians. Integers give float32."""

def tanh(input: Tensor) -> Tensor:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)). Integers give float32."""

def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """The k largest or smallest elements along a dimension: (values, indices). Of equal elements the first ones."""

def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions exchanged."""

def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of matrices: zeros where column - row > diagonal."""

def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of matrices: zeros where column - row < diagonal. Arguments are those of `tril`."""

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

def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a dimension of length 1 inserted at `dim`."""

def var(input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *,
        correction: float | None = None) -> Tensor:
    """The variance over dimensions, sum((x - mean)^2) / (n - correction)."""

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
