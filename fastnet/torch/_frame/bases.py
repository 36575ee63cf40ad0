"""PyTorch's private base classes, which programs use in `isinstance`: the bases of fastnet's classes."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastnet import nn, optim
from fastnet.nn import hooks

__all__ = ["MODULES", "SCHEDULERS"]


def _common_base(*classes: type) -> type:
    """The nearest class that all of these inherit from."""
    first, *others = classes
    return next(base for base in first.__mro__ if all(issubclass(cls, base) for cls in others))


MODULES: Mapping[str, Any] = {
    "_BatchNorm": _common_base(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d),
    "_ConvNd": _common_base(nn.Conv2d, nn.ConvTranspose2d),
    "_ConvTransposeNd": _common_base(nn.ConvTranspose1d, nn.ConvTranspose2d),
    "_DropoutNd": _common_base(nn.Dropout, nn.Dropout2d),
    "_InstanceNorm": _common_base(nn.InstanceNorm1d, nn.InstanceNorm2d),
    "_Loss": _common_base(nn.MSELoss, nn.CrossEntropyLoss),
    "_MaxPoolNd": _common_base(nn.MaxPool1d, nn.MaxPool2d),
    "_WeightedLoss": _common_base(nn.MSELoss, nn.CrossEntropyLoss),
    **{name: getattr(hooks, name) for name in hooks.__all__ if name.startswith("register_module_")},
    "register_module_backward_hook": hooks.register_module_full_backward_hook,
}
SCHEDULERS: Mapping[str, Any] = {"_LRScheduler": optim.lr_scheduler.LRScheduler}
