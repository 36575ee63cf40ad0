"""Batch, group, instance and local response norm over images against PyTorch; layouts, threads, empty batches."""
import itertools

import numpy as np
import pytest
from kernel_tools import BUILT, ISAS, instruction_set, threaded

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

BOUNDS = {"float64": 1e-9, "float32": 1e-4}
SHAPES = {1: (5, 6, 7), 2: (3, 6, 5, 9), 3: (2, 6, 1, 3, 5)}
rng = np.random.default_rng(8)


def assert_near(ours, theirs, dtype, what):
    """The largest difference is small against the largest value."""
    ours, theirs = ours.detach().numpy(), theirs.detach().numpy()
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype, what
    if theirs.size:
        assert np.abs(ours - theirs).max() <= BOUNDS[dtype] * np.abs(theirs).max() + 1e-30, what


def assert_equals_torch(make, shape, dtype, training=True, steps=2, offset=0.5):
    """Outputs, gradients and statistics of a layer are PyTorch's after several steps with the same parameters."""
    torch = pytest.importorskip("torch")
    ours, theirs = make(nn).to(getattr(fastnet, dtype)), make(torch.nn).to(getattr(torch, dtype))
    state = {k: np.array(3) if v.dtype == fastnet.int64 else rng.uniform(0.5, 1.5, v.shape).astype(dtype)
             for k, v in ours.state_dict().items()}
    ours.load_state_dict({k: fastnet.tensor(v) for k, v in state.items()})
    theirs.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
    ours.train(training), theirs.train(training)
    for _ in range(steps):
        x, g = rng.standard_normal((2, *shape)).astype(dtype)
        x += np.asarray(offset, dtype)
        a, b = fastnet.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = ours(a), theirs(b)
        y.backward(fastnet.tensor(g))
        z.backward(torch.tensor(g))
        assert_near(y, z, dtype, "output")
        assert_near(a.grad, b.grad, dtype, "gradient of the input")
    for (name, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert_near(p.grad, q.grad, dtype, f"gradient of {name}")
    for (name, p), (_, q) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
        assert_near(p, q, dtype, name)
    assert repr(theirs) in repr(ours)


OPTIONS = {
    "plain": {"affine": False}, "affine": {"affine": True}, "no-bias": {"affine": True, "bias": False},
    "average": {"momentum": None, "track_running_stats": True}, "momentum": {"momentum": 0.7, "eps": 0.1},
    "tracked": {"track_running_stats": True, "affine": True}, "untracked": {"track_running_stats": False},
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dims", SHAPES)
@pytest.mark.parametrize("kind", ["BatchNorm", "InstanceNorm"])
def test_layers_with_statistics(backend, kind, dims, options, training):
    for dtype in BOUNDS:
        assert_equals_torch(lambda n: getattr(n, f"{kind}{dims}d")(6, **OPTIONS[options]), SHAPES[dims], dtype,
                            training)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("shape", [(33, 130), (1, 17, 20, 31), (2, 64, 16, 17), (300, 3, 1, 2), (2, 1, 30, 9)], ids=str)
def test_batch_norm_of_many_shapes(backend, shape, dtype):
    kind = {2: "BatchNorm1d", 4: "BatchNorm2d"}[len(shape)]
    assert_equals_torch(lambda n: getattr(n, kind)(shape[1]), shape, dtype, steps=1)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("groups, shape", [
    (1, (3, 6)), (2, (3, 6)), (3, (2, 6, 5)), (1, (2, 5, 4, 3)), (5, (2, 5, 1, 3)), (8, (3, 64, 9, 9)),
    (2, (1, 300, 3, 5)), (1, (2, 7, 20, 31)), (4, (2, 8, 2, 3, 2)), (65, (2, 130, 17, 17))], ids=str)
def test_group_norm(backend, groups, shape, dtype):
    assert_equals_torch(lambda n: n.GroupNorm(groups, shape[1]), shape, dtype, steps=1)
    assert_equals_torch(lambda n: n.GroupNorm(groups, shape[1], eps=0.1, affine=False), shape, dtype, steps=1)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 33, 3, 2), (1, 1, 2, 3, 2), (0, 4, 2)], ids=str)
@pytest.mark.parametrize("arguments", [(1,), (2, 0.5), (5, 0.3, 0.75, 2.0), (4, 0.5, 1.5), (99, 2.0, 0.5)], ids=str)
def test_local_response_norm(backend, shape, arguments, dtype):
    assert_equals_torch(lambda n: n.LocalResponseNorm(*arguments), shape, dtype, steps=1)


UNBATCHED = {1: (4, 7), 2: (4, 5, 3), 3: (4, 2, 3, 2)}


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("dims", UNBATCHED)
def test_instance_norm_without_a_batch(backend, dims, tracked):
    assert_equals_torch(lambda n: getattr(n, f"InstanceNorm{dims}d")(4, 1e-5, 0.1, not tracked, tracked),
                        UNBATCHED[dims], "float64")


@pytest.mark.parametrize("shape", [(0, 4, 3, 2), (0, 4, 3), (2, 4, 0, 3)], ids=str)
def test_an_empty_batch_leaves_the_statistics(backend, shape):
    dims = len(shape) - 2
    for norm in (getattr(nn, f"BatchNorm{dims}d")(4), getattr(nn, f"InstanceNorm{dims}d")(4, 0, 0.5, True, True),
                 nn.GroupNorm(2, 4)):
        x = fastnet.ones(shape, requires_grad=True)
        y = norm(x)
        y.sum().backward()
        assert y.shape == shape == x.grad.shape
        assert norm.weight.grad.tolist() == norm.bias.grad.tolist() == [0] * 4
        if not isinstance(norm, nn.GroupNorm):
            assert norm.running_mean.tolist() == [0] * 4 and norm.running_var.tolist() == [1] * 4


def outcomes(x, g):
    """All that the norms compute from x (4, 32, H, W) and a gradient of the same shape."""
    weight, bias = (fastnet.linspace(low, 1, 32).requires_grad_() for low in (0.5, -1))
    results = []
    for norm in (lambda x: F.batch_norm(x, None, None, weight, bias, training=True),
                 lambda x: F.group_norm(x, 8, weight, bias), lambda x: F.group_norm(x, 1, weight, bias),
                 lambda x: F.instance_norm(x, weight=weight, bias=bias), lambda x: F.local_response_norm(x, 5)):
        a = x.detach().requires_grad_()
        weight.grad = bias.grad = None
        y = norm(a)
        y.backward(g)
        results += [y, a.grad] + [p.grad.clone() for p in (weight, bias) if p.grad is not None]
    return [t.detach().numpy().tobytes() for t in results]


def layouts(x):
    """x in several memory orders."""
    strided = fastnet.zeros(*x.shape[:3], 2 * x.shape[3])
    strided[..., ::2] = x
    return x, x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), strided[..., ::2]


def test_the_bits_do_not_depend_on_the_layout(backend):
    x, g = (fastnet.tensor(rng.standard_normal((4, 32, 9, 11)).astype("float32")) for _ in range(2))
    assert len({tuple(outcomes(a, b)) for a, b in itertools.product(layouts(x), layouts(g))}) == 1


@pytest.mark.skipif(not BUILT, reason="the compiled kernels are not built")
@pytest.mark.parametrize("isa", ISAS)
def test_the_bits_do_not_depend_on_the_number_of_threads(isa):
    x, g = (fastnet.tensor(rng.standard_normal((4, 32, 17, 19)).astype("float32")) for _ in range(2))
    with instruction_set(isa):
        results = set()
        for n in (1, 2, 3, 8):
            with threaded(n):
                results.add(tuple(outcomes(x, g)))
    assert len(results) == 1


def test_a_recording_has_the_bits_of_eager_calls(backend):
    def step(norms, x):
        for norm in norms:
            x = norm(x)
        (x * x).sum().backward()
        return x.detach()

    def norms():
        return nn.ModuleList([nn.BatchNorm2d(6), nn.GroupNorm(2, 6), nn.InstanceNorm2d(6, 1e-5, 0.3, True, True),
                              nn.LocalResponseNorm(3)])

    eager, recorded = norms(), norms()
    compiled = fastnet.compile(lambda x: step(recorded, x))
    for _ in range(3):
        x = fastnet.tensor(rng.standard_normal((3, 6, 5, 4)).astype("float32"))
        assert fastnet.equal(compiled(x), step(eager, x))
    for a, b in zip(eager.state_dict().values(), recorded.state_dict().values(), strict=True):
        assert fastnet.equal(a, b)
    for a, b in zip(eager.parameters(), recorded.parameters(), strict=True):
        assert fastnet.equal(a.grad, b.grad)


@pytest.mark.parametrize("gradient", [0, 1])
def test_a_relu_passes_gradients_where_unfused_does(backend, gradient):
    """Zero, negative zero and NaN outputs, by weights of 0."""
    x = fastnet.tensor([[1.0, 2.0, float("nan")], [3.0, 4.0, 1.0], [5.0, 5.0, 1.0]], requires_grad=True)
    norm = nn.BatchNorm1d(3)
    norm.weight.data = fastnet.tensor([0.0, -1.0, 1.0])
    grads = []
    for run in (nn.Sequential(norm, nn.ReLU()), lambda x: norm(x).relu()):
        x.grad = None
        (run(x) * gradient).sum().backward()
        grads.append(x.grad.numpy().tobytes())
    assert grads[0] == grads[1]
