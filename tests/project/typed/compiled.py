"""Compiled functions, methods and modules keep their signatures."""
import fastnet
from fastnet import Tensor, nn


@fastnet.compile
def scaled(x: Tensor, factor: float = 2.0) -> Tensor:
    return x * factor


@fastnet.compile(max_recordings=8)
def extremes(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.amin(), x.amax()


class Counter:
    """An object with a compiled method."""

    def __init__(self) -> None:
        self.step = 1.0

    @fastnet.compile
    def advance(self, x: Tensor) -> Tensor:
        return x + self.step


x = fastnet.ones(3)
low, high = extremes(scaled(x, factor=3.0))
total: float = (low + high).item()
advanced: Tensor = Counter().advance(x)
model = fastnet.compile(nn.Linear(3, 2))
with fastnet.no_grad():
    outputs: Tensor = model(x.reshape(1, 3))
model.training = False
recordings: int = len(scaled)
text: str = scaled.explain()
assert total == 6.0 and recordings == 1 and advanced.tolist() == [2.0, 2.0, 2.0] and outputs.shape == (1, 2)
assert scaled.calls == 1 and "argument 1: tensor (3,) float32" in text and "factor: 3.0" in text
scaled.clear()
