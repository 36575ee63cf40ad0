"""Fourier transforms under PyTorch's names, through NumPy, with gradients."""
from fastnet.fft.frequencies import *
from fastnet.fft.frequencies import __all__ as _frequencies
from fastnet.fft.transforms import *
from fastnet.fft.transforms import __all__ as _transforms

__all__ = [*_frequencies, *_transforms]


def __dir__() -> list[str]:
    return sorted(__all__)
