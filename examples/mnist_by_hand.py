"""MNIST by hand: 784 inputs, 128 hidden units, 10 outputs, sigmoid on both layers, one picture at a time.

    python examples/mnist_by_hand.py [epochs]

Tensors, `backward()` and an optimizer, no layers and no training loop of the library's. The loss is half the squared
error, summed over the ten outputs. Two choices make it learn:
- The step. The gradient reaches the weights through two sigmoids, each of which shrinks it at least four times, so
  plain descent needs a large step: 0.25, where 0.01 would need dozens of epochs.
- The start. Weights are drawn from [-b, b] with b = 1/sqrt(inputs), so that the sums of 784 and of 128 terms stay near
  0, where a sigmoid is steep. Unit-normal weights would begin with most units saturated and their gradients near 0.
Pixels are scaled to 0..1. Three epochs reach about 97%.
"""
import sys

import numpy as np

import fastnet
from fastnet.datasets import mnist


def parameter(inputs, *shape):
    """A trainable tensor, uniform in [-b, b] with b = 1/sqrt(inputs)."""
    bound = inputs ** -0.5
    return fastnet.tensor(rng.uniform(-bound, bound, shape).astype(np.float32), requires_grad=True)


def forward(x):
    """The ten outputs for each row of x."""
    hidden = (x @ w1 + b1).sigmoid()
    return (hidden @ w2 + b2).sigmoid()


@fastnet.compile                        # recorded once, replayed 180,000 times; without this line it is only slower
def step(x, target):
    optimizer.zero_grad()
    loss = 0.5 * ((forward(x) - target) ** 2).sum()
    loss.backward()
    optimizer.step()


def accuracy(x, labels):
    with fastnet.no_grad():
        return float((forward(x).argmax(1) == labels).float().mean())


def pictures(x):
    return fastnet.from_numpy(x.reshape(len(x), 1, 784).astype(np.float32) / 255)


(x_train, y_train), (x_test, y_test) = mnist()
x_train, x_test = pictures(x_train), pictures(x_test)[:, 0]
targets = fastnet.from_numpy(np.eye(10, dtype=np.float32)[y_train][:, None])            # one row (1, 10) a picture
y_test = fastnet.from_numpy(y_test)

rng = np.random.default_rng(0)
w1, b1 = parameter(784, 784, 128), parameter(784, 128)
w2, b2 = parameter(128, 128, 10), parameter(128, 10)
optimizer = fastnet.optim.SGD([w1, b1, w2, b2], lr=0.25)

for epoch in range(1, int(sys.argv[1]) + 1 if len(sys.argv) > 1 else 4):
    for i in rng.permutation(len(x_train)):
        step(x_train[i], targets[i])
    print(f"epoch {epoch}: test accuracy {accuracy(x_test, y_test):.4f}", flush=True)
