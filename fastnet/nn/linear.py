"""Linear layers."""
import math

from fastnet._core.errors import check_sizes
from fastnet.functional.linear import linear_activated
from fastnet.nn import init
from fastnet.nn.activation import ReLU, Sigmoid, Tanh
from fastnet.nn.functional import linear
from fastnet.nn.module import Module
from fastnet.nn.parameter import new_parameter


class Linear(Module):
    """x @ weight.T + bias.

    Both start uniform in [-1/sqrt(in_features), 1/sqrt(in_features)].

    Args:
        in_features, out_features: lengths of the last dimension of the input and of the result.
        bias: add one.
        dtype: of the parameters, float32 by default.

    Shape:
        (..., in_features) to (..., out_features). weight is (out_features, in_features), bias (out_features,).

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.Linear(3, 2)
        >>> layer
        Linear(in_features=3, out_features=2, bias=True)  # weight (2, 3), bias (2,); 8 parameters
        >>> layer(fastnet.ones(5, 3)).shape
        (5, 2)
    """

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        check_sizes("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = new_parameter(out_features, in_features, device=device, dtype=dtype)
        self.register_parameter("bias", new_parameter(out_features, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw the weight and the bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        return linear(input, self.weight, self.bias)

    def _activated(self, activation):
        """A function that computes this layer and the module `activation` behind it in one kernel; None: there is none.

        Both must be what they seem: layers without hooks, subclasses or a forward() of the user's.
        """
        name = _FUSED.get(type(activation))
        if name is None or not (_plain(self) and _plain(activation)):
            return None
        return lambda input: linear_activated(input, self.weight, self.bias, name)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


_FUSED = {ReLU: "relu", Sigmoid: "sigmoid", Tanh: "tanh"}


def _plain(module):
    return module._hooks is None and "forward" not in module.__dict__


class Identity(Module):
    """The input as it is. Arguments are ignored, so that it can stand in for any layer.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Identity()(fastnet.ones(2))
        tensor([1., 1.])
    """

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, input):
        return input
