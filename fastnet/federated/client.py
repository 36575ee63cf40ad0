"""Clients: a Trainer and its data, as a client of Flower."""
from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet import data
from fastnet._core.errors import at_least_zero, given_text, shape_text, whole_number
from fastnet._core.optional import optional
from fastnet._core.reprs import repr_of
from fastnet._core.state import Finally
from fastnet.callbacks import Callback
from fastnet.federated.averaging import array_error
from fastnet.training import Trainer

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import Array

__all__ = ["LocalClient", "client"]

_Settings = dict[str, Any]              # what the server sends along: Flower's config


def client(trainer: Trainer, x: Any, y: Any = None, *, validation_data: Any = None, epochs: int = 1,
           batch_size: int = 32, seed: int = 0, callbacks: Callback | Iterable[Callback] = ()) -> Any:
    """Make a Flower client (`flwr.client.NumPyClient`) of a Trainer and its data, which stay where they are.

    The client exchanges the floating-point entries of the model's `state_dict`: parameters, and running statistics of
    batch norm. Each round begins with the server's weights and a fresh optimizer, so a round's result depends only on
    these weights, the data, the seed and the server's settings; it has the same bits in any process.

    The server's settings (Flower's `config`) may hold `server_round`, which gives each round another order of the
    samples, `epochs`, `batch_size` and `lr`, in place of the client's own, and `proximal_mu`, which strategy FedProx
    sends: the client then minimizes loss + mu/2 * ||w - w_server||^2 (Li et al. 2020, "Federated optimization in
    heterogeneous networks", https://arxiv.org/abs/1812.06127).

    Args:
        trainer: a Trainer of this client alone; its optimizer's state is reset in each round.
        x, y: the data to train on: arrays (a tuple of them for a model of several inputs) and the targets, or a loader
            and None. A client may have samples of one class only.
        validation_data: (x, y) to evaluate on, or a loader and None; None: the data to train on.
        epochs: passes over the data in a round.
        batch_size: samples per step.
        seed: of shuffling and dropout.
        callbacks: one or several of `fastnet.callbacks`, for each round.

    Raises:
        ImportError: Flower is not installed (`pip install flwr`).
        TypeError: `trainer` is not a Trainer, or another argument has another type.
        ValueError: `epochs` or `batch_size` is below 1, x and y have no samples or different numbers of them; in a
            round, weights of the server that do not fit the model.
        FloatingPointError: in a round, the weights are no longer finite. Flower counts the client as failed; it never
            sends NaN.

    Example:
        >>> import numpy as np, fastnet
        >>> trainer = fastnet.Trainer(fastnet.nn.Linear(2, 1), "sgd", loss="mse", lr=0.1)
        >>> x, y = np.ones((4, 2), np.float32), np.zeros(4, np.float32)
        >>> hospital = fastnet.federated.client(trainer, x, y)
        >>> weights, samples, metrics = hospital.fit([np.ones((1, 2), np.float32), np.zeros(1, np.float32)], {})
        >>> samples, bool((weights[0] < 1).all())
        (4, True)
    """
    base = optional("flwr.client", "fastnet.federated.client").NumPyClient
    made = type("TrainerClient", (LocalClient, base), {})
    return made(trainer, x, y, validation_data=validation_data, epochs=epochs, batch_size=batch_size, seed=seed,
                callbacks=callbacks)


class LocalClient:
    """The methods of a client, without Flower: see `client`, which adds Flower's class.

    Example:
        >>> import numpy as np, fastnet
        >>> trainer = fastnet.Trainer(fastnet.nn.Linear(2, 1), "sgd", loss="mse")
        >>> x, y = np.ones((4, 2), np.float32), np.zeros(4, np.float32)
        >>> [a.shape for a in fastnet.federated.LocalClient(trainer, x, y).get_parameters({})]
        [(1, 2), (1,)]
    """

    def __init__(self, trainer: Trainer, x: Any, y: Any = None, *, validation_data: Any = None, epochs: int = 1,
                 batch_size: int = 32, seed: int = 0, callbacks: Callback | Iterable[Callback] = ()) -> None:
        if not isinstance(trainer, Trainer):
            raise TypeError(f"expected a fastnet.Trainer, got {given_text(trainer)}")
        self.trainer: Trainer = trainer
        self.data: tuple[Any, Any] = x, y
        self.validation_data: tuple[Any, Any] = _as_pair(self.data if validation_data is None else validation_data)
        for inputs, targets in (self.data, self.validation_data):
            if targets is not None and not len(_dataset(inputs, targets)):
                raise ValueError("expected at least one sample, got none")
        self.epochs: int = whole_number("epochs", epochs, 1)
        self.batch_size: int = whole_number("batch_size", batch_size, 1)
        self.seed: int = whole_number("seed", seed, 0)
        self.callbacks: list[Callback] = [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        self._optimizer = copy.deepcopy(trainer.optimizer.state_dict())

    def __repr__(self) -> str:
        return repr_of(self, trainer=self.trainer, epochs=self.epochs, batch_size=self.batch_size)

    # ---- the methods that Flower calls ----

    def get_parameters(self, config: _Settings) -> list[Array]:
        """The floating-point entries of the model's `state_dict`, in its order, as NumPy arrays.

        Args:
            config: of the server; not used.
        """
        return [x.numpy().copy() for _, x in self._exchanged()]

    def set_parameters(self, parameters: Sequence[Array]) -> None:
        """Take weights over into the model.

        Args:
            parameters: as `get_parameters` returns them.

        Raises:
            TypeError: anything but arrays of floating-point numbers.
            ValueError: another number of arrays, another shape, or numbers that are not finite; nothing is changed.
        """
        exchanged = self._exchanged()
        if len(parameters) != len(exchanged):
            raise ValueError(f"expected {len(exchanged)} arrays from the server, one for each floating-point entry of "
                             f"the model's state_dict, got {len(parameters)}")
        for (name, x), array in zip(exchanged, parameters):
            if error := array_error(f"the server's array for {name!r}", array):
                raise error
            if tuple(array.shape) != tuple(x.shape):
                raise ValueError(f"the server sent an array of shape {shape_text(array)} for {name!r}, expected "
                                 f"{shape_text(x)}")
        with fastnet.no_grad():
            for (_, x), array in zip(exchanged, parameters):
                x.copy_(fastnet.from_numpy(np.asarray(array, x.dtype)))

    def fit(self, parameters: Sequence[Array], config: _Settings) -> tuple[list[Array], int, dict[str, float]]:
        """One round: train from the server's weights.

        Args:
            parameters: of the server.
            config: its settings, see `client`.

        Returns:
            (weights, number of samples, {metric: value of the last epoch}).

        Raises:
            TypeError, ValueError: weights or settings that do not fit; the client's weights are unchanged.
            FloatingPointError: the weights are no longer finite.
        """
        epochs = whole_number("epochs", config.get("epochs", self.epochs), 1)
        batch_size = whole_number("batch_size", config.get("batch_size", self.batch_size), 1)
        mu = at_least_zero("proximal_mu", config.get("proximal_mu", 0.0))
        rate = at_least_zero("lr", config["lr"]) if "lr" in config else None
        seed = _round_seed(self.seed, whole_number("server_round", config.get("server_round", 0), 0))
        self.set_parameters(parameters)
        self._begin_round(rate)
        with Finally(_restored_random_state()):
            fastnet.manual_seed(seed)
            history = self.trainer.fit(self._loader(batch_size, seed), epochs=epochs, seed=seed, progress=False,
                                       callbacks=[*self.callbacks, *([_Proximal(mu)] if mu else [])])
        metrics = {name: float(value) for name, value in history[-1].items()
                   if isinstance(value, (int, float)) and name not in ("epoch", "seconds", "lr")}
        return self.get_parameters(config), self.trainer.running.samples, metrics

    def evaluate(self, parameters: Sequence[Array], config: _Settings) -> tuple[float, int, dict[str, float]]:
        """Measure the server's weights on the client's validation data.

        Args:
            parameters: of the server.
            config: its settings; not used.

        Returns:
            (loss, number of samples, {metric: value}).
        """
        self.set_parameters(parameters)
        x, y = self.validation_data
        results = self.trainer.evaluate(x, y)
        loss = float(results.pop("loss"))
        metrics = {name: float(value) for name, value in results.items() if isinstance(value, (int, float))}
        return loss, len(getattr(x, "dataset", x) if y is None else y), metrics

    # ---- internals ----

    def _exchanged(self) -> list[tuple[str, Tensor]]:
        return [(name, x) for name, x in self.trainer.model.state_dict().items() if x.is_floating_point()]

    def _loader(self, batch_size: int, seed: int) -> Any:
        """The batches of a round. Unlike an array, a loader may have one class only: so may the data of a client."""
        x, y = self.data
        if y is None:
            return x
        return data.DataLoader(_dataset(x, y), batch_size, shuffle=True, seed=seed)

    def _begin_round(self, rate: float | None) -> None:
        """Reset what the last round left in the Trainer: the optimizer's state, the history and the counts.

        Args:
            rate: the learning rate; None: the client's own.
        """
        trainer = self.trainer
        trainer.optimizer.load_state_dict(copy.deepcopy(self._optimizer))
        if rate is not None:
            for group in trainer.optimizer.param_groups:
                group["lr"] = rate
        trainer.epoch = trainer.batch = trainer.step = 0
        trainer.history.rows.clear()


class _Proximal(Callback):
    """FedProx's term: add mu * (w - w_server) to the gradient of each parameter.

    Args:
        mu: weight of the term mu/2 * ||w - w_server||^2.
    """

    def __init__(self, mu: float) -> None:
        self.mu = mu
        self._pairs: list[tuple[Any, Any]] = []

    def on_fit_begin(self, trainer: Trainer) -> None:
        parameters = [p for group in trainer.optimizer.param_groups for p in group["params"]]
        self._pairs = [(p, p.detach().clone()) for p in parameters]

    def before_update(self, trainer: Trainer) -> None:
        with fastnet.no_grad():
            for p, start in self._pairs:
                if p.grad is not None:
                    p.grad.add_(p.detach() - start, alpha=self.mu)


def _dataset(x: Any, y: Any) -> data.TensorDataset:
    return data.TensorDataset(*(x if isinstance(x, tuple) else (x,)), y)


def _as_pair(given: Any) -> tuple[Any, Any]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise TypeError(f"expected validation_data to be (x, y), or a loader and None, got {given_text(given)}")
    return given[0], given[1]


def _round_seed(seed: int, server_round: int) -> int:
    """The seed of a round; unlike seeds of neighbouring rounds and clients."""
    return int(np.random.SeedSequence((seed, server_round)).generate_state(1)[0])


def _restored_random_state() -> Any:
    """A function that gives fastnet's generator its present state."""
    state = fastnet.get_rng_state()
    return lambda: fastnet.set_rng_state(state)
