"""Samples of several modalities, some of which may be missing."""
from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import did_you_mean, given_text, shape_text
from fastnet._core.reprs import repr_of
from fastnet.data.arrays import as_array
from fastnet.data.dataset import TensorDataset
from fastnet.data.finiteness import finite

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["MultimodalDataset"]


class MultimodalDataset(TensorDataset):
    """A dataset of a table, pictures and texts, any of which a sample may lack, for `fastnet.models.multimodal`.

    A batch holds an array for each modality, then `present`, which tells what a sample has, then the target, if there
    is one. Texts are int64, the numbers of their tokens with `padding` after the shorter ones; all other modalities
    are float32. A missing modality is zeros, or padding.

    Args:
        samples: a dictionary for each sample, or a tuple of the modalities in their order and the target. A modality is
            missing if its key is, or if its value is None, empty, or NaN alone, before or after its reader.
        modalities: the keys, in the order of the model's inputs.
        target: the key of the target, a number; None: there is none, and a key "target" is ignored.
        readers: by modality, a function that turns a sample's value into an array or a list of numbers, such as
            `tokenizer.encode` for texts, or a function that calls `read_picture` for paths.
        tokens: the modalities that are sequences of tokens.
        padding: the number that stands for no token.
        length: of all sequences of tokens: longer ones are cut; None: that of the longest.
        like: a dataset of the same modalities, such as the one to train on, whose shapes the arrays get. No sample
            needs to have a modality then.

    Attributes:
        arrays: of each modality, then `present`, float32 (N, modalities) of 0 and 1, then the target.
        modalities: the keys.

    Raises:
        ValueError: no samples, an unknown key, a modality that no sample has, values of different shapes or of which
            some are NaN or infinite, a tuple of another length, a sample without a target, or `like` with other
            modalities; the message names the sample.
        TypeError: samples that are neither dictionaries nor tuples, values that are not numbers, or `like` that is not
            such a dataset.

    Example:
        >>> import fastnet
        >>> samples = [{"table": [1.0, 2.0], "text": "ab", "target": 1}, {"text": "b", "target": 0}]
        >>> tokenizer = fastnet.text.CharTokenizer("ab", special=["<pad>"])
        >>> data = fastnet.data.MultimodalDataset(samples, ("table", "text"), readers={"text": tokenizer.encode})
        >>> for array in data[:]:
        ...     print(array.tolist())
        [[1.0, 2.0], [0.0, 0.0]]
        [[1, 2], [2, 0]]
        [[1.0, 1.0], [0.0, 1.0]]
        [1, 0]
        >>> loader = fastnet.data.DataLoader(data, batch_size=2, shuffle=True)
    """

    modalities: tuple[str, ...]

    def __init__(self, samples: Sequence[Any], modalities: Sequence[str] = ("table", "image", "text"),
                 target: str | None = "target", readers: Mapping[str, Callable[[Any], Any]] | None = None,
                 tokens: Sequence[str] = ("text",), padding: int = 0, length: int | None = None,
                 like: MultimodalDataset | None = None) -> None:
        self.modalities = tuple(modalities)
        names = self.modalities if target is None else (*self.modalities, target)
        if not len(samples):
            raise ValueError("MultimodalDataset: expected samples, got none")
        readers = dict(readers or {})
        if unknown := [name for name in readers if name not in self.modalities]:
            raise ValueError(f"MultimodalDataset: expected readers of the modalities {', '.join(self.modalities)}, got "
                             f"one of {unknown[0]!r}")
        shapes = self._shapes(like)
        columns = _columns(samples, names, "target" if target is None else target)
        found = {name: _read_modality(name, columns[name], readers.get(name), name in shapes)
                 for name in self.modalities}
        present = np.array([[array is not None for array in found[name]] for name in self.modalities], np.float32)
        arrays: list[Array] = [_padded(name, found[name], padding, shapes[name][0] if name in shapes else length)
                               if name in tokens else _one_array(name, found[name], shapes.get(name))
                               for name in self.modalities]
        arrays.append(np.ascontiguousarray(present.T))
        if target is not None:
            arrays.append(_targets(target, columns[target]))
        super().__init__(*arrays)

    def _shapes(self, like: MultimodalDataset | None) -> dict[str, Shape]:
        """The shape of a sample of each modality of another dataset; empty without one."""
        if like is None:
            return {}
        if not isinstance(like, MultimodalDataset):
            raise TypeError(f"MultimodalDataset: expected like to be a MultimodalDataset, got {given_text(like)}")
        if like.modalities != self.modalities:
            raise ValueError(f"MultimodalDataset: expected like to have the modalities {', '.join(self.modalities)}, "
                             f"got {', '.join(like.modalities)}")
        return {name: array.shape[1:] for name, array in zip(like.modalities, like.arrays)}

    def __repr__(self) -> str:
        place = len(self.modalities)
        have = self.arrays[place].sum(0).astype(int).tolist()
        return repr_of(self, samples=len(self), present=dict(zip(self.modalities, have)))


def _columns(samples: Sequence[Any], names: Sequence[str], target: str) -> dict[str, list[Any]]:
    """The values of each name, None where a sample lacks it."""
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for number, sample in enumerate(samples):
        if isinstance(sample, Mapping):
            _check_keys(sample, (*names, target), number)
            values = [sample.get(name) for name in names]
        elif isinstance(sample, tuple):
            if len(sample) != len(names):
                raise ValueError(f"MultimodalDataset: sample {number}: expected a tuple ({', '.join(names)}), got "
                                 f"{len(sample)} values")
            values = list(sample)
        else:
            raise TypeError(f"MultimodalDataset: sample {number}: expected a dictionary or a tuple, got "
                            f"{given_text(sample)}")
        for name, value in zip(names, values):
            columns[name].append(None if _is_missing(value) else value)
    return columns


def _check_keys(sample: Mapping[str, Any], known: Sequence[str], number: int) -> None:
    unknown = next((key for key in sample if key not in known), None)
    if unknown is not None:
        advice = did_you_mean(unknown, known, f"the keys are {', '.join(dict.fromkeys(known))}")
        raise ValueError(f"MultimodalDataset: sample {number} has the unknown key {unknown!r}{advice}")


def _is_missing(value: Any) -> bool:
    """Whether a value is None, empty, or NaN alone."""
    if isinstance(value, numbers.Real):
        return value != value
    if isinstance(value, np.ndarray):
        return not value.size
    return value is None or (isinstance(value, Sequence) and not value)     # text, too


def _read_modality(name: str, values: list[Any], reader: Callable[[Any], Any] | None,
                   may_lack: bool) -> list[Array | None]:
    """The values as arrays; None for those that are missing, which may be all if `may_lack`."""
    found: list[Array | None] = []
    for number, value in enumerate(values):
        if value is not None:
            what = f"MultimodalDataset: {name} of sample {number}"
            value = as_array(value if reader is None else reader(value), what)
            if np.isnan(value).all():           # true of an empty array, too
                value = None
            else:
                finite(value, what)
        found.append(value)
    if not may_lack and all(array is None for array in found):
        raise ValueError(f"MultimodalDataset: expected a sample with {name!r}, got none; list the modalities of the "
                         "samples in modalities, or give the dataset to train on as like")
    return found


def _one_array(name: str, arrays: list[Array | None], shape: Shape | None) -> Array:
    """The arrays of all samples as one, float32; zeros for those that are missing. None: the first one's shape."""
    origin = "like"
    if shape is None:
        number, shape = next((number, array.shape) for number, array in enumerate(arrays) if array is not None)
        origin = f"sample {number}"
    made = np.zeros((len(arrays), *shape), np.float32)
    for number, array in enumerate(arrays):
        if array is None:
            continue
        if array.shape != shape:
            raise ValueError(f"MultimodalDataset: expected {name} of one shape, got {tuple(shape)} in {origin} and "
                             f"{shape_text(array)} in sample {number}")
        made[number] = array
    return made


def _padded(name: str, sequences: list[Array | None], padding: int, length: int | None) -> Array:
    """The tokens of all samples, int64 (N, length)."""
    if length is None:
        length = max(len(sequence) for sequence in sequences if sequence is not None)
    made = np.full((len(sequences), length), padding, np.int64)
    for number, sequence in enumerate(sequences):
        if sequence is None:
            continue
        if sequence.ndim != 1 or sequence.dtype.kind not in "iu":
            raise ValueError(f"MultimodalDataset: {name} of sample {number}: expected a sequence of whole numbers, got "
                             f"{sequence.dtype} of shape {shape_text(sequence)}; a reader turns text into tokens")
        cut = sequence[:length]
        made[number, :len(cut)] = cut
    return made


def _targets(name: str, values: list[Any]) -> Array:
    lacking = next((number for number, value in enumerate(values) if value is None), None)
    if lacking is not None:
        raise ValueError(f"MultimodalDataset: expected a target in each sample, got none in sample {lacking}; pass "
                         "target=None for samples to predict")
    return as_array(values, f"{name} of the samples")
