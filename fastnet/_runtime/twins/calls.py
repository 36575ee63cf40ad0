"""The questions of fastnet/_kernels/calls.pyx in plain Python, for installs without the extension."""
from numpy.lib.array_utils import byte_bounds as bounds

__all__ = ["Home", "Watch", "bounds", "describe", "overlaps", "put_back", "undisturbed"]


class Home:
    """The fields of a fastnet.autograd.leaves.FinalGradient are its own here."""


def describe(array):
    """A hashable description of an array: its dtype and layout, whether it is aligned and whether it can be written."""
    return array.shape, array.dtype, array.strides, array.flags.aligned, array.flags.writeable


def overlaps(arrays):
    """How arrays share memory: a recording that saw one array twice must not serve two different ones."""
    spans = [bounds(a) for a in arrays]
    return tuple((i, j, spans[j][0] - spans[i][0]) for j in range(len(arrays)) for i in range(j)
                 if spans[i][0] < spans[j][1] and spans[j][0] < spans[i][1])


def undisturbed(tensors, gradients):
    """Whether nothing at all has changed since the recording was made: unknown, so Python looks closer."""
    return False


class Watch:
    """Lists and dicts, to be asked whether they still hold the objects that they held when this was made."""

    def __init__(self, containers):
        """Keep nothing: see `same`."""

    def same(self, but=None):
        """Whether they do: unknown, so Python looks closer."""
        return False


def put_back(gradients):
    """Leave every gradient as the recorded run did."""
    for gradient in gradients:
        gradient.put_back()
