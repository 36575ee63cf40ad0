"""Activations as layers. All but the softmaxes work element by element, on any shape."""
from fastnet.nn import functional as F
from fastnet.nn.module import Module


class _Plain(Module):
    """An activation without settings: its function is the class attribute `function`."""

    function = staticmethod(F.tanh)

    def forward(self, input):
        return self.function(input)


class _InPlace(Module):
    """An activation that can write into its input.

    Args:
        inplace: do so.
    """

    function = staticmethod(F.relu)

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return self.function(input, inplace=self.inplace)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class ReLU(_InPlace):
    """max(x, 0).

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ReLU()(fastnet.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """


class ReLU6(_InPlace):
    """min(max(x, 0), 6).

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ReLU6()(fastnet.tensor([-1.0, 2.0, 7.0]))
        tensor([0., 2., 6.])
    """

    function = staticmethod(F.relu6)


class SiLU(_InPlace):
    """x * sigmoid(x), also called swish. Elfwing et al. 2017, https://arxiv.org/abs/1702.03118.

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.SiLU()(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.2689,  0.    ,  0.7311])
    """

    function = staticmethod(F.silu)


class Mish(_InPlace):
    """x * tanh(log(1 + exp(x))). Misra 2019, https://arxiv.org/abs/1908.08681.

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Mish()(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.3034,  0.    ,  0.8651])
    """

    function = staticmethod(F.mish)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x. Maas et al. 2013.

    Args:
        negative_slope: of the line below 0.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LeakyReLU(0.5)(fastnet.tensor([-1.0, 2.0]))
        tensor([-0.5,  2. ])
    """

    def __init__(self, negative_slope=0.01, inplace=False):
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input):
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self):
        return f"negative_slope={self.negative_slope}{', inplace=True' if self.inplace else ''}"


class ELU(Module):
    """x where x > 0, else alpha * (exp(x) - 1). Clevert et al. 2015, https://arxiv.org/abs/1511.07289.

    Args:
        alpha: minus the limit at minus infinity.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ELU()(fastnet.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.    ])
    """

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input):
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self):
        return f"alpha={self.alpha}{', inplace=True' if self.inplace else ''}"


class Hardtanh(Module):
    """x moved into [min_val, max_val].

    Args:
        min_val, max_val: the bounds, the first below the second.
        inplace: write the result into the input.

    Raises:
        ValueError: the bounds are not in order.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Hardtanh()(fastnet.tensor([-2.0, 0.5]))
        tensor([-1. ,  0.5])
    """

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False):
        super().__init__()
        if not min_val < max_val:
            raise ValueError(f"Hardtanh: expected min_val < max_val, got {min_val} and {max_val}")
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input):
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self):
        return f"min_val={self.min_val}, max_val={self.max_val}{', inplace=True' if self.inplace else ''}"


class Sigmoid(_Plain):
    """1 / (1 + exp(-x)).

    Example:
        >>> import fastnet
        >>> fastnet.nn.Sigmoid()(fastnet.zeros(1))
        tensor([0.5])
    """

    function = staticmethod(F.sigmoid)


class LogSigmoid(_Plain):
    """log(1 / (1 + exp(-x))), without overflow.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LogSigmoid()(fastnet.tensor([-100.0, 0.0]))
        tensor([-100.    ,   -0.6931])
    """

    function = staticmethod(F.logsigmoid)


class Tanh(_Plain):
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Example:
        >>> import fastnet
        >>> fastnet.nn.Tanh()(fastnet.tensor([0.0, 100.0]))
        tensor([0., 1.])
    """


class Softsign(_Plain):
    """x / (1 + |x|).

    Example:
        >>> import fastnet
        >>> fastnet.nn.Softsign()(fastnet.tensor([-1.0, 3.0]))
        tensor([-0.5 ,  0.75])
    """

    function = staticmethod(F.softsign)


class GELU(Module):
    """x * Phi(x), Phi being the normal distribution function. https://arxiv.org/abs/1606.08415.

    Args:
        approximate: "none" computes Phi by the error function, "tanh" by a formula with tanh, as GPT-2 does.

    Raises:
        ValueError: when called, another approximation.

    Example:
        >>> import fastnet
        >>> fastnet.nn.GELU()(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1587,  0.    ,  0.8413])
    """

    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, input):
        return F.gelu(input, self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold.

    Args:
        beta: how sharp the bend is.
        threshold: where the function is the identity to within its precision.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Softplus()(fastnet.tensor([0.0, 100.0]))
        tensor([  0.6931, 100.    ])
    """

    def __init__(self, beta=1.0, threshold=20.0):
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input):
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self):
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """exp(x) / sum(exp(x)) along a dimension.

    Args:
        dim: the dimension.

    Raises:
        TypeError: when called, no dimension was given.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Softmax(dim=1)(fastnet.zeros(1, 2))
        tensor([[0.5, 0.5]])
    """

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return F.softmax(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """x - log(sum(exp(x))) along a dimension.

    Args:
        dim: the dimension.

    Raises:
        TypeError: when called, no dimension was given.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LogSoftmax(dim=1)(fastnet.zeros(1, 2))
        tensor([[-0.6931, -0.6931]])
    """

    def forward(self, input):
        return F.log_softmax(input, self.dim)
