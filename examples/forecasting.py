"""Forecasting a time series six steps ahead with an LSTM, a temporal convolutional network and a linear baseline.

    python examples/forecasting.py [epochs]

Two series: one that follows a nonlinear delay equation (Mackey and Glass 1977, "Oscillation and chaos in physiological
control systems"), and a random walk, whose steps nothing predicts. Windows of 32 values are cut in the order of time:
70% to train on, 15% to choose the best epoch, 15% to test on. All errors are relative to that of repeating the last
value: below 1 a model has learned something, and about 1 means that there is nothing to learn.
"""
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import fastnet
from fastnet import Tensor, nn
from fastnet.callbacks import EarlyStopping
from fastnet.data import DataLoader, Windows

LENGTH, HORIZON = 32, 6
Series = NDArray[np.float64]


def mackey_glass(count: int, delay: int = 17) -> Series:
    """x' = 0.2 x(t - delay)/(1 + x(t - delay)^10) - 0.1 x, in steps of 1."""
    x = np.full(count + 500, 1.2)
    for t in range(delay, len(x) - 1):
        x[t + 1] = x[t] + 0.2 * x[t - delay] / (1 + x[t - delay] ** 10) - 0.1 * x[t]
    return x[500:]


def random_walk(count: int) -> Series:
    return np.cumsum(np.random.default_rng(0).standard_normal(count))


class Recurrent(nn.Module):
    """An LSTM, and a linear layer on its last output."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 32, batch_first=True)
        self.linear = nn.Linear(32, 1)

    def forward(self, input: Tensor) -> Tensor:
        states, _ = self.lstm(input)
        return self.linear(states[:, -1])


class Convolutional(nn.Module):
    """A temporal convolutional network, which takes channels before steps."""

    def __init__(self) -> None:
        super().__init__()
        self.tcn = fastnet.models.tcn(1, 1, (16, 16, 16, 16), kernel_size=3, dropout=0.0)

    def forward(self, input: Tensor) -> Tensor:
        return self.tcn(input.transpose(1, 2))


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(LENGTH, 1))


MODELS: dict[str, Callable[[], nn.Module]] = {"linear": linear, "LSTM": Recurrent, "TCN": Convolutional}


def relative_error(make: Callable[[], nn.Module], series: Series, epochs: int) -> float:
    """The root mean squared error on the last 15% of the series, divided by that of repeating the last value.

    A model sees and predicts differences to the last value of the input.
    """
    known = series[:int(0.7 * len(series))]
    windows = Windows((series - known.mean()) / known.std(), LENGTH, HORIZON)
    parts: list[tuple[Tensor, Tensor]] = [windows.take(part.indices) for part in windows.split(0.7, 0.15, 0.15)]
    train, validation, test = ((x - x[:, -1:], y - x[:, -1]) for x, y in parts)
    fastnet.manual_seed(0)
    trainer = fastnet.Trainer(make(), "adamw", loss="mse", lr=3e-3)
    loader = DataLoader(fastnet.data.TensorDataset(*train), 32, shuffle=True)
    trainer.fit(loader, epochs=epochs, validation_data=validation, callbacks=[EarlyStopping(patience=epochs)],
                progress=False)
    x, y = test
    error = y.numpy() - trainer.predict(x.numpy()).reshape(y.shape)
    return float(np.sqrt(np.mean(error ** 2) / np.mean(y.numpy() ** 2)))


if __name__ == "__main__":
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for name, series in (("Mackey-Glass", mackey_glass(3000)), ("random walk", random_walk(3000))):
        errors = {model: relative_error(make, series, epochs) for model, make in MODELS.items()}
        print(f"{name}: " + ", ".join(f"{model} {error:.3f}" for model, error in errors.items()))
        best = min(errors["LSTM"], errors["TCN"])
        print("    the networks find what a linear model does not" if best < 0.8 * errors["linear"]
              else "    there is nothing to learn that a linear model does not find")
