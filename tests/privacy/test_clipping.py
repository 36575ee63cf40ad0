"""Clipped sums of gradients equal those of a loop over the samples, for each kind of layer, eagerly and recorded."""
import copy
import math

import numpy as np
import pytest
from kernel_tools import built

import fastnet
from fastnet import nn
from fastnet.data import DataLoader, TensorDataset
from fastnet.nn import functional as F
from fastnet.privacy import PrivacyEngine

SAMPLES, BATCH, BOUND = 40, 8, 0.7


class Positions(nn.Module):
    """A learned vector for each position, a scale for each channel, and a token in front of each sequence."""

    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(fastnet.randn(1, 5, 6))
        self.scale = nn.Parameter(fastnet.randn(6))
        self.token = nn.Parameter(fastnet.randn(1, 1, 6))
        self.end = nn.Linear(6, 3)

    def forward(self, x):
        x = (x + self.place) * self.scale
        return self.end(fastnet.cat([self.token.expand(len(x), 1, 6), x], 1).mean(1))


class Tied(nn.Module):
    """A table of tokens that is also the last layer, and a linear map that is used twice."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(7, 6)
        self.map = nn.Linear(6, 6)

    def forward(self, tokens):
        return F.linear(self.map(self.map(self.table(tokens)).tanh()).mean(1), self.table.weight)


class Product(nn.Module):
    """A matrix that multiplies from the right."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(fastnet.randn(4, 3))

    def forward(self, x):
        return x @ self.weight


class Attention(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.attention, self.end = nn.MultiheadAttention(6, 2, batch_first=True), nn.Linear(6, 3)
        self.options = options

    def forward(self, x):
        return self.end(self.attention(x, x, x, **self.options)[0].mean(1))


def pooled(*layers):
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(3))


X, SEQUENCE, LONG, IMAGE, TOKENS = (4,), (5, 6), (30, 4), (3, 8, 8), "tokens"
MODELS = {
    "perceptron": (lambda: nn.Sequential(
        nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 5), nn.Sigmoid(), nn.Linear(5, 3)), X),
    "no-bias": (lambda: nn.Linear(4, 3, bias=False), X),
    "frozen-layer": (lambda: nn.Sequential(nn.Linear(4, 5).requires_grad_(False), nn.Tanh(), nn.Linear(5, 3)), X),
    "product": (Product, X),
    "sequence-by-gram": (lambda: pooled(nn.Linear(6, 20), nn.ReLU()), SEQUENCE),
    "sequence-by-rows": (lambda: pooled(nn.Linear(4, 3), nn.ReLU()), LONG),
    "conv2d-by-rows": (lambda: pooled(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()), IMAGE),
    "conv2d-by-gram": (lambda: pooled(nn.Conv2d(3, 8, 5, stride=2), nn.ReLU()), IMAGE),
    "conv2d-same": (lambda: pooled(nn.Conv2d(3, 4, 2, padding="same", dilation=3)), IMAGE),
    "conv2d-pointwise": (lambda: pooled(nn.Conv2d(3, 4, 1), nn.ReLU()), IMAGE),
    "conv2d-groups": (lambda: pooled(nn.Conv2d(3, 6, 3, groups=3, bias=False), nn.ReLU()), IMAGE),
    "conv1d-by-gram": (lambda: pooled(nn.Conv1d(5, 20, 5, padding=2), nn.ReLU()), SEQUENCE),
    "conv1d-by-rows": (lambda: pooled(nn.Conv1d(30, 2, 2), nn.ReLU()), LONG),
    "conv3d": (lambda: pooled(nn.Unflatten(1, (1, 3)), nn.Conv3d(1, 2, 2)), IMAGE),
    "transposed": (lambda: pooled(nn.ConvTranspose2d(3, 2, 3, stride=2)), IMAGE),
    "layer-norm": (lambda: pooled(nn.LayerNorm(6), nn.Linear(6, 4), nn.LayerNorm(4)), SEQUENCE),
    "rms-norm": (lambda: pooled(nn.RMSNorm(6), nn.Linear(6, 4)), SEQUENCE),
    "group-norm": (lambda: pooled(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.ReLU()), IMAGE),
    "instance-norm": (lambda: pooled(nn.InstanceNorm2d(3, affine=True)), IMAGE),
    "attention": (Attention, SEQUENCE),
    "attention-without-weights": (lambda: Attention(need_weights=False), SEQUENCE),
    "transformer": (lambda: pooled(nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True)), SEQUENCE),
    "embedding": (lambda: pooled(nn.Embedding(7, 4, padding_idx=2), nn.Linear(4, 3)), TOKENS),
    "positions": (Positions, SEQUENCE),
    "tied": (Tied, TOKENS),
    "lora": (lambda: adapted(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), X),
    "lora-scaled": (lambda: adapted(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3), alpha=6), X),
    "lora-and-weight": (lambda: adapted(nn.Linear(4, 5), nn.Tanh()).requires_grad_(), X),
    "lora-by-rows": (lambda: pooled(adapted(nn.Linear(4, 3), alpha=1)), LONG),
    "lora-by-gram": (lambda: pooled(adapted(nn.Linear(6, 60), r=12)), SEQUENCE),
    "lora-attention": (lambda: adapted(Attention()), SEQUENCE),
    "lora-conv2d": (lambda: pooled(adapted(nn.Conv2d(3, 4, 3), alpha=5, target_modules=["0"])), IMAGE),
    "two-loras": (lambda: adapted(nn.Linear(4, 3), names=("one", "other")), X),
}


def adapted(*layers, names=("default",), r=2, alpha=2, **options):
    """Layers with low-rank adapters, whose B is not 0, as after some steps."""
    model = fastnet.lora.apply(nn.Sequential(*layers), r, alpha, name=names[0], **options)
    for name in names[1:]:
        fastnet.lora.add(model, name, r, alpha)
    fastnet.lora.set_adapter(model, names)
    for name, p in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(p)
    return model


def private(model, shape, reduction="mean", noise=0.0, seed=3, dtype=np.float64):
    """(model, optimizer, loader, engine) of a private training."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 7, (SAMPLES, 5)) if shape == TOKENS else rng.standard_normal((SAMPLES, *shape)) * 3
    x = x if shape == TOKENS else x.astype(dtype)
    loader = DataLoader(TensorDataset(x, rng.integers(0, 3, SAMPLES)), BATCH)
    engine = PrivacyEngine(accountant="rdp", seed=seed)
    return *engine.make_private(
        module=model, optimizer=fastnet.optim.SGD(model.parameters(), lr=0.0), data_loader=loader,
        noise_multiplier=noise, max_grad_norm=BOUND, loss_reduction=reduction), engine


def made(name):
    """A model in float64, whose lazy layers are ready."""
    fastnet.manual_seed(0)
    make, shape = MODELS[name]
    model = make()
    model(fastnet.zeros(2, 5, dtype=int) if shape == TOKENS else fastnet.zeros(2, *shape))
    return model.double(), shape


def loop(model, x, y, count, expected):
    """The mean of clipped gradients of single samples, and how many were clipped."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    total, clipped = [np.zeros(p.shape) for p in parameters], 0
    for i in range(count):
        gradients = [g.numpy() for g in fastnet.grad(F.cross_entropy(model(x[i:i + 1]), y[i:i + 1]), parameters)]
        norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
        clipped += norm > BOUND
        for t, g in zip(total, gradients):
            t += g * min(1, BOUND / norm) / expected
    return total, clipped


def samples_in(loader, size):
    """The number of samples in the batch that the loader has just given."""
    return int(loader._masks._masks[size]._data[:size].sum())


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", MODELS)
def test_clipped_sums_equal_a_loop_over_the_samples(name):
    model, shape = made(name)
    plain = copy.deepcopy(model)
    model, optimizer, loader, _ = private(model, shape)

    @fastnet.compile
    def recorded(x, y):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    def eager(x, y):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()

    clipped = counts = 0
    for i, (x, y) in enumerate(loader):
        count = samples_in(loader, len(x))
        expected, over = loop(plain, x, y, count, loader.expected_batch_size)
        (eager if i == 0 else recorded)(x, y)
        found = [p.grad.numpy() for p in model.parameters() if p.requires_grad]
        scale = max(np.abs(e).max() for e in expected)
        for f, e in zip(found, expected):
            np.testing.assert_allclose(f, e, rtol=1e-6, atol=1e-9 * scale)
        clipped, counts = clipped + over, counts + count
    assert clipped > 0 and counts > 20


def test_float32_sums_equal_a_loop_over_the_samples():
    model, shape = made("conv2d-by-rows")
    plain = copy.deepcopy(model)
    model, _, loader, _ = private(model.float(), shape, dtype=np.float32)
    x, y = next(iter(loader))
    expected, _ = loop(plain, x.double(), y, samples_in(loader, len(x)), loader.expected_batch_size)
    F.cross_entropy(model(x), y).backward()
    for p, e in zip(model.parameters(), expected):
        assert np.abs(p.grad.numpy() - e).max() < 1e-6 * max(1, np.abs(e).max())


def test_a_sum_as_loss():
    model, shape = made("perceptron")
    plain = copy.deepcopy(model)
    model, _, loader, _ = private(model, shape, reduction="sum")
    x, y = next(iter(loader))
    expected, _ = loop(plain, x, y, samples_in(loader, len(x)), loader.expected_batch_size)
    F.cross_entropy(model(x), y, reduction="sum").backward()
    for p, e in zip(model.parameters(), expected):
        np.testing.assert_allclose(p.grad.numpy(), e, rtol=1e-6, atol=1e-12)


@built
def test_bits_are_those_of_any_number_of_threads_and_of_a_recording():
    def gradients(threads, step):
        fastnet.set_num_threads(threads)
        model, shape = made("conv2d-by-gram")
        model, optimizer, loader, _ = private(model, shape, noise=1.0)

        def run(x, y):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
        run = step(run)
        found = []
        for x, y in loader:
            run(x, y)
            found.append([p.grad.numpy().copy() for p in model.parameters()])
        return found
    before = fastnet.get_num_threads()
    try:
        first = gradients(1, fastnet.compile)
        for other in (gradients(2, fastnet.compile), gradients(1, lambda f: f)):
            assert all(np.array_equal(a, b) for ours, theirs in zip(first, other) for a, b in zip(ours, theirs))
    finally:
        fastnet.set_num_threads(before)


class Mixing(nn.Module):
    """A module with a use of its parameter whose gradients of samples are not known."""

    def __init__(self, use):
        super().__init__()
        self.weight, self.use = nn.Parameter(fastnet.ones(4, 4)), use

    def forward(self, x):
        return self.use(x, self.weight)


UNKNOWN_USES = {
    "inverse": lambda x, w: x @ (w + fastnet.eye(4)).inverse(),
    "exp": lambda x, w: F.linear(x, w.exp()),
    "scaled": lambda x, w: F.linear(x, w * 2),
    "transposed": lambda x, w: x @ w.t(),
    "norm": lambda x, w: F.linear(x, w / w.norm()),
    "einsum": lambda x, w: fastnet.einsum("ni,oi->no", x, w),
    "merged-samples": lambda x, w: F.linear(x.reshape(-1, 2, 4), w),
    "batch-of-products": lambda x, w: (x[:, None].expand(-1, 3, 4) @ w).sum(1),
    "positions-first": lambda x, w: x[:, None].expand(-1, 3, 4).transpose(0, 1) @ w,
    "without-samples": lambda x, w: w,
    "norm-alone": lambda x, w: w.norm(),
}


@pytest.mark.parametrize("use", UNKNOWN_USES.values(), ids=UNKNOWN_USES)
def test_uses_without_samples_are_refused_by_name(use):
    model, _, loader, _ = private(Mixing(use).double(), (4,))
    x, _ = next(iter(loader))
    with pytest.raises(RuntimeError, match="'weight' cannot be clipped by samples: the parameter is used"):
        model(x).sum().backward()
    assert model.weight.grad is None
