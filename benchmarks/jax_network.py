"""The perceptron in JAX: one jitted pure function of parameters and optimizer state."""
from functools import partial

import jax
import jax.numpy as jnp

ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}


def arrays(weights):
    """[(weight, bias)] of each layer, weights as (inputs, outputs)."""
    return [(jnp.asarray(w.T), jnp.asarray(b)) for w, b in weights]


def forward(activation, parameters, x):
    """The logits."""
    *hidden, (w, b) = parameters
    for v, c in hidden:
        x = ACTIVATIONS[activation](x @ v + c)
    return x @ w + b


def loss(activation, parameters, x, y):
    """The mean cross-entropy."""
    logp = jax.nn.log_softmax(forward(activation, parameters, x))
    return -jnp.take_along_axis(logp, y[:, None], 1).mean()


class Trainer:
    """Parameters, optimizer state and the jitted step.

    Args:
        weights: (weight, bias) of each layer in PyTorch's layout.
        activation: "relu" or "sigmoid".
        optimizer: "SGD" or "AdamW".
        lr, momentum, weight_decay: options of the optimizer.
    """

    def __init__(self, weights, activation, optimizer, lr, momentum, weight_decay):
        parameters = arrays(weights)
        rule = {"SGD": partial(sgd, momentum), "AdamW": partial(adamw, weight_decay)}[optimizer]
        moments = [jax.tree.map(jnp.zeros_like, parameters) for _ in range({"SGD": 1, "AdamW": 2}[optimizer])]
        self.state = (parameters, moments, jnp.float32(0))
        self.set_lr(lr)

        def update(state, lr, x, y):
            parameters, moments, count = state
            value, gradients = jax.value_and_grad(partial(loss, activation))(parameters, x, y)
            return value, (*rule(parameters, gradients, moments, count + 1, lr), count + 1)
        self.update = jax.jit(update, donate_argnums=0)

    def set_lr(self, lr):
        self.lr = jnp.float32(lr)

    def step(self, x, y):
        """Update on one batch; returns the mean loss before the update."""
        value, self.state = self.update(self.state, self.lr, x, y)
        return float(value)


def sgd(momentum, parameters, gradients, moments, count, lr):
    """PyTorch's SGD with momentum; returns (parameters, moments)."""
    m = jax.tree.map(lambda m, g: momentum * m + g, moments[0], gradients)
    return jax.tree.map(lambda p, m: p - lr * m, parameters, m), [m]


def adamw(weight_decay, parameters, gradients, moments, count, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """PyTorch's AdamW; returns (parameters, moments)."""
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, moments[0], gradients)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, moments[1], gradients)
    rate, root = lr / (1 - beta1**count), jnp.sqrt(1 - beta2**count)
    new = jax.tree.map(lambda p, m, v: p * (1 - lr * weight_decay) - rate * m / (jnp.sqrt(v) / root + eps),
                       parameters, m, v)
    return new, [m, v]
