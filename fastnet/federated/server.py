"""Strategies of Flower's server whose results do not depend on timing, and rounds without a network."""
from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastnet._core.errors import at_least_zero, whole_number
from fastnet._core.optional import optional
from fastnet.federated.averaging import average, nonfinite_array

__all__ = ["FedAvg", "FedProx", "simulate"]

_log = logging.getLogger("flwr")


def FedAvg(**options: Any) -> Any:
    """Make Flower's strategy FedAvg with three differences.

    The mean is `fastnet.federated.average`, so it has the same bits in whatever order the clients answer. A client
    whose arrays are not finite, or have other shapes than the server's, counts as failed, with a warning that names it,
    and the round continues without it. Each round's number goes to the clients as `server_round`.

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
        ValueError: no client, or less than one round.

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
    manager = server_module.SimpleClientManager()
    for number, each in enumerate(clients):
        manager.register(_proxy(each, str(number)))
    server = server_module.Server(client_manager=manager, strategy=strategy)
    server.set_max_workers(1)           # one at a time: the clients share the random generator of this process
    history, _ = server.fit(whole_number("num_rounds", num_rounds, 1), timeout=None)
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
            problem = self._problem(arrays)
            if problem is None:
                updates.append((arrays, result))
            else:
                _log.warning("round %d: client %s %s; the round continues without it", server_round, proxy.cid, problem)
                failures.append((proxy, result))
        if not updates or (failures and not getattr(self, "accept_failures", True)):
            return None, {}
        mean = average([(arrays, result.num_examples) for arrays, result in updates])
        combine = getattr(self, "fit_metrics_aggregation_fn", None)
        metrics = {} if combine is None else combine([(r.num_examples, r.metrics) for _, r in updates])
        return _flwr().ndarrays_to_parameters(mean), metrics

    def _problem(self, arrays: Sequence[Any]) -> str | None:
        """Why the arrays of a client cannot be averaged; None if they can."""
        bad = nonfinite_array(arrays)
        if bad is not None:
            return f"returned numbers that are not finite, in array {bad}"
        if self._shapes is not None and [a.shape for a in arrays] != self._shapes:
            return f"returned {len(arrays)} arrays of other shapes than the server's {len(self._shapes)}"
        return None


def _strategy(name: str, options: dict[str, Any]) -> Any:
    base = getattr(optional("flwr.server.strategy", f"fastnet.federated.{name}"), name)
    return type(name, (_Repeatable, base), {})(**options)


# ---- clients of this process ----------------------------------------------------------------------------------------

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
    base = optional("flwr.server.client_proxy", "fastnet.federated").ClientProxy
    made = type("LocalProxy", (_Local, base), {})(name)
    made.client = client.to_client()
    return made
