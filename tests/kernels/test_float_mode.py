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


TINY = {"float32": 1e-40, "float64": 1e-310}


@pytest.fixture(params=TINY)
def dtype(request):
    return request.param


def both_ways(function, *tensors):
    """A function's result, which is the same from a recording."""
    eager = function(*tensors)
    compiled = fastnet.compile(function)
    for _ in range(2):
        assert compiled(*tensors).tolist() == eager.tolist()
    return eager


@pytest.mark.parametrize("columns", [1, 40])
@pytest.mark.parametrize("n", [3, 700, 5000])
def test_extremes_that_are_denormal(dtype, n, columns):
    """The smallest element is denormal; so, with the signs turned, is the largest."""
    a = np.linspace(1, 2, n * columns, dtype=dtype).reshape(n, columns)
    a[n // 2] = TINY[dtype]
    x = fastnet.from_numpy(a)
    smallest, place = a.min(0), a.argmin(0)
    for f, value in ((lambda x: x.amin(0), smallest), (lambda x: x.min(0).values, smallest),
                     (lambda x: x.argmin(0), place), (lambda x: (-x).amax(0), -smallest),
                     (lambda x: (-x).argmax(0), place), (lambda x: (-x).max(0).values, -smallest),
                     (lambda x: x.amin(), a.min()), (lambda x: x.sort(0).values[0], smallest),
                     (lambda x: x.topk(1, 0, largest=False).values[0], smallest), (lambda x: x.argsort(0)[0], place)):
        assert both_ways(f, x).tolist() == value.tolist()


def test_gradients_of_denormal_extremes(dtype):
    for reduce in (lambda x: x.amin(0), lambda x: x.min(0).values, lambda x: x.min()):
        x = fastnet.tensor([TINY[dtype], 1.84, 2.0], dtype=dtype, requires_grad=True)
        reduce(x).backward()
        assert x.grad.tolist() == [1, 0, 0]


def test_denormal_limits(dtype):
    tiny = TINY[dtype]
    x = fastnet.tensor([-1.0, 0.0, tiny / 2, tiny, 1.0], dtype=dtype)
    low, high = (fastnet.tensor(v, dtype=dtype).item() for v in (tiny / 2, tiny))
    assert both_ways(lambda x: x.clamp(tiny / 2, tiny), x).tolist() == [low, low, low, high, high]
    x.requires_grad = True
    x.clamp(min=tiny).sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 1, 1]
    assert x.maximum(fastnet.tensor(tiny, dtype=dtype)).tolist() == [high, high, high, high, 1]


def test_selections_of_denormals(dtype):
    tiny = TINY[dtype]
    x = fastnet.tensor([tiny, -tiny, 0.0], dtype=dtype)
    tiny = x[0].item()
    assert both_ways(lambda x: fastnet.where(x > 0, x, -x), x).tolist() == [tiny, tiny, 0]
    assert both_ways(fastnet.relu, x).tolist() == [tiny, 0, 0]
    assert both_ways(lambda x: x.abs(), x).tolist() == [tiny, tiny, 0]
    assert x.sign().tolist() == [1, -1, 0] and x.bool().tolist() == [True, True, False]
    assert x.any().item() and not x.all().item() and (x == tiny).tolist() == [True, False, False]


def test_conversions_to_denormals():
    values = np.array([1e-40, -1e-45, 7.7e-39, 0.9e-45, 0.6e-45, 1e-310, 1.0])
    assert both_ways(lambda x: x.float(), fastnet.from_numpy(values)).tolist() == values.astype(np.float32).tolist()


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
