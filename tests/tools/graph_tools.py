"""A module that runs a given function, and its graph, for the tests of `fastnet.graph`."""
import fastnet
from fastnet import nn
from fastnet.graph import trace


class Net(nn.Module):
    """A module whose `forward` is a given function of the module and its arguments."""

    def __init__(self, function):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.function = function

    def forward(self, *args):
        return self.function(self, *args)


def traced(function, *example, **options):
    return trace(Net(function), *(example or (fastnet.ones(2, 3),)), **options)
