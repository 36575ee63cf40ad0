"""A callback that keeps a training within its privacy budget."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.errors import given_text
from fastnet.callbacks import Callback
from fastnet.privacy.accountants import check_delta, check_target_epsilon, get_noise_multiplier
from fastnet.privacy.engine import PrivacyEngine

if TYPE_CHECKING:
    from fastnet.training import Trainer

__all__ = ["PrivacyBudget"]


class PrivacyBudget(Callback):
    """Log the epsilon spent so far after each epoch, and keep it in checkpoints.

    Args:
        engine: the PrivacyEngine that made the loader.
        delta: the delta that epsilon is for.
        target_epsilon: the largest epsilon at the end of `fit`, or None.

    Raises:
        TypeError: not a PrivacyEngine, or a value that is not a number.
        ValueError: a number out of range; when `fit` begins, if its epochs would spend more than target_epsilon. The
            message names the noise multiplier and the number of epochs that would not.

    Example:
        >>> import fastnet
        >>> engine = fastnet.privacy.PrivacyEngine()
        >>> fastnet.privacy.PrivacyBudget(engine, delta=1e-5, target_epsilon=3.0)
        PrivacyBudget(delta=1e-05, target_epsilon=3.0)
    """

    def __init__(self, engine: PrivacyEngine, delta: float, target_epsilon: float | None = None) -> None:
        if not isinstance(engine, PrivacyEngine):
            raise TypeError(f"PrivacyBudget: expected a PrivacyEngine, got {given_text(engine)}")
        check_delta(delta)
        if target_epsilon is not None:
            check_target_epsilon(target_epsilon)
        self.delta, self.target_epsilon = delta, target_epsilon
        self._engine = engine

    def on_fit_begin(self, trainer: Trainer) -> None:
        steps = trainer.total_steps()
        if self.target_epsilon is None or not steps:
            return
        epsilon = self._epsilon_after(steps)
        if epsilon > self.target_epsilon:
            raise ValueError(
                f"target_epsilon={self.target_epsilon:g} cannot be kept: with noise_multiplier="
                f"{self._engine.noise_multiplier:g}, epsilon will be {epsilon:.3g} after {steps} steps. "
                f"{self._advice(steps)}; at most {self._affordable(steps)} steps would keep it with this noise")

    def on_epoch_end(self, trainer: Trainer) -> None:
        trainer.logs["epsilon"] = self._engine.get_epsilon(self.delta)

    def state_dict(self) -> dict[str, Any]:
        return self._engine.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._engine.load_state_dict(state)

    def _epsilon_after(self, steps: int) -> float:
        """Epsilon after further steps."""
        noise, rate = self._engine.noise_multiplier, self._engine.sample_rate
        if noise is None or rate is None:
            raise ValueError("PrivacyBudget: expected an engine whose make_private() was called")
        later = self._engine.accountant.after(noise_multiplier=noise, sample_rate=rate, steps=steps)
        return later.get_epsilon(self.delta)

    def _advice(self, steps: int) -> str:
        """Which noise would keep the budget, if the training began anew."""
        target, rate = self.target_epsilon, self._engine.sample_rate
        assert target is not None and rate is not None      # on_fit_begin checked both
        noise = get_noise_multiplier(target_epsilon=target, target_delta=self.delta, sample_rate=rate, steps=steps,
                                     accountant=self._engine.accountant.mechanism())
        return f"noise_multiplier={noise:.3g} would keep it in a new training"

    def _affordable(self, steps: int) -> int:
        """The largest number of further steps that keeps the budget."""
        target: Any = self.target_epsilon
        low, high = -1, steps
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._epsilon_after(middle) <= target else (low, middle)
        return max(low, 0)
