"""Pruning: weights and channels set to 0 by masks, and models from which such channels are removed.

The functions on single parameters are those of `fastnet.nn.utils.prune`, with PyTorch's names.
"""
from fastnet.nn.utils.prune import (
    BasePruningMethod,
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    PruningContainer,
    RandomStructured,
    RandomUnstructured,
    custom_from_mask,
    global_unstructured,
    identity,
    is_pruned,
    l1_unstructured,
    ln_structured,
    random_structured,
    random_unstructured,
    remove,
)
from fastnet.prune.compaction import compact
from fastnet.prune.gradual import GradualPruning
from fastnet.prune.groups import ChannelGroup, channel_groups
from fastnet.prune.report import CompactLayer, CompactReport
from fastnet.prune.structured import ln_channels

__all__ = ["BasePruningMethod", "ChannelGroup", "CompactLayer", "CompactReport", "CustomFromMask", "GradualPruning",
           "Identity", "L1Unstructured", "LnStructured", "PruningContainer", "RandomStructured", "RandomUnstructured",
           "channel_groups", "compact", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
           "l1_unstructured", "ln_channels", "ln_structured", "random_structured", "random_unstructured", "remove"]
