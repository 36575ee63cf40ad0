"""Data for calibration, and measures of models on them."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from fastnet._core.construction import as_tensor, from_numpy
from fastnet._core.errors import given_text, shape_text
from fastnet._core.tensor import Tensor
from fastnet._replay.compiled import compile
from fastnet.autograd import no_grad
from fastnet.nn.evaluation import median_seconds
from fastnet.nn.functional import cross_entropy
from fastnet.nn.module import Module

__all__ = ["Batch", "batches_of", "measured", "relative_error"]

Batch = tuple[tuple[Tensor, ...], Any]  # (the inputs of a model, labels or None)


def batches_of(data: Any, batch_size: int) -> list[Batch]:
    """The batches of some data, as tensors.

    Args:
        data: samples as an array or a tensor, a pair (samples, labels), or an iterable of batches, each of which is
            a tensor of samples or a pair (samples, labels). The samples of a pair are a tuple for a model of several
            inputs.
        batch_size: of arrays and tensors.

    Raises:
        ValueError: no samples, labels that are not integers, or another number of labels than of samples.

    Example:
        >>> import numpy as np
        >>> from fastnet.quantization.measure import batches_of
        >>> [len(labels) for _, labels in batches_of((np.ones((5, 2), np.float32), np.zeros(5, np.int64)), 2)]
        [2, 2, 1]
    """
    batches = [(inputs, labels) for inputs, labels in _labelled_batches(data, batch_size) if len(inputs[0])]
    if not batches:
        raise ValueError("quantize: expected data with at least one sample")
    return batches


def _labelled_batches(data: Any, batch_size: int) -> Iterator[Batch]:
    if isinstance(data, np.ndarray | Tensor):
        data = (data, None)
    if _is_labelled(data):
        inputs, labels = _labelled(*data)
        for start in range(0, len(inputs[0]), batch_size):
            part = slice(start, start + batch_size)
            yield tuple(x[part] for x in inputs), None if labels is None else labels[part]
        return
    if not isinstance(data, Iterable):
        raise TypeError("quantize: expected data as an array, a tensor, a pair (samples, labels) or batches of these, "
                        f"got {given_text(data)}")
    for batch in data:
        yield _labelled(*(batch if isinstance(batch, tuple | list) and len(batch) == 2 else (batch, None)))


def _is_labelled(data: Any) -> bool:
    """Whether data is a pair (samples, labels), not two batches."""
    if not isinstance(data, tuple) or len(data) != 2:
        return False
    samples, labels = data
    return isinstance(samples, np.ndarray | Tensor) or (
        _is_several(samples) and (labels is None or isinstance(labels, np.ndarray | Tensor)))


def _is_several(samples: Any) -> bool:
    """Whether samples are those of several inputs of a model."""
    return isinstance(samples, tuple) and all(isinstance(x, np.ndarray | Tensor) for x in samples)


def _labelled(samples: Any, labels: Any) -> Batch:
    """The inputs of a model and the labels of samples, of which there is one number."""
    inputs = tuple(map(_as_input, samples if _is_several(samples) else (samples,)))
    if len(set(map(len, inputs))) != 1:
        raise ValueError("quantize: expected inputs with one number of samples, got shapes "
                         f"{', '.join(map(shape_text, inputs))}")
    return inputs, None if labels is None else _classes_in(labels, len(inputs[0]))


def _classes_in(labels: Any, count: int) -> Any:
    """The labels of `count` samples as an array."""
    array = labels.numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if array.dtype.kind not in "iub":
        raise ValueError(f"quantize: expected labels that are classes, which are integers, got {array.dtype}; give "
                         "samples alone for a model of another kind")
    if array.ndim == 0 or len(array) != count:
        raise ValueError(f"quantize: expected a label for each of {count} samples, got shape {shape_text(array)}")
    return array


def _as_input(x: Any) -> Tensor:
    if isinstance(x, str) or np.ndim(x) == 0:
        raise ValueError(f"quantize: expected batches whose first dimension counts samples, got {given_text(x)}")
    if isinstance(x, Tensor):
        return x
    array = np.asarray(x)
    return as_tensor(array.astype(np.float32) if array.dtype.kind == "f" else array)


def measured(model: Module, batches: list[Batch], speed: bool = True) -> dict[str, float]:
    """Accuracy and loss of a model on labelled batches, its size and the time of the first batch.

    Args:
        model: in evaluation mode.
        batches: as `batches_of` returns them. Logits are in the last dimension of the output, or in its second one, as
            for images with a label for each pixel.
        speed: measure the time.
    """
    tensors = {id(x._storage): x for x in (*model.parameters(), *model.buffers())}
    found: dict[str, float] = {"bytes": float(sum(x._data.nbytes for x in tensors.values()))}
    run = compile(model.forward)
    with no_grad():
        results = [(run(*inputs), labels) for inputs, labels in batches if labels is not None]
        scored = [_batch_scores(output, labels) for output, labels in results if isinstance(output, Tensor)]
        if scored:
            right, loss, count = np.sum(scored, 0)
            found |= {"accuracy": right / count, "loss": loss / count}
        if speed and batches:
            found["seconds"] = median_seconds(run, batches[0][0])
    return found


def _batch_scores(output: Tensor, labels: Any) -> tuple[float, float, float]:
    """(right predictions, summed loss, predictions) of a batch."""
    if output.shape[:-1] != labels.shape and (*output.shape[:1], *output.shape[2:]) == labels.shape:
        output = output.movedim(1, -1)
    flat = output.reshape(-1, output.shape[-1]) if output.ndim == labels.ndim + 1 else output
    target = from_numpy(labels.reshape(-1).astype(np.int64))
    loss = cross_entropy(flat, target, reduction="sum").item()
    right = np.count_nonzero(flat.numpy().argmax(-1) == target.numpy())
    return float(right), loss, float(len(target))


def relative_error(value: Any, reference: Any) -> float:
    """The root of the mean squared difference of two arrays, relative to that of the second.

    Args:
        value, reference: arrays of one shape.

    Example:
        >>> import numpy as np
        >>> from fastnet.quantization.measure import relative_error
        >>> relative_error(np.array([1.0, 2.2]), np.array([1.0, 2.0])) < 0.1
        True
    """
    size = float(np.square(reference, dtype=np.float64).sum())
    return float(np.sqrt(np.square(value - reference, dtype=np.float64).sum() / size)) if size else 0.0
