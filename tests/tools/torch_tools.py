"""Comparing with PyTorch: the same source runs in both namespaces, on the same arrays."""
import numpy as np
import pytest

import fastnet

TOLERANCES = {"float64": {"rtol": 1e-11, "atol": 1e-12}, "float32": {"rtol": 2e-5, "atol": 4e-6}}


def compare(fn, *inputs, dtype="float64"):
    """Check that fn(namespace, *tensors) and its gradients are PyTorch's; floating-point inputs get `dtype`."""
    torch = pytest.importorskip("torch")
    arrays = [x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in inputs]
    ours, theirs = ([made(f, x) for x in arrays] for f in (fastnet, torch))
    a, b = fn(fastnet, *ours), fn(torch, *theirs)
    assert a.shape == tuple(b.shape)
    assert str(a.dtype) == str(b.dtype).removeprefix("torch.")
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **TOLERANCES[dtype], err_msg="result")
    g = np.random.default_rng(5).standard_normal(a.shape).astype(a.dtype)
    a.backward(fastnet.tensor(g))
    b.backward(torch.tensor(g))
    for i, (x, y) in enumerate(zip(ours, theirs)):
        if getattr(y, "grad", None) is not None:
            assert x.grad is not None, f"input {i} got no gradient"
            np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), **TOLERANCES[dtype], err_msg=f"gradient {i}")


def made(f, x):
    """An array as a tensor of the namespace `f`, with gradients if it is floating-point; anything else as it is."""
    return f.tensor(x, requires_grad=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x


def to_torch(state_dict):
    """A fastnet state_dict with PyTorch's tensors."""
    torch = pytest.importorskip("torch")
    return {k: torch.from_numpy(v.numpy().copy()) for k, v in state_dict.items()}
