"""PrivacyEngine: noise, batches, errors, and training with the Trainer."""
import math

import numpy as np
import pytest

import fastnet
from fastnet import nn
from fastnet.callbacks import Checkpoint
from fastnet.data import DataLoader, Subset, TensorDataset
from fastnet.nn import functional as F
from fastnet.privacy import DPDataLoader, ModuleValidator, PrivacyEngine
from fastnet.privacy.batches import padded_size, poisson_rows


def dataset(samples=400, features=4):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((samples, features), np.float32)
    return TensorDataset(x, (x[:, 0] > 0).astype(np.int64))


def private(module=None, samples=400, batch=50, noise=0.0, bound=1.0, engine=None, **loading):
    """(model, optimizer, loader, engine) of a small private training."""
    module = nn.Linear(4, 2) if module is None else module
    engine = engine or PrivacyEngine(accountant="rdp", seed=0)
    optimizer = fastnet.optim.SGD(module.parameters(), lr=0.1)
    return *engine.make_private(module=module, optimizer=optimizer, data_loader=DataLoader(
        dataset(samples), batch, **loading), noise_multiplier=noise, max_grad_norm=bound), engine


def step(model, optimizer, x, y):
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()


def train(model, optimizer, loader):
    for x, y in loader:
        step(model, optimizer, x, y)


# ---- batches --------------------------------------------------------------------------------------------------------

def test_each_sample_is_in_a_batch_with_the_sample_rate():
    rng = np.random.default_rng(0)
    counts, sizes = np.zeros(50), []
    for _ in range(4000):
        rows = poisson_rows(rng, 50, 0.1)
        assert len(set(rows.tolist())) == rows.size
        counts[rows] += 1
        sizes.append(rows.size)
    assert np.abs(counts / 4000 - 0.1).max() < 5 * math.sqrt(0.09 / 4000)
    assert abs(np.mean(sizes) - 5) < 0.2 and abs(np.var(sizes) - 4.5) < 0.5


@pytest.mark.parametrize(("count", "size"), [(0, 128), (100, 128), (125, 128), (130, 160), (170, 192), (999, 1000)])
def test_batches_are_filled_up_to_few_sizes(count, size):
    assert padded_size(count, 96.5, 1000) == size


def test_a_loader_gives_poisson_samples_first_and_counts_each_batch():
    model, optimizer, loader, engine = private(samples=400, batch=50)
    assert isinstance(loader, DPDataLoader)
    assert (len(loader), loader.sample_rate, loader.expected_batch_size) == (8, 1 / 8, 50)
    data, sizes = {row.tobytes() for row in loader.dataset.arrays[0]}, []
    for x, y in loader:
        count = int(loader._masks._masks[len(x)]._data[:-1].sum())
        samples = [row.tobytes() for row in x.numpy()]
        assert len(set(samples[:count])) == count and set(samples) <= data
        sizes.append((len(x), count))
        step(model, optimizer, x, y)
    assert len({size for size, _ in sizes}) == 1 and len({count for _, count in sizes}) > 3
    assert len(engine.accountant) == 8 and engine.accountant.history == [(0.0, 1 / 8, 8)]


def test_private_batches_cannot_be_divided():
    _, _, loader, _ = private()
    for call in (lambda: loader.every(2, 0), lambda: loader.shards(0, 0, lambda samples: [])):
        with pytest.raises(RuntimeError, match=r"private loader: expected epoch\(\)"):
            call()


def test_one_recording_serves_batches_of_all_sizes():
    model, optimizer, loader, _ = private()
    compiled = fastnet.compile(lambda x, y: step(model, optimizer, x, y))
    for _ in range(3):
        for x, y in loader:
            compiled(x, y)
    assert compiled.explain().splitlines()[0].endswith(": 1 recording, 24 calls")


def test_transforms_and_prefetching_go_on():
    def double(inputs, target):
        return inputs * 2, target
    model, optimizer, loader, _ = private(transform=double, prefetch=2)
    for x, y in loader:
        assert {row.tobytes() for row in x.numpy() / 2} <= {row.tobytes() for row in loader.dataset.arrays[0]}
        step(model, optimizer, x, y)


def test_engines_without_a_seed_draw_different_samples_and_noise():
    found = []
    for _ in range(2):
        fastnet.manual_seed(0)
        model, optimizer, loader, _ = private(engine=PrivacyEngine(), noise=1.0)
        x, y = next(iter(loader))
        step(model, optimizer, x, y)
        found.append((x.numpy(), model.weight.grad.numpy()))
    assert not np.array_equal(found[0][0], found[1][0]) and not np.array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("compiled", [False, True])
def test_an_empty_batch_gives_noise_alone(compiled):
    model, optimizer, loader, _ = private(samples=20, batch=1, noise=1.0)
    run = fastnet.compile(step) if compiled else step
    empty = 0
    for x, y in loader:
        count = int(loader._masks._masks[len(x)]._data[:-1].sum())
        run(model, optimizer, x, y)
        assert np.isfinite(model.weight.grad.numpy()).all()
        empty += count == 0
    assert empty


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_sample_that_is_not_finite_is_an_error_only_where_it_is_drawn(compiled, value):
    model, optimizer, loader, _ = private(samples=100, batch=20)
    loader.dataset.arrays[0][7] = value
    run = fastnet.compile(step) if compiled else step
    refused = taken = 0
    for _ in range(4):
        for x, y in loader:
            count = int(loader._masks._masks[len(x)]._data[:-1].sum())
            bad = ~np.isfinite(x.numpy()).all(1)
            weight = model.weight.detach().numpy().copy()
            if bad.any():
                assert bad[:count].any()
                with pytest.raises(ValueError, match=rf"gradient of a row .* is (nan|inf) at position {bad.argmax()}"):
                    run(model, optimizer, x, y)
                assert np.array_equal(model.weight.detach().numpy(), weight)
                refused += 1
                break                                   # the batch still waits: the next one would be refused
            run(model, optimizer, x, y)
            assert np.isfinite(model.weight.detach().numpy()).all()
            taken += 1
    assert refused and taken > 3


# ---- noise ----------------------------------------------------------------------------------------------------------

@pytest.mark.usefixtures("backend")
def test_noise_has_the_stated_deviation_in_each_step():
    model, optimizer, loader, _ = private(nn.Linear(4, 500), noise=2.0, bound=0.5)
    samples = []

    @fastnet.compile
    def run(x):
        optimizer.zero_grad()
        (model(x).sum(1) * 0).mean().backward()
    for x, _ in loader:
        run(x)
        samples.append(np.concatenate([p.grad.numpy().ravel() for p in model.parameters()]))
    noise = np.array(samples)
    assert noise.std() == pytest.approx(2.0 * 0.5 / 50, rel=0.02) and abs(noise.mean()) < 0.0005
    assert np.abs(np.corrcoef(noise) - np.eye(len(noise))).max() < 0.1


# ---- misuse ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("compiled", [False, True])
def test_a_batch_serves_one_backward(compiled):
    model, optimizer, loader, _ = private()
    run = fastnet.compile(step) if compiled else step
    batches = iter(loader)
    run(model, optimizer, *next(batches))
    x, y = next(batches)
    run(model, optimizer, x, y)
    weight = model.weight.detach().numpy().copy()
    with pytest.raises(RuntimeError, match="no batch waits"):
        run(model, optimizer, x, y)
    assert np.array_equal(model.weight.detach().numpy(), weight)
    run(model, optimizer, *next(batches))


def test_batches_that_are_not_used_are_an_error():
    loader = private()[2]
    with pytest.raises(RuntimeError, match="before the next one is asked for"):
        list(loader)


def test_other_batches_are_refused():
    model, optimizer, loader, _ = private()
    x, y = next(iter(loader))
    with pytest.raises(RuntimeError, match=rf"'(weight|bias)' .* has shape \(10, 2\); expected the {len(x)} rows of"):
        step(model, optimizer, x[:10], y[:10])


def test_gradients_of_two_batches_do_not_add_up():
    model, _, loader, _ = private()
    batches = iter(loader)
    x, y = next(batches)
    F.cross_entropy(model(x), y).backward()
    x, y = next(batches)
    with pytest.raises(RuntimeError, match="zero_grad"):
        F.cross_entropy(model(x), y).backward()


def test_ways_around_the_clipping_are_errors():
    model, _, loader, _ = private()
    x, y = next(iter(loader))
    with pytest.raises(RuntimeError, match="collector"):
        F.cross_entropy(model(x), y).backward(create_graph=True)
    with pytest.raises(RuntimeError, match="collector"):
        F.cross_entropy(model(x), y).backward(inputs=list(model.parameters()))
    model.weight.register_hook(lambda g: g * 2)
    with pytest.raises(RuntimeError, match="register_hook"):
        F.cross_entropy(model(x), y).backward()


def test_a_model_that_is_compiled_alone_is_refused():
    model, optimizer, loader, _ = private()
    compiled = fastnet.compile(model)
    with pytest.raises(RuntimeError, match=r"'weight'|'bias'"):
        train(compiled, optimizer, loader)


def test_other_modules_of_a_loss_keep_their_gradients():
    model, _, loader, _ = private(nn.Linear(4, 4))
    head = nn.Linear(4, 2)
    x, y = next(iter(loader))
    F.cross_entropy(head(model(x)), y).backward()
    found = head.weight.grad.numpy()
    expected, = fastnet.grad(F.cross_entropy(head(model(x).detach()), y), [head.weight])
    np.testing.assert_array_equal(found, expected.numpy())


@pytest.mark.parametrize(("change", "error", "text"), [
    ({"noise_multiplier": -1.0}, ValueError, "noise_multiplier of 0 or more, got -1"),
    ({"noise_multiplier": "1"}, TypeError, "noise_multiplier"),
    ({"max_grad_norm": 0.0}, ValueError, "max_grad_norm above 0, got 0"),
    ({"max_grad_norm": [1.0, 1.0]}, TypeError, "max_grad_norm"),
    ({"loss_reduction": "median"}, ValueError, "loss_reduction"),
    ({"module": "model"}, TypeError, "expected a Module, got str"),
    ({"module": nn.ReLU()}, ValueError, "trainable parameters, got none"),
    ({"module": nn.Linear(4, 3)}, ValueError, r"others, of shapes \(2, 4\), \(2,\)"),
    ({"data_loader": [1, 2]}, TypeError, "DataLoader, got builtins.list"),
    ({"data_loader": DataLoader(Subset(dataset(), np.arange(0)), 5)}, ValueError, "empty"),
])
def test_bad_arguments_are_named(change, error, text):
    model = nn.Linear(4, 2)
    arguments = {"module": model, "optimizer": fastnet.optim.SGD(model.parameters()), "data_loader":
                 DataLoader(dataset(), 50), "noise_multiplier": 1.0, "max_grad_norm": 1.0}
    with pytest.raises(error, match=text):
        PrivacyEngine().make_private(**arguments | change)


def test_modules_are_made_private_once_and_in_one_dtype():
    model, *_ = private()
    with pytest.raises(ValueError, match="'weight' is private already"):
        private(model)
    mixed = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2).double())
    with pytest.raises(ValueError, match="one dtype, got float32 and float64"):
        private(mixed)
    with pytest.raises(ValueError, match="accountant"):
        PrivacyEngine(accountant="moments")


# ---- layers that mix samples ----------------------------------------------------------------------------------------

@pytest.mark.parametrize(("layer", "text"), [
    (nn.BatchNorm1d(4), "BatchNorm1d.*mix the samples"), (nn.LSTM(4, 4), "LSTM.*recurrent"),
    (nn.GRUCell(4, 4), "GRUCell.*recurrent"), (nn.MultiheadAttention(4, 2), "MultiheadAttention.*batch_first=True"),
    (nn.TransformerEncoderLayer(4, 2), "self_attn.*batch_first=True"), (nn.Embedding(4, 4, sparse=True), "sparse"),
    (nn.Embedding(4, 4, max_norm=1.0), "max_norm"), (nn.Embedding(4, 4, scale_grad_by_freq=True), "counts the tokens"),
    (nn.EmbeddingBag(4, 4), "EmbeddingBag"), (nn.LayerNorm((4, 4)), "normalized_shape"), (nn.LazyLinear(4), "shapes"),
    (nn.InstanceNorm2d(4, track_running_stats=True), "running statistics"),
    (fastnet.lora.apply(nn.Sequential(nn.Linear(4, 4)), dora=True), "LoRALinear.*dora=False"),
    (fastnet.lora.apply(nn.Sequential(nn.Embedding(4, 4)), target_modules=["0"]), "LoRAEmbedding.*target_modules"),
])
def test_layers_are_refused_by_name(layer, text):
    model = nn.Sequential(nn.Linear(4, 4), layer)
    assert not ModuleValidator.is_valid(model)
    with pytest.raises(ValueError, match=f"(?s)'1.*{text}"):
        private(model)


def test_fix_replaces_batch_norm():
    model = nn.Sequential(nn.Conv2d(3, 48, 3), nn.Sequential(nn.BatchNorm2d(48), nn.ReLU()),
                          nn.InstanceNorm2d(48, track_running_stats=True))
    fixed = ModuleValidator.fix(model)
    assert ModuleValidator.is_valid(fixed) and not ModuleValidator.is_valid(model)
    assert isinstance(fixed[1][0], nn.GroupNorm) and (fixed[1][0].num_groups, fixed[1][0].num_channels) == (16, 48)
    assert isinstance(ModuleValidator.fix(nn.BatchNorm1d(7)), nn.GroupNorm)
    assert fixed(fastnet.zeros(2, 3, 8, 8)).shape == (2, 48, 6, 6)


# ---- the Trainer ----------------------------------------------------------------------------------------------------

def test_the_trainer_trains_privately():
    fastnet.manual_seed(0)
    model, optimizer, loader, engine = private(samples=2000, batch=200, noise=0.5)
    trainer = fastnet.Trainer(model, optimizer, loss="cross_entropy", metrics="accuracy")
    history = trainer.fit(loader, epochs=8, progress=False)
    assert history["accuracy"][-1] > 0.9 and len(engine.accountant) == 80


def test_gradient_accumulation_is_refused():
    model, optimizer, loader, _ = private()
    trainer = fastnet.Trainer(model, optimizer, loss="cross_entropy")
    with pytest.raises(RuntimeError, match="before the next one is asked for"):
        trainer.fit(loader, progress=False, callbacks=fastnet.callbacks.GradientAccumulation(2))


def test_a_checkpoint_holds_no_secret_seed(tmp_path):
    model, optimizer, loader, engine = private(engine=PrivacyEngine(seed=123456789), noise=1.0)
    trainer = fastnet.Trainer(model, optimizer, loss="cross_entropy")
    trainer.fit(loader, progress=False, callbacks=Checkpoint(tmp_path))
    assert b"123456789" not in (tmp_path / "checkpoint.safetensors").read_bytes()
    assert "123456789" not in repr((engine, loader, engine.state_dict()))
