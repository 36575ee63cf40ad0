"""Embedding: a lookup table of vectors."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet._core.errors import check_sizes, shape_text
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.embedding import check_max_norm, padding_row
from fastnet.functional.embedding_bag import BagMode
from fastnet.nn import init
from fastnet.nn.functional import embedding, embedding_bag
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, making_outlines, new_parameter

if TYPE_CHECKING:
    from typing_extensions import Self

    from fastnet._core.annotations import Device, DTypeLike

__all__ = ["Embedding", "EmbeddingBag"]


def _check_table(name: str, embeddings: object) -> None:
    if not isinstance(embeddings, Tensor) or embeddings.ndim != 2:
        given = shape_text(embeddings) if isinstance(embeddings, Tensor) else type(embeddings).__name__
        raise ValueError(f"{name}: expected a tensor of two dimensions, got {given}")


class Embedding(Module):
    """Lookup table that maps each index of the input to a learned vector.

    The table starts normal with mean 0 and variance 1, the padding row with zeros.

    Args:
        num_embeddings: the number of rows.
        embedding_dim: the length of a row.
        padding_idx: the index of a row that starts as zeros and receives no gradient.
        max_norm: the largest norm of a row; each call rescales the longer rows that it looks up, in the table.
        norm_type: the p of the p-norm for max_norm.
        scale_grad_by_freq: divide the gradient of each row by the number of times its index is in the input.
        sparse: the gradient of the table holds only the rows that a batch touched, as a
            `fastnet.autograd.SparseGradient`, which SGD and SparseAdam take. Not in compiled functions.
        device: "cpu".
        dtype: of the table, float32 by default.

    Raises:
        ValueError: padding_idx is not a row, or max_norm is negative.
        IndexError: when called, an index outside [0, num_embeddings).

    Shape:
        Integers (...) to (..., embedding_dim). weight is (num_embeddings, embedding_dim).

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.Embedding(10, 3, padding_idx=0)
        >>> layer(fastnet.tensor([[0, 1], [2, 0]])).shape
        (2, 2, 3)
        >>> layer(fastnet.tensor([0])).tolist()
        [[0.0, 0.0, 0.0]]
    """

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    sparse: bool
    weight: Parameter

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
                 max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                 sparse: bool = False, device: Device = None, dtype: DTypeLike | None = None) -> None:
        super().__init__()
        check_sizes("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_row("Embedding", padding_idx, num_embeddings)
        check_max_norm("Embedding", max_norm)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.weight = new_parameter(num_embeddings, embedding_dim, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values of the table."""
        init.normal_(self.weight)
        if self.padding_idx is not None and not making_outlines():
            with no_grad():
                self.weight[self.padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None,
                        max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                        sparse: bool = False) -> Self:
        """Create a layer with a copy of an existing table.

        Args:
            embeddings: the table, (num_embeddings, embedding_dim).
            freeze: exclude the table from training.
            padding_idx: the index of a row that receives no gradient; its values are kept.
            max_norm: see `Embedding`.
            norm_type: see `Embedding`.
            scale_grad_by_freq: see `Embedding`.
            sparse: see `Embedding`.

        Raises:
            ValueError: embeddings does not have two dimensions, padding_idx is not a row, or max_norm is negative.

        Example:
            >>> import fastnet
            >>> layer = fastnet.nn.Embedding.from_pretrained(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]))
            >>> layer(fastnet.tensor([1]))
            tensor([[3., 4.]])
        """
        _check_table("Embedding.from_pretrained", embeddings)
        layer = cls(1, 0, None, max_norm, norm_type, scale_grad_by_freq, sparse)
        layer.num_embeddings, layer.embedding_dim = embeddings.shape
        layer.padding_idx = padding_row("Embedding.from_pretrained", padding_idx, layer.num_embeddings)
        layer.weight = Parameter(embeddings, requires_grad=not freeze)
        return layer

    def forward(self, input: Tensor) -> Tensor:
        return embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq,
                         self.sparse)

    def extra_repr(self) -> str:
        options = {"padding_idx": (self.padding_idx, None), "max_norm": (self.max_norm, None),
                   "norm_type": (self.norm_type, 2), "scale_grad_by_freq": (self.scale_grad_by_freq, False),
                   "sparse": (self.sparse, False)}
        given = [f"{name}={value}" for name, (value, default) in options.items() if value != default]
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *given])


class EmbeddingBag(Module):
    """Lookup table whose rows are summed, averaged or maximized in each bag of indices.

    Args:
        num_embeddings: the number of rows.
        embedding_dim: the length of a row.
        max_norm, norm_type, scale_grad_by_freq, sparse: see `Embedding`.
        mode: "sum", "mean" or "max".
        _weight: the table, (num_embeddings, embedding_dim), which is copied.
        include_last_offset: the last offset is the end of the last bag.
        padding_idx: the index of a row that starts as zeros and that no bag counts.
        device: "cpu".
        dtype: of the table, float32 by default.

    Raises:
        ValueError: an unknown mode, padding_idx is not a row, max_norm is negative, or _weight has another shape.
        IndexError: when called, an index outside [0, num_embeddings).

    Shape:
        Integers (bags, size), or (n,) with offsets (bags,), to (bags, embedding_dim).

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.EmbeddingBag(10, 3, mode="sum")
        >>> layer(fastnet.tensor([4, 1, 2]), fastnet.tensor([0, 1])).shape
        (2, 3)
    """

    num_embeddings: int
    embedding_dim: int
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    mode: BagMode
    sparse: bool
    include_last_offset: bool
    padding_idx: int | None
    weight: Parameter

    def __init__(self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
                 scale_grad_by_freq: bool = False, mode: BagMode = "mean", sparse: bool = False,
                 _weight: Tensor | None = None, include_last_offset: bool = False, padding_idx: int | None = None,
                 device: Device = None, dtype: DTypeLike | None = None) -> None:
        super().__init__()
        check_sizes("EmbeddingBag", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        check_max_norm("EmbeddingBag", max_norm)
        if mode not in ("sum", "mean", "max"):
            raise ValueError(f"EmbeddingBag: expected mode to be 'sum', 'mean' or 'max', got {mode!r}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.mode, self.sparse, self.include_last_offset = mode, sparse, include_last_offset
        self.padding_idx = padding_row("EmbeddingBag", padding_idx, num_embeddings)
        if _weight is None:
            self.weight = new_parameter(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.reset_parameters()
        elif _weight.shape == (num_embeddings, embedding_dim):
            self.weight = Parameter(_weight)
        else:
            raise ValueError(f"EmbeddingBag: expected _weight of shape {(num_embeddings, embedding_dim)}, got "
                             f"{shape_text(_weight)}")

    def reset_parameters(self) -> None:
        """Draw new initial values of the table."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, max_norm: float | None = None,
                        norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: BagMode = "mean",
                        sparse: bool = False, include_last_offset: bool = False,
                        padding_idx: int | None = None) -> Self:
        """Create a layer with a copy of an existing table.

        Args:
            embeddings: the table, (num_embeddings, embedding_dim).
            freeze: exclude the table from training.
            max_norm, norm_type, scale_grad_by_freq, mode, sparse, include_last_offset, padding_idx: see
                `EmbeddingBag`; the values of the padding row are kept.

        Raises:
            ValueError: embeddings does not have two dimensions, an unknown mode, padding_idx is not a row, or max_norm
                is negative.

        Example:
            >>> import fastnet
            >>> table = fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])
            >>> fastnet.nn.EmbeddingBag.from_pretrained(table, mode="sum")(fastnet.tensor([[0, 1]]))
            tensor([[4., 6.]])
        """
        _check_table("EmbeddingBag.from_pretrained", embeddings)
        rows, columns = embeddings.shape
        layer = cls(rows, columns, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
                    include_last_offset, padding_idx)
        layer.weight.requires_grad_(not freeze)
        return layer

    def forward(self, input: Tensor, offsets: Tensor | None = None,
                per_sample_weights: Tensor | None = None) -> Tensor:
        return embedding_bag(input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
                             self.mode, self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx)

    def extra_repr(self) -> str:
        options = {"max_norm": (self.max_norm, None), "norm_type": (self.norm_type, 2),
                   "scale_grad_by_freq": (self.scale_grad_by_freq, False)}
        given = [f"{name}={value}" for name, (value, default) in options.items() if value != default]
        last = [] if self.padding_idx is None else [f"padding_idx={self.padding_idx}"]
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *given, f"mode={self.mode!r}", *last])
