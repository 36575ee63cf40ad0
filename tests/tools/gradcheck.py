"""Gradients against central differences, in float64, along random directions: a few calls instead of a Jacobian."""
import numpy as np

import fastnet

EPS = 1e-6


def gradcheck(fn, *inputs, directions=3, rtol=2e-6, atol=2e-7, seed=0):
    """Compare backward() with differences of fn(*inputs) for every float64 input that requires a gradient.

    Args:
        fn: from tensors to one tensor.
        inputs: tensors (those of float64 are made to require gradients) and other arguments.
        directions: how many random directions to project on.
    """
    rng = np.random.default_rng(seed)
    leaves = [i for i, x in enumerate(inputs) if isinstance(x, fastnet.Tensor) and x.dtype == fastnet.float64]
    assert leaves, "gradcheck needs a float64 tensor"
    inputs = [x.detach().clone().requires_grad_() if i in leaves else x for i, x in enumerate(inputs)]
    out = fn(*inputs)
    cotangent = rng.standard_normal(out.shape)
    out.backward(fastnet.tensor(cotangent))
    for i in leaves:
        assert inputs[i].grad is not None, f"no gradient reached input {i}"
        assert inputs[i].grad.shape == inputs[i].shape
    for _ in range(directions):
        tangents = {i: rng.standard_normal(inputs[i].shape) for i in leaves}
        analytic = sum(float((inputs[i].grad.numpy() * tangents[i]).sum()) for i in leaves)

        def along(step, tangents=tangents):
            with fastnet.no_grad():
                moved = [fastnet.tensor(x.detach().numpy() + step * tangents[i]) if i in tangents else x
                         for i, x in enumerate(inputs)]
                return float((np.asarray(fn(*moved).detach()) * cotangent).sum())
        numeric = (along(EPS) - along(-EPS)) / (2 * EPS)
        np.testing.assert_allclose(analytic, numeric, rtol=rtol, atol=atol * max(1.0, out.numel() ** 0.5))
