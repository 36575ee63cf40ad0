"""The network that an estimator's parameters describe, and its weights in scikit-learn's form."""
import copy
from collections.abc import Iterable
from numbers import Real

import numpy as np

from fastnet import nn
from fastnet._core.errors import one_of
from fastnet.sklearn.sparse import SparseLinear, SparseNetwork

# scikit-learn's four names first
ACTIVATIONS = {"identity": nn.Identity, "logistic": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "elu": nn.ELU,
               "gelu": nn.GELU, "hardtanh": nn.Hardtanh, "leaky_relu": nn.LeakyReLU, "mish": nn.Mish,
               "relu6": nn.ReLU6, "silu": nn.SiLU, "softplus": nn.Softplus, "softsign": nn.Softsign}


def build(estimator, n_inputs, n_outputs, dtype, sparse):
    """The network of an estimator, its weights not drawn yet unless they are those of its `module`.

    Args:
        estimator: see `MLPClassifier`.
        n_inputs, n_outputs: the width of the data, and of what is predicted.
        dtype: of the weights.
        sparse: whether the inputs are.

    Raises:
        ValueError, TypeError: parameters that describe no network.
    """
    if estimator.module is not None:
        return _own(estimator.module, n_inputs, n_outputs).to(dtype)
    sizes = hidden_sizes(estimator)
    activations = per_layer("activation", estimator.activation, len(sizes), (str, nn.Module))
    rates = per_layer("dropout", estimator.dropout, len(sizes), Real)
    layers, width = [], n_inputs
    for size, activation, rate in zip(sizes, activations, rates):
        layers.append(_linear(width, size, dtype, sparse and not layers))
        if estimator.batch_norm:
            layers.append(nn.BatchNorm1d(size, dtype=dtype))
        layers.append(_activation(activation))
        if rate:
            layers.append(nn.Dropout(float(rate)))
        width = size
    layers.append(_linear(width, n_outputs, dtype, sparse and not layers))
    return (SparseNetwork if sparse else nn.Sequential)(*layers).to(dtype)


def _own(module, n_inputs, n_outputs):
    """A copy of the user's module, or what the user's function makes."""
    made = copy.deepcopy(module) if isinstance(module, nn.Module) else module(n_inputs, n_outputs)
    if not isinstance(made, nn.Module):
        raise TypeError(f"module must be a Module or a function of (n_inputs, n_outputs) that makes one, got "
                        f"{type(made).__name__}")
    return made


def hidden_sizes(estimator):
    """The widths of the hidden layers as a list."""
    sizes = estimator.hidden_layer_sizes
    sizes = list(sizes) if isinstance(sizes, Iterable) else [sizes]
    if not all(isinstance(size, (int, np.integer)) and size > 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, whole numbers; got {sizes}.")
    return [int(size) for size in sizes]


def per_layer(name, value, layers, single):
    """A list with one value for each hidden layer: the same for all where `value` is none of several."""
    if isinstance(value, single) or not isinstance(value, Iterable):
        return [value] * layers
    values = list(value)
    if len(values) != layers:
        raise ValueError(f"{name} has {len(values)} values, expected one or {layers}: one for each hidden layer")
    return values


def _activation(spec):
    if isinstance(spec, str):
        if spec not in ACTIVATIONS:
            raise one_of("activation", spec, ACTIVATIONS)
        return ACTIVATIONS[spec]()
    made = copy.deepcopy(spec) if isinstance(spec, nn.Module) else spec()
    if not isinstance(made, nn.Module):
        raise TypeError(f"an activation must be a name, a Module or a function that makes one, got "
                        f"{type(made).__name__}")
    return made


def _linear(width, size, dtype, sparse):
    return SparseLinear(width, size, dtype) if sparse else nn.Linear(width, size, dtype=dtype)


def draw(network, activation, rng):
    """Draw the weights and biases as scikit-learn does, with the same numbers for the same random state.

    Uniform in [-b, b], b = sqrt(6 / (inputs + outputs)), with 2 in place of 6 for the logistic function. Glorot and
    Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.

    Args:
        network: what `build` made of layers.
        activation: the estimator's, or a list.
        rng: a RandomState of NumPy.
    """
    layers = linear_layers(network)
    names = per_layer("activation", activation, len(layers) - 1, (str, nn.Module))
    for layer, name in zip(layers, [*names, names[-1] if names else activation]):
        weight, bias = coefficients(layer), layer.bias.detach().numpy()
        logistic = name == "logistic" or name is nn.Sigmoid or isinstance(name, nn.Sigmoid)
        bound = np.sqrt((2 if logistic else 6) / sum(weight.shape))
        weight[...] = rng.uniform(-bound, bound, weight.shape)
        bias[...] = rng.uniform(-bound, bound, bias.shape)


def linear_layers(network):
    """Every layer with a matrix of weights and a bias, from the input on."""
    return [m for m in network.modules() if isinstance(m, (nn.Linear, SparseLinear))]


def coefficients(layer):
    """A layer's weights as scikit-learn has them, (inputs, outputs), in the layer's own memory."""
    weight = layer.weight.detach().numpy()
    return weight if isinstance(layer, SparseLinear) else weight.T


def intercepts(layer):
    """A layer's biases, in its own memory; zeros where it has none."""
    if layer.bias is None:
        return np.zeros(layer.out_features, layer.weight.dtype)
    return layer.bias.detach().numpy()


def decays(parameter):
    """Whether the L2 penalty is on a parameter: on matrices of weights, not on biases, scales and shifts."""
    return parameter.ndim > 1
