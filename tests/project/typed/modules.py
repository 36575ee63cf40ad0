"""A user's modules: attributes, containers, hooks, initialization, optimizers, schedules, saving and loading."""
from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnet
from fastnet import Tensor, nn
from fastnet.nn import functional as F
from fastnet.optim import SGD, Adam, lr_scheduler


class Block(nn.Module):
    """A residual block that counts its calls."""

    calls: Tensor

    def __init__(self, width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 2 * width)
        self.fc2 = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)
        self.scale = nn.Parameter(fastnet.ones(width))
        self.register_buffer("calls", fastnet.zeros(1))

    def forward(self, x: Tensor, scaled: bool = True) -> Tensor:
        self.calls += 1
        y = self.fc2(F.relu(self.fc1(self.norm(x))))
        return x + self.dropout(y) * self.scale if scaled else x + y


class Model(nn.Module):
    """Blocks in a list, heads in a dictionary, and a result of two parts."""

    def __init__(self, width: int = 8, depth: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.GELU())
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        self.more = nn.ModuleList()
        self.heads = nn.ModuleDict({"label": nn.Linear(width, 3), "value": nn.Linear(width, 1)})
        self.offsets = nn.ParameterList([fastnet.zeros(width)])
        self.embedding: nn.Embedding | None = None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x) + self.offsets[0]
        for block in self.blocks:
            x = block(x, scaled=True)
        return self.heads["label"](x), self.heads["value"](x)


def initialize(module: nn.Module) -> None:
    """For `Module.apply`."""
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)
        if module.bias is not None:
            module.bias.requires_grad_()


def loss_of(model: Model, criterion: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    """A module is a function of the types of its forward()."""
    label, value = model(x)
    return criterion(label, y) + value.square().mean()


def main() -> None:
    fastnet.manual_seed(0)
    model = Model().apply(initialize).train()
    first: nn.Module = model.stem[0]
    tail: nn.Sequential = model.stem[1:]
    handle = model.register_forward_hook(lambda module, args, output: None)
    handle.remove()
    optimizer = Adam([{"params": list(model.blocks.parameters()), "lr": 1e-2}, {"params": model.heads.parameters()}],
                     betas=(0.9, 0.99))
    schedule = lr_scheduler.SequentialLR(
        optimizer, [lr_scheduler.LinearLR(optimizer), lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)], [2])
    x, y = fastnet.randn(16, 4), fastnet.randint(0, 3, (16,))
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(model, criterion, x, y)
        loss.backward()
        return loss

    for _ in range(3):
        print(round(optimizer.step(closure).item(), 1) < 10.0)
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        schedule.step()
        print(norm.item() > 0, len(schedule.get_last_lr()))
    for group in optimizer.param_groups:
        group["lr"] *= 0.5
    SGD(model.parameters(), lr=0.1, momentum=0.9).step()
    keys = model.load_state_dict(model.state_dict())
    print(keys.missing_keys, keys, type(first).__name__, len(tail))
    names: dict[str, tuple[int, ...]] = {name: p.shape for name, p in model.named_parameters()}
    print(len(names), model.get_parameter("blocks.0.scale").numel())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path, metadata={"classes": ["a", "b", "c"]})
        loaded: Model = fastnet.load(path, model=Model())
        metadata: dict[str, Any] = fastnet.load_metadata(path)
        fastnet.save_file(optimizer.state_dict(), path)
        optimizer.load_state_dict(fastnet.load_file(path))
    print(loaded.training, metadata["classes"])


if __name__ == "__main__":
    main()
