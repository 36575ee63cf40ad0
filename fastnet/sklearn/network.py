"""The network that an estimator's parameters describe, and its weights in scikit-learn's form."""
from __future__ import annotations

import copy
from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import nn
from fastnet._core.annotations import Array, DType
from fastnet._core.errors import one_of
from fastnet.sklearn.sparse import SparseLinear, SparseNetwork

if TYPE_CHECKING:
    from fastnet.sklearn.parameters import Parameters

__all__ = ["ACTIVATIONS", "build_network", "coefficients", "decays", "draw", "hidden_sizes", "intercepts",
           "linear_layers", "per_layer"]

# scikit-learn's four names first
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity, "logistic": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "elu": nn.ELU, "gelu": nn.GELU,
    "hardtanh": nn.Hardtanh, "leaky_relu": nn.LeakyReLU, "mish": nn.Mish, "relu6": nn.ReLU6, "silu": nn.SiLU,
    "softplus": nn.Softplus, "softsign": nn.Softsign}


def build_network(estimator: Parameters, n_inputs: int, n_outputs: int, dtype: DType, sparse: bool) -> nn.Module:
    """The network of an estimator; its weights are not drawn yet, unless it is the estimator's `module`.

    Args:
        estimator: see `MLPClassifier`.
        n_inputs, n_outputs: number of features and of outputs.
        dtype: of the weights.
        sparse: whether the inputs are sparse.

    Raises:
        ValueError, TypeError: parameters that do not describe a network.
    """
    if estimator.module is not None:
        return _user_module(estimator.module, n_inputs, n_outputs).to(dtype)
    sizes = hidden_sizes(estimator)
    activations = per_layer("activation", estimator.activation, len(sizes), (str, nn.Module))
    rates = per_layer("dropout", estimator.dropout, len(sizes), Real)
    layers: list[nn.Module] = []
    width = n_inputs
    for size, activation, rate in zip(sizes, activations, rates):
        layers.append(_linear_layer(width, size, dtype, sparse and not layers))
        if estimator.batch_norm:
            layers.append(nn.BatchNorm1d(size, dtype=dtype))
        layers.append(_activation(activation))
        if rate:
            layers.append(nn.Dropout(float(rate)))
        width = size
    layers.append(_linear_layer(width, n_outputs, dtype, sparse and not layers))
    return (SparseNetwork if sparse else nn.Sequential)(*layers).to(dtype)


def _user_module(module: Any, n_inputs: int, n_outputs: int) -> nn.Module:
    """A copy of the user's module, or the result of the user's function."""
    made = copy.deepcopy(module) if isinstance(module, nn.Module) else module(n_inputs, n_outputs)
    if not isinstance(made, nn.Module):
        raise TypeError(f"module must be a Module or a function of (n_inputs, n_outputs) that returns one, got "
                        f"{type(made).__name__}")
    return made


def hidden_sizes(estimator: Parameters) -> list[int]:
    """The widths of the hidden layers as a list."""
    given = estimator.hidden_layer_sizes
    sizes: list[Any] = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(size, (int, np.integer)) and size > 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, integers; got {sizes}.")
    return [int(size) for size in sizes]


def per_layer(name: str, value: Any, layers: int, single: Any) -> list[Any]:
    """A list with one value per hidden layer; a single value is repeated.

    Args:
        name: of the parameter, for errors.
        value: one value, or an iterable with one per layer.
        layers: number of hidden layers.
        single: the class or classes of a single value.

    Raises:
        ValueError: the number of values differs from that of the layers.
    """
    if isinstance(value, single) or not isinstance(value, Iterable):
        return [value] * layers
    values = list(value)
    if len(values) != layers:
        raise ValueError(f"{name} has {len(values)} values, expected one or {layers}: one for each hidden layer")
    return values


def _activation(spec: Any) -> nn.Module:
    if isinstance(spec, str):
        if spec not in ACTIVATIONS:
            raise one_of("activation", spec, ACTIVATIONS)
        return ACTIVATIONS[spec]()
    made = copy.deepcopy(spec) if isinstance(spec, nn.Module) else spec()
    if not isinstance(made, nn.Module):
        raise TypeError(f"an activation must be a name, a Module or a function that returns one, got "
                        f"{type(made).__name__}")
    return made


def _linear_layer(width: int, size: int, dtype: DType, sparse: bool) -> nn.Module:
    return SparseLinear(width, size, dtype) if sparse else nn.Linear(width, size, dtype=dtype)


def draw(network: nn.Module, activation: Any, rng: np.random.RandomState) -> None:
    """Draw weights and biases as scikit-learn does: the same numbers for the same random state.

    Uniform in [-b, b], b = sqrt(6 / (inputs + outputs)), with 2 instead of 6 for the logistic function. Glorot and
    Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.

    Args:
        network: the result of `build_network`.
        activation: the estimator's parameter.
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


def linear_layers(network: nn.Module) -> list[Any]:
    """The linear layers, from the input to the output."""
    return [m for m in network.modules() if isinstance(m, (nn.Linear, SparseLinear))]


def coefficients(layer: Any) -> Array:
    """A layer's weights in scikit-learn's shape (inputs, outputs), sharing the layer's memory."""
    weight = layer.weight.detach().numpy()
    return weight if isinstance(layer, SparseLinear) else weight.T


def intercepts(layer: Any) -> Array:
    """A layer's biases, sharing the layer's memory; zeros if it has no bias."""
    if layer.bias is None:
        return np.zeros(layer.out_features, layer.weight.dtype)
    return layer.bias.detach().numpy()


def decays(parameter: Any) -> bool:
    """Whether the L2 penalty includes a parameter: weight matrices, but not biases, scales and shifts."""
    return parameter.ndim > 1
