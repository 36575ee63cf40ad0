"""Convolutional networks of `fastnet.models`, made for a number of classes and a size of images."""
from __future__ import annotations

import inspect
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fastnet
from fastnet import nn
from fastnet.data.folders import pictures_by_class
from fastnet.data.pictures import picture_size

__all__ = ["image_side", "make_network", "require_fit"]

_SMALL = 64                             # pixels: smaller images use the variant for small images, if there is one
_SIDES = (32, 128)                      # pixels: the least and the largest default size of images
_STEP = 16                              # the default size is a multiple of this
_MEASURED_FILES = 100                   # of a folder, whose sizes decide the default


def make_network(name: str, shape: Sequence[int], outputs: int) -> nn.Module:
    """A network with random weights.

    Images below 64 pixels take the variant for small images, where the network has one, and `lenet5` that for their
    size. GoogLeNet and Inception V3 have no auxiliary classifiers, since the loss is that of one output.

    Args:
        name: of a function of `fastnet.models`.
        shape: of an image, (C, H, W).
        outputs: number of classes.

    Raises:
        ValueError: the network does not take images of this size.
    """
    make = getattr(fastnet.models, name)
    known = inspect.signature(make).parameters
    arguments: dict[str, Any] = {"num_classes": outputs, "in_channels": shape[0]}
    arguments |= {"small_images": True} if "small_images" in known and max(shape[1:]) < _SMALL else {}
    arguments |= {"image_size": 32} if "image_size" in known and tuple(shape[1:]) == (32, 32) else {}
    arguments |= {"bins": shape[2]} if "bins" in known else {}
    arguments |= {"aux_logits": False} if "aux_logits" in known else {}
    model: nn.Module = make(**arguments)
    require_fit(model, name, shape, outputs)
    return model


def require_fit(model: nn.Module, name: str, shape: Sequence[int], outputs: int) -> None:
    """Raise if a model does not give one score for each class of an image.

    Args:
        model: a Module, which is set to training mode.
        name: of the model, for the error.
        shape: of an image, (C, H, W).
        outputs: number of classes.

    Raises:
        ValueError: the model does not take images of this shape, or has another number of outputs.

    Example:
        >>> from fastnet import nn
        >>> from fastnet.cli.networks import require_fit
        >>> require_fit(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), "mine", (3, 2, 2), 2)
    """
    size = " x ".join(map(str, shape))
    try:
        with fastnet.no_grad():
            got = model.eval()(fastnet.zeros(1, *shape)).shape
    except (ValueError, RuntimeError, TypeError) as e:
        raise ValueError(f"{name} does not take images of {size}: {e}") from None
    finally:
        model.train()
    if tuple(got) != (1, outputs):
        raise ValueError(f"{name}: expected {outputs} scores for an image of {size}, got the shape {tuple(got)}")


def image_side(folder: str) -> int:
    """The default height and width of a folder's images: the usual length of their shorter side, from 32 to 128 pixels,
    rounded to a multiple of 16.

    Args:
        folder: with a subfolder for each class.

    Raises:
        ValueError, OSError: see `pictures_by_class`.
    """
    paths = [path for found in pictures_by_class(Path(folder)).values() for path in found]
    sizes = map(picture_size, paths[::max(1, len(paths) // _MEASURED_FILES)])
    usual = statistics.median([min(size) for size in sizes if size] or [_SIDES[1]])
    return int(min(max(round(usual / _STEP) * _STEP, _SIDES[0]), _SIDES[1]))
