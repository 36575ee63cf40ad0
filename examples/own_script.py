"""The README's ten lines: a network of one's own, trained on one's own arrays."""
import fastnet
from fastnet import nn
from fastnet.datasets import digits

(x, y), (x_test, y_test) = digits()
x, y = fastnet.tensor(x / 16, dtype=fastnet.float32), fastnet.tensor(y)
x_test, y_test = fastnet.tensor(x_test / 16, dtype=fastnet.float32), fastnet.tensor(y_test)
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = fastnet.optim.Adam(model.parameters(), lr=0.01)


@fastnet.compile                        # recorded at the first call, replayed at the others
def step():
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


for _ in range(200):
    loss = step()
with fastnet.no_grad():
    right = model(x_test).argmax(1) == y_test
print(f"loss {loss.item():.4f}, test accuracy {right.float().mean().item():.4f}")
