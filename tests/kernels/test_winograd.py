"""Winograd's convolution: its errors at the shapes of networks, when it is used, and the switch that turns it off.

Convolutions of small integers are exact in float32, but Winograd's factors are not: that tells which algorithm ran.
"""
import numpy as np
import pytest
from kernel_tools import ISAS, built, instruction_set, threaded
from processes import output_with_tests

from fastnet.backend import K, use_backend

pytestmark = built

# images, height and width, channels, filters
LAYERS = {
    "ResNet-18, 32 pixels": ((2, 32, 64, 64), (2, 16, 128, 128), (2, 8, 256, 256), (2, 4, 512, 512)),
    "ResNet-18, 224 pixels": ((1, 56, 64, 64), (1, 28, 128, 128), (1, 14, 256, 256), (1, 7, 512, 512)),
    "VGG-11": ((1, 112, 64, 128), (1, 56, 128, 256), (1, 56, 256, 256), (1, 28, 256, 512), (1, 28, 512, 512),
               (1, 14, 512, 512)),
}
MOST = 1e-4             # of the largest value of a tensor


def drawn(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape, np.float32) for shape in shapes]


def convolved(x, weight, g, padding=1):
    """The results of the three kernels for an input, a weight and a gradient of the output."""
    around = {"padding": (0, padding, padding)}
    out, dx, dw = np.empty_like(g), np.empty_like(x), np.empty_like(weight)
    K.conv(out, x, weight, **around)
    K.conv_input(dx, g, weight, **around)
    K.conv_weight(dw, x, g, **around)
    return out, dx, dw


@pytest.mark.parametrize("network", LAYERS)
def test_errors_at_the_shapes_of_networks(network):
    for images, side, channels, filters in LAYERS[network]:
        pixels = images, 1, side, side
        arrays = drawn(((*pixels, channels), (filters, channels, 1, 3, 3), (*pixels, filters)))
        with use_backend("compiled"):
            exact = convolved(*(a.astype(np.float64) for a in arrays))
            for isa in ISAS:
                with instruction_set(isa):
                    found = convolved(*arrays)
                for name, a, b in zip(("output", "dX", "dW"), found, exact):
                    error = np.abs(a - b).max() / np.abs(b).max()
                    assert error <= MOST, f"{isa}, {side} pixels, {channels} to {filters} channels: {name}"


def exact(images=2, size=(9, 10), channels=16, filters=16, kernel=(3, 3), padding=1, dtype=np.float32, **where):
    """Which of the three kernels give the exact results for small integers."""
    from cases.conv import sizes_of
    attrs = {"stride": (1, 1, 1), "dilation": (1, 1, 1), "padding": (0, padding, padding), **where}
    x, weight, out = sizes_of((images, (1, *size), channels, filters, (1, *kernel), where.get("groups", 1)),
                              **{k: v for k, v in attrs.items() if k != "groups"})
    attrs.pop("groups", None)
    rng = np.random.default_rng(0)
    x, weight, g = (rng.integers(-8, 9, shape).astype(dtype) for shape in (x, weight, out))
    found = []
    for kernel, target, others in ((K.conv, g, (x, weight)), (K.conv_input, x, (g, weight)),
                                   (K.conv_weight, weight, (x, g))):
        results = np.empty_like(target)
        kernel(results, *others, **attrs)
        found.append(np.array_equal(results, np.round(results)))
    return found


# settings of `exact` -> whether Winograd's algorithm computes the three kernels
CHOICES = (
    ({}, True), ({"images": 1, "size": (3, 3)}, True), ({"padding": 0}, True), ({"padding": 2}, True),
    ({"channels": 15}, False), ({"filters": 15}, False), ({"dtype": np.float64}, False),
    ({"kernel": (3, 1), "padding": 0}, False), ({"kernel": (5, 5), "padding": 2}, False),
    ({"stride": (1, 2, 2)}, False), ({"dilation": (1, 2, 2), "padding": 2}, False),
    ({"channels": 64, "filters": 64, "groups": 2}, False),
    ({"size": (4, 4), "channels": 32, "filters": 300}, True), ({"images": 7, "size": (13, 15), "channels": 30}, True),
)


@pytest.mark.parametrize("isa", ISAS)
def test_shape_and_dtype_alone_choose_it(isa):
    with use_backend("compiled"), instruction_set(isa):
        for settings, used in CHOICES:
            for threads in (1, 8):
                with threaded(threads):
                    assert exact(**settings) == [not used] * 3, settings


def test_the_switch_turns_it_off():
    code = "from test_winograd import CHOICES, exact; print(all(all(exact(**settings)) for settings, _ in CHOICES))"
    assert output_with_tests(code, FASTNET_WINOGRAD="0").strip() == "True"
    assert output_with_tests(code, FASTNET_WINOGRAD="1").strip() == "False"
