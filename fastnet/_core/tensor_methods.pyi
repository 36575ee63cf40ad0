"""Methods and operators that operations give to Tensor.

Written by tools/stubs.py: change the operations and run it again.
"""
import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, overload

from typing_extensions import Self

from fastnet._core.annotations import ArrayLike, Dims, DTypeLike, Number, Operand, Size, TensorOrNumber
from fastnet._core.tensor import Tensor
from fastnet._runtime.twins.tape import TensorBase
from fastnet.autograd.calls import Tensors
from fastnet.autograd.hooks import RemovableHandle
from fastnet.functional.histograms import Histogram
from fastnet.functional.keys import Key
from fastnet.functional.number_parts import MantissaExponent
from fastnet.functional.ordering import ValuesIndices
from fastnet.functional.statistics import MinMax
from fastnet.functional.storages import UntypedStorage
from fastnet.linalg.decompositions import QRFactors
from fastnet.linalg.measures import SignAndLog
from fastnet.linalg.old_names import OldSVD
from fastnet.linalg.solvers import TriangularSolution
from fastnet.random import Generator

class TensorMethods(TensorBase):
    """Methods and operators that operations give to Tensor."""

    @property
    def H(self) -> Tensor:
        """The conjugate transpose of a matrix."""

    @property
    def T(self) -> Tensor:
        """All dimensions reversed."""

    def __abs__(self) -> Tensor:
        """|x|. The gradient at 0 is 0."""

    def __add__(self, y: Operand) -> Tensor:
        """x + y, element by element."""

    def __and__(self, other: Operand) -> Tensor:
        """input & other, bit by bit; logical for bool. RuntimeError if either is a float."""

    def __eq__(self, other: Operand) -> Tensor:  # type: ignore[override]
        """input == other, element by element, as bool; shapes broadcast."""

    def __floordiv__(self, other: Operand) -> Tensor:
        """floor(input / other), element by element. Its gradient is 0."""

    def __ge__(self, other: Operand) -> Tensor:  # type: ignore[misc]
        """input >= other, element by element, as bool; shapes broadcast."""

    def __getitem__(self, key: Key) -> Tensor:
        """input[key]: a view for integers, slices, None and ...; a copy for index tensors, lists and masks."""

    def __gt__(self, other: Operand) -> Tensor:  # type: ignore[misc]
        """input > other, element by element, as bool; shapes broadcast."""

    def __iadd__(self, other: Operand) -> Self:
        """As `add`, but write the result into the tensor and return the tensor."""

    def __iand__(self, other: Operand) -> Self:
        """As `bitwise_and`, but write the result into the tensor and return the tensor."""

    def __ifloordiv__(self, other: Operand) -> Self:
        """As `floor_divide`, but write the result into the tensor and return the tensor."""

    def __imod__(self, other: Operand) -> Self:
        """As `remainder`, but write the result into the tensor and return the tensor."""

    def __imul__(self, other: Operand) -> Self:
        """As `mul`, but write the result into the tensor and return the tensor."""

    def __invert__(self) -> Tensor:
        """The complement of each bit; the negation of a bool."""

    def __ior__(self, other: Operand) -> Self:
        """As `bitwise_or`, but write the result into the tensor and return the tensor."""

    def __ipow__(self, exponent: Operand) -> Self:
        """As `pow`, but write the result into the tensor and return the tensor."""

    def __isub__(self, other: Operand) -> Self:
        """As `sub`, but write the result into the tensor and return the tensor."""

    def __iter__(self) -> Iterator[Tensor]: ...

    def __itruediv__(self, other: Operand) -> Self:
        """As `div`, but write the result into the tensor and return the tensor."""

    def __ixor__(self, other: Operand) -> Self:
        """As `bitwise_xor`, but write the result into the tensor and return the tensor."""

    def __le__(self, other: Operand) -> Tensor:  # type: ignore[misc]
        """input <= other, element by element, as bool; shapes broadcast."""

    def __lshift__(self, other: Operand) -> Tensor:
        """input * 2^other, by shifting bits, element by element. RuntimeError for floats and bools."""

    def __lt__(self, other: Operand) -> Tensor:  # type: ignore[misc]
        """input < other, element by element, as bool; shapes broadcast."""

    def __matmul__(self, other: Tensor) -> Tensor:
        """Matrix product of two tensors: out[..., i, j] = sum_k input[..., i, k] * other[..., k, j]."""

    def __mod__(self, other: Operand) -> Tensor:
        """input - other * floor(input / other). It has the sign of the divisor, as Python's %."""

    def __mul__(self, y: Operand) -> Tensor:
        """x * y, element by element."""

    def __ne__(self, other: Operand) -> Tensor:  # type: ignore[override]
        """input != other, element by element, as bool; shapes broadcast."""

    def __neg__(self) -> Tensor:
        """-x."""

    def __or__(self, other: Operand) -> Tensor:
        """input | other, bit by bit; logical for bool. RuntimeError if either is a float."""

    def __pos__(self) -> Tensor:
        """+x, which is the tensor itself."""

    def __pow__(self, exponent: Operand) -> Tensor:
        """input^exponent, element by element."""

    def __radd__(self, y: Operand) -> Tensor:
        """x + y, element by element."""

    def __rand__(self, other: Operand) -> Tensor:
        """input & other, bit by bit; logical for bool. RuntimeError if either is a float."""

    def __rfloordiv__(self, other: Operand) -> Tensor:
        """The floor of other / self."""

    def __rmatmul__(self, other: Tensor) -> Tensor:
        """other @ self."""

    def __rmod__(self, other: Operand) -> Tensor:
        """The remainder of other divided by self."""

    def __rmul__(self, y: Operand) -> Tensor:
        """x * y, element by element."""

    def __ror__(self, other: Operand) -> Tensor:
        """input | other, bit by bit; logical for bool. RuntimeError if either is a float."""

    def __rpow__(self, other: Operand) -> Tensor:
        """other to the power of self."""

    def __rshift__(self, other: Operand) -> Tensor:
        """input / 2^other rounded down, by shifting bits, element by element. RuntimeError for floats and bools."""

    def __rsub__(self, other: Operand) -> Tensor:
        """other - self."""

    def __rtruediv__(self, other: Operand) -> Tensor:
        """other / self."""

    def __rxor__(self, other: Operand) -> Tensor:
        """input ^ other, bit by bit; logical for bool. RuntimeError if either is a float."""

    def __setitem__(self, key: Key, value: Tensor | ArrayLike) -> None:
        """self[key] = value."""

    def __sub__(self, y: Operand) -> Tensor:
        """x - y, element by element."""

    def __truediv__(self, y: Operand) -> Tensor:
        """x / y, element by element; integers give float32."""

    def __xor__(self, other: Operand) -> Tensor:
        """input ^ other, bit by bit; logical for bool. RuntimeError if either is a float."""

    def abs(self) -> Tensor:
        """|x|. The gradient at 0 is 0."""

    def abs_(self) -> Self:
        """As `abs`, but write the result into the tensor and return the tensor."""

    def absolute(self) -> Tensor:
        """|x|. The gradient at 0 is 0."""

    def absolute_(self) -> Self:
        """As `abs`, but write the result into the tensor and return the tensor."""

    def acos(self) -> Tensor:
        """The inverse cosine, in radians from 0 to pi; NaN outside [-1, 1]. Integers give float32."""

    def acos_(self) -> Self:
        """As `acos`, but write the result into the tensor and return the tensor."""

    def acosh(self) -> Tensor:
        """The inverse hyperbolic cosine, 0 or more; NaN below 1. Integers give float32."""

    def acosh_(self) -> Self:
        """As `acosh`, but write the result into the tensor and return the tensor."""

    def add(self, other: Operand, *, alpha: Number = 1) -> Tensor:
        """input + alpha * other."""

    def add_(self, other: Operand, *, alpha: Number = 1) -> Self:
        """As `add`, but write the result into the tensor and return the tensor."""

    def addbmm(self, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        """beta * input + alpha * the sum of bmm(batch1, batch2) over the batch."""

    def addbmm_(self, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Self:
        """As `addbmm`, but write the result into the tensor and return the tensor."""

    def addcdiv(self, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
        """input + value * tensor1 / tensor2, element by element."""

    def addcdiv_(self, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Self:
        """As `addcdiv`, but write the result into the tensor and return the tensor."""

    def addcmul(self, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
        """input + value * tensor1 * tensor2, element by element."""

    def addcmul_(self, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Self:
        """As `addcmul`, but write the result into the tensor and return the tensor."""

    def addmm(self, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        """beta * input + alpha * (mat1 @ mat2)."""

    def addmm_(self, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Self:
        """As `addmm`, but write the result into the tensor and return the tensor."""

    def addmv(self, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        """beta * input + alpha * (mat @ vec)."""

    def addmv_(self, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Self:
        """As `addmv`, but write the result into the tensor and return the tensor."""

    def addr(self, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        """beta * input + alpha * outer(vec1, vec2)."""

    def addr_(self, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Self:
        """As `addr`, but write the result into the tensor and return the tensor."""

    def adjoint(self) -> Tensor:
        """The conjugate transposes of matrices, (..., rows, columns) to (..., columns, rows); `x.mH` is the same."""

    def all(self, dim: Dims = None, keepdim: builtins.bool = False) -> Tensor:
        """Whether all elements are true (not 0). Arguments are those of `sum`."""

    def allclose(self, other: Tensor, rtol: builtins.float = 1e-05, atol: builtins.float = 1e-08,
                 equal_nan: builtins.bool = False) -> builtins.bool:
        """Whether every element is close, a Python bool: see `isclose`."""

    def amax(self, dim: Dims = None, keepdim: builtins.bool = False) -> Tensor:
        """The largest element along dimensions; NaN if any is NaN. Equal elements share the gradient evenly."""

    def amin(self, dim: Dims = None, keepdim: builtins.bool = False) -> Tensor:
        """The smallest element along dimensions; NaN if any is NaN. Equal elements share the gradient evenly."""

    def aminmax(self, *, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> MinMax:
        """The smallest and the largest element, of all or along a dimension."""

    def angle(self) -> Tensor:
        """The angle of complex numbers, in radians from -pi to pi; of real numbers 0, or pi below 0."""

    def any(self, dim: Dims = None, keepdim: builtins.bool = False) -> Tensor:
        """Whether any element is true (not 0). Arguments are those of `sum`."""

    def apply_(self, callable: Callable[[Any], Any]) -> Self:
        """Replace each element by the result of a Python function of it, and return the tensor. Slow."""

    def arccos(self) -> Tensor:
        """The inverse cosine, in radians from 0 to pi; NaN outside [-1, 1]. Integers give float32."""

    def arccos_(self) -> Self:
        """As `acos`, but write the result into the tensor and return the tensor."""

    def arccosh(self) -> Tensor:
        """The inverse hyperbolic cosine, 0 or more; NaN below 1. Integers give float32."""

    def arccosh_(self) -> Self:
        """As `acosh`, but write the result into the tensor and return the tensor."""

    def arcsin(self) -> Tensor:
        """The inverse sine, in radians from -pi/2 to pi/2; NaN outside [-1, 1]. Integers give float32."""

    def arcsin_(self) -> Self:
        """As `asin`, but write the result into the tensor and return the tensor."""

    def arcsinh(self) -> Tensor:
        """The inverse hyperbolic sine. Integers give float32."""

    def arcsinh_(self) -> Self:
        """As `asinh`, but write the result into the tensor and return the tensor."""

    def arctan(self) -> Tensor:
        """The inverse tangent, in radians from -pi/2 to pi/2. Integers give float32."""

    def arctan2(self, other: Tensor) -> Tensor:
        """The angle of the point (x, y) = (other, input), in radians from -pi to pi."""

    def arctan2_(self, other: Tensor) -> Self:
        """As `atan2`, but write the result into the tensor and return the tensor."""

    def arctan_(self) -> Self:
        """As `atan`, but write the result into the tensor and return the tensor."""

    def arctanh(self) -> Tensor:
        """The inverse hyperbolic tangent; NaN outside [-1, 1]. Integers give float32."""

    def arctanh_(self) -> Self:
        """As `atanh`, but write the result into the tensor and return the tensor."""

    def argmax(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Tensor:
        """The index of the largest element along a dimension, int64."""

    def argmin(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Tensor:
        """The index of the smallest element along a dimension, int64."""

    def argsort(self, dim: builtins.int = -1, descending: builtins.bool = False, *,
                stable: builtins.bool = True) -> Tensor:
        """The indices that sort a tensor along a dimension, int64; stable, with NaN as the largest."""

    def argwhere(self) -> Tensor:
        """The coordinates of the elements that are not 0, as rows: `nonzero`."""

    def as_strided(self, size: Sequence[builtins.int], stride: Sequence[builtins.int],
                   storage_offset: builtins.int | None = None) -> Tensor:
        """A view of the elements of a contiguous tensor with any shape and strides."""

    def asin(self) -> Tensor:
        """The inverse sine, in radians from -pi/2 to pi/2; NaN outside [-1, 1]. Integers give float32."""

    def asin_(self) -> Self:
        """As `asin`, but write the result into the tensor and return the tensor."""

    def asinh(self) -> Tensor:
        """The inverse hyperbolic sine. Integers give float32."""

    def asinh_(self) -> Self:
        """As `asinh`, but write the result into the tensor and return the tensor."""

    def atan(self) -> Tensor:
        """The inverse tangent, in radians from -pi/2 to pi/2. Integers give float32."""

    def atan2(self, other: Tensor) -> Tensor:
        """The angle of the point (x, y) = (other, input), in radians from -pi to pi."""

    def atan2_(self, other: Tensor) -> Self:
        """As `atan2`, but write the result into the tensor and return the tensor."""

    def atan_(self) -> Self:
        """As `atan`, but write the result into the tensor and return the tensor."""

    def atanh(self) -> Tensor:
        """The inverse hyperbolic tangent; NaN outside [-1, 1]. Integers give float32."""

    def atanh_(self) -> Self:
        """As `atanh`, but write the result into the tensor and return the tensor."""

    def backward(self, gradient: Tensor | None = None, retain_graph: builtins.bool | None = None,
                 create_graph: builtins.bool = False, inputs: Tensors | None = None) -> None:
        """Compute gradients of this tensor, and accumulate them in the `grad` of every leaf that requires one."""

    def baddbmm(self, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
        """beta * input + alpha * bmm(batch1, batch2)."""

    def baddbmm_(self, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Self:
        """As `baddbmm`, but write the result into the tensor and return the tensor."""

    def bernoulli(self, p: builtins.float | None = None, *, generator: Generator | None = None) -> Tensor:
        """Random ones and zeros: 1 with the probability given by each element, else 0. The gradient is 0."""

    def bernoulli_(self, p: TensorOrNumber = 0.5, *, generator: Generator | None = None) -> Self:
        """Write random ones, with probability p, and zeros into the tensor and return it."""

    def bfloat16(self, memory_format: object = None) -> Tensor:
        """The tensor as bfloat16; the tensor itself if it has this dtype."""

    def bincount(self, weights: Tensor | None = None, minlength: builtins.int = 0) -> Tensor:
        """How often each number from 0 to the largest occurs, int64; or the sum of the weights of its occurrences."""

    def bitwise_and(self, other: Operand) -> Tensor:
        """input & other, bit by bit; logical for bool. RuntimeError if either is a float."""

    def bitwise_and_(self, other: Operand) -> Self:
        """As `bitwise_and`, but write the result into the tensor and return the tensor."""

    def bitwise_left_shift(self, other: Operand) -> Tensor:
        """input * 2^other, by shifting bits, element by element. RuntimeError for floats and bools."""

    def bitwise_left_shift_(self, other: Operand) -> Self:
        """As `bitwise_left_shift`, but write the result into the tensor and return the tensor."""

    def bitwise_not(self) -> Tensor:
        """The complement of each bit; the negation of a bool."""

    def bitwise_not_(self) -> Self:
        """As `bitwise_not`, but write the result into the tensor and return the tensor."""

    def bitwise_or(self, other: Operand) -> Tensor:
        """input | other, bit by bit; logical for bool. RuntimeError if either is a float."""

    def bitwise_or_(self, other: Operand) -> Self:
        """As `bitwise_or`, but write the result into the tensor and return the tensor."""

    def bitwise_right_shift(self, other: Operand) -> Tensor:
        """input / 2^other rounded down, by shifting bits, element by element. RuntimeError for floats and bools."""

    def bitwise_right_shift_(self, other: Operand) -> Self:
        """As `bitwise_right_shift`, but write the result into the tensor and return the tensor."""

    def bitwise_xor(self, other: Operand) -> Tensor:
        """input ^ other, bit by bit; logical for bool. RuntimeError if either is a float."""

    def bitwise_xor_(self, other: Operand) -> Self:
        """As `bitwise_xor`, but write the result into the tensor and return the tensor."""

    def bmm(self, mat2: Tensor) -> Tensor:
        """Products of two batches of matrices, (B, M, K) and (B, K, N)."""

    def bool(self, memory_format: object = None) -> Tensor:
        """The tensor as bool; the tensor itself if it has this dtype."""

    def broadcast_to(self, shape: Size) -> Tensor:
        """`expand` to `shape`."""

    def byte(self, memory_format: object = None) -> Tensor:
        """The tensor as uint8; the tensor itself if it has this dtype."""

    def cauchy_(self, median: builtins.float = 0.0, sigma: builtins.float = 1.0, *,
                generator: Generator | None = None) -> Self:
        """Write random numbers of the Cauchy distribution into the tensor and return it."""

    def cdouble(self, memory_format: object = None) -> Tensor:
        """The tensor as complex128; the tensor itself if it has this dtype."""

    def ceil(self) -> Tensor:
        """The smallest integer not below x. Its gradient is 0."""

    def ceil_(self) -> Self:
        """As `ceil`, but write the result into the tensor and return the tensor."""

    def cfloat(self, memory_format: object = None) -> Tensor:
        """The tensor as complex64; the tensor itself if it has this dtype."""

    def char(self, memory_format: object = None) -> Tensor:
        """The tensor as int8; the tensor itself if it has this dtype."""

    def cholesky(self, upper: builtins.bool = False) -> Tensor:
        """See `fastnet.linalg.cholesky`."""

    def cholesky_inverse(self, upper: builtins.bool = False) -> Tensor:
        """Inverse of A, from its Cholesky factor. Arguments and errors are those of `cholesky_solve`."""

    def cholesky_solve(self, L: Tensor, upper: builtins.bool = False) -> Tensor:
        """Solution X of A X = B, from the Cholesky factor of A: see `cholesky`."""

    def chunk(self, chunks: builtins.int, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """Split a tensor along a dimension into at most `chunks` views of equal length; the last may be shorter."""

    def clamp(self, min: TensorOrNumber | None = None, max: TensorOrNumber | None = None) -> Tensor:
        """min(max(input, min), max): limit each element to [min, max]. A NaN limit gives NaN."""

    def clamp_(self, min: TensorOrNumber | None = None, max: TensorOrNumber | None = None) -> Self:
        """As `clamp`, but write the result into the tensor and return the tensor."""

    def clamp_max(self, max: TensorOrNumber) -> Tensor:
        """min(input, max): `clamp` with an upper limit."""

    def clamp_max_(self, max: TensorOrNumber) -> Self:
        """As `clamp_max`, but write the result into the tensor and return the tensor."""

    def clamp_min(self, min: TensorOrNumber) -> Tensor:
        """max(input, min): `clamp` with a lower limit."""

    def clamp_min_(self, min: TensorOrNumber) -> Self:
        """As `clamp_min`, but write the result into the tensor and return the tensor."""

    def clip(self, min: TensorOrNumber | None = None, max: TensorOrNumber | None = None) -> Tensor:
        """min(max(input, min), max): limit each element to [min, max]. A NaN limit gives NaN."""

    def clip_(self, min: TensorOrNumber | None = None, max: TensorOrNumber | None = None) -> Self:
        """As `clamp`, but write the result into the tensor and return the tensor."""

    def clone(self, *, memory_format: object = None) -> Tensor:
        """A copy that gradients flow through."""

    def conj(self) -> Tensor:
        """The conjugate of complex numbers, as a new tensor; a real tensor itself."""

    def conj_physical(self) -> Tensor:
        """See `conj`."""

    def contiguous(self, memory_format: object = None) -> Tensor:
        """The tensor in C order, or in another memory format: the tensor itself if it has this order, else a copy."""

    def copy_(self, src: Tensor | ArrayLike, non_blocking: builtins.bool = False) -> Self:
        """Write the elements of `src`, broadcast and cast, into the tensor and return it. Gradients flow to `src`."""

    def copysign(self, other: Operand) -> Tensor:
        """The magnitude of `input` with the sign of `other`, element by element. Integers give float32."""

    def copysign_(self, other: Operand) -> Self:
        """As `copysign`, but write the result into the tensor and return the tensor."""

    def corrcoef(self) -> Tensor:
        """The matrix of correlation coefficients of variables in rows, limited to [-1, 1]."""

    def cos(self) -> Tensor:
        """The cosine of an angle in radians. Integers give float32."""

    def cos_(self) -> Self:
        """As `cos`, but write the result into the tensor and return the tensor."""

    def cosh(self) -> Tensor:
        """The hyperbolic cosine, (e^x + e^-x) / 2. Integers give float32."""

    def cosh_(self) -> Self:
        """As `cosh`, but write the result into the tensor and return the tensor."""

    def count_nonzero(self, dim: Dims = None) -> Tensor:
        """The number of elements that are not 0, int64."""

    def cov(self, *, correction: builtins.int = 1, fweights: Tensor | None = None,
            aweights: Tensor | None = None) -> Tensor:
        """The covariance matrix of variables in rows."""

    def cross(self, other: Tensor, dim: builtins.int | None = None) -> Tensor:
        """The cross product of vectors of 3 elements."""

    def cuda(self, device: object = None, non_blocking: builtins.bool = False) -> Tensor:
        """Refuse to move a tensor: the CPU is the only device."""

    def cummax(self, dim: builtins.int) -> ValuesIndices:
        """The largest element so far along a dimension: (values, indices). Of equal ones the last; NaN stays."""

    def cummin(self, dim: builtins.int) -> ValuesIndices:
        """The smallest element so far along a dimension: (values, indices). Arguments are those of `cummax`."""

    def cumprod(self, dim: builtins.int, *, dtype: DTypeLike | None = None) -> Tensor:
        """Cumulative products along a dimension: out[i] = x[0] * ... * x[i]. The gradient is exact for zeros, too."""

    def cumprod_(self, dim: builtins.int, *, dtype: DTypeLike | None = None) -> Self:
        """As `cumprod`, but write the result into the tensor and return the tensor."""

    def cumsum(self, dim: builtins.int, *, dtype: DTypeLike | None = None) -> Tensor:
        """Cumulative sums along a dimension: out[i] = x[0] + ... + x[i]."""

    def cumsum_(self, dim: builtins.int, *, dtype: DTypeLike | None = None) -> Self:
        """As `cumsum`, but write the result into the tensor and return the tensor."""

    def deg2rad(self) -> Tensor:
        """Degrees as radians: x * pi / 180. Integers give float32."""

    def deg2rad_(self) -> Self:
        """As `deg2rad`, but write the result into the tensor and return the tensor."""

    def det(self) -> Tensor:
        """Determinant of square matrices."""

    def diag(self, diagonal: builtins.int = 0) -> Tensor:
        """The diagonal of a matrix as a copy, or the matrix with a vector on its diagonal."""

    def diag_embed(self, offset: builtins.int = 0, dim1: builtins.int = -2, dim2: builtins.int = -1) -> Tensor:
        """Matrices of zeros with the last dimension of the input on their diagonals."""

    def diagflat(self, offset: builtins.int = 0) -> Tensor:
        """The matrix with the flattened input on its diagonal."""

    def diagonal(self, offset: builtins.int = 0, dim1: builtins.int = 0, dim2: builtins.int = 1) -> Tensor:
        """A view of the diagonals of the matrices in two dimensions; they become the last dimension."""

    def diagonal_scatter(self, src: Tensor, offset: builtins.int = 0, dim1: builtins.int = 0,
                         dim2: builtins.int = 1) -> Tensor:
        """A copy of the input with `src` in its diagonals: see `diagonal`."""

    def diff(self, n: builtins.int = 1, dim: builtins.int = -1, prepend: Tensor | None = None,
             append: Tensor | None = None) -> Tensor:
        """Differences of neighbours along a dimension: out[i] = x[i + 1] - x[i], applied n times. Bools give `!=`."""

    def digamma(self) -> Tensor:
        """The derivative of lgamma. It needs SciPy."""

    def dim_order(self) -> tuple[builtins.int, ...]:
        """The dimensions from the largest stride to the smallest."""

    def dist(self, other: Operand, p: builtins.float = 2) -> Tensor:
        """The p-norm of input - other, over all elements: see `norm`."""

    def div(self, other: Operand, *, rounding_mode: Literal['floor', 'trunc'] | None = None) -> Tensor:
        """input / other, element by element; integers give float32."""

    def div_(self, other: Operand, *, rounding_mode: Literal['floor', 'trunc'] | None = None) -> Self:
        """As `div`, but write the result into the tensor and return the tensor."""

    def divide(self, other: Operand, *, rounding_mode: Literal['floor', 'trunc'] | None = None) -> Tensor:
        """input / other, element by element; integers give float32."""

    def divide_(self, other: Operand, *, rounding_mode: Literal['floor', 'trunc'] | None = None) -> Self:
        """As `div`, but write the result into the tensor and return the tensor."""

    def dot(self, tensor: Tensor) -> Tensor:
        """Inner product of two vectors, sum_i input[i] * tensor[i]."""

    def double(self, memory_format: object = None) -> Tensor:
        """The tensor as float64; the tensor itself if it has this dtype."""

    def dsplit(self, indices_or_sections: builtins.int | Sequence[builtins.int]) -> tuple[Tensor, ...]:
        """Split a tensor of 3 dimensions or more along dimension 2. Arguments and errors are those of `hsplit`."""

    def eq(self, other: Operand) -> Tensor:
        """input == other, element by element, as bool; shapes broadcast."""

    def eq_(self, other: Operand) -> Self:
        """As `eq`, but write the result into the tensor and return the tensor."""

    def equal(self, other: Tensor) -> builtins.bool:
        """Whether two tensors have the same shape and elements, a Python bool."""

    def erf(self) -> Tensor:
        """The error function, 2/sqrt(pi) * integral of exp(-t^2) from 0 to x. Integers give float32."""

    def erf_(self) -> Self:
        """As `erf`, but write the result into the tensor and return the tensor."""

    def erfc(self) -> Tensor:
        """1 - erf(x), exact for large x. It needs SciPy."""

    def erfinv(self) -> Tensor:
        """The inverse of erf; inf at 1. It needs SciPy."""

    def exp(self) -> Tensor:
        """e^x. Integers give float32."""

    def exp2(self) -> Tensor:
        """2^x."""

    def exp_(self) -> Self:
        """As `exp`, but write the result into the tensor and return the tensor."""

    def expand(self, *size: Size) -> Tensor:
        """A view that repeats dimensions of length 1."""

    def expand_as(self, other: Tensor) -> Tensor:
        """`expand` to the shape of `other`."""

    def expm1(self) -> Tensor:
        """e^x - 1, exact near 0. Integers give float32."""

    def expm1_(self) -> Self:
        """As `expm1`, but write the result into the tensor and return the tensor."""

    def exponential_(self, lambd: builtins.float = 1.0, *, generator: Generator | None = None) -> Self:
        """Write exponential random numbers, with density lambd * exp(-lambd * x), into the tensor and return it."""

    def fill_(self, value: TensorOrNumber) -> Self:
        """Write one value everywhere and return the tensor."""

    def fill_diagonal_(self, fill_value: Number, wrap: builtins.bool = False) -> Self:
        """Write one value into the diagonal of the tensor and return it."""

    def fix(self) -> Tensor:
        """x without its fraction. Its gradient is 0."""

    def fix_(self) -> Self:
        """As `trunc`, but write the result into the tensor and return the tensor."""

    def flatten(self, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
        """Merge the dimensions from start_dim to end_dim into one; a view where possible."""

    def flip(self, dims: Size, *more: builtins.int) -> Tensor:
        """Reverse the order of elements along dimensions, given as integers or one tuple; a copy."""

    def fliplr(self) -> Tensor:
        """Reverse the order along dimension 1; a copy."""

    def flipud(self) -> Tensor:
        """Reverse the order along dimension 0; a copy."""

    def float(self, memory_format: object = None) -> Tensor:
        """The tensor as float32; the tensor itself if it has this dtype."""

    def float_power(self, exponent: Operand) -> Tensor:
        """input^exponent in float64."""

    def float_power_(self, exponent: Operand) -> Self:
        """As `float_power`, but write the result into the tensor and return the tensor."""

    def floor(self) -> Tensor:
        """The largest integer not above x. Its gradient is 0."""

    def floor_(self) -> Self:
        """As `floor`, but write the result into the tensor and return the tensor."""

    def floor_divide(self, other: Operand) -> Tensor:
        """floor(input / other), element by element. Its gradient is 0."""

    def floor_divide_(self, other: Operand) -> Self:
        """As `floor_divide`, but write the result into the tensor and return the tensor."""

    def fmax(self, other: Tensor) -> Tensor:
        """The larger of two, element by element; a number if the other one is NaN."""

    def fmin(self, other: Tensor) -> Tensor:
        """The smaller of two, element by element; a number if the other one is NaN."""

    def fmod(self, other: Operand) -> Tensor:
        """input - other * trunc(input / other). It has the sign of the dividend, as C's fmod."""

    def fmod_(self, other: Operand) -> Self:
        """As `fmod`, but write the result into the tensor and return the tensor."""

    def frac(self) -> Tensor:
        """The fraction x - trunc(x), with the sign of x."""

    def frac_(self) -> Self:
        """As `frac`, but write the result into the tensor and return the tensor."""

    def frexp(self) -> MantissaExponent:
        """The mantissa, between 1/2 and 1, and the exponent (int32) of each number: input = mantissa * 2^exponent."""

    def gather(self, dim: builtins.int, index: Tensor, *, sparse_grad: builtins.bool = False) -> Tensor:
        """Elements at the given indices along a dimension: out[i][j][k] = input[index[i][j][k]][j][k] for dim 0."""

    def gcd(self, other: Operand) -> Tensor:
        """The greatest common divisor, element by element. RuntimeError for floats and bools."""

    def gcd_(self, other: Operand) -> Self:
        """As `gcd`, but write the result into the tensor and return the tensor."""

    def ge(self, other: Operand) -> Tensor:
        """input >= other, element by element, as bool; shapes broadcast."""

    def ge_(self, other: Operand) -> Self:
        """As `ge`, but write the result into the tensor and return the tensor."""

    def geometric_(self, p: builtins.float, *, generator: Generator | None = None) -> Self:
        """Write the numbers of trials up to the first success of probability p into the tensor and return it."""

    def ger(self, vec2: Tensor) -> Tensor:
        """Outer product of two vectors, out[i][j] = input[i] * vec2[j]."""

    def get_device(self) -> builtins.int:
        """-1, which stands for the CPU."""

    def greater(self, other: Operand) -> Tensor:
        """input > other, element by element, as bool; shapes broadcast."""

    def greater_(self, other: Operand) -> Self:
        """As `gt`, but write the result into the tensor and return the tensor."""

    def greater_equal(self, other: Operand) -> Tensor:
        """input >= other, element by element, as bool; shapes broadcast."""

    def greater_equal_(self, other: Operand) -> Self:
        """As `ge`, but write the result into the tensor and return the tensor."""

    def gt(self, other: Operand) -> Tensor:
        """input > other, element by element, as bool; shapes broadcast."""

    def gt_(self, other: Operand) -> Self:
        """As `gt`, but write the result into the tensor and return the tensor."""

    def half(self, memory_format: object = None) -> Tensor:
        """The tensor as float16; the tensor itself if it has this dtype."""

    def hardshrink(self, lambd: builtins.float = 0.5) -> Tensor:
        """x where |x| > lambd, else 0."""

    def heaviside(self, values: Tensor) -> Tensor:
        """The step function: 0 where input < 0, `values` where it is 0, 1 where it is positive. The gradients are 0."""

    def heaviside_(self, values: Tensor) -> Self:
        """As `heaviside`, but write the result into the tensor and return the tensor."""

    def histc(self, bins: builtins.int = 100, min: builtins.float = 0, max: builtins.float = 0) -> Tensor:
        """The number of elements in bins of equal width between min and max; the last bin includes max."""

    def histogram(self, bins: builtins.int | Tensor, *, range: Sequence[builtins.float] | None = None,
                  weight: Tensor | None = None, density: builtins.bool = False) -> Histogram:
        """A histogram: the counts of the elements in bins, and the edges of the bins."""

    def hsplit(self, indices_or_sections: builtins.int | Sequence[builtins.int]) -> tuple[Tensor, ...]:
        """Split along dimension 1, a vector along its only one: into equal parts, or before the given indices."""

    def hypot(self, other: Tensor) -> Tensor:
        """sqrt(input^2 + other^2), without overflow."""

    def hypot_(self, other: Tensor) -> Self:
        """As `hypot`, but write the result into the tensor and return the tensor."""

    def i0(self) -> Tensor:
        """The modified Bessel function of the first kind of order 0. It needs SciPy."""

    def igamma(self, other: Operand) -> Tensor:
        """The regularized lower incomplete gamma function."""

    def igammac(self, other: Operand) -> Tensor:
        """The regularized upper incomplete gamma function, 1 - gammainc(input, other)."""

    @property
    def imag(self) -> Tensor:
        """The imaginary parts of complex numbers, a view."""

    def index_add(self, dim: builtins.int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor:
        """Add entries at indices along a dimension: out[index[i]] += alpha * source[i] for dim 0."""

    def index_add_(self, dim: builtins.int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Self:
        """As `index_add`, but add into the tensor and return it."""

    def index_copy(self, dim: builtins.int, index: Tensor, source: Tensor) -> Tensor:
        """Write entries at indices along a dimension: out[index[i]] = source[i] for dim 0."""

    def index_copy_(self, dim: builtins.int, index: Tensor, source: Tensor) -> Self:
        """As `index_copy`, but write into the tensor and return it."""

    def index_fill(self, dim: builtins.int, index: Tensor, value: TensorOrNumber) -> Tensor:
        """Write one value into the entries at indices along a dimension."""

    def index_fill_(self, dim: builtins.int, index: Tensor, value: TensorOrNumber) -> Self:
        """As `index_fill`, but write the result into the tensor and return the tensor."""

    def index_put(self, indices: tuple[Tensor | None, ...], values: Operand,
                  accumulate: builtins.bool = False) -> Tensor:
        """A copy of the input with `values` at the places that index tensors pick: input[indices] = values."""

    def index_put_(self, indices: tuple[Tensor | None, ...], values: Operand,
                   accumulate: builtins.bool = False) -> Self:
        """As `index_put`, but write the result into the tensor and return the tensor."""

    def index_reduce(self, dim: builtins.int, index: Tensor, source: Tensor, reduce: str, *,
                     include_self: builtins.bool = True) -> Tensor:
        """Combine entries at indices along a dimension by a product, a mean or an extreme."""

    def index_reduce_(self, dim: builtins.int, index: Tensor, source: Tensor, reduce: str, *,
                      include_self: builtins.bool = True) -> Self:
        """As `index_reduce`, but write the result into the tensor and return the tensor."""

    def index_select(self, dim: builtins.int, index: Tensor) -> Tensor:
        """Entries along a dimension, selected by an index tensor; a copy."""

    def inner(self, other: Tensor) -> Tensor:
        """The dot products of the last dimensions: out[..., i, j] = sum over k of input[..., i, k] * other[j, k]."""

    def int(self, memory_format: object = None) -> Tensor:
        """The tensor as int32; the tensor itself if it has this dtype."""

    def inverse(self) -> Tensor:
        """Inverse of square matrices. `solve(A, B)` is faster and more accurate than `inv(A) @ B`."""

    def is_complex(self) -> builtins.bool:
        """Whether the dtype is complex."""

    def is_conj(self) -> builtins.bool:
        """False: `conj` always computes."""

    @property
    def is_cpu(self) -> builtins.bool:
        """True: the CPU is the only device."""

    @property
    def is_cuda(self) -> builtins.bool:
        """False: the CPU is the only device."""

    @property
    def is_meta(self) -> builtins.bool:
        """False: every tensor has memory."""

    @property
    def is_mkldnn(self) -> builtins.bool:
        """False: the layout is always strided."""

    @property
    def is_mps(self) -> builtins.bool:
        """False: the CPU is the only device."""

    @property
    def is_nested(self) -> builtins.bool:
        """False: tensors are never nested."""

    def is_nonzero(self) -> builtins.bool:
        """Whether the single element of a tensor is not 0."""

    def is_pinned(self, device: object = None) -> builtins.bool:
        """False: memory is never pinned."""

    @property
    def is_quantized(self) -> builtins.bool:
        """False: dtypes are never quantized."""

    def is_same_size(self, other: Tensor) -> builtins.bool:
        """Whether two tensors have the same shape."""

    def is_set_to(self, tensor: Tensor) -> builtins.bool:
        """Whether two tensors have the same memory, shape and strides."""

    def is_signed(self) -> builtins.bool:
        """Whether the dtype has negative numbers."""

    @property
    def is_sparse(self) -> builtins.bool:
        """False: the layout is always strided."""

    @property
    def is_sparse_csr(self) -> builtins.bool:
        """False: the layout is always strided."""

    @property
    def is_xpu(self) -> builtins.bool:
        """False: the CPU is the only device."""

    def isclose(self, other: Tensor, rtol: builtins.float = 1e-05, atol: builtins.float = 1e-08,
                equal_nan: builtins.bool = False) -> Tensor:
        """|input - other| <= atol + rtol * |other|, element by element."""

    def isfinite(self) -> Tensor:
        """Whether each element is neither NaN nor infinite."""

    def isinf(self) -> Tensor:
        """Whether each element is infinite, of either sign."""

    def isnan(self) -> Tensor:
        """Whether each element is NaN."""

    def isneginf(self) -> Tensor:
        """Whether each element is negative infinity."""

    def isposinf(self) -> Tensor:
        """Whether each element is positive infinity."""

    def isreal(self) -> Tensor:
        """Whether the imaginary part of each element is 0: True for all real numbers."""

    @property
    def itemsize(self) -> builtins.int:
        """The size of an element in bytes."""

    def kron(self, other: Tensor) -> Tensor:
        """The Kronecker product: each element of the input times all of `other`."""

    def kthvalue(self, k: builtins.int, dim: builtins.int = -1, keepdim: builtins.bool = False) -> ValuesIndices:
        """The k-th smallest element along a dimension, counted from 1: (values, indices)."""

    @property
    def layout(self) -> str:
        """`fastnet.strided`, the only layout."""

    def lcm(self, other: Operand) -> Tensor:
        """The least common multiple, element by element. RuntimeError for floats and bools."""

    def lcm_(self, other: Operand) -> Self:
        """As `lcm`, but write the result into the tensor and return the tensor."""

    def ldexp(self, other: Tensor) -> Tensor:
        """input * 2^other, element by element."""

    def ldexp_(self, other: Tensor) -> Self:
        """As `ldexp`, but write the result into the tensor and return the tensor."""

    def le(self, other: Operand) -> Tensor:
        """input <= other, element by element, as bool; shapes broadcast."""

    def le_(self, other: Operand) -> Self:
        """As `le`, but write the result into the tensor and return the tensor."""

    def lerp(self, end: Tensor, weight: Operand) -> Tensor:
        """Linear interpolation: input + weight * (end - input)."""

    def lerp_(self, end: Tensor, weight: Operand) -> Self:
        """As `lerp`, but write the result into the tensor and return the tensor."""

    def less(self, other: Operand) -> Tensor:
        """input < other, element by element, as bool; shapes broadcast."""

    def less_(self, other: Operand) -> Self:
        """As `lt`, but write the result into the tensor and return the tensor."""

    def less_equal(self, other: Operand) -> Tensor:
        """input <= other, element by element, as bool; shapes broadcast."""

    def less_equal_(self, other: Operand) -> Self:
        """As `le`, but write the result into the tensor and return the tensor."""

    def lgamma(self) -> Tensor:
        """The logarithm of |gamma(x)|. It needs SciPy."""

    def log(self) -> Tensor:
        """The natural logarithm. Integers give float32."""

    def log10(self) -> Tensor:
        """The logarithm to base 10. Integers give float32."""

    def log10_(self) -> Self:
        """As `log10`, but write the result into the tensor and return the tensor."""

    def log1p(self) -> Tensor:
        """log(1 + x), exact near 0. Integers give float32."""

    def log1p_(self) -> Self:
        """As `log1p`, but write the result into the tensor and return the tensor."""

    def log2(self) -> Tensor:
        """The logarithm to base 2. Integers give float32."""

    def log2_(self) -> Self:
        """As `log2`, but write the result into the tensor and return the tensor."""

    def log_(self) -> Self:
        """As `log`, but write the result into the tensor and return the tensor."""

    def log_normal_(self, mean: builtins.float = 1.0, std: builtins.float = 2.0, *,
                    generator: Generator | None = None) -> Self:
        """Write exp of normal random numbers with this mean and standard deviation into the tensor and return it."""

    def log_softmax(self, dim: builtins.int | None = None, dtype: DTypeLike | None = None) -> Tensor:
        """x - log(sum(exp(x))) along `dim`: the logarithm of `softmax`, without overflow."""

    def logaddexp(self, other: Tensor) -> Tensor:
        """log(exp(input) + exp(other)), without overflow."""

    def logaddexp2(self, other: Tensor) -> Tensor:
        """log2(2^input + 2^other), without overflow."""

    def logcumsumexp(self, dim: builtins.int) -> Tensor:
        """Logarithms of cumulative sums: out[i] = log(exp(x[0]) + ... + exp(x[i])), without overflow."""

    def logdet(self) -> Tensor:
        """Logarithm of the determinant of square matrices; NaN if it is negative."""

    def logical_and(self, other: Tensor) -> Tensor:
        """Whether both are true, element by element. Every number but 0 is true."""

    def logical_and_(self, other: Tensor) -> Self:
        """As `logical_and`, but write the result into the tensor and return the tensor."""

    def logical_not(self) -> Tensor:
        """Whether each element is 0 or False."""

    def logical_not_(self) -> Self:
        """As `logical_not`, but write the result into the tensor and return the tensor."""

    def logical_or(self, other: Tensor) -> Tensor:
        """Whether either is true, element by element. Every number but 0 is true."""

    def logical_or_(self, other: Tensor) -> Self:
        """As `logical_or`, but write the result into the tensor and return the tensor."""

    def logical_xor(self, other: Tensor) -> Tensor:
        """Whether exactly one is true, element by element. Every number but 0 is true."""

    def logical_xor_(self, other: Tensor) -> Self:
        """As `logical_xor`, but write the result into the tensor and return the tensor."""

    def logit(self, eps: builtins.float | None = None) -> Tensor:
        """log(x / (1 - x)), the inverse of the sigmoid."""

    def logsumexp(self, dim: Size, keepdim: builtins.bool = False) -> Tensor:
        """log(sum(exp(x))) over dimensions, without overflow; -inf without elements. Integers give float32."""

    def long(self, memory_format: object = None) -> Tensor:
        """The tensor as int64; the tensor itself if it has this dtype."""

    def lt(self, other: Operand) -> Tensor:
        """input < other, element by element, as bool; shapes broadcast."""

    def lt_(self, other: Operand) -> Self:
        """As `lt`, but write the result into the tensor and return the tensor."""

    def lu(self, pivot: builtins.bool = True, get_infos: builtins.bool = False) -> tuple[Tensor, ...]:
        """See `fastnet.linalg.lu_factor`, or `lu_factor_ex` with `get_infos`."""

    def lu_solve(self, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
        """See `fastnet.linalg.lu_solve`."""

    @property
    def mH(self) -> Tensor:
        """The conjugate transposes of matrices, (..., rows, columns) to (..., columns, rows); `x.mH` is the same."""

    @property
    def mT(self) -> Tensor:
        """The last two dimensions exchanged."""

    def map_(self, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Self:
        """Replace each element by a Python function of it and of one of `tensor`, and return the tensor."""

    def masked_fill(self, mask: Tensor, value: Operand) -> Tensor:
        """The input with `value` where the mask is true."""

    def masked_fill_(self, mask: Tensor, value: Operand) -> Self:
        """As `masked_fill`, but write the result into the tensor and return the tensor."""

    def masked_scatter(self, mask: Tensor, source: Tensor) -> Tensor:
        """A copy of the input with the elements of `source`, in order, where the mask is true."""

    def masked_scatter_(self, mask: Tensor, source: Tensor) -> Self:
        """As `masked_scatter`, but write the result into the tensor and return the tensor."""

    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements where the mask is true, in one dimension."""

    def matmul(self, other: Tensor, *, out: Tensor | None = None) -> Tensor:
        """Matrix product of two tensors: out[..., i, j] = sum_k input[..., i, k] * other[..., k, j]."""

    def matrix_exp(self) -> Tensor:
        """Exponential of square matrices, the sum of A^k / k!. It needs SciPy."""

    def matrix_power(self, n: builtins.int) -> Tensor:
        """Integer power of square matrices; a negative one is that of the inverse."""

    @overload
    def max(self) -> Tensor: ...
    @overload
    def max(self, other: Tensor, /) -> Tensor: ...
    @overload
    def max(self, *, other: Tensor) -> Tensor: ...
    @overload
    def max(self, dim: builtins.int, keepdim: builtins.bool = False) -> ValuesIndices:
        """The largest element; along a dimension, (values, indices); of two tensors, the larger elements."""

    def maximum(self, other: Tensor) -> Tensor:
        """The larger of two, element by element; NaN if either is NaN. Equal elements share the gradient."""

    def mean(self, dim: Dims = None, keepdim: builtins.bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
        """The arithmetic mean over dimensions, sum(x) / n. Arguments and errors are those of `sum`."""

    def median(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Any:
        """The median, of an even number of elements the lower one of the two in the middle; NaN if there is a NaN."""

    @overload
    def min(self) -> Tensor: ...
    @overload
    def min(self, other: Tensor, /) -> Tensor: ...
    @overload
    def min(self, *, other: Tensor) -> Tensor: ...
    @overload
    def min(self, dim: builtins.int, keepdim: builtins.bool = False) -> ValuesIndices:
        """The smallest element; along a dimension, (values, indices); of two tensors, the smaller elements."""

    def minimum(self, other: Tensor) -> Tensor:
        """The smaller of two, element by element; NaN if either is NaN. Equal elements share the gradient."""

    def mm(self, mat2: Tensor) -> Tensor:
        """Product of two matrices, (M, K) and (K, N)."""

    def mode(self, dim: builtins.int = -1, keepdim: builtins.bool = False) -> ValuesIndices:
        """The most frequent element along a dimension, the smallest of several, and the index where it occurs last."""

    def moveaxis(self, source: Size, destination: Size) -> Tensor:
        """A view with dimensions moved to new positions; the others keep their order."""

    def movedim(self, source: Size, destination: Size) -> Tensor:
        """A view with dimensions moved to new positions; the others keep their order."""

    def msort(self) -> Tensor:
        """The input sorted along dimension 0."""

    def mul(self, other: Operand) -> Tensor:
        """input * other, element by element."""

    def mul_(self, other: Operand) -> Self:
        """As `mul`, but write the result into the tensor and return the tensor."""

    def multinomial(self, num_samples: builtins.int, replacement: builtins.bool = False, *,
                    generator: Generator | None = None) -> Tensor:
        """Random column numbers of each row, int64, drawn with probabilities proportional to its weights."""

    def multiply(self, other: Operand) -> Tensor:
        """input * other, element by element."""

    def multiply_(self, other: Operand) -> Self:
        """As `mul`, but write the result into the tensor and return the tensor."""

    def mv(self, vec: Tensor) -> Tensor:
        """Product of a matrix (M, K) and a vector (K,)."""

    def mvlgamma(self, p: builtins.int) -> Tensor:
        """The logarithm of the multivariate gamma function."""

    def nan_to_num(self, nan: builtins.float | None = None, posinf: builtins.float | None = None,
                   neginf: builtins.float | None = None) -> Tensor:
        """The input with numbers in place of NaN and infinities."""

    def nan_to_num_(self, nan: builtins.float | None = None, posinf: builtins.float | None = None,
                    neginf: builtins.float | None = None) -> Self:
        """As `nan_to_num`, but write the result into the tensor and return the tensor."""

    def nanmean(self, dim: Dims = None, keepdim: builtins.bool = False, *,
                dtype: DTypeLike | None = None) -> Tensor:
        """The mean over dimensions of the elements that are not NaN. Arguments are those of `mean`."""

    def nanmedian(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Any:
        """The median of the elements that are not NaN. Arguments and errors are those of `median`."""

    def nanquantile(self, q: builtins.float | Tensor, dim: builtins.int | None = None, keepdim: builtins.bool = False,
                    *, interpolation: str = 'linear') -> Tensor:
        """Quantiles of the elements that are not NaN. Arguments and errors are those of `quantile`."""

    def nansum(self, dim: Dims = None, keepdim: builtins.bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
        """The sum over dimensions, with 0 in place of NaN. Arguments are those of `sum`."""

    def narrow(self, dim: builtins.int, start: builtins.int | Tensor, length: builtins.int) -> Tensor:
        """A view of `length` consecutive entries along a dimension."""

    def narrow_copy(self, dim: builtins.int, start: builtins.int, length: builtins.int) -> Tensor:
        """`narrow` as a copy."""

    def ndimension(self) -> builtins.int:
        """The number of dimensions."""

    def ne(self, other: Operand) -> Tensor:
        """input != other, element by element, as bool; shapes broadcast."""

    def ne_(self, other: Operand) -> Self:
        """As `ne`, but write the result into the tensor and return the tensor."""

    def neg(self) -> Tensor:
        """-x."""

    def neg_(self) -> Self:
        """As `neg`, but write the result into the tensor and return the tensor."""

    def negative(self) -> Tensor:
        """-x."""

    def negative_(self) -> Self:
        """As `neg`, but write the result into the tensor and return the tensor."""

    def new(self, *data: Any, device: str | None = None) -> Tensor:
        """A tensor in the dtype of `input`, with a shape, new(2, 3), or values, new([1, 2]): see `fastnet.Tensor`."""

    def new_empty(self, *size: Size, dtype: DTypeLike | None = None, requires_grad: builtins.bool = False,
                  device: str | None = None, layout: str | None = None, pin_memory: builtins.bool = False,
                  memory_format: object = None) -> Tensor:
        """`empty`, by default in the dtype of `input`."""

    def new_full(self, size: Size, fill_value: Number, *, dtype: DTypeLike | None = None,
                 requires_grad: builtins.bool = False, device: str | None = None, layout: str | None = None,
                 pin_memory: builtins.bool = False, memory_format: object = None) -> Tensor:
        """`full`, by default in the dtype of `input`."""

    def new_ones(self, *size: Size, dtype: DTypeLike | None = None, requires_grad: builtins.bool = False,
                 device: str | None = None, layout: str | None = None, pin_memory: builtins.bool = False,
                 memory_format: object = None) -> Tensor:
        """`ones`, by default in the dtype of `input`."""

    def new_tensor(self, data: Tensor | ArrayLike, *, dtype: DTypeLike | None = None,
                   requires_grad: builtins.bool = False, device: str | None = None, layout: str | None = None,
                   pin_memory: builtins.bool = False, memory_format: object = None) -> Tensor:
        """`fastnet.tensor`, by default in the dtype of `input`."""

    def new_zeros(self, *size: Size, dtype: DTypeLike | None = None, requires_grad: builtins.bool = False,
                  device: str | None = None, layout: str | None = None, pin_memory: builtins.bool = False,
                  memory_format: object = None) -> Tensor:
        """`zeros`, by default in the dtype of `input`."""

    def nextafter(self, other: Tensor) -> Tensor:
        """The next floating-point number after `input` towards `other`. The gradient is that of `input`."""

    def nextafter_(self, other: Tensor) -> Self:
        """As `nextafter`, but write the result into the tensor and return the tensor."""

    @overload
    def nonzero(self, *, as_tuple: Literal[False] = False) -> Tensor: ...
    @overload
    def nonzero(self, *, as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...
    @overload
    def nonzero(self, *, as_tuple: builtins.bool) -> Tensor | tuple[Tensor, ...]:
        """The indices of the nonzero elements, int64, (n, dimensions)."""

    def norm(self, p: builtins.float | Literal['fro'] = 2, dim: Dims = None, keepdim: builtins.bool = False,
             dtype: DTypeLike | None = None) -> Tensor:
        """The p-norm, sum(|x|^p)^(1/p). Its gradient at the zero vector is 0."""

    def normal_(self, mean: builtins.float = 0.0, std: builtins.float = 1.0, *,
                generator: Generator | None = None) -> Self:
        """Write normal random numbers into the tensor and return it."""

    def not_equal(self, other: Operand) -> Tensor:
        """input != other, element by element, as bool; shapes broadcast."""

    def not_equal_(self, other: Operand) -> Self:
        """As `ne`, but write the result into the tensor and return the tensor."""

    def outer(self, vec2: Tensor) -> Tensor:
        """Outer product of two vectors, out[i][j] = input[i] * vec2[j]."""

    def permute(self, *dims: Size) -> Tensor:
        """A view with the dimensions in another order."""

    def pin_memory(self, device: object = None) -> Tensor:
        """The tensor itself: without another device, there is nothing to pin its memory for."""

    def pinverse(self, rcond: builtins.float | None = None, hermitian: builtins.bool = False, *,
                 atol: builtins.float | None = None, rtol: builtins.float | None = None) -> Tensor:
        """Moore-Penrose pseudoinverse of matrices."""

    def polygamma(self, input: Tensor) -> Tensor:
        """The n-th derivative of the digamma function. It needs SciPy."""

    def positive(self) -> Tensor:
        """+x, which is the tensor itself."""

    def pow(self, exponent: Operand) -> Tensor:
        """input^exponent, element by element."""

    def pow_(self, exponent: Operand) -> Self:
        """As `pow`, but write the result into the tensor and return the tensor."""

    def prelu(self, weight: Tensor) -> Tensor:
        """x where x > 0, else weight * x, with a learned slope. He et al. 2015, https://arxiv.org/abs/1502.01852."""

    def prod(self, dim: builtins.int | None = None, keepdim: builtins.bool = False, *,
             dtype: DTypeLike | None = None) -> Tensor:
        """The product along a dimension. Integers and bools give int64. The gradient is exact for zeros, too."""

    def put(self, index: Tensor, source: Tensor, accumulate: builtins.bool = False) -> Tensor:
        """A copy of the input with the elements of `source` at the given numbers of the flattened input."""

    def put_(self, index: Tensor, source: Tensor, accumulate: builtins.bool = False) -> Self:
        """As `put`, but write the result into the tensor and return the tensor."""

    def qr(self, some: builtins.bool = True) -> QRFactors:
        """See `fastnet.linalg.qr`, whose mode is "reduced", or "complete" if not `some`."""

    def quantile(self, q: builtins.float | Tensor, dim: builtins.int | None = None, keepdim: builtins.bool = False, *,
                 interpolation: str = 'linear') -> Tensor:
        """Quantiles: the value at place q * (n - 1) of the n sorted elements; NaN if there is a NaN."""

    def rad2deg(self) -> Tensor:
        """Radians as degrees: x * 180 / pi. Integers give float32."""

    def rad2deg_(self) -> Self:
        """As `rad2deg`, but write the result into the tensor and return the tensor."""

    def random_(self, low: builtins.int = 0, high: builtins.int | None = None, *,
                generator: Generator | None = None) -> Self:
        """Write random integers in [low, high) into the tensor and return it; with one bound, in [0, bound)."""

    def ravel(self, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
        """Merge the dimensions from start_dim to end_dim into one; a view where possible."""

    @property
    def real(self) -> Tensor:
        """The real parts of complex numbers, a view; a real tensor itself."""

    def reciprocal(self) -> Tensor:
        """1 / x. Integers give float32."""

    def reciprocal_(self) -> Self:
        """As `reciprocal`, but write the result into the tensor and return the tensor."""

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call hook(gradient) whenever backward() or grad() has computed the gradient of this tensor."""

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call hook(tensor) whenever backward() has added to the `grad` of this leaf, at the end of backward()."""

    def relu(self) -> Tensor:
        """max(x, 0). RuntimeError for bool."""

    def relu_(self) -> Self:
        """As `relu`, but write the result into the tensor and return the tensor."""

    def remainder(self, other: Operand) -> Tensor:
        """input - other * floor(input / other). It has the sign of the divisor, as Python's %."""

    def remainder_(self, other: Operand) -> Self:
        """As `remainder`, but write the result into the tensor and return the tensor."""

    def renorm(self, p: builtins.float, dim: builtins.int, maxnorm: builtins.float) -> Tensor:
        """The input with each entry along a dimension scaled down to a p-norm of at most `maxnorm`."""

    def renorm_(self, p: builtins.float, dim: builtins.int, maxnorm: builtins.float) -> Self:
        """As `renorm`, but write the result into the tensor and return the tensor."""

    def repeat(self, *repeats: Size) -> Tensor:
        """Tile the tensor repeats[i] times along dimension i; additional dimensions come first."""

    @overload
    def repeat_interleave(self, repeats: builtins.int | Tensor, dim: builtins.int | None = None, *,
                          output_size: builtins.int | None = None) -> Tensor: ...
    @overload
    def repeat_interleave(self, *, output_size: builtins.int | None = None) -> Tensor:
        """Repeat each entry along a dimension: entry i occurs repeats[i] times in a row."""

    def reshape(self, *shape: Size) -> Tensor:
        """The tensor in another shape: a view where possible, else a copy."""

    def reshape_as(self, other: Tensor) -> Tensor:
        """`reshape` to the shape of `other`."""

    def resize_(self, *size: Size) -> Self:
        """Give the tensor another shape and return it: its elements in order, then uninitialised ones."""

    def resize_as_(self, the_template: Tensor) -> Self:
        """`resize_` to the shape of another tensor."""

    def resolve_conj(self) -> Tensor:
        """The tensor itself: `conj` always computes."""

    def retain_grad(self) -> None:
        """Keep the gradient of a tensor that is not a leaf: backward() then sets its `grad`, too."""

    def rmatmul(self, other: Tensor) -> Tensor:
        """other @ self."""

    def roll(self, shifts: Size, dims: Size | None = None) -> Tensor:
        """Rotate a tensor along dimensions: an entry moves by `shifts` places, past the end to the front; a copy."""

    def rot90(self, k: builtins.int = 1, dims: Sequence[builtins.int] = (0, 1)) -> Tensor:
        """Turn a tensor k times by 90 degrees, from the first of two dimensions towards the second; a copy."""

    def round(self, *, decimals: builtins.int = 0) -> Tensor:
        """The nearest integer; halves round to the even one. Its gradient is 0."""

    def round_(self, *, decimals: builtins.int = 0) -> Self:
        """As `round`, but write the result into the tensor and return the tensor."""

    def rsqrt(self) -> Tensor:
        """1 / sqrt(x)."""

    def rsqrt_(self) -> Self:
        """As `rsqrt`, but write the result into the tensor and return the tensor."""

    def scatter(self, dim: builtins.int, index: Tensor, src: TensorOrNumber | None = None, *, reduce: str | None = None,
                value: TensorOrNumber | None = None) -> Tensor:
        """Write elements at indices along a dimension: out[index[i][j][k]][j][k] = src[i][j][k] for dim 0."""

    def scatter_(self, dim: builtins.int, index: Tensor, src: TensorOrNumber | None = None, *,
                 reduce: str | None = None, value: TensorOrNumber | None = None) -> Self:
        """As `scatter`, but write into the tensor and return it."""

    def scatter_add(self, dim: builtins.int, index: Tensor, src: Tensor) -> Tensor:
        """Add elements at indices along a dimension: out[index[i][j][k]][j][k] += src[i][j][k] for dim 0."""

    def scatter_add_(self, dim: builtins.int, index: Tensor, src: Tensor) -> Self:
        """As `scatter_add`, but add into the tensor and return it."""

    def scatter_reduce(self, dim: builtins.int, index: Tensor, src: Tensor, reduce: str, *,
                       include_self: builtins.bool = True) -> Tensor:
        """Combine elements at indices along a dimension by a sum, a product, a mean or an extreme."""

    def scatter_reduce_(self, dim: builtins.int, index: Tensor, src: Tensor, reduce: str, *,
                        include_self: builtins.bool = True) -> Self:
        """As `scatter_reduce`, but write the result into the tensor and return the tensor."""

    def select(self, dim: builtins.int, index: builtins.int) -> Tensor:
        """A view of one entry along a dimension, which is removed."""

    def select_scatter(self, src: Tensor, dim: builtins.int, index: builtins.int) -> Tensor:
        """A copy of the input with `src` in one entry along a dimension: see `select`."""

    def sgn(self) -> Tensor:
        """-1, 0 or 1: `sign`, under the name that also holds for complex numbers."""

    def sgn_(self) -> Self:
        """As `sgn`, but write the result into the tensor and return the tensor."""

    def short(self, memory_format: object = None) -> Tensor:
        """The tensor as int16; the tensor itself if it has this dtype."""

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)). Integers give float32."""

    def sigmoid_(self) -> Self:
        """As `sigmoid`, but write the result into the tensor and return the tensor."""

    def sign(self) -> Tensor:
        """-1, 0 or 1. Its gradient is 0."""

    def sign_(self) -> Self:
        """As `sign`, but write the result into the tensor and return the tensor."""

    def signbit(self) -> Tensor:
        """Whether the sign of each element is negative; also that of -0.0."""

    def sin(self) -> Tensor:
        """The sine of an angle in radians. Integers give float32."""

    def sin_(self) -> Self:
        """As `sin`, but write the result into the tensor and return the tensor."""

    def sinc(self) -> Tensor:
        """sin(pi x) / (pi x), and 1 at 0."""

    def sinh(self) -> Tensor:
        """The hyperbolic sine, (e^x - e^-x) / 2. Integers give float32."""

    def sinh_(self) -> Self:
        """As `sinh`, but write the result into the tensor and return the tensor."""

    def slice_scatter(self, src: Tensor, dim: builtins.int = 0, start: builtins.int | None = None,
                      end: builtins.int | None = None, step: builtins.int = 1) -> Tensor:
        """A copy of the input with `src` in the entries start, start + step, ... below end along a dimension."""

    def slogdet(self) -> SignAndLog:
        """Sign of the determinant, and the logarithm of its absolute value: -inf for a singular matrix."""

    def softmax(self, dim: builtins.int | None = None, dtype: DTypeLike | None = None) -> Tensor:
        """exp(x) / sum(exp(x)) along `dim`, without overflow."""

    def sort(self, dim: builtins.int = -1, descending: builtins.bool = False, *,
             stable: builtins.bool = True) -> ValuesIndices:
        """Sort a tensor along a dimension: (values, indices). Stable, with NaN as the largest."""

    def split(self, split_size_or_sections: Size, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """Split a tensor along a dimension into a tuple of views."""

    def split_with_sizes(self, split_sizes: Sequence[builtins.int], dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """Split a tensor along a dimension into views of the given lengths: see `split`."""

    def sqrt(self) -> Tensor:
        """The square root; NaN below 0. Integers give float32."""

    def sqrt_(self) -> Self:
        """As `sqrt`, but write the result into the tensor and return the tensor."""

    def square(self) -> Tensor:
        """x^2. Bools give int64."""

    def square_(self) -> Self:
        """As `square`, but write the result into the tensor and return the tensor."""

    def squeeze(self, dim: Size | None = None) -> Tensor:
        """A view without the dimensions of length 1, or only without those among `dim` (an integer or a tuple)."""

    def squeeze_(self, dim: Size | None = None) -> Self:
        """As `squeeze`, but change the shape of the tensor itself and return it."""

    def std(self, dim: Dims = None, unbiased: builtins.bool = True, keepdim: builtins.bool = False, *,
            correction: builtins.float | None = None) -> Tensor:
        """The standard deviation over dimensions, the square root of the variance."""

    def storage(self) -> UntypedStorage:
        """The memory that the tensor shares with its views."""

    def storage_offset(self) -> builtins.int:
        """The place of the first element in the memory of the tensor that this one is a view of, in elements."""

    def sub(self, other: Operand, *, alpha: Number = 1) -> Tensor:
        """input - alpha * other."""

    def sub_(self, other: Operand, *, alpha: Number = 1) -> Self:
        """As `sub`, but write the result into the tensor and return the tensor."""

    def subtract(self, other: Operand, *, alpha: Number = 1) -> Tensor:
        """input - alpha * other."""

    def subtract_(self, other: Operand, *, alpha: Number = 1) -> Self:
        """As `sub`, but write the result into the tensor and return the tensor."""

    def sum(self, dim: Dims = None, keepdim: builtins.bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
        """The sum over dimensions. Integers and bools give int64."""

    def sum_to_size(self, *size: Size) -> Tensor:
        """The sum over dimensions such that the result has the given shape, which broadcasts to that of the input."""

    def svd(self, some: builtins.bool = True, compute_uv: builtins.bool = True) -> OldSVD:
        """See `fastnet.linalg.svd`. Right singular vectors are columns of V; without compute_uv, U and V are zeros."""

    def swapaxes(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """A view with two dimensions exchanged."""

    def swapaxes_(self, dim0: builtins.int, dim1: builtins.int) -> Self:
        """As `transpose`, but change the shape of the tensor itself and return it."""

    def swapdims(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """A view with two dimensions exchanged."""

    def swapdims_(self, dim0: builtins.int, dim1: builtins.int) -> Self:
        """As `transpose`, but change the shape of the tensor itself and return it."""

    def t(self) -> Tensor:
        """The transpose of a matrix, a view. A vector is returned unchanged."""

    def t_(self) -> Tensor:
        """As `t`, but change the shape of the tensor itself and return it."""

    def take(self, index: Tensor) -> Tensor:
        """The elements of the flattened input at the given numbers."""

    def take_along_dim(self, indices: Tensor, dim: builtins.int | None = None) -> Tensor:
        """Elements at the given indices along a dimension, as `gather`; the other dimensions broadcast."""

    def tan(self) -> Tensor:
        """The tangent of an angle in radians. Integers give float32."""

    def tan_(self) -> Self:
        """As `tan`, but write the result into the tensor and return the tensor."""

    def tanh(self) -> Tensor:
        """(exp(x) - exp(-x)) / (exp(x) + exp(-x)). Integers give float32."""

    def tanh_(self) -> Self:
        """As `tanh`, but write the result into the tensor and return the tensor."""

    def tensor_split(self, indices_or_sections: builtins.int | Sequence[builtins.int] | Tensor,
                     dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """Split a tensor into n views of nearly equal length, or before the given indices."""

    def tile(self, *dims: Size) -> Tensor:
        """Repeat a tensor dims[i] times along dimension i, counted from the last."""

    @overload
    def to(self, other: Tensor, /, non_blocking: builtins.bool = False, copy: builtins.bool = False, *,
           memory_format: object = None) -> Tensor: ...
    @overload
    def to(self, dtype: DTypeLike | None = None, non_blocking: builtins.bool = False, copy: builtins.bool = False, *,
           device: str | None = None, memory_format: object = None) -> Tensor: ...
    @overload
    def to(self, device: str, dtype: DTypeLike | None = None, non_blocking: builtins.bool = False,
           copy: builtins.bool = False, *, memory_format: object = None) -> Tensor:
        """The tensor converted to a dtype and a memory format; the tensor itself if it has these."""

    def to_dense(self, dtype: DTypeLike | None = None, *, masked_grad: builtins.bool | None = None) -> Tensor:
        """The tensor itself: all tensors are dense."""

    def to_sparse(self, *arguments: Any) -> Tensor:
        """Refuse a sparse layout: all tensors are dense."""

    def topk(self, k: builtins.int, dim: builtins.int = -1, largest: builtins.bool = True,
             sorted: builtins.bool = True) -> ValuesIndices:
        """The k largest or smallest elements along a dimension: (values, indices). Of equal elements the first ones."""

    def trace(self) -> Tensor:
        """The sum of the diagonal of a matrix."""

    def transpose(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """A view with two dimensions exchanged."""

    def transpose_(self, dim0: builtins.int, dim1: builtins.int) -> Self:
        """As `transpose`, but change the shape of the tensor itself and return it."""

    def triangular_solve(self, A: Tensor, upper: builtins.bool = True, transpose: builtins.bool = False,
                         unitriangular: builtins.bool = False) -> TriangularSolution:
        """`solve_triangular` under its old name in PyTorch, with its order of arguments."""

    def tril(self, diagonal: builtins.int = 0) -> Tensor:
        """The lower triangle of matrices: zeros where column - row > diagonal."""

    def tril_(self, diagonal: builtins.int = 0) -> Self:
        """As `tril`, but write the result into the tensor and return the tensor."""

    def triu(self, diagonal: builtins.int = 0) -> Tensor:
        """The upper triangle of matrices: zeros where column - row < diagonal. Arguments are those of `tril`."""

    def triu_(self, diagonal: builtins.int = 0) -> Self:
        """As `triu`, but write the result into the tensor and return the tensor."""

    def true_divide(self, other: Operand, *, rounding_mode: Literal['floor', 'trunc'] | None = None) -> Tensor:
        """input / other, element by element; integers give float32."""

    def true_divide_(self, other: Operand, *, rounding_mode: Literal['floor', 'trunc'] | None = None) -> Self:
        """As `div`, but write the result into the tensor and return the tensor."""

    def trunc(self) -> Tensor:
        """x without its fraction. Its gradient is 0."""

    def trunc_(self) -> Self:
        """As `trunc`, but write the result into the tensor and return the tensor."""

    @overload
    def type(self, dtype: None = None, non_blocking: builtins.bool = False) -> str: ...
    @overload
    def type(self, dtype: DTypeLike, non_blocking: builtins.bool = False) -> Tensor:
        """The name of the tensor's type, such as "fastnet.FloatTensor"; with `dtype`, the tensor converted to it."""

    def type_as(self, other: Tensor) -> Tensor:
        """The tensor in the dtype of `other`."""

    def unbind(self, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """The entries along a dimension, a tuple of views."""

    def unflatten(self, dim: builtins.int, sizes: Sequence[builtins.int]) -> Tensor:
        """Split one dimension into several."""

    def unfold(self, dimension: builtins.int, size: builtins.int, step: builtins.int) -> Tensor:
        """A view of sliding windows along a dimension; the elements of a window become the last dimension."""

    def uniform_(self, a: builtins.float = 0.0, b: builtins.float = 1.0, *,
                 generator: Generator | None = None) -> Self:
        """Write uniform random numbers in [a, b) into the tensor and return it."""

    def unique(self, sorted: builtins.bool = True, return_inverse: builtins.bool = False,
               return_counts: builtins.bool = False,
               dim: builtins.int | None = None) -> Tensor | tuple[Tensor, ...]:
        """The distinct elements of a tensor, sorted. Every NaN is distinct."""

    def unique_consecutive(self, return_inverse: builtins.bool = False, return_counts: builtins.bool = False,
                           dim: builtins.int | None = None) -> Tensor | tuple[Tensor, ...]:
        """The elements of a tensor without those that equal the one before them. Arguments are those of `unique`."""

    def unsqueeze(self, dim: builtins.int) -> Tensor:
        """A view with a dimension of length 1 inserted at `dim`."""

    def unsqueeze_(self, dim: builtins.int) -> Self:
        """As `unsqueeze`, but change the shape of the tensor itself and return it."""

    def untyped_storage(self) -> UntypedStorage:
        """The memory that the tensor shares with its views."""

    def var(self, dim: Dims = None, unbiased: builtins.bool = True, keepdim: builtins.bool = False, *,
            correction: builtins.float | None = None) -> Tensor:
        """The variance over dimensions, sum((x - mean)^2) / (n - correction)."""

    def vdot(self, other: Tensor) -> Tensor:
        """The dot product of two vectors: `dot`, which for real numbers is the same."""

    def view(self, *shape: Size) -> Tensor:
        """A view of the tensor in another shape, or of its memory as another dtype."""

    def view_as(self, other: Tensor) -> Tensor:
        """`view` in the shape of `other`."""

    def view_as_complex(self) -> Tensor:
        """A real tensor with a last dimension of length 2 as a complex one, a view."""

    def view_as_real(self) -> Tensor:
        """A complex tensor as a real one with a last dimension of length 2, a view."""

    def vsplit(self, indices_or_sections: builtins.int | Sequence[builtins.int]) -> tuple[Tensor, ...]:
        """Split a tensor of 2 dimensions or more along dimension 0. Arguments and errors are those of `hsplit`."""

    def where(self, condition: Tensor, other: Operand) -> Tensor:
        """The elements of this tensor where the condition is true, `other` elsewhere."""

    def xlogy(self, other: Operand) -> Tensor:
        """x * log(y), and 0 where x is 0 and y is not NaN."""

    def zero_(self) -> Self:
        """Write zeros and return the tensor. Errors are those of `fill_`."""
