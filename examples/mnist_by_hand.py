"""MNIST without layers: 784 inputs, 128 hidden units, 10 outputs, sigmoid on both layers, one image at a time.

    python examples/mnist_by_hand.py [epochs]

The program uses tensors, `backward()` and an optimizer, but no modules and no Trainer. The loss is half the squared
error, summed over the ten outputs. Two choices make it learn:
- The learning rate. The gradient passes two sigmoids on its way to the weights, and each shrinks it at least four
  times. Plain gradient descent therefore needs large steps: 0.25, where 0.01 would need dozens of epochs.
- The initialisation. Weights are drawn from [-b, b] with b = 1/sqrt(inputs), so the sums of 784 and of 128 terms stay
  near 0, where a sigmoid is steep. With unit-normal weights most units would start saturated, with gradients near 0.
Pixels are scaled to 0..1. Three epochs reach about 97%.
"""
import sys

import numpy as np
from numpy.typing import NDArray

import fastnet
from fastnet import Tensor
from fastnet.datasets import mnist


def parameter(inputs: int, *shape: int) -> Tensor:
    """A trainable tensor, uniform in [-b, b] with b = 1/sqrt(inputs)."""
    bound = inputs ** -0.5
    return fastnet.tensor(rng.uniform(-bound, bound, shape).astype(np.float32), requires_grad=True)


def forward(x: Tensor) -> Tensor:
    """The ten outputs for each row of x."""
    hidden = (x @ w1 + b1).sigmoid()
    return (hidden @ w2 + b2).sigmoid()


@fastnet.compile                        # recorded once, replayed 180,000 times; without this line it is slower
def step(x: Tensor, target: Tensor) -> None:
    optimizer.zero_grad()
    loss = 0.5 * ((forward(x) - target) ** 2).sum()
    loss.backward()
    optimizer.step()


def accuracy(x: Tensor, labels: Tensor) -> float:
    with fastnet.no_grad():
        return float((forward(x).argmax(1) == labels).float().mean())


def scaled(images: NDArray[np.uint8]) -> Tensor:
    return fastnet.from_numpy(images.reshape(len(images), 1, 784).astype(np.float32) / 255)


(train_images, train_labels), (test_images, test_labels) = mnist()
x_train, x_test = scaled(train_images), scaled(test_images)[:, 0]
targets = fastnet.from_numpy(np.eye(10, dtype=np.float32)[train_labels][:, None])       # a row (1, 10) for each image
y_test = fastnet.from_numpy(test_labels)

rng = np.random.default_rng(0)
w1, b1 = parameter(784, 784, 128), parameter(784, 128)
w2, b2 = parameter(128, 128, 10), parameter(128, 10)
optimizer = fastnet.optim.SGD([w1, b1, w2, b2], lr=0.25)

for epoch in range(1, int(sys.argv[1]) + 1 if len(sys.argv) > 1 else 4):
    for i in rng.permutation(len(x_train)):
        step(x_train[i], targets[i])
    print(f"epoch {epoch}: test accuracy {accuracy(x_test, y_test):.4f}", flush=True)
