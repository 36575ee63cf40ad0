"""The optimizer that a Trainer's argument describes."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet import optim
from fastnet._core.errors import check_number, one_of

if TYPE_CHECKING:
    from fastnet import nn
    from fastnet.training.annotations import OptimizerSpec

__all__ = ["OPTIMIZERS", "optimizer_of", "require_trainable"]

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "sgd": optim.SGD, "adam": optim.Adam, "adamw": optim.AdamW, "rmsprop": optim.RMSprop, "adagrad": optim.Adagrad}


def optimizer_of(spec: OptimizerSpec, model: nn.Module, lr: float | None) -> optim.Optimizer:
    """Create or check the optimizer of a model's parameters.

    Args:
        spec: an optimizer, a name in OPTIMIZERS, or a function of the parameters that returns an optimizer.
        model: a Module.
        lr: learning rate of an optimizer given by name; None: its default.

    Raises:
        TypeError: `spec` is not an optimizer, a name or such a function.
        ValueError: an unknown name, an optimizer of other parameters, or `lr` together with an optimizer object.
    """
    made: Any = spec
    if not (isinstance(made, str | optim.Optimizer) or callable(made)):
        raise TypeError(f"expected an optimizer, its name ({', '.join(map(repr, OPTIMIZERS))}) or a function of the "
                        f"parameters that returns one, got {spec!r}")
    if lr is not None:
        check_number("lr", lr)
    if isinstance(made, str):
        if made not in OPTIMIZERS:
            raise one_of("optimizer", made, OPTIMIZERS)
        made = OPTIMIZERS[made] if lr is None else functools.partial(OPTIMIZERS[made], lr=lr)
    elif lr is not None:
        raise ValueError("lr is for an optimizer given by name; set the learning rate of your optimizer itself")
    optimizer = made if isinstance(made, optim.Optimizer) else made(model.parameters())
    if not isinstance(optimizer, optim.Optimizer):
        raise TypeError(f"expected an optimizer, its name or a function that returns one, got {type(made).__name__}")
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("the optimizer has no parameter of the model: create it from model.parameters()")
    return optimizer


def require_trainable(optimizer: optim.Optimizer) -> None:
    """Raise if all parameters of an optimizer are frozen.

    Args:
        optimizer: of a training.

    Raises:
        ValueError: says how to unfreeze them.
    """
    if not any(p.requires_grad for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("Trainer: expected parameters that require gradients, got an optimizer whose parameters are "
                         "all frozen; unfreeze some of them with fastnet.transfer.unfreeze or requires_grad_()")
