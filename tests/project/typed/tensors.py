"""Tensor arithmetic, indexing and reductions as a user writes them."""
import math

import numpy as np

import fastnet
from fastnet import Tensor


def standardized(x: Tensor, eps: float = 1e-6) -> Tensor:
    mean, std = x.mean(dim=0, keepdim=True), x.std(dim=0, keepdim=True)
    return (x - mean) / (std + eps)


def pairwise_distances(a: Tensor, b: Tensor) -> Tensor:
    squares = (a ** 2).sum(1).unsqueeze(1) + (b * b).sum(dim=1).unsqueeze(0)
    return (squares - 2 * (a @ b.T)).clamp(min=0).sqrt()


def attention(query: Tensor, key: Tensor, value: Tensor, causal: bool = True) -> Tensor:
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if causal:
        n = scores.shape[-1]
        mask = fastnet.ones(n, n).triu(diagonal=1).bool()
        scores = scores.masked_fill(mask, float("-inf"))
    return scores.softmax(dim=-1) @ value


def nearest(points: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
    best = pairwise_distances(points, centers).min(dim=1)
    return best.values, best.indices


def kmeans(points: Tensor, k: int, steps: int = 10) -> Tensor:
    centers = points[fastnet.randperm(len(points))[:k]].clone()
    for _ in range(steps):
        _, owner = nearest(points, centers)
        for i in range(k):
            members = points[owner == i]
            if members.shape[0] > 0:
                centers[i] = members.mean(dim=0)
    return centers


if __name__ == "__main__":
    fastnet.manual_seed(0)
    x = standardized(fastnet.randn(20, 3) * 4 + 1)
    x += 0.5
    x[0, :2] = fastnet.tensor([1.0, 2.0])
    x[:, -1] *= 2
    y = 1 - x.abs() / 2
    inside = (y > 0) & (y <= 1) | ~(x != x)
    print(kmeans(x, 3).shape, int(inside.sum()), y.reshape(-1, 2, 3).permute(1, 0, 2).size(0))
    print(attention(x.unsqueeze(0), x.unsqueeze(0), y.unsqueeze(0)).shape)
    top, order = y.flatten().topk(3)
    print([round(v, 2) for v in top.tolist()], order.tolist(), fastnet.where(x > 0, x, 0.0).norm().item() > 0)
    rows, columns = fastnet.where(x > 1)
    halves = fastnet.cat([part.t() for part in fastnet.split(x, 10)], dim=1)
    print(rows.shape == columns.shape, halves.shape, fastnet.stack([x, y], dim=-1).dtype == fastnet.float32)
    weights = fastnet.zeros(3, requires_grad=True)
    loss = fastnet.nn.functional.mse_loss(x @ weights, fastnet.ones(20))
    loss.backward()
    gradient = weights.grad
    assert gradient is not None
    with fastnet.no_grad():
        weights -= 0.1 * gradient
    array = np.asarray(weights.detach())
    print(array.shape, -gradient[0] < 0, weights.detach().add_(1.0).numel(), math.isfinite(float(loss)))
