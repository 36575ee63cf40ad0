"""Operators, indexing, overloads and in-place methods: the result of each has the type that is stated here."""
from typing import Any

import numpy as np

import fastnet
import fastnet.nn.functional as F
from fastnet import Tensor


def operators(x: Tensor, y: Tensor) -> list[Tensor]:
    i, j = x.long(), y.int()
    arithmetic = [x + 1, 1 + x, x - y, 1 - x, 2 * x, x / 2, 1 / x, x // 2, 7 // y, x % 2, 7 % y, x ** 2, 2 ** x, -x, +x,
                  abs(x)]
    comparisons = [x == y, x != 0.5, x < y, x <= 1, x > y, x >= 1]
    logic = [(x > 0) & (y > 0), (x > 0) | (y > 0), (x > 0) ^ (y > 0), ~(x > 0), i & 1, 3 | j]
    x += 1
    x -= y
    x *= 2
    x /= 2
    x **= 2
    return [*arithmetic, *comparisons, *logic, x @ y.T, x]


def with_numpy(x: Tensor, a: np.ndarray[Any, Any]) -> list[Tensor]:
    two, last = np.float32(2), np.argmax(a[0])
    x[last] = 1
    x += a
    arithmetic = [x + a, x - a, x * a, x / a, x // a, x % a, x ** a, x.add(a), x.mul(a), fastnet.sub(a, x), x - two,
                  two * x, x ** np.float64(2), x.clamp(two), x.add_(a), x.mul_(two)]
    comparisons = [x == a, x != a, x < a, x <= two, x > a, x >= two, x.eq(a), x.long() & np.int64(3),
                   fastnet.where(x > 0, x, a)]
    counts = [x[last], x[np.int64(2)], x.sum(np.int64(1)), fastnet.zeros(np.int64(2)), fastnet.arange(np.int64(3)),
              x.reshape(np.int64(9)), *x.split(np.int64(1))]
    return [*arithmetic, *comparisons, *counts]


def indexing(x: Tensor) -> list[Tensor]:
    x[0] = 1.0
    x[:, 1] = fastnet.zeros(x.shape[0])
    x[x > 2] = 2
    rows = fastnet.tensor([0, 1])
    parts = [x[0], x[-1, 1], x[:, 0], x[..., None], x[1:, ::2], x[rows], x[[0, 1]], x[rows, 1], x[x > 0],
             x[np.array([0, 1])]]
    return [*parts, *x, *x.unbind(1), *x.split(1), *fastnet.split(x, [1, 2])]


def results(x: Tensor) -> None:
    largest: Tensor = x.max()
    values, indices = x.max(dim=1)
    larger: Tensor = fastnet.max(x, largest)
    lowest: Tensor = fastnet.min(x, dim=0).values
    order: Tensor = x.sort(descending=True).indices
    places: tuple[Tensor, ...] = fastnet.where(x > 0)
    chosen: Tensor = fastnet.where(x > 0, x, -1.0)
    also: Tensor = x.where(x > 0, chosen)
    where: Tensor = x.nonzero()
    columns: tuple[Tensor, ...] = x.nonzero(as_tuple=True)
    kind: str = x.type()
    whole: Tensor = x.type(fastnet.int64)
    shape: tuple[int, ...] = x.size()
    length: int = x.size(0) + len(x) + x.dim() + int(x[0, 0])
    same: bool = x.equal(x) and fastnet.allclose(x, x) and bool(x.any())
    print(largest, values, indices, larger, lowest, order, len(places), also, where, len(columns), kind, whole, shape,
          length, same)


def conversions(x: Tensor) -> list[Tensor]:
    made = [fastnet.zeros(2, 3), fastnet.ones((2, 3)), fastnet.full((2,), 7), fastnet.arange(5), fastnet.eye(3),
            fastnet.randint(10, (2,)), fastnet.randint(0, 10, (2,), dtype=fastnet.int32), fastnet.rand_like(x),
            fastnet.empty(2, dtype=np.float64), fastnet.linspace(0, 1, 5), x.new_zeros(2),
            fastnet.normal(0.0, 1.0, (2,))]
    cast = [x.to(fastnet.float64), x.to("cpu"), x.to("cpu", fastnet.float32), x.to(made[0]), x.double(), x.bool()]
    shapes = [x.reshape(-1), x.view(3, -1), x.flatten(), x.permute(1, 0), x.t(), x.T, x.expand(2, *x.shape),
              x.unsqueeze(0)]
    x.add_(1).mul_(2.0).clamp_(0, 1).zero_().fill_(3).copy_(fastnet.ones(3, 3))
    return [*made, *cast, *shapes]


def losses(x: Tensor) -> Tensor:
    target = fastnet.zeros(3, dtype=fastnet.int64)
    rows = [F.cross_entropy(x, target, reduction="none"), F.mse_loss(x, x.detach()), F.gelu(x, approximate="tanh"),
            F.layer_norm(x, 3), F.normalize(x, dim=1), F.one_hot(target, 4), F.dropout(x, 0.5, training=False)]
    return rows[0].sum() + F.linear(x, x).mean(dim=(0, 1)) + F.embedding(target, x).norm() + F.softmax(x, dim=-1).var()


if __name__ == "__main__":
    given = fastnet.rand(3, 3) + 1
    print(len(operators(given.clone(), given)), len(indexing(given.clone())), len(conversions(given.clone())))
    print(len(with_numpy(given.clone(), given.numpy())))
    results(given)
    print(losses(given))
