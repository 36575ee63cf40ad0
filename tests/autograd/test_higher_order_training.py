"""Trainings with gradients of gradients: a physics-informed network and a critic with a gradient penalty."""
import numpy as np
import pytest

import fastnet


def seeded(f, model):
    with f.no_grad():
        for k, p in enumerate(model.parameters()):
            p.copy_((f.arange(p.numel(), dtype=f.float32) * 1.7 + k).sin().reshape(p.shape) * 0.5)
    return model


def heat_equation(f, compiled=False):
    """Losses of a network u(x, t) trained on u_t = u_xx."""
    nn = f.nn
    model = seeded(f, nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)))
    optimizer = f.optim.Adam(model.parameters(), lr=1e-2)
    at = f.linspace(0, 1, 32)
    x, t = at.reshape(-1, 1), ((at * 7.3) % 1).reshape(-1, 1)

    def step(x, t):
        x, t = x.detach().clone().requires_grad_(), t.detach().clone().requires_grad_()
        u = model(f.cat([x, t], 1))
        ones = f.ones_like(u)
        u_t, u_x = f.autograd.grad(u, (t, x), ones, create_graph=True)
        u_xx, = f.autograd.grad(u_x, x, ones, create_graph=True)
        start = model(f.cat([x, f.zeros_like(t)], 1))
        loss = ((u_t - u_xx) ** 2).mean() + ((start - (x * 3.14159).sin()) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
    run = fastnet.compile(step) if compiled else step
    losses = [run(x, t).item() for _ in range(30)]
    if compiled:
        assert len(run) == 1
    return losses


def critic_with_penalty(f, compiled=False):
    """Losses of a convolutional critic with the penalty of WGAN-GP (Gulrajani et al. 2017)."""
    nn = f.nn
    critic = seeded(f, nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(4, 8, 3, padding=1),
        nn.LayerNorm([8, 4, 4]),
        nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128, 1)))
    optimizer = f.optim.RMSprop(critic.parameters(), lr=1e-3)
    base = f.arange(4 * 64, dtype=f.float32).reshape(4, 1, 8, 8)
    real, fake, mix = base.sin(), (base * 0.37).cos(), (f.arange(4, dtype=f.float32) / 4).reshape(4, 1, 1, 1)

    def step(real, fake, mix):
        between = (mix * real + (1 - mix) * fake).requires_grad_()
        out = critic(between)
        slope, = f.autograd.grad(out, between, f.ones_like(out), create_graph=True, retain_graph=True)
        penalty = ((slope.reshape(4, -1).norm(2, dim=1) - 1) ** 2).mean()
        loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
    run = fastnet.compile(step) if compiled else step
    losses = [run(real, fake, mix).item() for _ in range(10)]
    if compiled:
        assert len(run) == 1
    return losses


@pytest.mark.parametrize("training", [heat_equation, critic_with_penalty])
def test_losses_are_those_of_pytorch(training):
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(training(fastnet), training(torch), rtol=2e-3)


@pytest.mark.parametrize("training", [heat_equation, critic_with_penalty])
def test_a_compiled_step_gives_the_same_bits(training):
    assert training(fastnet, compiled=True) == training(fastnet)
