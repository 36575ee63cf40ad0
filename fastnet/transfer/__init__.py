"""Adapting a trained model: frozen parts, a new head, features of layers, and learning rates by layer.

`fastnet.load_pretrained` loads the weights, and `fastnet.callbacks.GradualUnfreezing` unfreezes layers while a Trainer
trains.
"""
from fastnet.transfer.caching import cache_features
from fastnet.transfer.extraction import features
from fastnet.transfer.freezing import freeze, unfreeze
from fastnet.transfer.head import replace_head
from fastnet.transfer.rates import parameter_groups

__all__ = ["cache_features", "features", "freeze", "parameter_groups", "replace_head", "unfreeze"]
