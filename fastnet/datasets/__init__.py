"""Small data sets as NumPy arrays: `(x_train, y_train), (x_test, y_test)`, images in uint8 or signals in
int16, and labels in int64."""
from fastnet.datasets.catalogue import load, names
from fastnet.datasets.cifar import CIFAR10_CLASSES, cifar10
from fastnet.datasets.files import cache_folder
from fastnet.datasets.fsdd import FSDD_RATE, FSDD_SPEAKERS, fsdd
from fastnet.datasets.handwritten import digits
from fastnet.datasets.idx import fashion_mnist, kmnist, mnist, read_idx
from fastnet.datasets.texts import multi30k, shakespeare

__all__ = ["CIFAR10_CLASSES", "FSDD_RATE", "FSDD_SPEAKERS", "cache_folder", "cifar10", "digits", "fashion_mnist",
           "fsdd", "kmnist", "load", "mnist", "multi30k", "names", "read_idx", "shakespeare"]
