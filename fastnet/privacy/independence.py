"""The check that a module's output for a sample does not depend on the other samples of its batch."""
from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.state import warn_user
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.random import fork_rng

if TYPE_CHECKING:
    from fastnet import nn
    from fastnet._core.annotations import Array
    from fastnet.data import DataLoader

__all__ = ["check_samples_are_independent"]

_PROBE_ROWS = 8                               # as in the batches of a private loader, a multiple of 8
_REPEATS = 3                            # further calls before a module is refused
# The batches have one shape, so equal rows give equal bits, unless samples are gathered before they are computed
_TOLERANCE, _TOLERANCE_OF_HALF = 1e-3, 5e-2

_Outputs = dict[str, "Array"]


def check_samples_are_independent(module: nn.Module, loader: DataLoader) -> None:
    """Refuse a module whose output for a sample changes with the other samples of the batch.

    A copy of the module is called with eight samples of the dataset, and with eight times the first or the last of
    them, with the same random numbers. This sample's output must be the same. A warning tells if the module cannot be
    called so, with the inputs of the loader, as the Trainer calls it. Not checked are outputs whose first dimension is
    not that of the samples, and a module whose outputs differ from call to call.

    Args:
        module: the module, which does not change.
        loader: of the samples.

    Raises:
        ValueError: such a module; the message names the output.

    Example:
        >>> import numpy as np, fastnet
        >>> from fastnet.privacy.independence import check_samples_are_independent
        >>> loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(np.eye(8, 4, dtype="f"), np.arange(8)), 4)
        >>> check_samples_are_independent(fastnet.nn.Linear(4, 2), loader)
        >>> try:
        ...     check_samples_are_independent(fastnet.nn.BatchNorm1d(4), loader)
        ... except ValueError as error:
        ...     print(str(error)[:85])
        make_private: expected a module whose output for a sample depends on that sample only
    """
    rows = np.arange(_PROBE_ROWS)
    batch = loader.loaded(rows % len(loader.dataset), 0, 0)
    try:
        mixed = _mixed_output(module, batch[:-1] or batch, rows)
    except Exception as error:          # of the user's code, which may expect other inputs
        warn_user(f"make_private: the module was not checked for outputs that mix the samples of a batch, because a "
                  f"call with {_PROBE_ROWS} samples failed: {type(error).__name__}: {error}. If its output for a "
                  "sample depends on other samples, epsilon does not hold")
        return
    if mixed is not None:
        raise ValueError(
            "make_private: expected a module whose output for a sample depends on that sample only, but the "
            f"output{mixed} for a sample changes with the other samples of the batch. Clipping bounds the "
            "gradient of each sample's own loss; if a sample also changes the losses of others, epsilon does "
            "not hold. Replace what is computed over the batch, such as its mean, by something computed for "
            "each sample, as GroupNorm does, or by constants")


def _mixed_output(module: nn.Module, inputs: tuple[Tensor, ...], rows: Array) -> str | None:
    """The place of an output for a row that changes with the other rows of the inputs, or None."""
    whole = _outputs_of_rows(module, inputs, rows)
    for row in (rows[0], rows[-1]):
        copies = np.full_like(rows, row)
        alone = _outputs_of_rows(module, inputs, copies)
        for place in whole.keys() & alone.keys():
            if (_is_changed(whole[place], alone[place], row)
                    and _is_certain(module, inputs, [(rows, whole), (copies, alone)], place)):
                return place
    return None


def _outputs_of_rows(module: nn.Module, inputs: tuple[Tensor, ...], rows: Array) -> _Outputs:
    """The floating-point outputs for these rows of the inputs, by place."""
    with _same_random_numbers(), no_grad():
        result = copy.deepcopy(module)(*(x[rows] for x in inputs))
    return {place: tensor.detach().numpy() for place, tensor in _placed_tensors(result) if tensor.is_floating_point()}


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Context that restores the global random states at its end."""
    python, numpy = random.getstate(), np.random.get_state()     # noqa: NPY002 (programs draw from it)
    try:
        with fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)          # noqa: NPY002


def _placed_tensors(value: Any, place: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a nested result with their places, such as "[0]['logits']"."""
    if isinstance(value, Tensor):
        yield place, value
    elif isinstance(value, (tuple, list)):
        for i, item in enumerate(value):
            yield from _placed_tensors(item, f"{place}[{i}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _placed_tensors(item, f"{place}[{key!r}]")


def _is_changed(whole: Array, alone: Array, row: int) -> bool:
    """Whether the output of a row differs; numbers that are not finite do not."""
    if not whole.ndim or whole.shape != alone.shape or row >= whole.shape[0]:
        return False
    a, b = whole[row].astype(np.float64), alone[row].astype(np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    scale = max(np.abs(a[both]).max(initial=0), np.abs(b[both]).max(initial=0))
    tolerance = _TOLERANCE_OF_HALF if whole.dtype.itemsize == 2 else _TOLERANCE
    return bool(np.abs(a[both] - b[both]).max(initial=0) > tolerance * scale)


def _is_certain(module: nn.Module, inputs: tuple[Tensor, ...], found: list[tuple[Array, _Outputs]],
                place: str) -> bool:
    """Whether further calls repeat an output, and show that its first dimension is that of the samples.

    Args:
        module, inputs: of the calls.
        found: the calls so far, as (rows, outputs).
        place: of the output.
    """
    for rows, outputs in found * _REPEATS:
        again = _outputs_of_rows(module, inputs, rows)
        if place not in again or not np.array_equal(again[place], outputs[place], equal_nan=True):
            return False
    rows, outputs = found[0]
    twice = _outputs_of_rows(module, inputs, np.tile(rows, 2))
    return outputs[place].shape[0] == len(rows) and place in twice and twice[place].shape[:1] == (2 * len(rows),)
