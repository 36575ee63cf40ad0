"""`fastnet.compile(freeze=True)`: the same bits as the eager call, in fewer launches, and no use of old values."""
import gc
import pickle

import numpy as np
import pytest
from program_tools import equal, without_gradient

import fastnet
from fastnet import nn
from fastnet.backend import backend, compiled_available
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")
compiled_only = pytest.mark.skipif(not compiled_available, reason="needs the compiled kernels")


class Residual(nn.Module):
    def __init__(self, channels, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)) + x)


NETWORKS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(20, 33), nn.ReLU(), nn.Linear(33, 7)), (3, 20)),
    "one row": (lambda: nn.Sequential(nn.Linear(20, 33), nn.Tanh(), nn.Linear(33, 7)), (1, 20)),
    "many rows": (lambda: nn.Sequential(nn.Linear(40, 130), nn.GELU(), nn.Linear(130, 70)), (100, 40)),
    "few channels": (lambda: nn.Sequential(nn.Conv2d(3, 5, 3, stride=2), nn.BatchNorm2d(5), nn.ReLU()), (2, 3, 9, 8)),
    "pointwise": (lambda: nn.Sequential(nn.Conv2d(6, 40, 1), nn.BatchNorm2d(40), nn.ReLU6(), nn.Conv2d(40, 3, 1)),
                  (2, 6, 7, 5)),
    "winograd": (lambda: nn.Sequential(Residual(32), nn.Conv2d(32, 48, 3, padding=1)), (2, 32, 14, 13)),
    "winograd, few tiles": (lambda: Residual(256), (1, 256, 7, 7)),
    "groups": (lambda: nn.Sequential(Residual(12, 3), Residual(12, 12), Residual(12, 2)), (2, 12, 6, 6)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2), (2, 4, 5, 5)),
    "sequence": (lambda: nn.Sequential(nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6), nn.ReLU(), nn.MaxPool1d(2)), (2, 4, 12)),
}


def evaluated(make, seed=0):
    fastnet.manual_seed(seed)
    model = make()
    with fastnet.no_grad():
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(fastnet.randn(*buffer.shape))
            elif name.endswith("running_var"):
                buffer.copy_(fastnet.rand(*buffer.shape) + 0.5)
    return model.eval()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_same_bits_in_fewer_launches(name, dtype):
    make, shape = NETWORKS[name]
    model = evaluated(make).to(getattr(fastnet, dtype))
    run = without_gradient(model)
    plain, frozen = fastnet.compile(run), fastnet.compile(run, freeze=True)
    for seed in range(3):
        fastnet.manual_seed(seed)
        x = fastnet.randn(*shape, dtype=getattr(fastnet, dtype))
        expected = run(x)
        assert equal(plain(x), expected) and equal(frozen(x), expected)
    assert len(frozen) == 1
    folds = backend() == "compiled" and name not in ("mlp", "one row", "many rows", "winograd, few tiles")
    if folds:
        assert frozen.recordings[0].launches < plain.recordings[0].launches


@compiled_only
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_same_bits_on_any_number_of_threads(threads, backend):
    if backend == "numpy":
        pytest.skip("one thread")
    make, shape = NETWORKS["winograd"]
    run = without_gradient(evaluated(make))
    fastnet.manual_seed(0)
    x = fastnet.randn(*shape)
    expected, before = run(x), fastnet.get_num_threads()
    fastnet.set_num_threads(threads)
    try:
        frozen = fastnet.compile(run, freeze=True)
        assert all(equal(frozen(x), expected) for _ in range(3))
    finally:
        fastnet.set_num_threads(before)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_the_input_alone(name):
    """Parameters whose gradients the function itself turns off are constants, for the backward pass, too."""
    make, shape = NETWORKS[name]
    model = evaluated(make)
    run = slopes_of(model)
    plain, frozen = fastnet.compile(run), fastnet.compile(run, freeze=True)
    for seed in range(3):
        fastnet.manual_seed(seed)
        x = fastnet.randn(*shape)
        expected = run(x)
        assert equal(plain(x), expected) and equal(frozen(x), expected)
        assert all(p.requires_grad for p in model.parameters())
    if backend() == "compiled" and name in ("few channels", "winograd", "groups", "transposed"):
        assert frozen.recordings[0].launches < plain.recordings[0].launches
    with fastnet.no_grad():
        next(model.parameters()).mul_(2)
    assert equal(frozen(x), run(x)) and not equal(run(x), expected)


def slopes_of(model):
    """The gradient of the sum of a model's outputs with respect to its input."""
    def run(x):
        model.requires_grad_(False)
        try:
            x = x.detach().requires_grad_()
            return fastnet.grad((model(x) ** 2).sum(), x)[0]
        finally:
            model.requires_grad_(True)
    return run


def step_of_an_optimizer(model):
    optimizer = fastnet.optim.SGD(model.parameters(), lr=0.1)
    model(fastnet.ones(2, 3, 9, 8)).sum().backward()
    optimizer.step()


def compiled_step(model):
    step = replayed_step(model, fastnet.optim.Adam)
    step(), step()


def replayed_step(model, make=fastnet.optim.SGD):
    """A function that replays a step, which was recorded."""
    optimizer = make(model.parameters(), lr=0.1)

    @fastnet.compile
    def step(x):
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()
    step(fastnet.ones(2, 3, 9, 8))
    return lambda: step(fastnet.ones(2, 3, 9, 8))


def in_training_mode(model):
    model.train()
    with fastnet.no_grad():
        model(fastnet.ones(2, 3, 9, 8))
    model.eval()


def loaded(model):
    model.load_state_dict({name: value + 1 for name, value in model.state_dict().items()})


def changed(change):
    def run(model):
        with fastnet.no_grad():
            change(model)
    return run


CHANGES = {
    "optimizer": step_of_an_optimizer,
    "compiled optimizer": compiled_step,
    "running statistics": in_training_mode,
    "load_state_dict": loaded,
    "add_": changed(lambda model: model[0].weight.add_(1)),
    "copy_": changed(lambda model: model[0].weight.copy_(fastnet.ones(5, 3, 3, 3))),
    "buffer": changed(lambda model: model[1].running_mean.fill_(3)),
    "element": changed(lambda model: model[0].weight.__setitem__((0, 0, 0, 0), 5.0)),
    "view": changed(lambda model: model[0].weight.reshape(-1)[3:5].zero_()),
    "data": changed(lambda model: model[0].weight.data.mul_(2)),
    "detached": lambda model: model[0].weight.detach().mul_(2),
    "init": lambda model: nn.init.ones_(model[0].weight),
    "other data": lambda model: setattr(model[0].weight, "data", fastnet.ones(5, 3, 3, 3)),
    "other parameter": lambda model: setattr(model[0], "weight", nn.Parameter(fastnet.ones(5, 3, 3, 3))),
    "other layer": lambda model: setattr(model[0], "bias", None),
}


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_makes_a_new_recording(name, shortcut):
    model = evaluated(NETWORKS["few channels"][0])
    run = without_gradient(model)
    frozen = fastnet.compile(run if shortcut else lambda x, scale=1.0: run(x), freeze=True)
    fastnet.manual_seed(0)
    x = fastnet.randn(2, 3, 9, 8)
    options = {} if shortcut else {"scale": 1.0}        # a keyword takes the path in Python
    for _ in range(2):
        assert equal(frozen(x, **options), run(x))
    before = run(x)
    CHANGES[name](model)
    expected = run(x)
    assert not equal(before, expected)
    for _ in range(3):
        assert equal(frozen(x, **options), expected)


def test_each_replay_of_an_optimizer_makes_a_new_recording():
    model = evaluated(NETWORKS["few channels"][0])
    run, step = without_gradient(model), replayed_step(model)
    frozen = fastnet.compile(run, freeze=True)
    x = fastnet.ones(2, 3, 9, 8)
    for _ in range(3):
        assert equal(frozen(x), run(x))
        step()
    assert len(frozen) == 1                 # outdated recordings are dropped


def test_outdated_recordings_are_dropped_and_explained():
    weight = fastnet.ones(3)
    frozen = fastnet.compile(lambda x: x + weight * 2, freeze=True)
    frozen(fastnet.ones(3))
    weight.add_(1)
    assert frozen(fastnet.ones(3)).tolist() == [5, 5, 5]
    assert len(frozen) == 1
    if backend() == "compiled":
        assert "the values of a tensor of shape (3,)" in frozen.recordings[0].why
        assert "freeze=True holds as constants" in str(frozen.explain())


def test_a_value_that_no_constant_depends_on_is_read_at_each_call():
    weight = fastnet.ones(3)
    frozen = fastnet.compile(lambda x: x + weight, freeze=True)
    assert frozen(fastnet.ones(3)).tolist() == [2, 2, 2]
    weight.add_(1)
    assert frozen(fastnet.ones(3)).tolist() == [3, 3, 3]
    assert len(frozen) == 1


def test_a_write_through_numpy_is_seen_after_clear():
    array = np.ones(3, np.float32)
    weight = fastnet.from_numpy(array)
    frozen = fastnet.compile(lambda x: x + weight * 2, freeze=True)
    frozen(fastnet.ones(3))
    array[:] = 5
    frozen.clear()
    assert frozen(fastnet.ones(3)).tolist() == [11, 11, 11]


@compiled_only
def test_constants_are_freed_with_the_recording(backend):
    if backend == "numpy":
        pytest.skip("no constants are folded")
    weight = fastnet.randn(300, 300)
    frozen = fastnet.compile(lambda x: x @ weight.T, freeze=True)
    frozen(fastnet.randn(100, 300))
    pool = next(block.pool for block in frozen.recordings[0].keep.values() if getattr(block, "pool", None) is not None
                and block.pool is not fastnet._core.memory.shared)
    assert pool.live == 1
    frozen.clear()
    gc.collect()
    assert pool.live == 0


def identity(x):
    return x * 1


def test_options():
    frozen = fastnet.compile(freeze=True)(identity)
    assert frozen.freeze and not fastnet.compile(identity).freeze
    assert pickle.loads(pickle.dumps(frozen)).freeze
    disabled = fastnet.compile(identity, freeze=True, disable=True)
    assert disabled(fastnet.ones(2)).tolist() == [1, 1] and len(disabled) == 0


def test_inside_of_another_recording():
    weight = fastnet.ones(3)
    inner = fastnet.compile(lambda x: x + weight * 2, freeze=True)
    outer = fastnet.compile(lambda x: inner(x) * 2)
    for _ in range(2):
        assert outer(fastnet.ones(3)).tolist() == [6, 6, 6]
        weight.add_(0)
