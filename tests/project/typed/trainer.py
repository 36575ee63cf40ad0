"""A regression with the Trainer, its callbacks and metrics, and a compiled training step, as a user writes them."""
import tempfile
from pathlib import Path

import numpy as np

import fastnet
from fastnet import Tensor, Trainer, nn
from fastnet.callbacks import EarlyStopping
from fastnet.data import DataLoader, TensorDataset, random_split
from fastnet.metrics import MAE


def make_dataset(n: int = 400) -> TensorDataset:
    generator = np.random.default_rng(0)
    x = generator.uniform(-1, 1, (n, 3)).astype(np.float32)
    y = (x[:, :1] ** 2 - x[:, 1:2] * x[:, 2:]).astype(np.float32)
    return TensorDataset(fastnet.tensor(x), fastnet.tensor(y))


def make_model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))


def fit(folder: Path) -> float:
    training, held_out = random_split(make_dataset(), [320, 80])
    model = make_model()
    trainer = Trainer(model, fastnet.optim.Adam(model.parameters(), lr=1e-2), loss=nn.MSELoss(), metrics=MAE())
    history = trainer.fit(DataLoader(training, batch_size=32, shuffle=True), epochs=10, progress=False,
                          validation_data=DataLoader(held_out, batch_size=80),
                          callbacks=[EarlyStopping("validation_loss", patience=5)])
    print(history)
    model.save(folder / "model.safetensors")
    return float(trainer.evaluate(DataLoader(held_out, batch_size=80))["loss"])


def compiled_steps(count: int) -> list[float]:
    model = make_model()
    optimizer = fastnet.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss_of = nn.SmoothL1Loss(beta=0.5)

    @fastnet.compile
    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    x, y = fastnet.rand(64, 3), fastnet.rand(64, 1)
    return [step(x, y).item() for _ in range(count)]


if __name__ == "__main__":
    fastnet.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        loss = fit(Path(name))
        loaded = fastnet.load(Path(name) / "model.safetensors")
        print(loss < 0.5, loaded(fastnet.zeros(2, 3)).shape)
    losses = compiled_steps(20)
    print(losses[-1] < losses[0])
