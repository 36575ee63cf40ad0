"""Maps from unconstrained matrices to orthogonal ones."""
from __future__ import annotations

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import as_tensor
from fastnet._core.errors import shape_text
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.functional.creation import eye, zeros
from fastnet.functional.joining import cat
from fastnet.functional.random import randn
from fastnet.nn.module import Module

__all__ = ["Orthogonal"]

_ORTHOGONAL_MAPS = ("matrix_exp", "cayley", "householder")


class Orthogonal(Module):
    """The parametrization of `nn.utils.parametrizations.orthogonal`, which documents it.

    Args:
        weight: the tensor that is replaced, (..., n, k).
        orthogonal_map: "matrix_exp", "cayley", "householder" or None.
        use_trivialization: multiply by the constant matrix `base`.

    Raises:
        ValueError: the tensor has one dimension or is complex, or the map is another.
    """

    def __init__(self, weight: Tensor, orthogonal_map: str | None, use_trivialization: bool) -> None:
        super().__init__()
        if weight.ndim < 2 or weight.dtype.kind == "c":
            raise ValueError(f"orthogonal: expected a real matrix or a batch of them, got shape {shape_text(weight)} "
                             f"and dtype {weight.dtype}")
        if orthogonal_map is None:
            orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
        if orthogonal_map not in _ORTHOGONAL_MAPS:
            raise ValueError(f"orthogonal: expected orthogonal_map to be one of {', '.join(_ORTHOGONAL_MAPS)}, got "
                             f"{orthogonal_map!r}")
        self.shape, self.orthogonal_map = tuple(weight.shape), orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        wide = x.shape[-2] < x.shape[-1]
        x = x.mT if wide else x
        q = _reflections(x) if self.orthogonal_map == "householder" else _rotation(x, self.orthogonal_map)
        if "base" in self._buffers:
            q = self.base @ q
        return q.mT if wide else q

    def right_inverse(self, q: Tensor) -> Tensor:
        """The original whose image is q: -I, with q in the buffer `base`; the reflections without that buffer."""
        if tuple(q.shape) != self.shape:
            raise ValueError(f"orthogonal: expected a tensor of shape {self.shape}, got {shape_text(q)}")
        forbid_in_recording("assigning an orthogonal weight")
        wide = q.shape[-2] < q.shape[-1]
        tall = q.detach().mT if wide else q.detach()
        if "base" not in self._buffers:
            if self.orthogonal_map != "householder":
                raise NotImplementedError(f"orthogonal: {self.orthogonal_map} cannot be inverted with "
                                          "use_trivialization=False")
            original = _reflectors(tall)
            return original.mT if wide else original
        self.base = _completed(tall)
        return zeros(*q.shape, dtype=q.dtype) - eye(*q.shape[-2:], dtype=q.dtype)


def _rotation(x: Tensor, name: str) -> Tensor:
    """The first columns of exp(A) or of the Cayley map of A, (..., n, k) for A = tril(x) - tril(x).T."""
    from fastnet import linalg  # loaded at its first use
    n, k = x.shape[-2:]
    x = x.tril()
    if n != k:
        x = cat([x, zeros(*x.shape[:-1], n - k, dtype=x.dtype)], -1)
    a = x - x.mT
    if name == "matrix_exp":
        q = linalg.matrix_exp(a)
    else:
        identity = eye(n, dtype=a.dtype)
        q = linalg.solve(identity - a * 0.5, identity + a * 0.5)
    return q if n == k else q.narrow(-1, 0, k)


def _reflections(x: Tensor) -> Tensor:
    """The first columns of the product of the reflections H(i) = I - 2 v v.T / |v|^2, times the signs on x's diagonal.

    v is column i of x below its diagonal, and 1 on it. The product is I - V S^-1 V.T, with S = striu(V.T V) +
    diag(|v|^2) / 2: Joffrain et al. 2006, https://doi.org/10.1145/1141885.1141886.
    """
    from fastnet import linalg
    n, k = x.shape[-2:]
    identity = eye(n, k, dtype=x.dtype)
    v = x.tril(-1) + identity
    gram = v.mT @ v
    s = gram.triu(1) + gram * eye(k, dtype=x.dtype) * 0.5
    q = identity - v @ linalg.solve_triangular(s, v.narrow(-2, 0, k).mT, upper=True)
    return q * x.detach().diagonal(0, -2, -1).trunc().unsqueeze(-2)


def _reflectors(q: Tensor) -> Tensor:
    """The reflections, as `_reflections` takes them, of the QR decomposition of q whose R has a positive diagonal."""
    transposed, tau = np.linalg.qr(q.numpy(), mode="raw")
    a = np.swapaxes(transposed, -1, -2).copy()
    place = np.arange(q.shape[-1])
    signs = np.sign(a[..., place, place])
    a[..., place, place] = np.where(tau == 0, -signs, signs)
    return as_tensor(a.astype(q.dtype))


def _completed(q: Tensor) -> Tensor:
    """An orthogonal matrix whose first columns are those of q, made orthonormal."""
    from fastnet import linalg
    n, k = q.shape[-2:]
    if n == k and bool(((q.mT @ q - eye(k, dtype=q.dtype)).abs() <= 10 * n * dtypes.finfo(q.dtype).eps).all()):
        return q.clone()
    if n != k:
        q = cat([q, randn(*q.shape[:-2], n, n - k, dtype=q.dtype)], -1)
    factors = linalg.qr(q)
    return factors[0] * factors[1].diagonal(0, -2, -1).sign().unsqueeze(-2)
