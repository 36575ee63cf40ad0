"""Callbacks of the Trainer by their public name, so that they can be imported from it."""
from fastnet.training.callbacks import *
from fastnet.training.callbacks import __all__
