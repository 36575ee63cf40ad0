"""What a Trainer may be given for an optimizer."""
import functools

from fastnet import optim
from fastnet._core.errors import check_number, one_of

OPTIMIZERS = {"sgd": optim.SGD, "adam": optim.Adam, "adamw": optim.AdamW, "rmsprop": optim.RMSprop,
              "adagrad": optim.Adagrad}


def optimizer_of(spec, model, lr):
    """The optimizer of a model's parameters.

    Args:
        spec: an optimizer, a name in OPTIMIZERS, or a function of parameters that makes one.
        model: a Module.
        lr: the learning rate of one that is named; None: its default.

    Raises:
        TypeError: what is no optimizer.
        ValueError: an unknown name, an optimizer of other parameters, or lr beside one that is made already.
    """
    if not (isinstance(spec, str | optim.Optimizer) or callable(spec)):
        raise TypeError(f"expected an optimizer, its name ({', '.join(map(repr, OPTIMIZERS))}) or a function of the "
                        f"parameters that makes one, got {spec!r}")
    if lr is not None:
        check_number("lr", lr)
    if isinstance(spec, str):
        if spec not in OPTIMIZERS:
            raise one_of("optimizer", spec, OPTIMIZERS)
        spec = OPTIMIZERS[spec] if lr is None else functools.partial(OPTIMIZERS[spec], lr=lr)
    elif lr is not None:
        raise ValueError("lr goes with the name of an optimizer; one that is made already has its own")
    optimizer = spec if isinstance(spec, optim.Optimizer) else spec(model.parameters())
    if not isinstance(optimizer, optim.Optimizer):
        raise TypeError(f"expected an optimizer, its name or a function that makes one, got {type(spec).__name__}")
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("the optimizer has no parameter of the model: make it from model.parameters()")
    return optimizer
