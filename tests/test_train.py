"""The training loop: it learns, says so, repeats itself, and refuses what it cannot train on."""
import numpy as np
import pytest

import fastnet
import fastnet.train
from fastnet import nn, optim
from fastnet.train import batches, evaluate, fit


def blobs(n=300, classes=3, seed=0):
    """Points around the corners of a triangle, which anything can learn to tell apart."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    corners = np.array([[0, 0], [4, 0], [0, 4]])
    return (corners[y] + rng.standard_normal((n, 2)) * 0.5).astype(np.float32), y.astype(np.int64)


def trained(x, y, dropout=0.0, loss_fn=None, optimizer=optim.AdamW, lr=0.02, schedule=None, **options):
    """(model, history) of a small perceptron."""
    fastnet.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3))
    rule = optimizer(model.parameters(), lr=lr)
    scheduler = schedule(rule) if schedule else None
    options = {"epochs": 4, "batch_size": 32, "progress": False} | options
    return model, fit(model, rule, loss_fn or nn.CrossEntropyLoss(), x, y, scheduler=scheduler, **options)


def weights(model):
    return [p.detach().numpy().tobytes() for p in model.parameters()]


def test_learns():
    x, y = blobs()
    model, history = trained(x, y, epochs=6)
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1]["loss"] < history[0]["loss"] / 2
    assert history[-1]["accuracy"] > 0.95
    assert history[-1]["validation_accuracy"] > 0.95
    loss, accuracy = evaluate(model, nn.CrossEntropyLoss(), *blobs(seed=1))
    assert loss < 0.3
    assert accuracy > 0.95


def test_same_seed_same_bits():
    x, y = blobs()
    first, second, other = (trained(x, y, dropout=0.3, seed=seed) for seed in (5, 5, 6))
    assert weights(first[0]) == weights(second[0])
    assert weights(first[0]) != weights(other[0])
    for a, b in zip(first[1], second[1], strict=True):
        assert {k: v for k, v in a.items() if k != "seconds"} == {k: v for k, v in b.items() if k != "seconds"}


def test_compiled_training_is_eager_training(monkeypatch):
    """The bits of the loop's own steps are those of the plain function."""
    x, y = blobs(100)
    schedule = {"schedule": lambda rule: optim.lr_scheduler.OneCycleLR(rule, max_lr=0.05, total_steps=12)}
    compiled = trained(x, y, dropout=0.2, **schedule)
    monkeypatch.setattr(fastnet, "compile", lambda fn: fn)
    assert weights(trained(x, y, dropout=0.2, **schedule)[0]) == weights(compiled[0])


def test_validation_is_held_out(monkeypatch):
    x, y = blobs(100)
    parts = []

    def spy(x, y, order, batch_size):
        parts.append({x[i].tobytes() for i in order})
        return batches(x, y, order, batch_size)

    monkeypatch.setattr(fastnet.train, "batches", spy)
    trained(x, y, validation_split=0.2, epochs=2)
    training, validation, *again = parts
    assert len(training) == 80
    assert training | validation == {row.tobytes() for row in x}
    assert again == [training, validation]


def test_no_validation():
    x, y = blobs(64)
    _, history = trained(x, y, validation_split=0)
    assert "validation_accuracy" not in history[0]
    _, history = trained(x[:1], y[:1], validation_split=0.5)        # one sample is trained on, not held out
    assert "validation_accuracy" not in history[0]


def test_batches():
    x, y = blobs(10)
    order = np.arange(10)[::-1]
    got = [(a.numpy(), b.numpy()) for a, b in batches(x, y, order, 4)]
    assert [len(a) for a, _ in got] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([a for a, _ in got]), x[::-1])
    np.testing.assert_array_equal(np.concatenate([b for _, b in got]), y[::-1])


def test_evaluate_weighs_a_short_last_batch():
    x, y = blobs(50)
    model, _ = trained(x, y, dropout=0.5)
    loss_fn = nn.CrossEntropyLoss()
    whole = evaluate(model, loss_fn, x, y, batch_size=50)
    assert evaluate(model, loss_fn, x, y, batch_size=16) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_leaves_the_mode(training):
    x, y = blobs(20)
    model, _ = trained(x, y)
    assert not model.training
    model.train(training)
    evaluate(model, nn.CrossEntropyLoss(), x, y)
    assert model.training is training


def test_scheduler_steps_with_every_batch():
    x, y = blobs(100)
    rates = []

    class Rule(optim.lr_scheduler.LinearLR):
        def step(self, *args):
            super().step(*args)
            rates.append(self.optimizer.param_groups[0]["lr"])

    trained(x, y, optimizer=optim.SGD, lr=0.1, schedule=lambda rule: Rule(rule, 1.0, 0.1, 12), validation_split=0.1)
    steps = rates[-12:]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] == pytest.approx(0.01)


def test_lines(capsys):
    x, y = blobs(64)
    trained(x, y, epochs=10, progress=True)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("epoch  1/10  loss ")
    assert "validation accuracy" in lines[-1]
    assert err == ""                    # no bar where standard error is no terminal


def test_quiet(capsys):
    trained(*blobs(64))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("change", "message"), [
    ({"x": np.zeros((3, 2), np.float32)}, "x has 3 samples and y has 64 labels"),
    ({"x": np.zeros((0, 2), np.float32), "y": np.zeros(0, np.int64)}, "the data is empty"),
    ({"epochs": 0}, "epochs=0"),
    ({"batch_size": 0}, "batch_size=0"),
    ({"validation_split": 1.0}, "validation_split < 1, got 1.0"),
])
def test_bad_input(change, message):
    x, y = blobs(64)
    arguments = {"x": x, "y": y} | change
    with pytest.raises(ValueError, match=message):
        trained(**arguments)


def test_label_out_of_range():
    x, y = blobs(64)
    with pytest.raises(IndexError, match="3"):
        trained(x, y + 1)


def test_diverging_loss_stops():
    x, y = blobs(64)
    x[5] = np.inf
    with pytest.raises(FloatingPointError, match="a smaller learning rate may help"):
        trained(x, y, validation_split=0)
