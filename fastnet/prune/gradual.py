"""Pruning during training: a callback of the Trainer."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastnet import nn
from fastnet._core.construction import from_numpy
from fastnet._core.errors import check_number, one_of, whole_number
from fastnet.callbacks import Callback
from fastnet.models.gpt import Projection
from fastnet.nn.utils.prune import identity
from fastnet.nn.utils.pruning import pruning_hook
from fastnet.prune.structured import ln_channels, prunable_parameters, restrict

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.training import Trainer

__all__ = ["GradualPruning"]

_WAYS = "l1_unstructured", "global_unstructured", "ln_channels"
_WITH_WEIGHTS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear,
                 Projection)


class GradualPruning(Callback):
    """Prune more and more of a model during its training.

    After update t the pruned fraction is s_f + (s_i - s_f) * (1 - (t - begin) / (end - begin))^3, from s_i =
    initial_sparsity at begin_step to s_f = final_sparsity at end_step: fast at first, while there is much to prune.
    Zhu and Gupta 2017, https://arxiv.org/abs/1710.01878. What is pruned stays so. The parameters have the form of
    `fastnet.nn.utils.prune` afterwards; `prune.remove` or `prune.compact` end it.

    Args:
        final_sparsity: the fraction that is pruned in the end, in [0, 1).
        end_step: the update of the last pruning; let some more updates follow it.
        begin_step: the update of the first pruning.
        frequency: how many updates from one pruning to the next.
        initial_sparsity: the fraction of the first pruning, at most final_sparsity.
        method: "l1_unstructured": the least weights of each parameter; "global_unstructured": of all together;
            "ln_channels": channels, as the function of this name.
        parameters: pairs (module, name); by default the weights of all convolutions and linear layers. Not for
            "ln_channels".
        example: for "ln_channels": a tensor, or a tuple of the arguments of the model's `forward`.

    Raises:
        TypeError: a number of another kind.
        ValueError: a number out of range, an unknown method, or parameters or an example that the method does not take.

    Example:
        >>> import numpy as np, fastnet
        >>> x, y = np.random.default_rng(0).normal(size=(64, 8)).astype("f"), np.arange(64) % 2
        >>> trainer = fastnet.Trainer(fastnet.nn.Linear(8, 2), loss="cross_entropy")
        >>> schedule = fastnet.prune.GradualPruning(0.75, end_step=6, frequency=2)
        >>> _ = trainer.fit(x, y, epochs=4, callbacks=[schedule], progress=False)
        >>> float((trainer.model.weight == 0).float().mean())
        0.75
        >>> [round(schedule.sparsity(step), 3) for step in (0, 2, 4, 6)]
        [0.0, 0.528, 0.722, 0.75]
    """

    def __init__(self, final_sparsity: float, *, end_step: int, begin_step: int = 0, frequency: int = 100,
                 initial_sparsity: float = 0.0,
                 method: Literal["l1_unstructured", "global_unstructured", "ln_channels"] = "l1_unstructured",
                 parameters: Iterable[tuple[nn.Module, str]] | None = None, example: Any = None) -> None:
        for name, value in (("final_sparsity", final_sparsity), ("initial_sparsity", initial_sparsity)):
            check_number(name, value)
        if not 0 <= initial_sparsity <= final_sparsity < 1:
            raise ValueError(f"GradualPruning: expected 0 <= initial_sparsity <= final_sparsity < 1, got "
                             f"{initial_sparsity} and {final_sparsity}")
        if method not in _WAYS:
            raise one_of("method of GradualPruning", method, _WAYS)
        if (method == "ln_channels") != (example is not None) or (method == "ln_channels" and parameters is not None):
            raise ValueError("GradualPruning: expected an example and no parameters with method 'ln_channels', and no "
                             "example with others")
        self.begin_step: int = whole_number("begin_step", begin_step, 0)
        self.end_step: int = whole_number("end_step", end_step, self.begin_step + 1)
        self.frequency: int = whole_number("frequency", frequency, 1)
        self.initial_sparsity: float = initial_sparsity
        self.final_sparsity: float = final_sparsity
        self.method: str = method
        self._given = None if parameters is None else [*parameters]
        self._example = example

    def sparsity(self, step: int) -> float:
        """The pruned fraction after a number of updates.

        Args:
            step: the number of updates.
        """
        done = min(max((step - self.begin_step) / (self.end_step - self.begin_step), 0.0), 1.0)
        return self.final_sparsity + (self.initial_sparsity - self.final_sparsity) * (1 - done)**3

    def on_fit_begin(self, trainer: Trainer) -> None:
        for module, name in self._pairs(trainer.model):         # a checkpoint that is loaded next has masks
            if pruning_hook(module, name) is None:
                identity(module, name)
        if trainer.step == self.begin_step == 0:
            self._prune(trainer.model, 0)

    def on_batch_end(self, trainer: Trainer) -> None:
        step = trainer.step
        if trainer.updated and self.begin_step <= step <= self.end_step and (
                (step - self.begin_step) % self.frequency == 0 or step == self.end_step):
            self._prune(trainer.model, step)

    def _pairs(self, model: nn.Module) -> Sequence[tuple[nn.Module, str]]:
        """The parameters that have masks."""
        if self.method == "ln_channels":
            return prunable_parameters(model, self._example)
        if self._given is not None:
            return self._given
        return [(module, "weight") for module in model.modules() if isinstance(module, _WITH_WEIGHTS)]

    def _prune(self, model: nn.Module, step: int) -> None:
        if self.method == "ln_channels":
            ln_channels(model, self._example, self.sparsity(step))
            return
        pairs = self._pairs(model)
        sizes = [np.abs(getattr(module, name).detach().numpy()) for module, name in pairs]
        sparsity = self.sparsity(step)
        masks = _masks_of_largest(sizes, sparsity) if self.method == "global_unstructured" else [
            _mask_of_largest(size, sparsity) for size in sizes]
        for (module, name), mask in zip(pairs, masks):
            restrict(module, name, from_numpy(mask))


def _mask_of_largest(sizes: Array, sparsity: float) -> Array:
    """A mask without the least entries; of equal ones the first."""
    mask = np.ones(sizes.shape, np.float32)
    order = np.argsort(sizes, axis=None, kind="stable")
    mask.reshape(-1)[order[:round(sparsity * sizes.size)]] = 0
    return mask


def _masks_of_largest(sizes: Sequence[Array], sparsity: float) -> list[Array]:
    """Masks without the least entries of all arrays together."""
    joined = _mask_of_largest(np.concatenate([size.reshape(-1) for size in sizes]), sparsity)
    parts = np.split(joined, np.cumsum([size.size for size in sizes])[:-1])
    return [np.ascontiguousarray(part.reshape(size.shape)) for part, size in zip(parts, sizes)]
