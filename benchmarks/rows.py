"""The rows of the comparison: training and inference of four networks, and thirteen matrix products."""
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Net:
    """A perceptron for softmax cross-entropy: layer sizes, activation, optimizer and batch size."""
    dims: tuple
    activation: str
    optimizer: str
    batch: int

    @property
    def name(self):
        return f"{'-'.join(map(str, self.dims))}-b{self.batch}"


@dataclass(frozen=True)
class Product:
    """The product of an (m, k) and a (k, n) matrix."""
    m: int
    k: int
    n: int

    @property
    def name(self):
        return f"{self.m}x{self.k}x{self.n}"


NETS = (
    Net((784, 128, 10), "sigmoid", "SGD", 1),
    Net((20, 64, 64, 2), "relu", "AdamW", 32),
    Net((784, 512, 256, 10), "relu", "AdamW", 128),
    Net((1024, 2048, 2048, 1000), "relu", "AdamW", 512),
)
PRODUCTS = tuple(Product(*sizes) for sizes in (
    (1, 784, 128), (1, 1024, 1024), (16, 64, 64), (32, 784, 128), (64, 784, 512), (128, 784, 512), (128, 512, 10),
    (256, 256, 256), (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048), (128, 4096, 1024), (8192, 64, 64)))
MODES = {"step": "one training step", "infer": "inference", "matmul": "matrix product"}


@dataclass(frozen=True)
class Row:
    """A row: a mode ("step", "infer" or "matmul"), and the network or product."""
    mode: str
    work: Net | Product

    @property
    def name(self):
        return f"{self.mode}-{self.work.name}"

    @property
    def label(self):
        work = self.work
        if self.mode == "matmul":
            return f"({work.m}, {work.k}) @ ({work.k}, {work.n})"
        words = (f"{'-'.join(map(str, work.dims))} {work.activation}", work.optimizer, f"batch {work.batch}")
        return ", ".join(words if self.mode == "step" else words[::2])


def rows(modes=tuple(MODES), texts=("",)):
    """The rows of these modes whose name contains one of the texts."""
    every = [Row(mode, work) for mode in modes for work in (PRODUCTS if mode == "matmul" else NETS)]
    return named(every, texts)


def named(rows, texts):
    """The rows whose name contains one of the texts."""
    return [row for row in rows if any(text in row.name for text in texts)]


def batches(net, count=8):
    """`count` batches of noise, (x, labels); several, so that a batch has left the cache when it returns."""
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((net.batch, net.dims[0]), np.float32), rng.integers(0, net.dims[-1], net.batch))
            for _ in range(count)]


def first_weights(net):
    """The initial (weight, bias) of each layer, in PyTorch's layout, equal for all engines."""
    rng = np.random.default_rng(1)
    return [(rng.standard_normal((n, m), np.float32) * np.float32(m**-0.5),
             rng.standard_normal(n, np.float32) * np.float32(0.1)) for m, n in pairwise(net.dims)]


def operands(product):
    """Up to eight sets of operands (a, b, out) of a product, at most 64 MB."""
    rng = np.random.default_rng(0)
    m, k, n = product.m, product.k, product.n
    count = min(max((16 << 20) // (m * k + k * n + m * n), 1), 8)
    return [(rng.random((m, k), np.float32), rng.random((k, n), np.float32), np.empty((m, n), np.float32))
            for _ in range(count)]
