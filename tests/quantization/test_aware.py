"""Quantisation-aware training: under compile and the Trainer, and the integer model afterwards."""
import numpy as np
import pytest

import fastnet
from fastnet import models, nn
from fastnet.quantization import convert, disable_observer, freeze_bn_stats, prepare_qat

rng = np.random.default_rng(0)


def network():
    fastnet.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3))


def samples(n):
    """Pictures of three classes: stripes along the rows, along the columns, and noise."""
    y = rng.integers(0, 3, n)
    x = rng.normal(size=(n, 1, 8, 8)) * 0.5
    stripes = np.tile([1.0, -1.0], 4)
    x[y == 0] += stripes[:, None]
    x[y == 1] += stripes
    return x.astype(np.float32), y.astype(np.int64)


@pytest.mark.parametrize("learnable", [False, True])
def test_training_and_conversion(learnable):
    x, y = samples(400)
    model = network()
    fastnet.Trainer(model, "adam", lr=1e-2, loss="cross_entropy").fit(x, y, epochs=3, progress=False)
    prepared = prepare_qat(model, fastnet.tensor(x[:2]), learnable=learnable, data=[fastnet.tensor(x)],
                           faster_only=False)
    weights = {name: p.detach().clone() for name, p in prepared.named_parameters()}
    trainer = fastnet.Trainer(prepared, "adam", lr=1e-3, loss="cross_entropy", metrics=["accuracy"])
    trainer.fit(x, y, epochs=2, progress=False)
    assert not any((p == weights[name]).all() for name, p in prepared.named_parameters() if p.ndim > 1)
    prepared.apply(disable_observer).apply(freeze_bn_stats)
    trainer.fit(x, y, epochs=1, progress=False)
    x, y = samples(1000)
    prepared.eval()
    expected, got = (m(fastnet.tensor(x)).detach().numpy() for m in (prepared, convert(prepared)))
    assert (expected.argmax(1) == got.argmax(1)).mean() >= 0.999
    assert (got.argmax(1) == y).mean() > 0.9


def test_a_recording_gives_the_bits_of_the_eager_step():
    x, y = (fastnet.tensor(a) for a in samples(32))
    results = []
    for compiled in (False, True):
        prepared = prepare_qat(network(), x, faster_only=False)
        optimizer = fastnet.optim.SGD(prepared.parameters(), lr=0.05)

        def step(x, y, prepared=prepared, optimizer=optimizer):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(prepared(x), y)
            loss.backward()
            optimizer.step()
            return loss.detach()
        run = fastnet.compile(step) if compiled else step
        results.append([run(x, y).item() for _ in range(5)])
        assert not compiled or len(run.recordings) == 1
    assert results[0] == results[1] and results[0][-1] < results[0][0]


def test_evaluation_does_not_observe():
    prepared = prepare_qat(network(), fastnet.ones(1, 1, 8, 8), faster_only=False)
    x, _ = samples(8)
    prepared(fastnet.tensor(x))
    state = {name: t.clone() for name, t in prepared.state_dict().items()}
    prepared.eval()(fastnet.tensor(10 * x))
    assert all((t == state[name]).all() for name, t in prepared.state_dict().items() if "weight_fake" not in name)


def test_learnable_scales_need_data():
    with pytest.raises(ValueError, match="data"):
        prepare_qat(network(), fastnet.ones(1, 1, 8, 8), learnable=True)


def test_a_residual_network_trains():
    model = models.resnet8(num_classes=3, in_channels=1)
    x, y = samples(64)
    made, report = fastnet.quantize(model, (x, y), "qat", epochs=2, lr=1e-3, faster_only=False, speed=False)
    assert made(fastnet.tensor(x)).shape == (64, 3) and report.after["loss"] < report.before["loss"]


def test_it_trains_on_the_batches_of_a_loader():
    x, y = samples(24)
    seen = []

    def change(images, classes, rng):
        seen.append(len(images))
        return images + rng.normal(size=images.shape).astype(np.float32), classes
    loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(x, y), 8, transform=change)
    made, report = fastnet.quantize(network(), x, "qat", training=loader, epochs=2, faster_only=False, speed=False)
    assert seen == 2 * [8, 8, 8] and made(fastnet.tensor(x)).shape == (24, 3) and "accuracy" not in report.after
