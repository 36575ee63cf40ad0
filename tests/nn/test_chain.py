"""`chain` and `add_residual`: fused layers that a module holds under names, with the bits of separate layers."""
import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.nn.fusion import add_residual, chain

pytestmark = pytest.mark.usefixtures("backend")


def test_a_chain_is_a_sequential():
    layers = nn.Linear(4, 5), nn.ReLU(), nn.Dropout(0.0), nn.Linear(5, 2)
    x = fastnet.randn(3, 4)
    assert (chain(x, *layers) == nn.Sequential(*layers)(x)).all() and chain(x) is x


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("norm, activation", [
    (lambda: nn.BatchNorm2d(4), nn.ReLU), (lambda: nn.BatchNorm2d(4), nn.SiLU), (lambda: nn.Identity(), nn.ReLU)])
def test_a_residual(norm, activation, training, gradients):
    results = []
    for hooked in (False, True):                # hooks turn fusion off
        fastnet.manual_seed(0)
        conv, layer, following = nn.Conv2d(3, 4, 3, padding=1), norm().train(training), activation()
        if hooked:
            following.register_forward_hook(lambda *given: None)
        x, residual = (fastnet.randn(2, n, 3, 3).requires_grad_() for n in (3, 4))
        with fastnet.set_grad_enabled(gradients):
            y = add_residual(x, conv, layer, residual, following)
        if gradients:
            (y * fastnet.randn(2, 4, 3, 3)).sum().backward()
        grads = [p.grad for p in (x, residual, *conv.parameters(), *layer.parameters()) if p.grad is not None]
        results.append([y, *grads, *layer.buffers()])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())
