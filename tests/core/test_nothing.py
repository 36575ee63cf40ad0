"""Empty inputs: batches, classes, views without elements; and eps of a variance."""
import numpy as np
import pytest

import fastnet
import fastnet.nn.functional as F
from fastnet import nn

pytestmark = pytest.mark.usefixtures("backend")


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4), (2, 3, 0)])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_an_empty_batch_keeps_the_statistics(shape, momentum):
    layer = nn.BatchNorm1d(3, momentum=momentum)
    x = fastnet.zeros(shape, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert y.shape == shape and x.grad.shape == shape
    assert layer.running_mean.tolist() == [0, 0, 0] and layer.running_var.tolist() == [1, 1, 1]
    assert layer.num_batches_tracked.item() == 1
    assert layer.weight.grad.tolist() == [0, 0, 0] and layer.bias.grad.tolist() == [0, 0, 0]
    layer(fastnet.ones(2, 3))
    assert not np.isnan(layer.running_mean.numpy()).any()


def test_a_single_value_a_channel_is_refused():
    for shape in ((1, 3), (1, 3, 1)):
        with pytest.raises(ValueError, match="more than one value in each channel"):
            F.batch_norm(fastnet.ones(shape), None, None, training=True)


@pytest.mark.parametrize("eps", [-1.0, -1e-5, float("nan")])
def test_eps_below_zero(eps):
    x = fastnet.ones(4, 3)
    for function in (lambda: F.batch_norm(x, None, None, training=True, eps=eps),
                     lambda: F.batch_norm(x, fastnet.zeros(3), fastnet.ones(3), eps=eps),
                     lambda: F.layer_norm(x, 3, eps=eps), lambda: F.rms_norm(x, 3, eps=eps),
                     lambda: nn.BatchNorm1d(3, eps=eps)(x), lambda: nn.LayerNorm(3, eps=eps)(x)):
        with pytest.raises(ValueError, match="expected eps to be 0 or more"):
            function()
    with pytest.raises(RuntimeError, match="eps"):
        F.cosine_similarity(x, x, eps=eps)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_without_classes(weighted, smoothing):
    """The label that is ignored has no weight to be read."""
    x = fastnet.zeros(40, 0, requires_grad=True)
    weight = fastnet.zeros(0) if weighted else None
    loss = F.cross_entropy(x, fastnet.full((40,), -100, dtype=fastnet.int64), weight, reduction="none",
                           label_smoothing=smoothing)
    assert loss.tolist() == [0] * 40
    loss.sum().backward()
    assert x.grad.shape == (40, 0)


def test_weights_of_ignored_labels_without_classes():
    from fastnet.backend import K
    held = np.full(1 + 40, np.nan, np.float32)          # what stands behind the weights
    losses, weights = (np.full(40, 7, np.float32) for _ in range(2))
    K.cross_entropy(losses, weights, np.empty((40, 0), np.float32), np.empty((40, 0), np.float32), np.full(40, -100),
                    weight=held[:0])
    assert not losses.any() and not weights.any()


LOSSES = [F.mse_loss, F.l1_loss, F.huber_loss, F.smooth_l1_loss, F.binary_cross_entropy_with_logits, F.kl_div]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_empty_inputs(loss, shape):
    x = fastnet.zeros(shape, requires_grad=True)
    assert loss(x, fastnet.zeros(shape), reduction="sum").item() == 0
    loss(x, fastnet.zeros(shape), reduction="none").sum().backward()
    assert x.grad.shape == shape


VIEWS = {
    "slice": lambda x: x[1:], "columns": lambda x: x[..., 1:], "both": lambda x: x[2:, ..., 1:],
    "turned": lambda x: x.T[1:], "itself": lambda x: x,
}
USES = {
    "add": lambda x: x + 1, "sum": lambda x: x.sum(), "sort": lambda x: x.argsort(),
    "cat": lambda x: fastnet.cat((x, x)), "copy": lambda x: x.clone(), "view": lambda x: x,
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("array", [np.zeros((5, 0), "f4"), np.zeros((0, 5), "f4"), np.zeros((5, 4), "f4")[:, 4:],
                                   np.zeros((5, 4), "f4")[2:2]], ids=lambda a: str(a.shape))
def test_a_compiled_function_of_an_empty_view(array, view, use):
    def function(x):
        return USES[use](VIEWS[view](x))

    x = fastnet.from_numpy(array)
    expected = function(x)
    compiled = fastnet.compile(function)
    for _ in range(3):
        got = compiled(x)
        assert got.shape == expected.shape and got.tolist() == expected.tolist()


def test_an_array_after_an_empty_argument_does_not_overlap_it():
    """A replay follows an argument's memory, and an empty one has none."""
    memory = np.arange(8, dtype=np.float32)
    nothing, rest = fastnet.from_numpy(memory[4:4]), fastnet.from_numpy(memory[4:])
    compiled = fastnet.compile(lambda x: x.sum() + rest.sum())
    for _ in range(3):
        assert compiled(nothing).item() == 4 + 5 + 6 + 7
        assert compiled(fastnet.zeros(0)).item() == 4 + 5 + 6 + 7
