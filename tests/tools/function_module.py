"""A module that runs a given function."""
from fastnet import nn


class Function(nn.Module):
    """A module whose `forward` is a given function of its arguments."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args, **kwargs):
        return self.function(*args, **kwargs)
