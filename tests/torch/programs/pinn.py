"""A physics-informed network: u'' = -pi^2 sin(pi x) with u(-1) = u(1) = 0, by second derivatives of the network."""
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


class PINN(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(layers[i], layers[i + 1]) for i in range(len(layers) - 1)])
        self.activation = nn.Tanh()

    def forward(self, x):
        for linear in self.linears[:-1]:
            x = self.activation(linear(x))
        return self.linears[-1](x)


model = PINN([1, 32, 32, 1]).to(device)
rng = np.random.RandomState(0)
with torch.no_grad():
    for p in model.parameters():
        bound = np.sqrt(3 / p.shape[-1])
        p.copy_(torch.from_numpy(rng.uniform(-bound, bound, tuple(p.shape)).astype(np.float32)))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
x = torch.linspace(-1, 1, 128, device=device).view(-1, 1).requires_grad_(True)
ends = torch.tensor([[-1.0], [1.0]], device=device)

for epoch in range(150):
    optimizer.zero_grad()
    u = model(x)
    u_x = torch.autograd.grad(u, x, grad_outputs=torch.ones_like(u), retain_graph=True, create_graph=True)[0]
    u_xx = torch.autograd.grad(u_x, x, grad_outputs=torch.ones_like(u_x), retain_graph=True, create_graph=True)[0]
    residual = u_xx + np.pi**2 * torch.sin(np.pi * x)
    loss = torch.mean(residual**2) + 10 * torch.mean(model(ends)**2)
    loss.backward()
    optimizer.step()
    if epoch % 50 == 0:
        print("Epoch", epoch, "loss", loss.item())
print("final", loss.item())
