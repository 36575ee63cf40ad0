"""What happens beside the training: the moments at which it can, and what a callback keeps."""
import math
import weakref

from fastnet._core.errors import check_number, one_of


class Callback:
    """Something that is done at certain moments of a training. Subclass it and define the moments that you need.

    Every method gets the Trainer, whose `model`, `optimizer`, `epoch` and `batch` (counted from 0), `step`, `logs` (the
    row that the history will get), `history` and `stop` (set it to True to end the training) are there to be read and
    changed. What `state_dict` gives is part of checkpoints.

    `before_update` and `after_update` are part of the compiled step: their operations on tensors are recorded once and
    replayed at every update, so they follow the rules of `fastnet.compile`.

    Example:
        >>> import numpy as np, fastnet
        >>> class Shout(fastnet.callbacks.Callback):
        ...     def on_epoch_end(self, trainer):
        ...         print("epoch", trainer.logs["epoch"], "is done")
        >>> trainer = fastnet.Trainer(fastnet.nn.Linear(2, 1), loss="mse")
        >>> x, y = np.zeros((4, 2), np.float32), np.zeros(4, np.float32)
        >>> _ = trainer.fit(x, y, epochs=2, callbacks=[Shout()], progress=False)
        epoch 1 is done
        epoch 2 is done
    """

    priority = 0                        # callbacks act in rising order, at the end of the training in falling order

    def on_fit_begin(self, trainer):
        """Before the first epoch, and before a checkpoint is loaded."""

    def on_epoch_begin(self, trainer):
        """Before the first batch of an epoch, or before the first after a resumption."""

    def on_batch_end(self, trainer):
        """After a batch: `trainer.updated` tells whether the weights were changed with it."""

    def on_validation_begin(self, trainer):
        """After the last batch of an epoch, before the validation data is measured on, if there is any."""

    def on_epoch_end(self, trainer):
        """After an epoch and its validation: the last row of `trainer.history` is this epoch's."""

    def on_fit_end(self, trainer):
        """After the last epoch, or where `trainer.stop` ended it; not after an error."""

    def close(self, trainer):
        """After everything, also after an error: to give back what is held."""

    def before_update(self, trainer):
        """Inside the compiled step, between backward() and the optimizer's step()."""

    def after_update(self, trainer):
        """Inside the compiled step, after the optimizer's step(), without gradients."""

    def state_dict(self):
        """What a checkpoint must hold: nested dictionaries and lists of numbers, strings, arrays and tensors."""
        return {}

    def load_state_dict(self, state):
        """Go on from what `state_dict` gave."""


def changes_step(callback):
    """Whether a callback has a part in the compiled step."""
    kind = type(callback)
    return kind.before_update is not Callback.before_update or kind.after_update is not Callback.after_update


class Monitor:
    """The best value of a number in the logs.

    Args:
        name: such as "validation_loss".
        mode: "min", "max", or "auto": the larger the better for metrics that say so, else the smaller.
        min_delta: by how much a value must be better to count.
    """

    def __init__(self, name, mode="auto", min_delta=0.0):
        if not isinstance(name, str):
            raise TypeError(f"expected monitor to be the name of a number in the logs, such as 'validation_loss', got "
                            f"{name!r}")
        if mode not in ("auto", "min", "max"):
            raise one_of("mode", mode, ("auto", "min", "max"))
        check_number("min_delta", min_delta)
        if not min_delta >= 0:
            raise ValueError(f"expected min_delta >= 0, got {min_delta}")
        self.name, self.mode, self.min_delta, self.best = name, mode, min_delta, None
        self._model = None              # a weak reference to the one that the best value is of

    def __getstate__(self):
        return self.__dict__ | {"_model": None}

    def begin(self, trainer):
        """Forget the best value unless it is of the trainer's model; returns whether it was forgotten."""
        if self._model is not None and self._model() is trainer.model:
            return False
        self.best, self._model = None, weakref.ref(trainer.model)
        return True

    def improved(self, trainer):
        """Whether the epoch's value is the best so far, which it then becomes.

        Raises:
            ValueError: no such number is in the logs.
        """
        value = trainer.logs.get(self.name)
        if not isinstance(value, (int, float)):
            known = [name for name, v in trainer.logs.items() if isinstance(v, (int, float))]
            hint = "; give fit() validation_data or validation_split" if self.name.startswith("validation_") else ""
            raise ValueError(f"there is no {self.name!r} to watch: choose from {', '.join(map(repr, known))}{hint}")
        sign = 1 if self._larger_is_better(trainer) else -1
        better = not math.isnan(value) and (self.best is None or sign * (value - self.best) > self.min_delta)
        if better:
            self.best = value
        return better

    def _larger_is_better(self, trainer):
        if self.mode != "auto":
            return self.mode == "max"
        name = self.name.removeprefix("validation_")
        return any(metric.name == name and metric.larger_is_better for metric in trainer.metrics)
