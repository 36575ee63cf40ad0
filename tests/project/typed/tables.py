"""A program that prepares a table, augments images and measures a classifier, as a user would write it."""
from __future__ import annotations

import pathlib
import tempfile

import numpy as np
import numpy.typing as npt

import fastnet
from fastnet import data, metrics

TABLE = "size,colour,price\n1.5,red,$10\n2.5,blue,$20\n?,red,$30\n3.5,blue,$40\n"


class Squares:
    """A dataset that computes its samples."""

    def __len__(self) -> int:
        return 6

    def take(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        return rows.astype(np.float32), (rows**2).astype(np.float32)


class LargestError(metrics.Metric):
    """A metric of the user's own."""

    name, larger_is_better, totals = "largest_error", False, ("worst",)

    def reset(self) -> None:
        self.worst = 0.0

    def measure(self, output: fastnet.Tensor, target: fastnet.Tensor) -> tuple[fastnet.Tensor, ...]:
        return ((output - target).abs().amax(),)

    def accumulate(self, worst: npt.NDArray[np.float32]) -> None:
        self.worst = max(self.worst, float(worst))

    def compute(self) -> float:
        return self.worst


def read() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], data.TablePreparation]:
    """Read a table from a file; returns features, target and the preparation of the features."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "table.csv")
        path.write_text(TABLE)
        features, price = data.split_target(data.read_cells(path), "price")
    preparation = data.TablePreparation(kinds={"colour": "category"}, missing="mean").fit(features)
    for report in preparation.describe():
        print(report.name, report.kind, report.note)
    target = data.TargetPreparation("regression", standardise=True).fit(price)
    restored = data.TablePreparation.from_dict(preparation.to_dict())
    return restored.transform(features), target.transform(price), preparation


def batches() -> int:
    """Iterate over batches of two datasets; returns how many there were."""
    images = data.TensorDataset(np.zeros((8, 6, 6), np.uint8), np.arange(8) % 2)
    train, held_out = data.random_split(images, [0.75, 0.25], fastnet.Generator(0))
    transform = data.Compose([data.RandomCrop(6, padding=1), data.RandomHorizontalFlip(), data.Normalize(0.0, 255.0)])
    loader = data.DataLoader(train, batch_size=2, shuffle=True, transform=transform, seed=3, prefetch=1)
    count = 0
    for x, y in loader:
        count += int(x.shape[0] == y.shape[0])
    for x, _ in data.DataLoader(Squares(), batch_size=3, transform=lambda x, y: (x * 2, y)):
        count += int(x.numel() == 3)
    return count + len(held_out)


def measure() -> dict[str, float]:
    """Accumulate three metrics."""
    kept: list[metrics.Metric] = [metrics.Accuracy(), metrics.F1(average="macro"), metrics.get("top_2")]
    for metric in kept:
        metric.update(fastnet.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 4.0]]), np.array([0, 1]))
    table = metrics.ConfusionMatrix()
    table.update(np.eye(3, dtype=np.float32), [0, 1, 2])
    assert table.compute().sum() == 3
    error = LargestError()
    error.update(fastnet.ones(2), [1.0, 3.0])
    print(error, error.compute())
    return {metric.name: float(metric.compute()) for metric in kept}


if __name__ == "__main__":
    x, y, preparation = read()
    assert x.shape == (4, len(preparation.feature_names)) and y.shape == (4,)
    with fastnet.use_backend("numpy"):
        print(batches(), measure(), fastnet.random.initial_seed())
