"""The data sets by name."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from fastnet._core.errors import did_you_mean
from fastnet.datasets.cifar import cifar10
from fastnet.datasets.fsdd import fsdd
from fastnet.datasets.handwritten import digits
from fastnet.datasets.idx import fashion_mnist, kmnist, mnist

if TYPE_CHECKING:
    from fastnet.datasets.files import Split

__all__ = ["LOADERS", "load", "names"]

LOADERS: dict[str, Callable[..., Split]] = {
    "digits": digits, "mnist": mnist, "fashion_mnist": fashion_mnist, "kmnist": kmnist, "cifar10": cifar10,
    "fsdd": fsdd}


def load(name: Literal["digits", "mnist", "fashion_mnist", "kmnist", "cifar10", "fsdd"],
         **options: Any) -> Split:
    """Load a data set by its name.

    Args:
        name: "digits", "mnist", "fashion_mnist", "kmnist", "cifar10" or "fsdd".
        options: passed on to the function of this name.

    Returns:
        ((x_train, y_train), (x_test, y_test)): images, uint8 (N, height, width) or (N, height, width, 3), or signals,
        int16 (N, samples), and labels, int64 (N,).

    Raises:
        ValueError: unknown data set.

    Example:
        >>> import fastnet
        >>> (x_train, y_train), (x_test, y_test) = fastnet.datasets.load("digits")
        >>> x_train.shape, x_test.shape
        ((1437, 8, 8), (360, 8, 8))
    """
    if name not in LOADERS:
        raise ValueError(f"unknown data set {name!r}{did_you_mean(name, LOADERS)}; choose from {', '.join(LOADERS)}")
    return LOADERS[name](**options)


def names() -> list[str]:
    """List the names of the data sets.

    Example:
        >>> import fastnet
        >>> fastnet.datasets.names()
        ['digits', 'mnist', 'fashion_mnist', 'kmnist', 'cifar10', 'fsdd']
    """
    return list(LOADERS)
