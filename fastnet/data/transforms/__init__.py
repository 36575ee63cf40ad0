"""Normalisation and augmentation of images, a whole batch at a time.

A transform is called with the arrays of a batch, as `DataLoader(transform=)` does. It changes the first array, images
(N, H, W) or (N, H, W, C), and returns the other arrays unchanged. (`MixUp` changes all of them.) The given arrays are
never written to. Integers stay integers and float32 stays float32, except that `Normalize` and `MixUp` convert integers
to float32. Random transforms take an argument `rng`, a `numpy.random.Generator`, and draw all random numbers from it.
"""
from fastnet.data.transforms.augmentation import Cutout, RandomCrop, RandomHorizontalFlip, RandomRotation, RandomShift
from fastnet.data.transforms.base import Compose
from fastnet.data.transforms.values import GaussianNoise, MixUp, Normalize

__all__ = [
    "Compose",
    "Cutout",
    "GaussianNoise",
    "MixUp",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomShift",
]
