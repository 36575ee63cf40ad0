"""Augmentation of images in `fastnet train`."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import audio, data
from fastnet.cli.inputs import Drawings, Pixels, TableInputs
from fastnet.cli.recordings import Recordings
from fastnet.data.transforms.base import BatchTransform

if TYPE_CHECKING:
    from fastnet.cli.settings import TrainSettings
    from fastnet.data.annotations import Transform

__all__ = ["augmentation", "is_late"]

_ONE_SIDED = ("digits", "mnist", "kmnist")            # whose mirror images are others
_SHIFTS_A_SECOND = 10                   # of a recording, at most: 100 ms
_RANDOM_BOXES = (0.35, 1.0)             # share of an image's area that a random crop keeps


def is_late(settings: TrainSettings) -> bool:
    """Whether images are augmented as bytes, and therefore prepared batch by batch rather than once.

    Args:
        settings: see `settings_of`.

    Example:
        >>> from fastnet.cli.augmentation import is_late
        >>> is_late({"model": "mlp"}), is_late({"model": "resnet18", "augment": "standard"})
        (False, True)
    """
    return any(settings.get(name) for name in ("augment", "mixup", "cutmix"))


def augmentation(kind: str, settings: TrainSettings, inputs: Pixels | TableInputs, classes: int) -> Transform | None:
    """The transform of the batches of a training; None: there is none.

    Args:
        kind: of the data, see `kind_of`.
        settings: see `settings_of`.
        inputs: the preparation of the inputs.
        classes: their number.

    Returns:
        A transform of images of bytes if `is_late(settings)`, which prepares them, too; otherwise of prepared inputs.
    """
    if not isinstance(inputs, Pixels):
        return None
    if isinstance(inputs, Recordings):
        return _sound_changes(settings, inputs, classes)
    if not is_late(settings):
        return data.RandomShift(1, fill=-inputs.mean / inputs.std) if _has_margin(inputs) else None
    changes = _random_changes(settings.get("augment"), kind, inputs)
    return data.Compose([*changes, *_mixing(settings, classes), inputs.prepare_batch])


def _sound_changes(settings: TrainSettings, inputs: Recordings, classes: int) -> Transform | None:
    """Random changes of recordings and, after the preparation, of their spectrograms."""
    if not is_late(settings):
        return None
    if settings.get("augment", "none") == "none":
        return data.Compose([*_mixing(settings, classes), inputs.prepare_batch])
    shift, noise = audio.TimeShift(inputs.rate // _SHIFTS_A_SECOND), audio.AddNoise(p=0.5)
    masks = audio.SpecAugment(2, inputs.shape[1] // 10, 2, inputs.size // 8)
    return data.Compose([shift, noise, *_mixing(settings, classes), inputs.prepare_batch, _Turned(masks)])


class _Turned(BatchTransform):
    """A transform of spectrograms (..., bins, frames), applied to (..., frames, bins)."""

    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __call__(self, x: Any, *others: Any, rng: np.random.Generator) -> Any:
        made = self.transform(x.swapaxes(-1, -2), rng=rng).swapaxes(-1, -2)
        return (made, *others) if others else made


def _has_margin(inputs: Pixels) -> bool:
    """Whether images are digits with a margin. Drawn digits are not centred exactly like the data set's."""
    return isinstance(inputs, Drawings) and inputs.box < inputs.size


def _random_changes(name: str | None, kind: str, inputs: Pixels) -> list[Any]:
    """Random changes of images of bytes; without a name, those of perceptrons by default."""
    if name is None:
        return [data.RandomShift(1)] if _has_margin(inputs) else []
    if name == "none":
        return []
    policies = {"randaugment": data.RandAugment, "trivialaugment": data.TrivialAugmentWide}
    policy: list[Any] = [policies[name]()] if name in policies else []
    if kind in _ONE_SIDED:
        return [data.RandomShift(max(1, inputs.size // 14)), *policy]
    if kind == "folder":
        crop: Any = data.RandomResizedCrop(inputs.size, scale=_RANDOM_BOXES)
    else:
        crop = data.RandomCrop(inputs.size, padding=inputs.size // 8)
    return [crop, data.RandomHorizontalFlip(), *policy]


def _mixing(settings: TrainSettings, classes: int) -> list[Any]:
    mixing: list[Any] = []
    if settings.get("mixup"):
        mixing.append(data.MixUp(settings["mixup"], classes))
    if settings.get("cutmix"):
        mixing.append(data.CutMix(settings["cutmix"], classes))
    return [data.RandomChoice(mixing)] if len(mixing) > 1 else mixing
