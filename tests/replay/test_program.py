"""`fastnet.compile`: the same bits as eager code, guards, its pool, and changes between replays."""
import threading

import numpy as np
import pytest
from program_tools import OPTIMIZERS, batch, network, trainer

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")


def run(steps, **options):
    """Losses, weights, buffers and the random state after some steps."""
    compiled, make = options.pop("compiled"), options.pop("make")
    schedule, clip = options.pop("schedule", False), options.pop("clip", None)
    model = network(**options)
    optimizer = make(model.parameters())
    scheduler = fastnet.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=steps) if schedule else None
    step = trainer(model, optimizer, clip, compiled)
    losses = []
    for i in range(steps):
        losses.append(float(step(*batch(8 if i % 3 else 6, seed=i))))
        if scheduler:
            scheduler.step()
    return losses, {k: v.numpy().copy() for k, v in model.state_dict().items()}, fastnet.get_rng_state()


def assert_same(a, b):
    assert a[0] == b[0]
    for name in a[1]:
        np.testing.assert_array_equal(a[1][name], b[1][name], err_msg=name)
    np.testing.assert_array_equal(a[2], b[2])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_recorded_training_gives_the_bits_of_eager_training(name):
    options = {"make": OPTIMIZERS[name], "dropout": 0.3, "norm": True, "clip": 1.0, "schedule": name in ("sgd", "adam")}
    assert_same(run(12, compiled=False, **options), run(12, compiled=True, **options))


@pytest.mark.parametrize("compiled", [False, True])
def test_the_same_bits_on_any_number_of_threads(compiled, small_work_threaded):
    results = []
    before = fastnet.get_num_threads()
    for n in (1, 2, 3, 8):
        fastnet.set_num_threads(n)
        results.append(run(6, compiled=compiled, make=OPTIMIZERS["adamw"], dropout=0.3, norm=True, clip=1.0))
    fastnet.set_num_threads(before)
    for other in results[1:]:
        assert_same(results[0], other)


def test_alternating_calls():
    """Alternating calls replay the recording of their own kind, even if memory or values differ each time."""
    double = fastnet.compile(lambda x, y: x * 2 + y)
    for i in range(30):
        for n in ([3, 4], [3, 4, 3, 5], [4])[i % 3]:
            x, y = fastnet.randn(n), fastnet.randn(n)
            assert fastnet.equal(double(x, y), x * 2 + y)
            assert fastnet.equal(double(x, x), x * 2 + x)
    assert len(double) == 6


def test_one_recording_for_each_signature():
    model = network()
    step = trainer(model, fastnet.optim.SGD(model.parameters(), lr=0.1), compiled=True)
    for _ in range(3):
        step(*batch(8)), step(*batch(6))
    assert len(step) == 2
    step.clear()
    assert len(step) == 0


@pytest.mark.filterwarnings("ignore:fastnet.compile recorded")
def test_recordings_are_bounded():
    f = fastnet.compile(lambda x: x * 2, max_recordings=3)
    for n in range(1, 10):
        assert f(fastnet.ones(n)).shape == (n,)
        assert len(f) <= 3


def test_results_are_the_callers_own():
    f = fastnet.compile(lambda x: {"double": x * 2, "pair": (x + 1, [x, 3])})
    first = f(fastnet.ones(2))
    x = fastnet.zeros(2)
    second = f(x)
    assert first["double"].tolist() == [2, 2] and second["double"].tolist() == [0, 0]
    assert first["pair"][0].tolist() == [2, 2] and second["pair"][1][0] is x and second["pair"][1][1] == 3


def test_views_of_an_input_follow_it():
    f = fastnet.compile(lambda x: (x[1:].t() @ x[:-1]).sum() + x[0, 0])
    for seed in range(3):
        x, _ = batch(4, seed=seed)
        assert float(f(x)) == float((x[1:].t() @ x[:-1]).sum() + x[0, 0])
    y, _ = batch(8)
    assert float(f(y[::2])) == float(f(y[::2].contiguous()))


def test_reversed_inputs():
    f = fastnet.compile(lambda x: x.add_(1) * 2)
    for start in (0, 10, 20):
        base = np.arange(start, start + 8, dtype=np.float32)
        guarded = np.concatenate([base, base, base])
        reversed_view = fastnet.from_numpy(guarded[8:16][::-1])
        assert f(reversed_view).tolist() == [2 * (v + 1) for v in base[::-1]]
        assert (guarded[:8] == base).all() and (guarded[16:] == base).all() and (guarded[8:16] == base + 1).all()


def test_a_captured_tensor_in_an_arguments_memory_is_refused():
    data = fastnet.arange(16, dtype="float32").reshape(8, 2)
    for use in (lambda x: x - data.mean(0), lambda x: x + data[:, 1:2][:4]):
        with pytest.raises(RuntimeError, match="shares memory with an argument"):
            fastnet.compile(use)(data[0:4])
    inside = fastnet.compile(lambda x: x - x.detach()[1:2].mean(0))
    assert inside(data[0:4]).tolist() == (data[0:4] - data[1:2]).tolist()
    assert inside(data[4:8]).tolist() == (data[4:8] - data[5:6]).tolist()


@pytest.mark.filterwarnings("ignore:fastnet.compile recorded")
def test_a_parameter_of_another_shape_or_dtype_in_the_same_place_is_noticed():
    w = fastnet.tensor([1.0, 2.0, 3.0])
    f = fastnet.compile(lambda: w.sum())
    assert float(f()) == 6
    w.data = w.data[:2]
    assert float(f()) == 3
    model = nn.Linear(3, 2)
    x = fastnet.ones(1, 3)
    with fastnet.no_grad():
        g = fastnet.compile(model)
        for _ in range(20):
            assert g(x).tolist() == model(x).tolist()
            model.double().float()


def test_numbers_are_told_apart_by_their_bits():
    f = fastnet.compile(lambda x, s: x * s)
    x = fastnet.ones(1)
    for s in (0.0, -0.0, 0.0, -0.0):
        assert np.signbit(f(x, s).numpy()) == np.signbit(np.float32(s))
    f(x, float("nan")), f(x, float("nan"))
    assert len(f) == 2                  # one of the first value, one of any


def test_a_read_only_input_is_not_written():
    f = fastnet.compile(lambda x: x.add_(1))
    f(fastnet.zeros(3))
    frozen = np.zeros(3, np.float32)
    frozen.setflags(write=False)
    with pytest.raises(RuntimeError, match="read-only"):
        f(fastnet.from_numpy(frozen))
    assert (frozen == 0).all()


def test_a_hook_registered_later_runs():
    model = nn.Linear(2, 2)
    with fastnet.no_grad():
        f = fastnet.compile(model)
        f(fastnet.ones(1, 2))
        model.register_forward_hook(lambda module, args, output: output * 0)
        assert f(fastnet.ones(1, 2)).tolist() == [[0, 0]]


def test_inputs_may_share_memory_only_as_recorded():
    f = fastnet.compile(lambda a, b: a * 2 + b)
    x, y = fastnet.ones(3), fastnet.zeros(3)
    assert f(x, x).tolist() == [3, 3, 3] and f(x, y).tolist() == [2, 2, 2] and f(y, x).tolist() == [1, 1, 1]
    z = fastnet.arange(4, dtype="float32")
    assert f(z[:3], z[1:]).tolist() == [1, 4, 7]


def test_writes_into_an_input_reach_it():
    f = fastnet.compile(lambda x: x.add_(1))
    for start in (0.0, 5.0):
        x = fastnet.full((3,), start)
        assert f(x) is x and x.tolist() == [start + 1] * 3


def test_numbers_of_the_optimizer_are_read_at_every_replay():
    w = fastnet.zeros(1, requires_grad=True)
    optimizer = fastnet.optim.SGD([w], lr=1.0)

    @fastnet.compile
    def step():
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
    for lr in (1.0, 0.5, 0.25):
        optimizer.param_groups[0]["lr"] = lr
        step()
    assert w.tolist() == [-1.75] and len(step) == 1
    optimizer.param_groups[0]["maximize"] = True
    step()
    assert w.tolist() == [-1.5] and len(step) == 2


def test_gradients_accumulate_across_replays_when_not_dropped():
    w = fastnet.ones(2, requires_grad=True)

    @fastnet.compile
    def accumulate(x):
        (w * x).sum().backward()
    for expected in ([1, 1], [2, 2], [3, 3], [4, 4]):
        accumulate(fastnet.ones(2))
        assert w.grad.tolist() == expected
    w.grad = None
    accumulate(fastnet.ones(2))
    assert w.grad.tolist() == [1, 1] and len(accumulate) == 2


def test_a_gradient_left_by_a_replay_is_an_ordinary_tensor():
    model = network()
    optimizer = fastnet.optim.SGD(model.parameters(), lr=0.0)
    step = trainer(model, optimizer, compiled=True)
    x, y = batch()
    for _ in range(3):
        step(x, y)
    recorded = [p.grad.numpy().copy() for p in model.parameters()]
    optimizer.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    step(x, y)
    for p, g in zip(model.parameters(), recorded):
        np.testing.assert_array_equal(p.grad.numpy(), g)
    assert len(step) == 1


def test_dropout_draws_anew_and_follows_the_seed():
    f = fastnet.compile(lambda x: F.dropout(x, 0.5))
    x = fastnet.ones(64)
    fastnet.manual_seed(1)
    compiled = [f(x).tolist() for _ in range(3)]
    fastnet.manual_seed(1)
    assert compiled == [F.dropout(x, 0.5).tolist() for _ in range(3)]
    assert compiled[0] != compiled[1]


def test_factories_and_draws_happen_at_every_replay():
    @fastnet.compile
    def f(x):
        total = fastnet.zeros(4)
        total += x
        total += fastnet.arange(4) + fastnet.ones(4) + fastnet.full((4,), 0.5)
        return total, fastnet.randn(3)
    (a, n), (b, m) = f(fastnet.ones(4)), f(fastnet.zeros(4))
    assert a.tolist() == [2.5, 3.5, 4.5, 5.5] and b.tolist() == [1.5, 2.5, 3.5, 4.5] and n.tolist() != m.tolist()


def test_training_mode_is_guarded():
    model = network(dropout=0.5, norm=True)
    with fastnet.no_grad():
        f = fastnet.compile(model)
        x, _ = batch()
        f(x), f(x)
        model.eval()
        assert f(x).tolist() == model(x).tolist() and len(f) == 2
        model.train()
        f(x)
        assert len(f) == 2


def test_batch_norm_statistics_are_launches():
    recorded, eager = network(norm=True), network(norm=True)
    with fastnet.no_grad():
        f = fastnet.compile(recorded)
        for seed in range(4):
            np.testing.assert_array_equal(f(batch(seed=seed)[0]).numpy(), eager(batch(seed=seed)[0]).numpy())
    for a, b in zip(recorded.state_dict().values(), eager.state_dict().values()):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert int(recorded[1].num_batches_tracked) == 4


def test_parameters_memory_is_guarded_and_their_values_are_not():
    model = nn.Linear(2, 2)
    with fastnet.no_grad():
        f = fastnet.compile(model)
        x = fastnet.ones(1, 2)
        f(x)
        model.weight.mul_(2)
        assert f(x).tolist() == model(x).tolist() and len(f) == 1
        model.weight.data = fastnet.zeros(2, 2)
        assert f(x).tolist() == model(x).tolist() and len(f) == 2
        model.bias = nn.Parameter(fastnet.ones(2))
        assert f(x).tolist() == [[1, 1]]


def test_frozen_parameters_are_guarded():
    model = network()
    step = trainer(model, fastnet.optim.SGD(model.parameters(), lr=0.1), compiled=True)
    step(*batch())
    model[0].requires_grad_(False)
    frozen = model[0].weight.tolist()
    step(*batch())
    assert model[0].weight.tolist() == frozen and len(step) == 2


def test_grad_mode_and_arguments_are_part_of_the_signature():
    f = fastnet.compile(lambda x, factor, *, shift=0: x * factor + shift)
    x = fastnet.ones(2)
    assert f(x, 2).tolist() == [2, 2] and f(x, 3).tolist() == [3, 3] and f(x, 2, shift=1).tolist() == [3, 3]
    assert f(x, 2.0).tolist() == [2, 2]
    with pytest.raises(TypeError, match="hashable"):
        f(x, bytearray(b"a"))
    with pytest.raises(TypeError, match="from_numpy"):
        f(np.ones(2), 2)


def test_inner_compiled_functions_join_the_outer_recording():
    inner = fastnet.compile(lambda x: x * 2)
    outer = fastnet.compile(lambda x: inner(x) + 1)
    assert outer(fastnet.ones(2)).tolist() == [3, 3] and outer(fastnet.zeros(2)).tolist() == [1, 1]
    assert len(inner) == 0


def test_python_threads_replay_their_own_and_a_shared_recording():
    shared = fastnet.compile(lambda x: (x @ x.t()).sum(1))
    inputs = [batch(16, seed=i)[0] for i in range(4)]
    expected = [(x @ x.t()).sum(1).tolist() for x in inputs]
    shared(inputs[0])
    wrong = []

    def work(i):
        own = fastnet.compile(lambda x: (x @ x.t()).sum(1))
        for _ in range(50):
            if shared(inputs[i]).tolist() != expected[i] or own(inputs[i]).tolist() != expected[i]:
                wrong.append(i)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_kernels_of_numpy_alone_are_recorded_too():
    f = fastnet.compile(lambda x, i: (fastnet.cos(x[i]).cumsum(0) + x.sin().sum()) // 0.1)
    i = fastnet.tensor([2, 0])
    for seed in range(3):
        x, _ = batch(4, seed=seed)
        np.testing.assert_array_equal(f(x, i).numpy(), ((fastnet.cos(x[i]).cumsum(0) + x.sin().sum()) // 0.1).numpy())


def written(x, i):
    y = x * 1
    y[i] = 0.0
    return y


@pytest.mark.parametrize("use", [lambda x, i: x[i], written])
def test_captured_index_tensors_are_guarded(use):
    index = [fastnet.tensor([2, 0])]
    f = fastnet.compile(lambda x: use(x, index[0]))
    x, _ = batch(4)
    f(x)
    index[0] = fastnet.tensor([1, 3])
    np.testing.assert_array_equal(f(x).numpy(), use(x, index[0]).numpy())
    index[0] += -1
    np.testing.assert_array_equal(f(x).numpy(), use(x, index[0]).numpy())
    assert len(f) == 2


def test_empty_inputs():
    f = fastnet.compile(lambda x: (x * 2).sum())
    assert float(f(fastnet.zeros(0, 3))) == float(f(fastnet.zeros(0, 3))) == 0


def test_a_compiled_module_still_shows_the_module():
    model = network()
    assert [k for k, _ in fastnet.compile(model).named_parameters()] == [k for k, _ in model.named_parameters()]
    with pytest.raises(TypeError, match="function or a module"):
        fastnet.compile(3)


def test_one_argument_twice_then_two():
    f = fastnet.compile(lambda a, b: a * 10 + b)
    x, y, z = (fastnet.full((3,), v) for v in (1.0, 2.0, 5.0))
    for _ in range(3):
        assert f(x, x).tolist() == [11.0] * 3
        assert f(x, y).tolist() == [12.0] * 3 and f(z, x).tolist() == [51.0] * 3
        assert f(x, x).tolist() == [11.0] * 3


def test_a_module_may_have_a_shortcut():
    model = nn.Sequential(nn.Linear(2, 2))
    compiled = fastnet.compile(model)
    compiled.shortcut = nn.Linear(2, 2)
    assert compiled.shortcut is model.shortcut
