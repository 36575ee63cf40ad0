"""Activations."""
from fastnet.autograd import op
from fastnet.errors import one_of
from fastnet.functional.arrays import contiguous, like
from fastnet.functional.reduction import log_softmax, softmax
from fastnet.tensor import method

__all__ = [
    "elu",
    "gelu",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "mish",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]


def _of_result(name, doc):
    """Define an activation whose gradient follows from its result."""
    def function(input):
        y = like(name, _floating(name, input))
        return y, (lambda g: like(name + "_backward", y, g),)
    return _named(function, name, doc)


def _of_input(name, doc):
    """Define an activation whose gradient follows from its input and attributes."""
    def function(input, **attributes):
        x = contiguous(_floating(name, input))
        return like(name, x, **attributes), (lambda g: like(name + "_backward", x, g, **attributes),)
    return _named(function, name, doc)


def _named(function, name, doc):
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return op(function)


def _floating(name, x):
    if x.dtype.kind != "f":
        raise TypeError(f"{name} takes floating-point tensors, got {x.dtype}")
    return x


relu = method()(_of_result("relu", "max(x, 0)."))
sigmoid = method()(_of_result("sigmoid", "1 / (1 + exp(-x))."))
tanh = method()(_of_result("tanh", "(exp(x) - exp(-x)) / (exp(x) + exp(-x))."))
silu = _of_input("silu", "x * sigmoid(x). Elfwing et al. 2017, https://arxiv.org/abs/1702.03118.")
_gelu = _of_input("gelu", "GELU by the error function.")
_gelu_tanh = _of_input("gelu_tanh", "GELU by its tanh approximation.")
_leaky_relu = _of_input("leaky_relu", "")
_elu = _of_input("elu", "")
_softplus = _of_input("softplus", "")


def gelu(input, approximate="none"):
    """x * Phi(x), Phi being the normal distribution function. Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415.

    Args:
        approximate: "none" computes Phi by the error function, "tanh" by
            0.5 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3))).
    """
    if approximate not in ("none", "tanh"):
        raise one_of("approximation", approximate, ("none", "tanh"))
    return _gelu(input) if approximate == "none" else _gelu_tanh(input)


def leaky_relu(input, negative_slope=0.01):
    """x where x > 0, else negative_slope * x."""
    return _leaky_relu(input, slope=float(negative_slope))


def elu(input, alpha=1.0):
    """x where x > 0, else alpha * (exp(x) - 1). Clevert et al. 2015, https://arxiv.org/abs/1511.07289."""
    return _elu(input, alpha=float(alpha))


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold."""
    return _softplus(input, beta=float(beta), threshold=float(threshold))


def logsigmoid(input):
    """log(sigmoid(x)), without overflow."""
    return -softplus(-input)


def softsign(input):
    """x / (1 + |x|)."""
    return input / (1 + input.abs())


def hardtanh(input, min_val=-1.0, max_val=1.0):
    """x moved into [min_val, max_val]."""
    return input.clamp(min_val, max_val)


def relu6(input):
    """min(max(x, 0), 6)."""
    return input.clamp(0.0, 6.0)


def mish(input):
    """x * tanh(softplus(x)). Misra 2019, https://arxiv.org/abs/1908.08681."""
    return input * tanh(softplus(input))
