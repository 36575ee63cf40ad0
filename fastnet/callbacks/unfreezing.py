"""Gradual unfreezing as a callback."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fastnet._core.errors import whole_number
from fastnet.callbacks.base import Callback
from fastnet.transfer.freezing import unfreeze
from fastnet.transfer.patterns import as_patterns, is_below, require_match

if TYPE_CHECKING:
    from fastnet.training import Trainer

__all__ = ["GradualUnfreezing"]

_CALLBACK = "GradualUnfreezing"             # in errors


class GradualUnfreezing(Callback):
    """Unfreeze the layers of a model one group after the other, usually from the head towards the input.

    Freeze the model with `fastnet.transfer.freeze` first, and create the optimizer from all parameters. Howard and
    Ruder 2018, "Universal language model fine-tuning for text classification", https://arxiv.org/abs/1801.06146.

    Args:
        patterns: of the groups, in the order in which they are unfrozen; one pattern for each group, or a list of
            several. See `fastnet.transfer.freeze`.
        start: epochs of a `fit` before the first group is unfrozen.
        every: epochs from one group to the next.

    Raises:
        TypeError: a pattern is not a string, or a number is not whole.
        ValueError: no patterns, or a number out of range; in training, a pattern that matches nothing, or an optimizer
            without the parameters.

    Example:
        >>> import fastnet, numpy as np
        >>> from fastnet.transfer import freeze
        >>> model = fastnet.nn.Sequential(fastnet.nn.Linear(3, 4), fastnet.nn.ReLU(), fastnet.nn.Linear(4, 2))
        >>> _ = freeze(model, "0")
        >>> trainer = fastnet.Trainer(model, loss="cross_entropy")
        >>> callback = fastnet.callbacks.GradualUnfreezing(["0"], start=1)
        >>> x, y = np.zeros((8, 3), np.float32), np.arange(8) % 2
        >>> _ = trainer.fit(x, y, epochs=2, callbacks=callback, progress=False)
        >>> model[0].weight.requires_grad
        True
    """

    def __init__(self, patterns: str | Iterable[str | Sequence[str]], *, start: int = 1, every: int = 1) -> None:
        given = [patterns] if isinstance(patterns, str) or not isinstance(patterns, Iterable) else patterns
        self.patterns: list[str | list[str]] = [group if isinstance(group, str) else as_patterns(_CALLBACK, group)
                                                for group in given]
        as_patterns(_CALLBACK, self._first(len(self.patterns)))         # at least one, and none is empty
        self.start: int = whole_number("start", start, 0)
        self.every: int = whole_number("every", every, 1)

    def on_fit_begin(self, trainer: Trainer) -> None:
        patterns = self._first(len(self.patterns))
        require_match(_CALLBACK, trainer.model, patterns)
        known = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
        for path, p in trainer.model.named_parameters():
            if id(p) not in known and any(is_below(path, pattern) for pattern in patterns):
                raise ValueError(f"{_CALLBACK}: the optimizer does not have the parameter {path!r}: create it "
                                 "from all parameters of the model")

    def on_epoch_begin(self, trainer: Trainer) -> None:
        passed = trainer.epoch - trainer.first_epoch - self.start
        if passed >= 0:                 # all of them again: a resumed training begins in the middle
            unfreeze(trainer.model, self._first(passed // self.every + 1))
            trainer.model.train()

    def _first(self, count: int) -> list[str]:
        """The patterns of the first groups."""
        return [pattern for group in self.patterns[:count] for pattern in as_patterns(_CALLBACK, group)]
