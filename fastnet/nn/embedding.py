"""Embedding: a table of vectors, looked up by number."""
from fastnet._core.errors import check_sizes, shape_text
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.indexing import check_max_norm, padding_row
from fastnet.nn import init
from fastnet.nn.functional import embedding
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, new_parameter


class Embedding(Module):
    """The rows of a table that the input's numbers name.

    The table starts normal with mean 0 and variance 1, the padding row with zeros.

    Args:
        num_embeddings: the number of rows.
        embedding_dim: the length of a row.
        padding_idx: a row that stands for nothing: zeros that no gradient changes.
        max_norm: the largest norm of a row; each call rescales the longer ones among its rows, in the table itself.
        norm_type: p of the p-norm that max_norm bounds.
        scale_grad_by_freq: divide the gradient of each row by how often the input names it.
        sparse: ignored; gradients are dense.
        dtype: of the table, float32 by default.

    Raises:
        ValueError: padding_idx is not a row, or max_norm is negative.
        IndexError: when called, a number outside [0, num_embeddings).

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

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0,
                 scale_grad_by_freq=False, sparse=False, device=None, dtype=None):
        super().__init__()
        check_sizes("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_row("Embedding", padding_idx, num_embeddings)
        check_max_norm("Embedding", max_norm)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.weight = new_parameter(num_embeddings, embedding_dim, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings, freeze=True, padding_idx=None, max_norm=None, norm_type=2.0,
                        scale_grad_by_freq=False, sparse=False):
        """A layer over a copy of the table `embeddings`, (rows, length).

        Args:
            freeze: do not train it.
            padding_idx: a row whose gradient stays zero; its values are kept.
            max_norm, norm_type, scale_grad_by_freq, sparse: see `Embedding`.

        Raises:
            ValueError: embeddings is no matrix, padding_idx is not a row, or max_norm is negative.

        Example:
            >>> import fastnet
            >>> layer = fastnet.nn.Embedding.from_pretrained(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]))
            >>> layer(fastnet.tensor([1]))
            tensor([[3., 4.]])
        """
        if not isinstance(embeddings, Tensor) or embeddings.ndim != 2:
            given = shape_text(embeddings) if isinstance(embeddings, Tensor) else type(embeddings).__name__
            raise ValueError(f"Embedding.from_pretrained: expected a tensor of two dimensions, got {given}")
        layer = cls(1, 0, None, max_norm, norm_type, scale_grad_by_freq, sparse)
        layer.num_embeddings, layer.embedding_dim = embeddings.shape
        layer.padding_idx = padding_row("Embedding.from_pretrained", padding_idx, layer.num_embeddings)
        layer.weight = Parameter(embeddings, requires_grad=not freeze)
        return layer

    def forward(self, input):
        return embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq)

    def extra_repr(self):
        options = {"padding_idx": (self.padding_idx, None), "max_norm": (self.max_norm, None),
                   "norm_type": (self.norm_type, 2), "scale_grad_by_freq": (self.scale_grad_by_freq, False)}
        given = [f"{name}={value}" for name, (value, default) in options.items() if value != default]
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *given])
