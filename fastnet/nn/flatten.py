"""Layers that change shapes alone."""
from fastnet._core.errors import naming_none
from fastnet.nn.module import Module


class Flatten(Module):
    """The dimensions from start_dim to end_dim as one; by default all but the batch.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Flatten()(fastnet.ones(5, 2, 3)).shape
        (5, 6)
    """

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    @naming_none
    def forward(self, input):
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One dimension as several.

    Args:
        dim: the dimension.
        unflattened_size: the lengths it becomes; one may be -1.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Unflatten(1, (2, -1))(fastnet.ones(5, 6)).shape
        (5, 2, 3)
    """

    def __init__(self, dim, unflattened_size):
        super().__init__()
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    @naming_none
    def forward(self, input):
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self):
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
