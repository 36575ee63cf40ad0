"""Clients: what a round computes, that it depends on nothing but its inputs, and what it refuses."""
import numpy as np
import pytest
from training_tools import blobs

import fastnet
from fastnet import callbacks, nn
from fastnet.federated import LocalClient

X, Y = blobs(90)


def made(dropout=0.2, optimizer="adam", norm=True, **options):
    fastnet.manual_seed(3)
    layers = [nn.Linear(2, 8), *([nn.BatchNorm1d(8)] if norm else []), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3)]
    trainer = fastnet.Trainer(nn.Sequential(*layers), optimizer, lr=0.05, loss="cross_entropy", metrics=["accuracy"])
    return LocalClient(trainer, X, Y, **options)


def bits(arrays):
    return [a.tobytes() for a in arrays]


def test_a_round_trains():
    client = made(epochs=3)
    before = client.get_parameters({})
    loss, samples, metrics = client.evaluate(before, {})
    assert samples == 90 and set(metrics) == {"accuracy"}
    after, samples, metrics = client.fit(before, {})
    assert samples == 90 and set(metrics) == {"loss", "accuracy"}
    assert client.evaluate(after, {})[0] < loss


def test_a_round_depends_only_on_its_inputs():
    """A client that has trained before, a new one and one in another random state give the same bits."""
    start = made().get_parameters({})
    old = made(epochs=2)
    first = old.fit(start, {"server_round": 1})[0]
    second = old.fit(first, {"server_round": 2})[0]
    fastnet.manual_seed(99)
    new = made(epochs=2)
    fastnet.manual_seed(98)
    assert bits(new.fit(first, {"server_round": 2})[0]) == bits(second)
    assert bits(new.fit(first, {"server_round": 3})[0]) != bits(second)         # another order of the samples
    assert bits(old.fit(start, {"server_round": 1})[0]) == bits(first)


def test_the_random_state_of_the_process_stays():
    client = made()
    before = fastnet.get_rng_state()
    client.fit(client.get_parameters({}), {})
    after = fastnet.get_rng_state()
    assert all(np.array_equal(a, b) for a, b in zip(np.atleast_1d(before), np.atleast_1d(after)))


def test_only_floating_point_entries_are_exchanged():
    client = made()
    names = [name for name, x in client.trainer.model.state_dict().items() if x.is_floating_point()]
    assert "1.num_batches_tracked" in client.trainer.model.state_dict() and "1.num_batches_tracked" not in names
    assert len(client.get_parameters({})) == len(names)


def test_the_server_sets_epochs_batch_size_and_rate():
    client = made(epochs=5)
    start = client.get_parameters({})
    after = client.fit(start, {"epochs": 2, "batch_size": 45, "lr": 0.001})[0]
    assert client.trainer.step == 4 and len(client.trainer.history) == 2
    assert client.trainer.optimizer.param_groups[0]["lr"] == 0.001
    assert bits(after) != bits(client.fit(start, {"epochs": 2, "batch_size": 45})[0])
    assert client.trainer.optimizer.param_groups[0]["lr"] == 0.05


@pytest.mark.parametrize("mu", [0.0, 0.3])
def test_the_proximal_term_is_its_formula(mu):
    """Two steps of plain gradient descent on loss + mu/2 ||w - w0||^2, by hand."""
    client = made(dropout=0.0, optimizer="sgd", norm=False, batch_size=90)
    start = client.get_parameters({})
    after = client.fit(start, {"epochs": 2, "proximal_mu": mu})[0]
    model = made(dropout=0.0, optimizer="sgd", norm=False).trainer.model
    parameters = list(model.parameters())
    anchors = [p.detach().clone() for p in parameters]
    for _ in range(2):
        loss = nn.functional.cross_entropy(model(fastnet.tensor(X)), fastnet.tensor(Y))
        loss = loss + mu / 2 * sum(((p - a) ** 2).sum() for p, a in zip(parameters, anchors))
        gradients = fastnet.autograd.grad(loss, parameters)
        with fastnet.no_grad():
            for p, g in zip(parameters, gradients):
                p.sub_(g, alpha=0.05)
    for mine, theirs in zip(after, parameters):
        np.testing.assert_allclose(mine, theirs.detach().numpy(), rtol=0, atol=1e-6)


def test_callbacks_run_in_each_round():
    client = made(callbacks=[callbacks.GradientClipping(1e-9)], optimizer="sgd", norm=False)
    start = client.get_parameters({})
    after = client.fit(start, {})[0]
    assert all(np.abs(a - b).max() < 1e-8 for a, b in zip(start, after))


def test_what_a_server_may_not_send():
    client = made()
    good = client.get_parameters({})
    before = bits(good)
    with pytest.raises(ValueError, match=r"expected 8 arrays from the server, .* got 7"):
        client.fit(good[1:], {})
    with pytest.raises(ValueError, match=r"array of shape \(3,\) for '0.weight', expected \(8, 2\)"):
        client.fit([good[-1], *good[1:]], {})
    with pytest.raises(ValueError, match=r"the server's array for '0.bias' has numbers that are not finite"):
        client.fit([good[0], good[1] * np.nan, *good[2:]], {})
    with pytest.raises(TypeError, match=r"the server's array for '0.weight': expected a NumPy array .*, got list"):
        client.fit([a.tolist() for a in good], {})
    with pytest.raises(TypeError, match="expected proximal_mu to be a number, got 'much'"):
        client.fit(good, {"proximal_mu": "much"})
    other = [a + 1 for a in good]
    for config, message in (({"epochs": 0}, "epochs to be at least 1, got 0"), ({"lr": -0.1}, "lr to be 0 or more"),
                            ({"batch_size": 0}, "batch_size to be at least 1"),
                            ({"proximal_mu": -1.0}, "proximal_mu to be 0 or more, got -1.0")):
        with pytest.raises(ValueError, match=message):
            client.fit(other, config)
    assert bits(client.get_parameters({})) == before


def test_a_client_never_returns_nan():
    client = made(optimizer="sgd", norm=False, epochs=40)
    with pytest.raises(FloatingPointError, match=r"the loss became|no longer finite"):
        client.fit(client.get_parameters({}), {"lr": 1e30})


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: LocalClient(nn.Linear(2, 1), X), TypeError, "expected a fastnet.Trainer, got Linear"),
    (lambda: made(epochs=0), ValueError, "expected epochs to be at least 1, got 0"),
    (lambda: LocalClient(made().trainer, X[:9], Y[:5]), ValueError, r"equal length, got the shapes \(9, 2\), \(5,\)"),
    (lambda: LocalClient(made().trainer, X[:0], Y[:0]), ValueError, "expected at least one sample, got none"),
    (lambda: made(validation_data=(X[:9], Y[:5])), ValueError, r"equal length, got the shapes \(9, 2\), \(5,\)"),
    (lambda: made(validation_data=(X[:0], Y[:0])), ValueError, "expected at least one sample, got none"),
    (lambda: made(validation_data=X), TypeError, r"validation_data to be \(x, y\), or a loader and None, got ndarray"),
    (lambda: made(batch_size=1.5), TypeError, "expected batch_size to be a whole number"),
])
def test_wrong_clients(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_without_flower(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "flwr.client", None)
    with pytest.raises(ImportError, match="flwr"):
        fastnet.federated.client(made().trainer, X, Y)
