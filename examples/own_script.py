"""Train a network on arrays with a compiled training step."""
import fastnet
from fastnet import Tensor, nn
from fastnet.datasets import digits

(images, labels), (test_images, test_labels) = digits()
x, y = fastnet.tensor(images / 16, dtype=fastnet.float32), fastnet.tensor(labels)
x_test, y_test = fastnet.tensor(test_images / 16, dtype=fastnet.float32), fastnet.tensor(test_labels)
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = fastnet.optim.Adam(model.parameters(), lr=0.01)


@fastnet.compile                        # recorded at the first call, replayed at all others
def step() -> Tensor:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


losses = [step().item() for _ in range(200)]
with fastnet.no_grad():
    right = model(x_test).argmax(1) == y_test
print(f"loss {losses[-1]:.4f}, test accuracy {right.float().mean().item():.4f}")
