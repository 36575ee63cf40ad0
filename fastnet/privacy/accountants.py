"""Privacy accountants: the epsilon of many steps, computed by the package dp-accounting."""
from __future__ import annotations

import math
from typing import Any, ClassVar

from fastnet._core.errors import check_number, one_of, whole_number
from fastnet._core.optional import optional
from fastnet._core.reprs import repr_of

__all__ = ["Accountant", "PRVAccountant", "RDPAccountant", "check_delta", "check_step", "check_target_epsilon",
           "create_accountant", "get_noise_multiplier"]

_LARGEST_NOISE = 1e4                    # beyond it, a gradient is noise for any model and any number of steps
_SMALLEST_NOISE = 0.05
# Orders of Renyi divergences. Below 2 their series converge slowly.
_RENYI_ORDERS = [2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, *range(8, 65), 72, 80, 96, 128,
                 160, 192, 256, 384, 512, 1024]
_NOISE_TOLERANCE = 5e-3                 # relative, of the noise that is searched for


class Accountant:
    """The privacy spent by steps of noisy sums of Poisson samples.

    A step takes each sample with the probability `sample_rate`, and adds normal noise with the standard deviation
    `noise_multiplier` to a sum to which each sample contributes a vector of norm at most 1. Epsilon compares two
    datasets of which one has one sample more.

    Attributes:
        history: (noise_multiplier, sample_rate, steps) of the steps so far.

    Example:
        >>> import fastnet
        >>> accountant = fastnet.privacy.create_accountant("prv")
        >>> for _ in range(100):
        ...     accountant.step(noise_multiplier=1.0, sample_rate=0.01)
        >>> isinstance(accountant, fastnet.privacy.Accountant), len(accountant)
        (True, 100)
    """

    _mechanism: ClassVar[str]

    def __init__(self) -> None:
        self.history: list[tuple[float, float, int]] = []
        self._epsilons: dict[Any, float] = {}

    def step(self, *, noise_multiplier: float, sample_rate: float) -> None:
        """Count a step.

        Args:
            noise_multiplier: 0 or more; 0: without noise.
            sample_rate: above 0 and at most 1.

        Raises:
            ValueError: a number out of range.

        Example:
            >>> import fastnet
            >>> accountant = fastnet.privacy.RDPAccountant()
            >>> accountant.step(noise_multiplier=1.0, sample_rate=0.01)
            >>> accountant.history
            [(1.0, 0.01, 1)]
        """
        check_step(noise_multiplier, sample_rate)
        if self.history and self.history[-1][:2] == (noise_multiplier, sample_rate):
            self.history[-1] = noise_multiplier, sample_rate, self.history[-1][2] + 1
        else:
            self.history.append((noise_multiplier, sample_rate, 1))

    def after(self, *, noise_multiplier: float, sample_rate: float, steps: int) -> Accountant:
        """A new accountant of the steps so far and further ones.

        Args:
            noise_multiplier, sample_rate: as in `step`.
            steps: the number of further steps, 0 or more.

        Raises:
            ValueError: a number out of range.

        Example:
            >>> import fastnet
            >>> fastnet.privacy.RDPAccountant().after(noise_multiplier=1.0, sample_rate=0.01, steps=500)
            RDPAccountant(steps=500)
        """
        check_step(noise_multiplier, sample_rate)
        whole_number("steps", steps, 0)
        later = type(self)()
        later.history = [*self.history, *([(noise_multiplier, sample_rate, steps)] if steps else [])]
        return later

    def get_epsilon(self, delta: float) -> float:
        """The smallest epsilon for which the steps so far are (epsilon, delta)-private, as far as can be shown.

        Args:
            delta: the probability that is left out, above 0 and below 1. It should be below one over the number of
                samples.

        Raises:
            ValueError: a delta out of range.
            ImportError: dp-accounting is not installed.

        Example:
            >>> import fastnet
            >>> accountant = fastnet.privacy.RDPAccountant()
            >>> accountant.step(noise_multiplier=0.0, sample_rate=0.01)     # without noise, nothing is private
            >>> accountant.get_epsilon(1e-5)
            inf
        """
        check_delta(delta)
        if not self.history:
            return 0.0
        if any(noise == 0 for noise, _, _ in self.history):
            return math.inf
        key = tuple(self.history), delta
        if key not in self._epsilons:
            self._epsilons = {key: self._epsilon(delta)}
        return self._epsilons[key]

    def _epsilon(self, delta: float) -> float:
        accounting = optional("dp_accounting", "epsilon")
        accountant = self._new()
        for noise, rate, steps in self.history:
            accountant.compose(accounting.PoissonSampledDpEvent(rate, accounting.GaussianDpEvent(noise)), steps)
        return float(accountant.get_epsilon(delta))

    def _new(self) -> Any:
        """An accountant of dp-accounting."""
        raise NotImplementedError

    @classmethod
    def mechanism(cls) -> str:
        """The name of the accountant, for `create_accountant`.

        Example:
            >>> import fastnet
            >>> fastnet.privacy.PRVAccountant.mechanism()
            'prv'
        """
        return cls._mechanism

    def state_dict(self) -> dict[str, Any]:
        """The steps so far, for `load_state_dict`."""
        return {"mechanism": self.mechanism(), "history": [list(entry) for entry in self.history]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the steps that `state_dict` returned.

        Raises:
            ValueError: no such state.

        Example:
            >>> import fastnet
            >>> first, second = fastnet.privacy.RDPAccountant(), fastnet.privacy.RDPAccountant()
            >>> first.step(noise_multiplier=1.0, sample_rate=0.01)
            >>> second.load_state_dict(first.state_dict())
            >>> second
            RDPAccountant(steps=1)
        """
        try:
            history = [(float(noise), float(rate), int(steps)) for noise, rate, steps in state["history"]]
            for noise, rate, steps in history:
                check_step(noise, rate)
                whole_number("steps", steps, 1)
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"expected the state that an accountant's state_dict() returns, got {state!r}") from None
        self.history = history

    def __len__(self) -> int:
        return sum(steps for _, _, steps in self.history)

    def __repr__(self) -> str:
        return repr_of(self, steps=len(self))


class RDPAccountant(Accountant):
    """Accountant by Renyi differential privacy. Fast; its epsilon is a little larger than that of `PRVAccountant`.

    Mironov 2017, https://arxiv.org/abs/1702.07476; Mironov et al. 2019, https://arxiv.org/abs/1908.10530.

    Example:
        >>> import fastnet
        >>> accountant = fastnet.privacy.RDPAccountant()
        >>> for _ in range(3750):
        ...     accountant.step(noise_multiplier=1.3, sample_rate=0.004)
        >>> accountant
        RDPAccountant(steps=3750)
    """

    _mechanism = "rdp"

    def _new(self) -> Any:
        return optional("dp_accounting.rdp", "epsilon").RdpAccountant(_RENYI_ORDERS)


class PRVAccountant(Accountant):
    """Accountant by the distribution of the privacy loss, composed numerically: epsilon is exact up to about 0.01%.

    Gopi et al. 2021, https://arxiv.org/abs/2106.02848; Doroshenko et al. 2022, https://arxiv.org/abs/2207.04380.

    Example:
        >>> import fastnet
        >>> fastnet.privacy.PRVAccountant().get_epsilon(1e-5)
        0.0
    """

    _mechanism = "prv"

    def _new(self) -> Any:
        return optional("dp_accounting.pld", "epsilon").PLDAccountant()


_ACCOUNTANTS: dict[str, type[Accountant]] = {kind.mechanism(): kind for kind in (PRVAccountant, RDPAccountant)}


def create_accountant(mechanism: str) -> Accountant:
    """A new accountant.

    Args:
        mechanism: "prv" or "rdp".

    Raises:
        ValueError: another name.

    Example:
        >>> import fastnet
        >>> fastnet.privacy.create_accountant("rdp")
        RDPAccountant(steps=0)
    """
    if mechanism not in _ACCOUNTANTS:
        raise one_of("accountant", mechanism, _ACCOUNTANTS)
    return _ACCOUNTANTS[mechanism]()


def check_delta(delta: float) -> None:
    """Refuse a delta that is not a number above 0 and below 1."""
    check_number("delta", delta)
    if not 0 < delta < 1:
        raise ValueError(f"expected delta above 0 and below 1, got {delta}")


def check_target_epsilon(epsilon: float) -> None:
    """Refuse a target that is not a finite number above 0."""
    check_number("target_epsilon", epsilon)
    if not 0 < epsilon < math.inf:
        raise ValueError(f"expected a finite target_epsilon above 0, got {epsilon}")


def check_step(noise_multiplier: float, sample_rate: float) -> None:
    """Refuse a noise that is not a finite number of 0 or more, and a rate that is not above 0 and at most 1."""
    check_number("noise_multiplier", noise_multiplier)
    check_number("sample_rate", sample_rate)
    if not 0 <= noise_multiplier < math.inf:
        raise ValueError(f"expected a finite noise_multiplier of 0 or more, got {noise_multiplier}")
    if not 0 < sample_rate <= 1:
        raise ValueError(f"expected sample_rate above 0 and at most 1, got {sample_rate}")


def get_noise_multiplier(*, target_epsilon: float, target_delta: float, sample_rate: float, epochs: int | None = None,
                         steps: int | None = None, accountant: str = "prv") -> float:
    """The smallest noise multiplier with which training is (target_epsilon, target_delta)-private, up to 0.5%.

    Args:
        target_epsilon: the largest epsilon.
        target_delta: the delta that it is for.
        sample_rate: the probability of a sample in each step.
        epochs: passes over the data: 1 / sample_rate steps each. Either these or `steps`.
        steps: the number of steps.
        accountant: "prv" or "rdp".

    Raises:
        ValueError: arguments out of range, or an epsilon that no noise reaches.
        ImportError: dp-accounting is not installed.

    Example:
        >>> import fastnet
        >>> noise = fastnet.privacy.get_noise_multiplier(target_epsilon=3.0, target_delta=1e-5, sample_rate=0.01,
        ...                                              epochs=10, accountant="rdp")
        >>> 0.86 < noise < 0.87
        True
    """
    if (epochs is None) == (steps is None):
        raise ValueError("get_noise_multiplier: expected either epochs or steps")
    check_target_epsilon(target_epsilon)
    check_delta(target_delta)
    check_step(1.0, sample_rate)
    if steps is None:
        steps = whole_number("epochs", epochs, 1) * round(1 / sample_rate)
    whole_number("steps", steps, 1)
    noise = _noise_for(target_epsilon, target_delta, sample_rate, steps, "rdp", 1.0, 2.0)
    if accountant != "rdp":             # slower; the noise that it asks for is a little smaller
        noise = _noise_for(target_epsilon, target_delta, sample_rate, steps, accountant, noise or _LARGEST_NOISE, 1.25)
    if noise is None:
        least = _epsilon(_LARGEST_NOISE, target_delta, sample_rate, steps, accountant)
        raise ValueError(f"target_epsilon={target_epsilon:g} cannot be reached with delta={target_delta:g} in {steps} "
                         f"steps of sample rate {sample_rate:.4g}: noise_multiplier={_LARGEST_NOISE:g} gives epsilon "
                         f"{least:.3g} by the accountant {accountant!r}"
                         + ("; the accountant 'prv' shows smaller ones" if accountant == "rdp" else ""))
    return noise


def _noise_for(target: float, delta: float, rate: float, steps: int, accountant: str, start: float,
            factor: float) -> float | None:
    """The smallest noise with an epsilon of at most `target`; None if that of the largest noise is larger.

    Args:
        start: a noise near it.
        factor: by which the noise grows or shrinks until the result lies between the last two.
    """
    def excess(noise: float) -> float:
        return math.log(max(_epsilon(noise, delta, rate, steps, accountant), 1e-9 * target) / target)
    high, of_high = start, excess(start)
    low, of_low = high, of_high
    while of_high > 0:
        if high >= _LARGEST_NOISE:
            return None
        low, of_low = high, of_high
        high = min(factor * high, _LARGEST_NOISE)
        of_high = excess(high)
    while of_low <= 0:
        if low <= _SMALLEST_NOISE:
            return low
        high, of_high = low, of_low
        low = max(low / factor, _SMALLEST_NOISE)
        of_low = excess(low)
    while high > low * (1 + _NOISE_TOLERANCE):
        # epsilon is nearly a power of the noise: the secant of the logarithms, but not too near to an end
        share = min(max(of_low / (of_low - of_high), 0.02), 0.98)
        middle = low * (high / low) ** share
        for noise in (middle * (1 - _NOISE_TOLERANCE / 3), middle * (1 + _NOISE_TOLERANCE / 3)):
            if low < noise < high:
                value = excess(noise)
                low, of_low, high, of_high = ((noise, value, high, of_high) if value > 0
                                              else (low, of_low, noise, value))
    return high


def _epsilon(noise: float, delta: float, rate: float, steps: int, accountant: str) -> float:
    counted = create_accountant(accountant).after(noise_multiplier=noise, sample_rate=rate, steps=steps)
    return counted.get_epsilon(delta)
