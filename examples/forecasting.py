"""Forecasting a time series six steps ahead with an LSTM, a temporal convolutional network and a linear baseline.

    python examples/forecasting.py [epochs]

Three series: one that follows a nonlinear delay equation (Mackey and Glass 1977, "Oscillation and chaos in
physiological control systems"); the hourly load of a power grid, made up of working days, weekends and what heating
takes; and a random walk, whose steps nothing predicts. Windows of 32 values are cut in the order of time: 70% to train
on, 15% to choose the best epoch, 15% to test on. All errors are relative to that of repeating the last value: below 1 a
model has learned something, and about 1 means that there is nothing to learn.

`fastnet train FILE.csv --time COLUMN --model lstm` does the same for a table.
"""
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import fastnet
from fastnet.callbacks import EarlyStopping
from fastnet.data import DataLoader, Windows
from fastnet.models import Forecaster

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


def hourly_load(count: int) -> Series:
    """A day and a night of working days and weekends, a temperature that wanders, and noise that lasts for hours."""
    rng = np.random.default_rng(0)
    hour = np.arange(count)
    works = hour // 24 % 7 < 5
    temperature = 10 + 4 * np.sin(2 * np.pi * (hour - 9) / 24) + np.cumsum(rng.normal(0, 0.2, count))
    noise = np.zeros(count)
    for t in range(1, count):
        noise[t] = 0.9 * noise[t - 1] + rng.normal(0, 3)
    day = np.sin(2 * np.pi * (hour - 8) / 24)
    load: Series = 300 + np.where(works, 80, 15) * day + 40 * works + 3 * np.maximum(0, 15 - temperature) + noise
    return load


MODELS: dict[str, Callable[[], Forecaster]] = {
    "linear": lambda: fastnet.models.forecaster("linear", LENGTH),
    "LSTM": lambda: fastnet.models.forecaster("lstm", LENGTH, hidden=(32,)),
    "TCN": lambda: fastnet.models.forecaster("tcn", LENGTH, hidden=(16, 16, 16, 16)),
}


def solve(model: Forecaster, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
    """Give a linear model the weights of the least squared error."""
    rows = np.concatenate([(x - x[:, -1:]).reshape(len(x), -1), np.ones((len(x), 1))], 1)
    weights = np.linalg.lstsq(rows, y - x[:, -1], rcond=1e-6)[0].astype(np.float32)
    model.head.load_state_dict({"weight": weights[:-1].T, "bias": weights[-1]})


def relative_error(make: Callable[[], Forecaster], series: Series, epochs: int) -> float:
    """The root mean squared error on the last 15% of the series, divided by that of repeating the last value."""
    known = series[:int(0.7 * len(series))]
    windows = Windows((series - known.mean()) / known.std(), LENGTH, HORIZON)
    train, validation, test = windows.split(0.7, 0.15, 0.15)
    fastnet.manual_seed(0)
    model = make()
    trainer = fastnet.Trainer(model, "adamw", loss="mse", lr=3e-3)
    if model.network == "linear":
        solve(model, *(part.numpy() for part in train.take(np.arange(len(train)))))
    else:
        trainer.fit(DataLoader(train, 32, shuffle=True), epochs=epochs, validation_data=DataLoader(validation, 256),
                    callbacks=[EarlyStopping(patience=epochs)], progress=False)
    x, y = (part.numpy() for part in test.take(np.arange(len(test))))
    error: NDArray[np.float32] = y - trainer.predict(x).reshape(y.shape)
    error_of_last: NDArray[np.float32] = y - x[:, -1]
    return float(np.sqrt(np.mean(error ** 2) / np.mean(error_of_last ** 2)))


if __name__ == "__main__":
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for name, series in (("Mackey-Glass", mackey_glass(3000)), ("hourly load", hourly_load(4000)),
                         ("random walk", random_walk(3000))):
        errors = {model: relative_error(make, series, epochs) for model, make in MODELS.items()}
        print(f"{name}: " + ", ".join(f"{model} {error:.3f}" for model, error in errors.items()))
        best = min(errors["LSTM"], errors["TCN"])
        print("    the networks find what a linear model does not" if best < 0.8 * errors["linear"]
              else "    there is nothing to learn that a linear model does not find")
