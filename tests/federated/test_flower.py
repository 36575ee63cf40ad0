"""Flower's server with fastnet's clients and strategies: the bits of the same averaging, and clients that fail."""
import logging

import numpy as np
import pytest
from training_tools import blobs

pytest.importorskip("flwr")
pytestmark = pytest.mark.filterwarnings("ignore")       # those of Flower and of the packages that it imports

import fastnet  # noqa: E402
from fastnet import nn  # noqa: E402
from fastnet.federated import FedAvg, FedProx, LocalClient, average, client, simulate  # noqa: E402

CLIENTS, ROUNDS = 4, 3
X, Y = blobs(200)
PARTS = np.array_split(np.argsort(Y, kind="stable"), CLIENTS)


def make_trainer():
    fastnet.manual_seed(5)
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
    return fastnet.Trainer(model, "adam", lr=0.02, loss="cross_entropy", metrics=["accuracy"])


def make(number, maker=client):
    rows = PARTS[number][: 50 - 7 * number]             # clients of different sizes
    return maker(make_trainer(), X[rows], Y[rows], epochs=2, batch_size=16, seed=number)


def bits(arrays):
    return [a.tobytes() for a in arrays]


def options(**more):
    from flwr.common import ndarrays_to_parameters
    start = LocalClient(make_trainer(), None).get_parameters({})
    return {"initial_parameters": ndarrays_to_parameters(start), "min_fit_clients": CLIENTS,
            "min_available_clients": CLIENTS, **more}


def in_one_process(**config):
    """The same averaging without Flower."""
    clients = [make(number, LocalClient) for number in range(CLIENTS)]
    weights = LocalClient(make_trainer(), None).get_parameters({})
    for server_round in range(1, ROUNDS + 1):
        weights = average([each.fit(weights, {"server_round": server_round, **config})[:2] for each in clients])
    return weights


@pytest.mark.parametrize("mu", [0.0, 0.1])
def test_four_clients_end_with_the_bits_of_one_process(mu):
    strategy = FedProx(proximal_mu=mu, **options()) if mu else FedAvg(**options())
    weights, history = simulate([make(number) for number in range(CLIENTS)], strategy, ROUNDS)
    assert bits(weights) == bits(in_one_process(proximal_mu=mu))
    assert [number for number, _ in history.losses_distributed] == [1, 2, 3]


def test_the_order_of_answers_changes_no_bit():
    weights = [bits(simulate([make(number) for number in order], FedAvg(**options()), ROUNDS)[0])
               for order in ((0, 1, 2, 3), (2, 0, 3, 1))]
    assert weights[0] == weights[1]


@pytest.fixture
def warned(caplog):
    """The warnings of Flower's logger, which passes none to others."""
    caplog.set_level(logging.WARNING, "flwr")
    logging.getLogger("flwr").addHandler(caplog.handler)
    yield caplog
    logging.getLogger("flwr").removeHandler(caplog.handler)


def test_a_client_that_fails_is_left_out_and_named(warned):
    clients = [make(number) for number in range(CLIENTS)]
    clients[1]._optimizer["param_groups"][0]["lr"] = 1e30
    weights, _ = simulate(clients, FedAvg(**options()), 1)
    start = LocalClient(make_trainer(), None).get_parameters({})
    kept = [make(number, LocalClient).fit(start, {"server_round": 1})[:2] for number in (0, 2, 3)]
    assert bits(weights) == bits(average(kept))
    assert "client 1 failed: FloatingPointError" in warned.text


def test_a_client_that_returns_nan_is_left_out(warned):
    """The round continues without it, and the warning names it."""
    class Broken(LocalClient):
        def fit(self, parameters, config):
            arrays, count, metrics = super().fit(parameters, config)
            return [a * np.nan for a in arrays], count, metrics

    def broken(*args, **kwargs):
        made = client(*args, **kwargs)
        made.__class__ = type("Broken", (Broken, type(made)), {})
        return made

    clients = [make(0), make(1, broken), make(2), make(3)]
    weights, _ = simulate(clients, FedAvg(**options()), 1)
    start = LocalClient(make_trainer(), None).get_parameters({})
    kept = [make(number, LocalClient).fit(start, {"server_round": 1})[:2] for number in (0, 2, 3)]
    assert bits(weights) == bits(average(kept))
    assert "round 1: client 1 failed: array 0 has numbers that are not finite; the round continues" in warned.text


@pytest.mark.parametrize(("array", "samples", "problem"), [
    (np.ones(2, np.int64), 3, "array 0: expected a NumPy array of floating-point numbers, got one of int64"),
    (np.ones(2), -100, "expected at least one sample, got -100"),
    (np.ones(2), 0, "expected at least one sample, got 0"),
])
def test_a_result_that_would_ruin_the_mean_is_left_out(warned, array, samples, problem):
    from flwr.common import Code, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays

    class Proxy:
        cid = "7"

    def result(array, samples):
        return Proxy(), FitRes(Status(Code.OK, ""), ndarrays_to_parameters([array]), samples, {})
    mean, _ = FedAvg().aggregate_fit(1, [result(np.float32([1, 2]), 1), result(array, samples)], [])
    assert parameters_to_ndarrays(mean)[0].tolist() == [1, 2]
    assert f"round 1: client 7 failed: {problem}; the round continues without it" in warned.text
    assert FedAvg().aggregate_fit(2, [result(array, samples)], []) == (None, {})
    assert "round 2: 1 of 1 clients failed; the server's weights are unchanged" in warned.text


@pytest.mark.parametrize("how", ["raises", "nan"])
def test_a_simulation_whose_clients_all_fail_raises(how):
    class Failing(LocalClient):
        def fit(self, parameters, config):
            if how == "raises":
                raise RuntimeError("no data")
            return [a * np.nan for a in parameters], 3, {}

    clients = [make(number) for number in range(CLIENTS)]
    for each in clients:
        each.__class__ = type("Failing", (Failing, type(each)), {})
    with pytest.raises(RuntimeError, match="clients failed in all 2 rounds, so the weights are those of the beginning"):
        simulate(clients, FedAvg(**options()), 2)


def test_a_simulation_that_only_evaluates():
    _, history = simulate([make(0), make(1)], FedAvg(fraction_fit=0.0, min_fit_clients=0), 1)
    assert len(history.losses_distributed) == 1


def test_no_failures_are_accepted_where_they_are_refused():
    from flwr.common import Code, FitRes, Status, ndarrays_to_parameters
    strategy = FedAvg(**options(accept_failures=False))

    class Proxy:
        cid = "7"

    def result(value):
        return Proxy(), FitRes(Status(Code.OK, ""), ndarrays_to_parameters([np.full(2, value)]), 3, {})
    assert strategy.aggregate_fit(1, [result(1.0), result(np.nan)], []) == (None, {})
    assert strategy.aggregate_fit(1, [result(1.0), result(3.0)], [])[0] is not None


def test_arrays_of_other_shapes_are_left_out():
    from flwr.common import Code, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays
    strategy = FedAvg()
    strategy._shapes = [(2,)]

    class Proxy:
        cid = "7"

    def result(n):
        return Proxy(), FitRes(Status(Code.OK, ""), ndarrays_to_parameters([np.ones(n)]), 3, {})
    mean, _ = strategy.aggregate_fit(1, [result(3), result(2)], [])
    assert parameters_to_ndarrays(mean)[0].shape == (2,)


def test_metrics_are_combined_by_flowers_function():
    combined = []
    strategy = FedAvg(**options(fit_metrics_aggregation_fn=lambda each: combined.append(each) or {"n": len(each)}))
    _, history = simulate([make(number) for number in range(CLIENTS)], strategy, 1)
    assert history.metrics_distributed_fit == {"n": [(1, CLIENTS)]}
    assert {"loss", "accuracy"} <= set(combined[0][0][1])


def test_wrong_simulations():
    with pytest.raises(ValueError, match="at least one client"):
        simulate([], FedAvg())
    with pytest.raises(TypeError, match=r"expected clients of fastnet\.federated\.client, got 3"):
        simulate([3], FedAvg())
    with pytest.raises(ValueError, match="num_rounds to be at least 1"):
        simulate([make(0)], FedAvg(), 0)
    with pytest.raises(ValueError, match=r"proximal_mu to be 0 or more, got -0\.1"):
        FedProx(proximal_mu=-0.1)
