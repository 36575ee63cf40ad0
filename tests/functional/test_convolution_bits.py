"""Convolutions by every algorithm: the same bits on any number of threads, recorded, and in both memory layouts."""
import numpy as np
import pytest
from kernel_tools import threaded
from layout_tools import in_channels_last

import fastnet
from fastnet.nn import functional as F

# function, shapes of input and weight, settings
ALGORITHMS = {
    "direct": (F.conv2d, (3, 5, 13, 11), (18, 5, 3, 2), {"padding": 1}),
    "direct, several chunks": (F.conv2d, (4, 12, 24, 24), (33, 12, 5, 5), {"padding": 2}),
    "strided": (F.conv2d, (3, 16, 15, 14), (17, 16, 3, 3), {"stride": 2, "padding": 1}),
    "strided, dilated": (F.conv2d, (2, 7, 15, 14), (9, 7, 3, 3), {"stride": 3, "padding": 2, "dilation": 2}),
    "winograd": (F.conv2d, (6, 17, 15, 14), (31, 17, 3, 3), {"padding": 1}),
    "winograd, several chunks": (F.conv2d, (5, 40, 33, 31), (70, 40, 3, 3), {"padding": 1}),
    "winograd, parts of the tiles": (F.conv2d, (7, 128, 15, 16), (260, 128, 3, 3), {"padding": 1}),
    "winograd, few tiles": (F.conv2d, (2, 512, 4, 4), (512, 512, 3, 3), {"padding": 1}),
    "winograd, few tiles of odd size": (F.conv2d, (3, 130, 7, 5), (265, 130, 3, 3), {}),
    "pointwise": (F.conv2d, (3, 19, 14, 13), (34, 19, 1, 1), {}),
    "groups": (F.conv2d, (3, 24, 9, 10), (40, 6, 3, 3), {"groups": 4, "padding": 1}),
    "groups of equal size": (F.conv2d, (3, 40, 13, 10), (40, 4, 3, 3), {"groups": 10, "padding": 1}),
    "groups of equal size, strided": (F.conv2d, (3, 64, 13, 10), (64, 8, 3, 3), {"groups": 8, "stride": 2}),
    "depthwise": (F.conv2d, (3, 37, 14, 13), (37, 1, 3, 3), {"groups": 37, "padding": 1}),
    "depthwise, strided": (F.conv2d, (3, 40, 15, 13), (40, 1, 5, 5), {"groups": 40, "padding": 2, "stride": 2}),
    "volumes": (F.conv3d, (2, 6, 5, 6, 7), (20, 6, 3, 3, 3), {"padding": 1, "stride": (1, 2, 1)}),
    "sequence": (F.conv1d, (3, 9, 50), (21, 9, 5), {"padding": "same"}),
    "transposed": (F.conv_transpose2d, (3, 18, 9, 8), (18, 12, 4, 4), {"stride": 2, "padding": 1}),
    "transposed, winograd": (F.conv_transpose2d, (4, 18, 19, 18), (18, 20, 3, 3), {"padding": 1}),
    "transposed, groups": (F.conv_transpose2d, (3, 18, 9, 8), (18, 5, 3, 3), {"stride": 3, "groups": 3}),
}


def drawn(case, layout):
    """Input, weight, bias and the gradient of the result; the first and the last in a memory layout."""
    function, shape, weight, settings = ALGORITHMS[case]
    rng = np.random.default_rng(4)
    filters = weight[1] * settings.get("groups", 1) if "transpose" in function.__name__ else weight[0]
    x, w, b = (rng.standard_normal(s, np.float32) for s in (shape, weight, (filters,)))
    out = function(*map(fastnet.tensor, (x, w, b)), **settings)
    g = rng.standard_normal(out.shape, np.float32)
    return [fastnet.from_numpy(a) for a in (layout(x), w, b, layout(g))]


def channels_first(x):
    return x.copy()


class Step:
    """The forward and backward pass of a case, eagerly or recorded."""

    def __init__(self, case, compiled, layout=channels_first):
        function, _, _, settings = ALGORITHMS[case]
        *arrays, self.g = drawn(case, layout)
        self.leaves = [x.requires_grad_() for x in arrays]
        optimizer = fastnet.optim.SGD(self.leaves, lr=0.0)

        def run(g):
            optimizer.zero_grad()
            out = function(*self.leaves, **settings)
            out.backward(g)
            return out.detach()
        self.run = fastnet.compile(run) if compiled else run

    def results(self):
        """The bytes of the result and of the gradients of input, weight and bias."""
        out = self.run(self.g)
        return [np.ascontiguousarray(x.numpy()).tobytes() for x in (out, *(x.grad for x in self.leaves))]


@pytest.mark.parametrize("case", ALGORITHMS)
def test_same_bits(case, small_work_threaded):
    eager, recorded = Step(case, False), Step(case, True)
    steps = {"eager": eager, "recorded": recorded, "channels-last": Step(case, False, in_channels_last),
             "recorded, channels-last": Step(case, True, in_channels_last)}
    expected = eager.results()
    for threads in (1, 2, 3, 8):
        with threaded(threads):
            for name, step in steps.items():
                assert step.results() == expected, f"{name}, {threads} threads"
    before = len(recorded.run.recordings)
    with threaded(1):
        assert recorded.results() == expected
    assert len(recorded.run.recordings) == before, "replayed"
