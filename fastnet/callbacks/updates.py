"""What changes the update itself: several batches to one, clipped gradients, averaged weights."""
import fastnet
from fastnet import nn
from fastnet._core.errors import check_number, whole_number
from fastnet.callbacks.base import Callback


class GradientAccumulation(Callback):
    """Updates the weights once for every `batches` batches: a large batch in little memory.

    The gradient of an update is that of one batch of all their samples, whatever their sizes and weights. The last
    update of an epoch takes the batches that are left.

    Args:
        batches: how many make an update.

    Raises:
        TypeError, ValueError: batches is no whole number from 1.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.GradientAccumulation(4).batches
        4
    """

    def __init__(self, batches):
        if whole_number("batches", batches, None) < 1:
            raise ValueError(f"expected at least one batch an update, got {batches}")
        self.batches = batches

    def on_fit_begin(self, trainer):
        trainer.accumulate = self.batches       # of which a checkpoint takes note


class GradientClipping(Callback):
    """Scales gradients down before each update so that their norm is at most `max_norm`, or cuts each at `value`.

    Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", https://arxiv.org/abs/1211.5063.

    Args:
        max_norm: of all gradients together.
        value: of each number, instead.

    Raises:
        TypeError: a bound that is no number.
        ValueError: neither or both are given, or one that is not positive.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.GradientClipping(1.0).max_norm
        1.0
    """

    def __init__(self, max_norm=None, *, value=None):
        if (max_norm is None) == (value is None):
            raise ValueError(f"expected either max_norm or value, got max_norm={max_norm} and value={value}")
        name, bound = ("max_norm", max_norm) if value is None else ("value", value)
        check_number(name, bound)
        if not bound > 0:
            raise ValueError(f"expected a positive bound, got {bound}")
        self.max_norm, self.value = max_norm, value

    def before_update(self, trainer):
        parameters = [p for group in trainer.optimizer.param_groups for p in group["params"]]
        if self.value is None:
            nn.utils.clip_grad_norm_(parameters, self.max_norm)
        else:
            nn.utils.clip_grad_value_(parameters, self.value)


class ExponentialMovingAverage(Callback):
    """Averages the weights over the updates: average = decay * average + (1 - decay) * weight.

    Validation measures the averaged weights, callbacks at the end of an epoch see and save them, and the training ends
    with them. Buffers (batch norm's statistics) are the model's own. Polyak and Juditsky 1992,
    https://doi.org/10.1137/0330046.

    Args:
        decay: between 0 and 1; the average spans about 1 / (1 - decay) updates.

    Raises:
        TypeError: decay is no number.
        ValueError: decay out of range.

    Example:
        >>> import fastnet
        >>> fastnet.callbacks.ExponentialMovingAverage(0.99).decay
        0.99
    """

    priority = 1                        # after those that save or judge the averaged weights of an epoch

    def __init__(self, decay=0.999):
        check_number("decay", decay)
        if not 0 <= decay < 1:
            raise ValueError(f"expected 0 <= decay < 1, got {decay}")
        self.decay = decay
        self._averages, self._raw = [], None

    def on_fit_begin(self, trainer):
        self._averages = [p.detach().clone() for p in trainer.model.parameters()]
        self._raw = None

    def after_update(self, trainer):
        for average, p in zip(self._averages, trainer.model.parameters()):
            average.mul_(self.decay).add_(p.detach(), alpha=1 - self.decay)

    def on_validation_begin(self, trainer):
        self._raw = [p.detach().clone() for p in trainer.model.parameters()]
        self._write(trainer, self._averages)

    def on_epoch_end(self, trainer):
        self._restore(trainer)

    def close(self, trainer):
        self._restore(trainer)          # after an error in the validation

    def on_fit_end(self, trainer):
        if not trainer.interrupted:
            self.on_validation_begin(trainer)           # until all are written, `close` would put the raw ones back
            self._raw = None

    def state_dict(self):
        return {"averages": self._averages}

    def load_state_dict(self, state):
        with fastnet.no_grad():
            for average, saved in zip(self._averages, state["averages"]):
                average.copy_(saved)

    def _restore(self, trainer):
        if self._raw is not None:
            self._write(trainer, self._raw)
            self._raw = None

    def _write(self, trainer, values):
        with fastnet.no_grad():
            for p, value in zip(trainer.model.parameters(), values):
                p.copy_(value)
