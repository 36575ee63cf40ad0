"""A classifier as a user writes it: data, a model of their own, a training loop, a checkpoint."""
import tempfile
from pathlib import Path

import numpy as np

import fastnet
import fastnet.nn.functional as F
from fastnet import Tensor, nn, optim
from fastnet.data import DataLoader, TensorDataset


def make_data(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((n, 4)).astype(np.float32)
    labels = (features[:, 0] * features[:, 1] > 0).astype(np.int64)
    return fastnet.from_numpy(features), fastnet.from_numpy(labels)


class Classifier(nn.Module):
    def __init__(self, width: int = 32, dropout: float = 0.1) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Dropout(dropout))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2)
        self.scale = nn.Parameter(fastnet.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.norm(self.body(x))
        return self.head(F.gelu(hidden)) * self.scale


def train(model: Classifier, loader: DataLoader, epochs: int) -> list[float]:
    optimizer = optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.01)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    history: list[float] = []
    for _ in range(epochs):
        model.train()
        total = 0.0
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), targets, label_smoothing=0.05)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        schedule.step()
        history.append(total / len(loader))
    return history


def accuracy(model: Classifier, inputs: Tensor, targets: Tensor) -> float:
    model.eval()
    with fastnet.no_grad():
        values, predicted = model(inputs).max(dim=1)
        assert values.shape == targets.shape
        return float((predicted == targets).float().mean())


if __name__ == "__main__":
    fastnet.manual_seed(0)
    inputs, targets = make_data(512)
    model = Classifier()
    history = train(model, DataLoader(TensorDataset(inputs, targets), batch_size=64, shuffle=True), epochs=5)
    print(f"loss {history[-1]:.3f}, accuracy {accuracy(model, inputs, targets):.2f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "classifier.safetensors"
        fastnet.save_file(model.state_dict(), path)
        model.load_state_dict(fastnet.load_file(path))
