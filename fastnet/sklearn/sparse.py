"""A first layer that takes rows of a sparse matrix, without making them dense."""
from __future__ import annotations

from typing import Any, NamedTuple

from fastnet import Tensor, nn
from fastnet._core.annotations import Array, DTypeLike, Result, Shape, StrPath
from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet.autograd import gradient, op, writes_out
from fastnet.backend import K
from fastnet.functional.kernel_calls import contiguous
from fastnet.nn import architecture
from fastnet.nn.parameter import new_parameter

__all__ = ["SparseLinear", "SparseNetwork", "SparseRows", "csr_product"]


class SparseLinear(nn.Module):
    """x @ weight + bias for sparse rows. The weight is stored as sparse products read it: one row per input feature.

    Args:
        in_features, out_features: lengths of the last dimension of the input and of the result.
        dtype: of the parameters, which are initialised to zeros.

    Shape:
        (N, in_features), or SparseRows of N rows, to (N, out_features). weight is (in_features, out_features), bias
        (out_features,).

    Example:
        >>> import fastnet
        >>> from fastnet.sklearn.sparse import SparseLinear
        >>> SparseLinear(3, 2)(fastnet.ones(5, 3)).shape
        (5, 2)
    """

    def __init__(self, in_features: int, out_features: int, dtype: DTypeLike | None = None) -> None:
        super().__init__()
        self.in_features: int = in_features
        self.out_features: int = out_features
        self.weight: nn.Parameter = new_parameter(in_features, out_features, dtype=dtype)
        self.bias: nn.Parameter = new_parameter(out_features, dtype=dtype)

    def forward(self, input: Any) -> Tensor:
        product = csr_product(*input, self.weight) if isinstance(input, SparseRows) else input @ self.weight
        return product + self.bias

    def as_linear(self) -> nn.Module:
        """An nn.Linear with a copy of the weights."""
        described: dict[str, Any] = {"in_features": self.in_features, "out_features": self.out_features, "bias": True,
                     "dtype": self.weight.dtype.name}
        arrays = {"weight": self.weight.detach().numpy().T, "bias": self.bias.detach().numpy()}
        return architecture.build({"class": "Linear", "arguments": described}, arrays)     # draws no random numbers

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}"


class SparseNetwork(nn.Sequential):
    """A network that begins with a SparseLinear, and is saved with an nn.Linear instead, which `fastnet.load` reads.

    Args:
        args: the modules.

    Example:
        >>> import fastnet, os, tempfile
        >>> from fastnet.sklearn.sparse import SparseLinear, SparseNetwork
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.safetensors")
        ...     SparseNetwork(SparseLinear(3, 2)).save(path)
        ...     fastnet.load(path)
        Sequential(
          (0): Linear(in_features=3, out_features=2, bias=True)  # weight (2, 3), bias (2,)
        )  # 8 parameters
    """

    def save(self, path: StrPath, metadata: Any = None, dtype: str | None = None) -> None:
        """Write the network, with an nn.Linear instead of its SparseLinear; see `fastnet.nn.Module.save`."""
        modules: list[Any] = list(self)
        first, *rest = modules
        nn.Sequential(first.as_linear(), *rest).save(path, metadata, dtype)


class SparseRows(NamedTuple):
    """A selection of rows of a sparse matrix, by reference.

    Args:
        matrix: of SciPy, in CSR format.
        rows: their indices, (N,), an int64 tensor.
    """

    matrix: Any
    rows: Tensor


def csr_product(matrix: Any, rows: Tensor, weight: Tensor) -> Tensor:
    """Product of rows of a sparse matrix and a dense matrix, matrix[rows] @ weight.

    Args:
        matrix: (n, k) of SciPy, in CSR format.
        rows: (m,), int64, each in [0, n).
        weight: (k, d), of the matrix's dtype.

    Returns:
        (m, d).

    Example:
        >>> import fastnet, numpy as np
        >>> from scipy.sparse import csr_array
        >>> from fastnet.sklearn.sparse import csr_product
        >>> matrix = csr_array(np.array([[0, 2], [3, 0]], np.float32))
        >>> csr_product(matrix, fastnet.tensor([1]), fastnet.tensor([[10.0], [100.0]]))
        tensor([[30.]])
    """
    return _csr_product(rows, weight, matrix=matrix)


@op
def _csr_product(rows: Array, weight: Array, matrix: Any) -> Result[Array]:
    parts = (rows, matrix.indptr, matrix.indices, matrix.data)
    if state.recorder is not None:      # every replay uses the same matrix
        for array in parts[1:]:
            state.recorder.constant(array)

    weight = contiguous(weight)
    product = empty((len(rows), weight.shape[1]), weight.dtype)
    K.csr_matmul(product, *parts, weight)
    return product, (None, gradient(_sparse_weight_gradient, weight.shape, *parts))


@writes_out
def _sparse_weight_gradient(g: Array, shape: Shape, *parts: Any, out: Array | None = None) -> Array:
    dw = empty(shape, g.dtype) if out is None or out.shape != shape else out
    K.csr_matmul_backward(dw, *parts, contiguous(g))
    return dw
