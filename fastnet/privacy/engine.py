"""PrivacyEngine: makes a module, an optimizer and a loader train with differential privacy."""
from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from fastnet._core.errors import check_number, one_of, whole_number
from fastnet._core.reprs import repr_of
from fastnet.autograd.hooks import collect_gradients, is_collected
from fastnet.privacy.accountants import check_step, create_accountant, get_noise_multiplier
from fastnet.privacy.batches import BatchMasks
from fastnet.privacy.clipping import Clipping, NoisySum
from fastnet.privacy.data_loader import DPDataLoader, sample_rate_of
from fastnet.privacy.independence import check_samples_are_independent
from fastnet.privacy.ranks import check_ranks_agree, share_of, wrapped_module
from fastnet.privacy.validator import ModuleValidator
from fastnet.random import Generator

if TYPE_CHECKING:
    from typing import TypeAlias

    from fastnet import Tensor, nn, optim
    from fastnet.data import DataLoader
    from fastnet.privacy.accountants import Accountant

    Reduction: TypeAlias = Literal["mean", "sum"]

__all__ = ["PrivacyEngine"]

_Module = TypeVar("_Module", bound="nn.Module")
_Optimizer = TypeVar("_Optimizer", bound="optim.Optimizer")


class PrivacyEngine:
    """Train with differential privacy: bounded influence of each sample on a step, and noise (DP-SGD).

    After `make_private`, each backward() sets the gradients of the module to

        g = (sum over samples of min(1, C / |g_i|) g_i + sigma C z) / expected batch size

    with the gradient g_i of sample i over all parameters, C = max_grad_norm, sigma = noise_multiplier and normal
    noise z.
    What an optimizer makes of them is as private as they are. Abadi et al. 2016, https://arxiv.org/abs/1607.00133.

    A step needs one backward pass, eagerly and under `fastnet.compile`. The noise and the samples of the batches follow
    from random numbers of the operating system (`secrets`). Names and arguments are those of Opacus.

    Args:
        accountant: "prv" (tight) or "rdp" (fast), see `PRVAccountant` and `RDPAccountant`.
        seed: of noise and samples, for tests only: whoever knows it can remove the noise.

    Attributes:
        accountant: counts the batches that the loader has given.
        noise_multiplier, sample_rate: of the last call of `make_private`; None before.

    Raises:
        ValueError: an unknown accountant.

    Example:
        >>> import numpy as np, fastnet
        >>> from fastnet import nn
        >>> x, y = np.random.default_rng(0).normal(size=(1000, 20)).astype(np.float32), np.arange(1000) % 2
        >>> loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(x, y), batch_size=100)
        >>> model = nn.Linear(20, 2)
        >>> optimizer = fastnet.optim.SGD(model.parameters(), lr=0.5)
        >>> engine = fastnet.privacy.PrivacyEngine()
        >>> model, optimizer, loader = engine.make_private(module=model, optimizer=optimizer, data_loader=loader,
        ...                                                noise_multiplier=1.0, max_grad_norm=1.0)
        >>> for inputs, target in loader:
        ...     optimizer.zero_grad()
        ...     nn.functional.cross_entropy(model(inputs), target).backward()
        ...     optimizer.step()
        >>> engine
        PrivacyEngine(accountant=PRVAccountant(steps=10))
    """

    def __init__(self, *, accountant: str = "prv", seed: int | None = None) -> None:
        self.accountant: Accountant = create_accountant(accountant)
        self.noise_multiplier: float | None = None
        self.sample_rate: float | None = None
        self._seed = None if seed is None else whole_number("seed", seed, 0)

    def __repr__(self) -> str:
        return repr_of(self, accountant=self.accountant)

    def make_private(self, *, module: _Module, optimizer: _Optimizer, data_loader: DataLoader,
                     noise_multiplier: float, max_grad_norm: float, loss_reduction: Reduction = "mean",
                     ) -> tuple[_Module, _Optimizer, DPDataLoader]:
        """Make training of a module private. Module and optimizer are returned as they are; the loader is a new one.

        Use the new loader with one backward() and one step for each batch, in a loop, under `fastnet.compile` or with
        a `Trainer`. The parameters stay private as long as they exist; load the trained weights into a new module to
        train without privacy.

        On several ranks, give a `fastnet.distributed.DistributedDataParallel` and the same loader of all samples on
        each rank: each rank draws from its own part of the samples, clips their gradients and adds its part of the
        noise. Their mean is the gradient above, with the same epsilon.

        Args:
            module: its parameters become private. Each sample's output must depend on that sample only, and
                samples come first in the shape of each result. Layers that mix samples are refused by name. Code of
                your own is called with a few samples, as the Trainer would, and refused if an output changes with the
                other samples. A module that cannot be called so is not checked, and a warning says why. A loss is not
                checked.
            optimizer: of parameters of the module.
            data_loader: a fastnet.data.DataLoader. Its `batch_size` is the expected size of the new loader's batches,
                on all ranks together.
            noise_multiplier: standard deviation of the noise, in units of max_grad_norm. 0: none, without privacy.
            max_grad_norm: the bound of the norm of a sample's gradient.
            loss_reduction: "mean" if the loss is the mean over the rows of a batch, or "sum". Neither may depend on
                other samples, as a mean over the tokens of all samples, or with the weights of classes, does.

        Returns:
            (module, optimizer, a `DPDataLoader`).

        Raises:
            TypeError: arguments of other types.
            ValueError: a layer or an output that mixes samples (named), parameters of several dtypes, an optimizer of
                other parameters, numbers out of range, a loader without batches, a module that is private already; on
                several ranks, a module without DistributedDataParallel, or ranks with other settings or data.

        Example:
            >>> import numpy as np, fastnet
            >>> x, y = np.eye(40, 4, dtype="f"), np.arange(40) % 2
            >>> model, engine = fastnet.nn.Linear(4, 2), fastnet.privacy.PrivacyEngine(accountant="rdp")
            >>> model, optimizer, loader = engine.make_private(
            ...     module=model, optimizer=fastnet.optim.SGD(model.parameters(), lr=0.1), noise_multiplier=1.0,
            ...     data_loader=fastnet.data.DataLoader(fastnet.data.TensorDataset(x, y), batch_size=10),
            ...     max_grad_norm=1.0)
            >>> loader.sample_rate, loader.expected_batch_size
            (0.25, 10.0)
        """
        sample_rate = sample_rate_of(data_loader)
        check_step(noise_multiplier, sample_rate)
        noise_multiplier = float(noise_multiplier)
        check_number("max_grad_norm", max_grad_norm)
        if not 0 < max_grad_norm < math.inf:
            raise ValueError(f"make_private: expected max_grad_norm above 0, got {max_grad_norm}")
        if loss_reduction not in ("mean", "sum"):
            raise one_of("loss_reduction", loss_reduction, ("mean", "sum"))
        ModuleValidator.validate(module, strict=True)
        share = share_of(module)
        parameters = _private_parameters(module, optimizer)
        masks = BatchMasks(next(iter(parameters.values()))._data.dtype)
        random = np.random.Generator(np.random.Philox(self._new_seed(128, share.rank)))
        loader = DPDataLoader(data_loader, masks, random, lambda: self.accountant.step(
            noise_multiplier=noise_multiplier, sample_rate=sample_rate), share)
        check_ranks_agree(data_loader, {"noise_multiplier": noise_multiplier, "loss_reduction": loss_reduction,
                                        "max_grad_norm": float(max_grad_norm)})
        check_samples_are_independent(wrapped_module(module), data_loader)
        settings = Clipping(float(max_grad_norm), share.noise_multiplier(noise_multiplier),
                            share.expected_batch_size(loader.expected_batch_size), loss_reduction == "mean")
        self.noise_multiplier, self.sample_rate = noise_multiplier, sample_rate
        names = {id(p): name for name, p in parameters.items()}
        generator = Generator(self._new_seed(64, share.rank))
        collect_gradients(parameters.values(), NoisySum(names, masks, settings, generator, share))
        return module, optimizer, loader

    def make_private_with_epsilon(self, *, module: _Module, optimizer: _Optimizer, data_loader: DataLoader,
                                  target_epsilon: float, target_delta: float, epochs: int, max_grad_norm: float,
                                  loss_reduction: Reduction = "mean",
                                  ) -> tuple[_Module, _Optimizer, DPDataLoader]:
        """`make_private` with the noise multiplier that spends `target_epsilon` in a number of epochs.

        Args:
            module, optimizer, data_loader, max_grad_norm, loss_reduction: as in `make_private`.
            target_epsilon: the epsilon after these epochs.
            target_delta: the delta that it is for; it should be below one over the number of samples.
            epochs: passes over the data.

        Returns:
            (module, optimizer, a `DPDataLoader`).

        Raises:
            ValueError: as in `make_private`; an epsilon that no noise reaches; an engine that has spent some already.
            ImportError: dp-accounting is not installed.

        Example:
            >>> import numpy as np, fastnet
            >>> x, y = np.eye(40, 4, dtype="f"), np.arange(40) % 2
            >>> model, engine = fastnet.nn.Linear(4, 2), fastnet.privacy.PrivacyEngine(accountant="rdp")
            >>> model, optimizer, loader = engine.make_private_with_epsilon(
            ...     module=model, optimizer=fastnet.optim.SGD(model.parameters(), lr=0.1), target_epsilon=3.0,
            ...     data_loader=fastnet.data.DataLoader(fastnet.data.TensorDataset(x, y), batch_size=10),
            ...     target_delta=1e-2, epochs=5, max_grad_norm=1.0)
            >>> engine.accountant.after(noise_multiplier=engine.noise_multiplier, sample_rate=loader.sample_rate,
            ...                         steps=5 * len(loader)).get_epsilon(1e-2) <= 3.0
            True
        """
        if len(self.accountant):
            raise ValueError(f"make_private_with_epsilon: expected an engine without steps, got one with "
                             f"{len(self.accountant)}, whose epsilon is {self.get_epsilon(target_delta):.3g} already; "
                             "use a new PrivacyEngine for other data, or make_private with a noise_multiplier")
        noise = get_noise_multiplier(
            target_epsilon=target_epsilon, target_delta=target_delta, sample_rate=sample_rate_of(data_loader),
            epochs=epochs, accountant=self.accountant.mechanism())
        return self.make_private(module=module, optimizer=optimizer, data_loader=data_loader, noise_multiplier=noise,
                                 max_grad_norm=max_grad_norm, loss_reduction=loss_reduction)

    def get_epsilon(self, delta: float) -> float:
        """The epsilon spent so far: that of all batches that the loaders of this engine have given.

        Args:
            delta: as in `Accountant.get_epsilon`.

        Raises:
            ValueError: a delta out of range.
            ImportError: dp-accounting is not installed.

        Example:
            >>> import fastnet
            >>> fastnet.privacy.PrivacyEngine().get_epsilon(1e-5)       # no batch so far
            0.0
        """
        return self.accountant.get_epsilon(delta)

    def state_dict(self) -> dict[str, Any]:
        """The steps so far, for `load_state_dict` of the engine of a resumed training. It holds no random state."""
        return self.accountant.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Count the steps of an earlier training, from its `state_dict`.

        Args:
            state: the result of `state_dict`.

        Raises:
            ValueError: no such state.

        Example:
            >>> import fastnet
            >>> first, second = fastnet.privacy.PrivacyEngine(), fastnet.privacy.PrivacyEngine()
            >>> first.accountant.step(noise_multiplier=1.0, sample_rate=0.01)
            >>> second.load_state_dict(first.state_dict())
            >>> second
            PrivacyEngine(accountant=PRVAccountant(steps=1))
        """
        self.accountant.load_state_dict(state)

    def _new_seed(self, bits: int, rank: int) -> int:
        """A secret seed; with a seed for tests, one that follows from it, another one on each rank."""
        if self._seed is None:
            return secrets.randbits(bits)
        if rank == 0:
            return self._seed % 2**bits
        return int(np.random.SeedSequence((self._seed, rank)).generate_state(1, np.uint64)[0])


def _private_parameters(module: nn.Module, optimizer: optim.Optimizer) -> dict[str, Tensor]:
    """The parameters of a module by name, checked against the optimizer. Frozen ones would be private, too."""
    parameters: dict[str, Tensor] = dict(module.named_parameters())
    if not any(p.requires_grad for p in parameters.values()):
        raise ValueError("make_private: expected a module with trainable parameters, got none")
    private = set(map(id, parameters.values()))
    given = [p for group in optimizer.param_groups for p in group["params"]]
    others = [tuple(p.shape) for p in given if id(p) not in private]
    if others:
        raise ValueError("make_private: expected an optimizer of parameters of the module, got one with others, of "
                         f"shapes {', '.join(map(str, others))}, whose gradients would have no noise")
    dtypes = sorted({p.dtype.name for p in parameters.values()})
    if len(dtypes) > 1:
        raise ValueError(f"make_private: expected parameters of one dtype, got {' and '.join(dtypes)}")
    for name, p in parameters.items():
        if is_collected(p):
            raise ValueError(f"make_private: the parameter {name!r} is private already; load its value into a new "
                             "module")
    return parameters
