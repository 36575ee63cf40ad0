"""A multi-layer perceptron in NumPy, written by hand for speed.

Everything is float32, each buffer is allocated once, and all parameters are views of one vector, so the optimizer makes
a few passes over that vector for any number of layers.
"""
from itertools import pairwise

import numpy as np


class Network:
    """Linear layers with an activation between them, trained on softmax cross-entropy.

    Args:
        weights: (weight, bias) of each layer in PyTorch's layout: (outputs, inputs) and (outputs,).
        activation: "relu" or "sigmoid".
        optimizer: an object with `update(parameters, gradients)`, which may overwrite the gradients.
        rows: the batch size.
    """

    def __init__(self, weights, activation, optimizer, rows):
        self.activate, self.chain = ACTIVATIONS[activation]
        self.optimizer = optimizer
        dims = [weights[0][0].shape[1], *(len(bias) for _, bias in weights)]
        self.parameters, self.layers = _flat(dims)
        self.gradients, self.layer_gradients = _flat(dims)
        for (weight, bias), (w, b) in zip(weights, self.layers):
            w[...], b[...] = weight.T, bias
        self.outputs = [np.empty((rows, n), np.float32) for n in dims[1:]]
        self.deltas = [np.empty((rows, n), np.float32) for n in dims[1:-1]]
        self.gates = [np.empty((rows, n), bool if activation == "relu" else np.float32) for n in dims[1:-1]]
        self.row, self.column = np.arange(rows), np.empty((rows, 1), np.float32)

    def step(self, x, y):
        """Update on one batch; returns the mean loss before the update."""
        self.forward(x)
        loss = self.loss(y)
        self.backward(x)
        self.optimizer.update(self.parameters, self.gradients)
        return loss

    def forward(self, x):
        """Fill `outputs` with the activations of each layer; returns the logits of the last one."""
        for i, ((w, b), z) in enumerate(zip(self.layers, self.outputs)):
            np.dot(x, w, out=z)
            z += b
            if i < len(self.deltas):
                self.activate(z)
            x = z
        return x

    def loss(self, y):
        """The mean cross-entropy; overwrites the logits with their gradient."""
        z, column = self.outputs[-1], self.column
        np.maximum.reduce(z, axis=1, keepdims=True, out=column)
        z -= column
        logits = z[self.row, y]
        np.exp(z, out=z)
        np.add.reduce(z, axis=1, keepdims=True, out=column)
        z /= column
        z[self.row, y] -= 1
        z *= 1 / len(z)
        np.log(column, out=column)
        return float((np.add.reduce(column[:, 0]) - np.add.reduce(logits)) / len(z))

    def backward(self, x):
        """Fill `gradients`, from the last layer to the first."""
        d = self.outputs[-1]
        for i in reversed(range(len(self.layers))):
            a = self.outputs[i - 1] if i else x
            dw, db = self.layer_gradients[i]
            np.dot(a.T, d, out=dw)
            np.add.reduce(d, axis=0, out=db)
            if i:
                d = np.dot(d, self.layers[i][0].T, out=self.deltas[i - 1])
                self.chain(d, a, self.gates[i - 1])


def _flat(dims):
    """A vector, and the (weight, bias) of each layer as views of it; weights are (inputs, outputs)."""
    sizes = [(m, n) for m, n in pairwise(dims)]
    vector = np.zeros(sum(m * n + n for m, n in sizes), np.float32)
    layers, start = [], 0
    for m, n in sizes:
        middle, end = start + m * n, start + m * n + n
        layers.append((vector[start:middle].reshape(m, n), vector[middle:end]))
        start = end
    return vector, layers


# ---- activations: change z in place; multiply d by the derivative at the activation a --------------------------------

def relu(z):
    np.maximum(z, 0, out=z)


def relu_chain(d, a, gate):
    np.greater(a, 0, out=gate)
    d *= gate


def sigmoid(z):
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)


def sigmoid_chain(d, a, gate):
    np.subtract(1, a, out=gate)
    gate *= a
    d *= gate


ACTIVATIONS = {"relu": (relu, relu_chain), "sigmoid": (sigmoid, sigmoid_chain)}


# ---- optimizers -----------------------------------------------------------------------------------------------------

class SGD:
    """m = momentum*m + g; p -= lr * m."""

    def __init__(self, lr, momentum):
        self.lr, self.momentum, self.moment = lr, momentum, None

    def update(self, p, g):
        if self.moment is None:
            self.moment = np.zeros_like(p)
        self.moment *= self.momentum
        self.moment += g
        np.multiply(self.moment, self.lr, out=g)
        p -= g


class AdamW:
    """Adam with decoupled weight decay, PyTorch's defaults.

    The moments are discounted sums without the factors (1 - beta), and the bias corrections are part of eps and the
    step size. This saves two passes over memory.
    """

    def __init__(self, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.count = 0
        self.first = self.second = self.scratch = None

    def update(self, p, g):
        if self.first is None:
            self.first, self.second, self.scratch = np.zeros_like(p), np.zeros_like(p), np.empty_like(p)
        self.count += 1
        beta1, beta2 = self.betas
        m, v, t = self.first, self.second, self.scratch
        m *= beta1
        m += g
        v *= beta2
        np.multiply(g, g, out=t)
        v += t
        root = ((1 - beta2**self.count) / (1 - beta2)) ** 0.5
        np.sqrt(v, out=t)
        t += self.eps * root
        np.divide(m, t, out=t)
        t *= self.lr * root * (1 - beta1) / (1 - beta1**self.count)
        p *= 1 - self.lr * self.weight_decay
        p -= t
