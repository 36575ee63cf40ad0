"""Normalisation and augmentation of images, a whole batch at a time.

A transform is called with the arrays of a batch, as `DataLoader(transform=)` does. It changes the first array, images
(N, H, W) or (N, H, W, C), and returns the other arrays unchanged. (`MixUp` and `CutMix` change the target, too.) The
given arrays are never written to. Integers stay integers and float32 stays float32, except that `Normalize` and `MixUp`
convert integers to float32. Random transforms take an argument `rng`, a `numpy.random.Generator`, and draw all random
numbers from it.
"""
from fastnet.data.transforms.augmentation import (
    Cutout,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomRotation,
    RandomShift,
    RandomVerticalFlip,
)
from fastnet.data.transforms.base import Compose, RandomChoice
from fastnet.data.transforms.colour import ColorJitter
from fastnet.data.transforms.mixing import CutMix, MixUp
from fastnet.data.transforms.policies import RandAugment, TrivialAugmentWide
from fastnet.data.transforms.sizes import CenterCrop, RandomResizedCrop, Resize, ToChannelsFirst
from fastnet.data.transforms.values import GaussianNoise, Normalize

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Cutout",
    "GaussianNoise",
    "MixUp",
    "Normalize",
    "RandAugment",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomShift",
    "RandomVerticalFlip",
    "Resize",
    "ToChannelsFirst",
    "TrivialAugmentWide",
]
