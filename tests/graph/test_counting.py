"""FLOPs and bytes of kernel calls: counts by hand, beside those of graphs and of PyTorch, eager and in replays."""
import threading

import pytest
from kernel_tools import CASES, REFERENCE, arguments

import fastnet
from fastnet import backend, models, nn
from fastnet._core import kernel_costs
from fastnet._core.state import state
from fastnet.graph import CostCounter, KernelCost, trace

F32 = 4                                 # bytes


class LastStep(nn.Module):
    """A linear map of an LSTM's last output."""

    def __init__(self, inputs, units):
        super().__init__()
        self.layer, self.head = nn.LSTM(inputs, units, batch_first=True), nn.Linear(units, 1)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


def counted(function, *args):
    with CostCounter() as counter:
        function(*args)
    return counter


def step_of(model, loss, optimizer):
    def step(x, y):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    return step


def padded(*sizes):
    """The numbers that an update covers: each parameter begins at a multiple of 16 numbers in memory."""
    return sum(-(-n // 16) * 16 for n in sizes[:-1]) + sizes[-1]


# ---- by hand --------------------------------------------------------------------------------------------------------

def test_a_perceptrons_step_by_hand():
    """8-16-3 with ReLU, batch 5, cross-entropy, SGD."""
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    step = step_of(model, nn.CrossEntropyLoss(), fastnet.optim.SGD(model.parameters(), lr=0.1))
    counter = counted(step, fastnet.randn(5, 8), fastnet.arange(5) % 3)
    first, second = 5 * 8 * 16, 5 * 16 * 3
    assert counter.cost.multiply_adds == 2 * first + 3 * second         # no gradient of the input
    assert counter.cost.flops == 2 * (2 * first + 3 * second) + sum((
        2 * 5 * 16,                     # ReLU, forward and backward
        5 * 5 * 3,                      # softmax
        2 * 5 + 1,                      # mean: the sum of the losses / the sum of the weights
        5 * 3,                          # gradient of the logits
        5 * 3 + 5 * 16,                 # gradients of both biases
        2 * (8 * 16 + 16 + 16 * 3 + 3)))        # p -= lr * g


def test_a_convolutional_networks_step_by_hand():
    """3x3 convolution of 8x8 pixels to 4 channels, batch norm, ReLU, 2x2 maxima, linear; batch 5, AdamW."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Linear(36, 3))
    step = step_of(model, nn.CrossEntropyLoss(), fastnet.optim.AdamW(model.parameters()))
    counter = counted(step, fastnet.randn(5, 1, 8, 8), fastnet.arange(5) % 3)
    pixels, pooled = 5 * 4 * 6 * 6, 5 * 4 * 3 * 3
    conv, linear = pixels * 9, 5 * 36 * 3
    assert counter.cost.multiply_adds == 2 * conv + 3 * linear
    assert counter.cost.flops == 2 * (2 * conv + 3 * linear) + sum((
        pixels * 3 + pixels * 2 + 4 * 7,        # batch norm: statistics, scale and shift, running statistics
        pixels,                         # ReLU
        pooled * 4,                     # maxima
        5 * 5 * 3 + 2 * 5 + 1 + 5 * 3,          # softmax, mean, gradient of the logits
        pooled,                         # gradient of the maxima
        pixels * (1 + 10),              # gradients of ReLU and of batch norm
        5 * 3 + pixels,                 # gradients of the biases of the linear map and of the convolution
        14 * padded(36, 4, 4, 4, 36 * 3, 3)))   # AdamW


def test_a_recurrent_networks_step_by_hand():
    """LSTM of 6 units over 7 steps of 3 numbers, and a linear map; batch 5, mean squared error, Adam."""
    model = LastStep(3, 6)
    step = step_of(model, nn.MSELoss(), fastnet.optim.Adam(model.parameters()))
    counter = counted(step, fastnet.randn(5, 7, 3), fastnet.zeros(5, 1))
    rows, gates = 5 * 7, 4 * 6
    inputs, states, head = rows * gates * 3, rows * gates * 6, 5 * 6
    # forward; gradients of both weights, of the states, and of the head's weight and input
    products = (inputs + states + head) + (inputs + states) + states + 2 * head
    assert counter.cost.multiply_adds == products
    assert counter.cost.flops == 2 * products + sum((
        8 * rows * 6, 27 * rows * 6,    # gates and cells, forward and backward
        2 * 5 + 5 + 2 * 5,              # squares, their mean, their gradient
        rows * gates + 5,               # gradients of the biases: both of the LSTM have one
        13 * padded(gates * 3, gates * 6, gates, gates, 6, 1)))         # Adam


def test_bytes_by_hand():
    layer, x = nn.Linear(3, 4), fastnet.randn(5, 3, requires_grad=True)
    with CostCounter() as counter:
        y = layer(x)
    assert (counter.cost.bytes_read, counter.cost.bytes_written) == (F32 * (15 + 12 + 4), F32 * 20)
    assert counter.cost.bytes == F32 * (15 + 12 + 4 + 20)
    table, rows = fastnet.randn(1000, 4), fastnet.tensor([3, 7])
    counter = counted(nn.functional.embedding, rows, table)
    assert counter.by_kernel["embedding"] == KernelCost(0, 0, F32 * 8 + 8 * 2, F32 * 8)         # two rows of the table
    counter = counted(fastnet.add, y.detach(), fastnet.ones(1, 1).expand(5, 4))
    assert counter.cost.bytes_read == F32 * (20 + 1)                    # an element that is repeated counts once


# ---- beside other counts --------------------------------------------------------------------------------------------

MODELS = {
    "resnet8": (models.resnet8, (2, 3, 32, 32)),
    "mobilenet_v2": (lambda: models.mobilenet_v2(num_classes=10), (1, 3, 64, 64)),
    "vit_tiny": (lambda: models.vit_tiny(num_classes=10), (2, 3, 32, 32)),
    "lstm": (lambda: LastStep(3, 6), (5, 7, 3)),
}


@pytest.mark.parametrize("name", MODELS)
def test_forward_passes_cost_what_their_graphs_do(name):
    make, shape = MODELS[name]
    model, x = make().eval(), fastnet.randn(*shape)
    with fastnet.no_grad():
        counter = counted(model, x)
    assert counter.cost.multiply_adds == sum(cost.multiply_adds for cost in trace(model, x).costs())


@pytest.mark.parametrize("name", ["perceptron", "convolutional", "transposed"])
def test_products_are_those_that_pytorch_counts(name):
    """torch.utils.flop_counter counts matrix products and convolutions, forward and backward."""
    torch = pytest.importorskip("torch")
    counting = pytest.importorskip("torch.utils.flop_counter")

    def made(n):
        return {
            "perceptron": lambda: n.Sequential(n.Linear(8, 16), n.ReLU(), n.Linear(16, 3)),
            "convolutional": lambda: n.Sequential(n.Conv2d(8, 4, 3, padding=1), n.ReLU(),
                                                  n.Conv2d(4, 6, 3, stride=2), n.Flatten(), n.Linear(54, 3)),
            "transposed": lambda: n.Sequential(n.ConvTranspose2d(8, 4, 2, 2), n.Flatten(), n.Linear(4 * 256, 2)),
        }[name]()
    shape = (5, 8) if name == "perceptron" else (5, 8, 8, 8)
    mine = counted(lambda: made(nn)(fastnet.randn(*shape)).sum().backward())
    with counting.FlopCounterMode(display=False) as theirs:
        made(torch.nn)(torch.randn(*shape)).sum().backward()
    assert 2 * mine.cost.multiply_adds == theirs.get_total_flops()


# ---- replays --------------------------------------------------------------------------------------------------------

def test_a_replay_costs_what_the_eager_call_does():
    def made(compile):
        fastnet.manual_seed(0)
        model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
        step = step_of(model, nn.CrossEntropyLoss(), fastnet.optim.AdamW(model.parameters()))
        return fastnet.compile(step) if compile else step
    x, y = fastnet.randn(6, 8), fastnet.arange(6) % 3
    found = []
    for step in (made(False), made(True)):
        counter = CostCounter()
        run = counter.counting(step)
        for rows in (6, 6, 6, 4, 6, 4):         # two recordings, replayed in turns
            before = counter.cost
            run(x[:rows], y[:rows])
            found.append((rows, counter.cost.flops - before.flops, counter.cost.bytes - before.bytes))
    assert found[:6] == found[6:]
    assert len(set(found)) == 2


def test_another_recording_has_its_own_cost():
    """A layer that is frozen between two calls of one shape."""
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 3))
    step = fastnet.compile(lambda x: model(x).sum().backward())
    counter = CostCounter()
    x, costs_seen = fastnet.randn(5, 8), []
    for frozen in (False, False, True, True, False):
        model[0].requires_grad_(not frozen)
        model.zero_grad()
        before = counter.cost.multiply_adds
        counter.counting(step)(x)
        costs_seen.append(counter.cost.multiply_adds - before)
    first, second = 5 * 8 * 16, 5 * 16 * 3
    whole, part = 2 * first + 3 * second, first + 2 * second
    assert costs_seen == [whole, whole, part, part, whole]


def test_recordings_from_before_the_block_count():
    step = fastnet.compile(lambda x: (x @ x).exp().sum())
    x = fastnet.ones(4, 4)
    step(x)
    with CostCounter() as counter:
        for _ in range(3):
            step(x)
    step(x)
    assert counter.cost.flops == 3 * (2 * 64 + 16 + 16) and counter.by_kernel["matmul"].multiply_adds == 3 * 64


def test_a_frozen_recording_counts_what_it_replays():
    """Products of constants run once, when the recording is made."""
    weight = fastnet.randn(8, 8)
    step = fastnet.compile(lambda x: x @ (weight @ weight), freeze=True)
    x = fastnet.randn(2, 8)
    with fastnet.no_grad():
        step(x)
        with CostCounter() as counter:
            step(x)
    assert counter.cost.multiply_adds == 2 * 64 + (512 if backend.backend() == "numpy" else 0)


def test_numpy_counts_the_same():
    def cost():
        model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
        step = step_of(model, nn.CrossEntropyLoss(), fastnet.optim.SGD(model.parameters(), lr=0.1))
        return counted(step, fastnet.randn(3, 2, 6, 6), fastnet.arange(3)).cost
    here = cost()
    with fastnet.use_backend("numpy"):
        assert cost().flops == here.flops


def test_counting_changes_nothing():
    x = fastnet.randn(20, 20)
    plain = (x @ x).tanh().sum()
    with CostCounter() as outer, CostCounter() as inner:
        same = (x @ x).tanh().sum()
    assert bool(plain == same) and state.meters == ()
    assert outer.cost == inner.cost and outer.cost.flops == 2 * 8000 + 400 + 400
    with pytest.raises(ZeroDivisionError), CostCounter():
        _ = 1 / 0
    assert state.meters == ()


def test_other_threads_are_not_counted():
    with CostCounter() as counter:
        thread = threading.Thread(target=lambda: fastnet.ones(100) * 2)
        thread.start()
        thread.join()
    assert counter.cost == KernelCost()


# ---- the tables -----------------------------------------------------------------------------------------------------

def test_each_kernel_is_in_one_table():
    """A new kernel needs a row in fastnet/_core/kernel_costs.py, or its FLOPs are named as uncounted."""
    kernels = {name: entry.__wrapped__ for name, entry in vars(backend.K).items() if callable(entry)}
    tables = [kernel_costs.MOVES, kernel_costs.UNCOUNTED, kernel_costs.ELEMENTWISE_KERNELS,
              set(kernel_costs._PER_ELEMENT), {*kernel_costs._FLOP_FORMULAS, *kernel_costs._KERNEL_PRODUCTS}
              - set(kernel_costs._PER_ELEMENT)]
    assert set().union(*tables, kernel_costs._PLACES) - set(kernels) == set()
    assert sum(map(len, tables)) == len(set().union(*tables))
    lacking = {name for name, kernel in kernels.items()
               if not kernel_costs.is_counted(kernel) and name not in kernel_costs.UNCOUNTED}
    assert lacking == set()


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_every_call_of_a_kernel_has_a_cost(name):
    """A recording asks for the cost of each call."""
    for case in CASES:
        if case.kernel == name:
            cost = kernel_costs.kernel_cost(REFERENCE[name], *arguments(case, case.dtypes[0], case.sizes[-1]))
            assert min(vars(cost).values()) >= 0


def test_uncounted_kernels_are_named():
    with CostCounter() as counter:
        fastnet.linalg.inv(fastnet.eye(3) * 2)
    assert counter.uncounted == {"linalg_inv"} and counter.by_kernel["linalg_inv"].flops == 0


def test_graph_costs_and_kernel_costs_agree_on_conventions():
    """One operation at a time: an elementwise function, a softmax, a pool, a normalization."""
    x = fastnet.randn(2, 4, 6, 6)
    for module in (nn.ReLU(), nn.Softmax(1), nn.MaxPool2d(2), nn.AvgPool2d(3), nn.AdaptiveAvgPool2d(1),
                   nn.LayerNorm(6), nn.GroupNorm(2, 4), nn.Tanh(), nn.BatchNorm2d(4, track_running_stats=False)):
        [cost] = [cost for cost in trace(module, x).costs() if cost.flops]
        with fastnet.no_grad():
            assert counted(module, x).cost.flops == cost.flops, type(module).__name__
