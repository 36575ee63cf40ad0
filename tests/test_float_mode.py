"""Numbers too small to be normal: on x86 kernels make none; the caller's floating-point mode stays as it is."""
import platform

import numpy as np
import pytest

import fastnet

pytestmark = pytest.mark.usefixtures("backend")

SMALLEST = np.finfo(np.float32).smallest_normal
FLUSHES = platform.machine().lower() in ("x86_64", "amd64")


def tiny_products(n=100_000):
    a = np.full(n, 1e-30, np.float32)
    return fastnet.from_numpy(a) * fastnet.full((n,), 1e-10)


def test_results_below_the_smallest_normal_number(small_work_threaded):
    made = tiny_products().numpy()
    assert (np.abs(made) <= SMALLEST).all()
    if fastnet.backend.backend() == "compiled" and FLUSHES:
        assert (made == 0).all()


def test_denormal_inputs_are_read_as_they_are():
    x = fastnet.from_numpy(np.full(33, 1e-40, np.float32))
    assert (x != 0).all() and (x > 0).all() and (x.clone() == x).all()
    assert ((x * 1e30).numpy() > 9e-11).all()


def test_the_callers_mode_is_left_alone(small_work_threaded):
    w = fastnet.ones(1000, requires_grad=True)

    @fastnet.compile
    def step(x):
        (w * x).sum().backward()
        return x * 2
    for _ in range(3):
        tiny_products()
        step(fastnet.ones(1000))
        assert np.float32(1e-30) * np.float32(1e-10) > 0
