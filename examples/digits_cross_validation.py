"""Cross-validate a residual network on handwritten digits, train it again on all rows, save it and load it."""
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

import fastnet
from fastnet import Tensor, callbacks, data, nn

Rows = NDArray[np.int64]


class Block(nn.Module):
    """x + f(x), where f normalizes, mixes the features and drops some of them."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def make_model(width: int = 64, depth: int = 2, dropout: float = 0.1) -> nn.Sequential:
    """A classifier of 64 pixels, centred on 0, with `depth` residual blocks."""
    blocks = [Block(width, dropout) for _ in range(depth)]
    return nn.Sequential(nn.Linear(64, width), *blocks, nn.LayerNorm(width), nn.Linear(width, 10))


def train(model: nn.Module, x: NDArray[np.float32], y: Rows, held_out: Rows) -> fastnet.Trainer:
    """Train on all rows that are not held out, and keep the weights of the best epoch on those that are."""
    kept = np.setdiff1d(np.arange(len(x)), held_out)
    loader = data.DataLoader(data.TensorDataset(x[kept], y[kept]), batch_size=64, shuffle=True, seed=0)
    optimizer = fastnet.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    trainer = fastnet.Trainer(model, optimizer, loss="cross_entropy", metrics=["accuracy", "f1"])
    trainer.fit(loader, epochs=30, validation_data=(x[held_out], y[held_out]), progress=False, callbacks=[
        callbacks.LearningRateSchedule("cosine"), callbacks.EarlyStopping("validation_accuracy", patience=8)])
    return trainer


def folds(count: int, parts: int) -> Iterator[Rows]:
    """The held-out rows of each part of a cross-validation."""
    yield from np.array_split(np.random.default_rng(0).permutation(count), parts)


fastnet.manual_seed(0)
(images, labels), (test_images, test_labels) = fastnet.datasets.digits()
x, x_test = ((part.reshape(-1, 64) / 8 - 1).astype(np.float32) for part in (images, test_images))

scores = [train(make_model(), x, labels, rows).evaluate(x[rows], labels[rows])["accuracy"] for rows in folds(len(x), 3)]
print(f"cross-validation: {np.mean(scores):.3f} (each fold {', '.join(f'{score:.3f}' for score in scores)})")

trainer = train(make_model(), x, labels, next(folds(len(x), 10)))
print(f"test: {trainer.evaluate(x_test, test_labels)['accuracy']:.3f}")

with TemporaryDirectory() as folder:
    path = Path(folder, "digits.safetensors")
    fastnet.save_file(trainer.model.state_dict(), path)
    restored = fastnet.load(path, model=make_model()).eval()
with fastnet.no_grad():
    logits = restored(fastnet.from_numpy(x_test))
print(f"the restored model agrees: {bool((logits.argmax(1).numpy() == trainer.predict(x_test)).all())}")
