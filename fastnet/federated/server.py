"""Strategies of Flower's server whose results do not depend on timing, and rounds without a network."""
from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastnet._core.errors import at_least_zero, given_text, whole_number
from fastnet._core.optional import optional
from fastnet.federated.averaging import array_error, average

__all__ = ["FedAvg", "FedProx", "simulate"]

_log = logging.getLogger("flwr")


def FedAvg(**options: Any) -> Any:
    """Make Flower's strategy FedAvg with three differences.

    The mean is `fastnet.federated.average`, so it has the same bits in whatever order the clients answer. A client
    that reports no samples, or whose arrays are not finite floating-point numbers of the server's shapes, counts as
    failed, with a warning that names it, and the round continues without it. If no client is left, the server keeps its
    weights, with a warning. Each round's number goes to the clients as `server_round`.

    Args:
        options: those of `flwr.server.strategy.FedAvg`, such as `initial_parameters` and `min_fit_clients`.

    Raises:
        ImportError: Flower is not installed (`pip install flwr`).

    Example:
        >>> import fastnet
        >>> strategy = fastnet.federated.FedAvg(min_fit_clients=4, min_available_clients=4)
        >>> strategy.min_fit_clients
        4
    """
    return _strategy("FedAvg", options)


def FedProx(*, proximal_mu: float, **options: Any) -> Any:
    """Make Flower's strategy FedProx, with the differences of `FedAvg`; the clients add the proximal term.

    Args:
        proximal_mu: weight of the term mu/2 * ||w - w_server||^2 in the loss of each client.
        options: those of `flwr.server.strategy.FedProx`.

    Raises:
        ImportError: Flower is not installed.
        TypeError, ValueError: `proximal_mu` is not a number of 0 or more.

    Example:
        >>> import fastnet
        >>> fastnet.federated.FedProx(proximal_mu=0.1).proximal_mu
        0.1
    """
    return _strategy("FedProx", {"proximal_mu": at_least_zero("proximal_mu", proximal_mu), **options})


def simulate(clients: Sequence[Any], strategy: Any, num_rounds: int = 3) -> tuple[list[Any], Any]:
    """Run Flower's server with clients of this process, one after the other: without a network, and without Ray.

    Args:
        clients: of `client`.
        strategy: of Flower, or `FedAvg`, `FedProx`. Its `initial_parameters` are, by default, those of a client.
        num_rounds: number of rounds.

    Returns:
        (the arrays of the server's model, Flower's History).

    Raises:
        ImportError: Flower is not installed.
        TypeError: something that is not a client.
        ValueError: no client, or less than one round.
        RuntimeError: no round gave new weights, because clients failed in all of them. Warnings name the clients.

    Example:
        >>> import numpy as np, fastnet
        >>> def made(target):
        ...     trainer = fastnet.Trainer(fastnet.nn.Linear(1, 1), "sgd", loss="mse", lr=0.1)
        ...     x = np.ones((8, 1), np.float32)
        ...     return fastnet.federated.client(trainer, x, target * x)
        >>> weights, history = fastnet.federated.simulate([made(1.0), made(3.0)], fastnet.federated.FedAvg(), 20)
        >>> round(float(weights[0][0, 0] + weights[1][0]), 2)               # at x = 1
        2.0
    """
    server_module = optional("flwr.server", "fastnet.federated.simulate")
    if not clients:
        raise ValueError("simulate: expected at least one client")
    num_rounds = whole_number("num_rounds", num_rounds, 1)
    manager = server_module.SimpleClientManager()
    for number, each in enumerate(clients):
        manager.register(_proxy(each, str(number)))
    server = type("Server", (_CountsFailures, server_module.Server), {})(client_manager=manager, strategy=strategy)
    server.set_max_workers(1)           # one at a time: the clients share the random generator of this process
    history, _ = server.fit(num_rounds, timeout=None)
    if server.failed_rounds == num_rounds:
        raise RuntimeError(f"simulate: clients failed in all {num_rounds} rounds, so the weights are those of the "
                           "beginning; the warnings of the logger 'flwr' name the clients and their errors")
    return _flwr().parameters_to_ndarrays(server.parameters), history


def _flwr() -> Any:
    return optional("flwr.common", "fastnet.federated")


# ---- strategies -----------------------------------------------------------------------------------------------------

class _Repeatable:
    """The methods that differ from those of Flower's FedAvg, whose subclasses have this class before it."""

    _shapes: list[tuple[int, ...]] | None = None        # of the server's arrays in this round

    def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> list[Any]:
        """Flower's instructions, with the number of the round."""
        self._shapes = [a.shape for a in _flwr().parameters_to_ndarrays(parameters)]
        pairs = super().configure_fit(server_round, parameters, client_manager)  # type: ignore[misc]
        ins = _flwr().FitIns
        return [(proxy, ins(each.parameters, {"server_round": server_round, **each.config})) for proxy, each in pairs]

    def aggregate_fit(self, server_round: int, results: list[Any], failures: list[Any]) -> tuple[Any, dict[str, Any]]:
        """The mean of the results that can be used."""
        arrays_of = _flwr().parameters_to_ndarrays
        updates: list[Any] = []
        failures = list(failures)
        for proxy, result in results:
            arrays = arrays_of(result.parameters)
            problem = self._problem(arrays, result.num_examples)
            if problem is None:
                updates.append((arrays, result))
            else:
                _log.warning("round %d: client %s failed: %s; the round continues without it", server_round, proxy.cid,
                             problem)
                failures.append((proxy, result))
        if not updates or (failures and not getattr(self, "accept_failures", True)):
            _log.warning("round %d: %d of %d clients failed; the server's weights are unchanged", server_round,
                         len(failures), len(failures) + len(updates))
            return None, {}
        mean = average([(arrays, result.num_examples) for arrays, result in updates])
        combine = getattr(self, "fit_metrics_aggregation_fn", None)
        metrics = {} if combine is None else combine([(r.num_examples, r.metrics) for _, r in updates])
        return _flwr().ndarrays_to_parameters(mean), metrics

    def _problem(self, arrays: Sequence[Any], samples: int) -> str | None:
        """Why the arrays of a client cannot be averaged; None if they can."""
        if samples <= 0:
            return f"expected at least one sample, got {samples}"
        errors = (array_error(f"array {i}", a) for i, a in enumerate(arrays))
        if error := next(filter(None, errors), None):
            return str(error)
        if self._shapes is not None and [a.shape for a in arrays] != self._shapes:
            return f"expected the {len(self._shapes)} shapes of the server's arrays, got {len(arrays)} arrays of others"
        return None


def _strategy(name: str, options: dict[str, Any]) -> Any:
    base = getattr(optional("flwr.server.strategy", f"fastnet.federated.{name}"), name)
    return type(name, (_Repeatable, base), {})(**options)


# ---- server and clients of this process -----------------------------------------------------------------------------

class _CountsFailures:
    """The method that differs from that of Flower's Server."""

    failed_rounds = 0

    def fit_round(self, server_round: int, timeout: float | None) -> Any:
        """Flower's round; counts those in which clients trained and the strategy returned no weights."""
        found = super().fit_round(server_round, timeout)        # type: ignore[misc]
        self.failed_rounds += found is not None and found[0] is None
        return found


class _Local:
    """A client of this process as Flower's server sees it."""

    def get_properties(self, ins: Any, timeout: float | None, group_id: int | None) -> Any:
        """Properties of the client."""
        return self.client.get_properties(ins)          # type: ignore[attr-defined]

    def get_parameters(self, ins: Any, timeout: float | None, group_id: int | None) -> Any:
        """Weights of the client."""
        return self.client.get_parameters(ins)          # type: ignore[attr-defined]

    def fit(self, ins: Any, timeout: float | None, group_id: int | None) -> Any:
        """One round of training."""
        with self._failures_logged():
            return self.client.fit(ins)                 # type: ignore[attr-defined]

    def evaluate(self, ins: Any, timeout: float | None, group_id: int | None) -> Any:
        """The loss of the server's weights."""
        with self._failures_logged():
            return self.client.evaluate(ins)            # type: ignore[attr-defined]

    def reconnect(self, ins: Any, timeout: float | None, group_id: int | None) -> Any:
        """Nothing: there is no connection."""
        return _flwr().DisconnectRes(reason="")

    @contextmanager
    def _failures_logged(self) -> Iterator[None]:
        """Name the client in a warning if it fails: Flower's server only counts the failures."""
        try:
            yield
        except Exception as e:
            _log.warning("client %s failed: %s: %s", self.cid, type(e).__name__, e)      # type: ignore[attr-defined]
            raise


def _proxy(client: Any, name: str) -> Any:
    if not hasattr(client, "to_client"):
        raise TypeError(f"simulate: expected clients of fastnet.federated.client, got {given_text(client)}")
    base = optional("flwr.server.client_proxy", "fastnet.federated").ClientProxy
    made = type("LocalProxy", (_Local, base), {})(name)
    made.client = client.to_client()
    return made
