"""A training that logs to TensorBoard, saves a checkpoint, and continues from it."""
import argparse
import os
import tempfile

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:
    SummaryWriter = None

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--log-dir", default=None)
args = parser.parse_args()
torch.manual_seed(0)
torch.use_deterministic_algorithms(True)
device = "cuda" if torch.cuda.is_available() else "cpu"

rng = np.random.RandomState(0)
x = rng.standard_normal((512, 10)).astype(np.float32)
y = (x @ rng.standard_normal((10, 1)) + 0.1 * rng.standard_normal((512, 1))).astype(np.float32)
dataset = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
parts = random_split(dataset, [0.75, 0.25], generator=torch.Generator().manual_seed(42))
assert [len(part) for part in parts] == [384, 128]
loader = DataLoader(dataset, batch_size=64, shuffle=False, num_workers=0, pin_memory=device == "cuda")


def make():
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1)).to(device)
    weights = np.random.RandomState(1)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.from_numpy(weights.uniform(-0.3, 0.3, tuple(p.shape)).astype(np.float32)))
    model = nn.DataParallel(model) if torch.cuda.device_count() > 1 else model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)
    return model, optimizer, scheduler


folder = tempfile.mkdtemp()
path = os.path.join(folder, "checkpoint.pth.tar")
criterion = nn.MSELoss().to(device)
for part in range(2):
    model, optimizer, scheduler = make()
    start_epoch, best = 0, float("inf")
    if part == 1:
        checkpoint = torch.load(path, map_location=device, weights_only=False)
        start_epoch, best = checkpoint["epoch"], checkpoint["best"]
        model.load_state_dict(checkpoint["state_dict"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        scheduler.load_state_dict(checkpoint["scheduler"])
        print("=> loaded checkpoint '{}' (epoch {})".format(os.path.basename(path), checkpoint["epoch"]))
        assert checkpoint["args"].epochs == args.epochs and checkpoint["sizes"] == (10, 32, 1)
    writer = SummaryWriter(args.log_dir) if SummaryWriter is not None and args.log_dir else None
    for epoch in range(start_epoch, args.epochs if part else args.epochs // 2):
        total = 0.0
        for inputs, targets in loader:
            inputs, targets = inputs.to(device, non_blocking=True), targets.to(device, non_blocking=True)
            loss = criterion(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * inputs.size(0)
        scheduler.step()
        best = min(best, total / len(dataset))
        if writer is not None:
            writer.add_scalar("Loss/train", total / len(dataset), epoch)
            writer.add_scalar("loss tensor", loss, epoch)
            writer.add_histogram("weights", next(model.parameters()), epoch)
        torch.save({"epoch": epoch + 1, "state_dict": model.state_dict(), "best": best, "args": args,
                    "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
                    "sizes": (10, 32, 1)}, path)
        print(f"epoch {epoch} loss {total / len(dataset):.4f} lr {scheduler.get_last_lr()[0]:.5f}")
    if writer is not None:
        writer.close()
print("final", best)
