"""PyTorch's own samples of its modules (ModuleInfo), run on fastnet and compared, as in opinfo_tools.py.

`python tests/tools/moduleinfo_tools.py` tries all of them in float32, while training and not. A sample agrees if the
result, the gradients of inputs and parameters, and the state afterwards are PyTorch's. Samples with NaN, which are
targets of KLDivLoss, are left out: fastnet refuses them.
"""
import sys

import torch
from opinfo_tools import (
    LeftOut,
    Outcome,
    attempted,
    converted,
    gradient_difference,
    judged,
    leaf,
    leaves,
    mapped,
    result_difference,
    told,
    value_difference,
)
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import fastnet

KNOWN = {
    "nn.BatchNorm1d error 1": "eps of exactly 0 is taken, as layer_norm's is",
    "nn.BatchNorm2d error 1": "eps of exactly 0 is taken, as layer_norm's is",
    "nn.BatchNorm3d error 1": "eps of exactly 0 is taken, as layer_norm's is",
    "nn.CTCLoss": "PyTorch's gradients in float32 are differences of large numbers, which round",
    "nn.CrossEntropyLoss error 5": "the constructor refuses label_smoothing=1.1, by a ValueError",
}


def both(info, arguments):
    """A module of PyTorch, and fastnet's with the same state."""
    theirs = info.module_cls(*arguments.args, **arguments.kwargs)
    if getattr(theirs, "has_uninitialized_params", bool)():     # its first call draws the weights
        raise LeftOut
    args, kwargs = mapped(converted, [list(arguments.args), arguments.kwargs])
    ours = counterpart(info)(*args, **kwargs)
    ours.load_state_dict({name: converted(x.detach()) for name, x in theirs.state_dict().items()})
    return theirs, ours


def counterpart(info):
    """fastnet's class of the same name, or None."""
    return getattr(fastnet.nn, info.name.removeprefix("nn."), None)


def difference(info, sample, training):
    """How a module differs on one sample, or None."""
    theirs, ours = both(info, sample.constructor_input)
    theirs.train(training)
    ours.train(training)
    args = mapped(leaf, [list(sample.forward_input.args), sample.forward_input.kwargs])
    if any(x.isnan().any() for x in leaves(args)):
        raise LeftOut
    ours_args = mapped(converted, args)
    expected, actual = attempted(theirs, *args, "call"), attempted(ours, *ours_args, "call")
    if isinstance(expected, Exception):
        return None if isinstance(actual, type(expected)) else f"expected {told(expected)}, got {told(actual)}"
    found = result_difference(expected, actual, undefined=False) or gradient_difference(
        expected, actual, [*leaves(args), *theirs.parameters()], [*leaves(ours_args), *ours.parameters()])
    state = ours.state_dict()
    return found or next(filter(None, (value_difference(name, x, state[name])
                                       for name, x in theirs.state_dict().items())), None)


def outcomes():
    """An Outcome for every sample of every module that fastnet has."""
    for info in filter(counterpart, module_db):
        for training in (True, False):
            torch.manual_seed(0)
            samples = info.module_inputs_func(info, "cpu", torch.float32, requires_grad=True, training=training)
            for i, sample in enumerate(samples):
                try:
                    yield Outcome(f"{info.name} {i} {sample.desc} {training=}", difference(info, sample, training))
                except LeftOut:
                    continue
        yield from error_outcomes(info)


def error_outcomes(info):
    """An Outcome for each of PyTorch's wrong inputs of a module: fastnet raises the same kind of error."""
    if info.module_error_inputs_func is None:
        return
    torch.manual_seed(0)
    wrong = info.module_error_inputs_func(info, "cpu", torch.float32, requires_grad=False, training=True)
    for i, error in enumerate(wrong):
        call, sample = counterpart(info), error.module_error_input
        given = [sample.constructor_input]
        if error.error_on is ModuleErrorEnum.FORWARD_ERROR:
            given.append(sample.forward_input)
        try:
            for arguments in given:
                if isinstance(call, Exception):
                    break
                call = attempted(call, *mapped(converted, [list(arguments.args), arguments.kwargs]), "call")
        except LeftOut:
            continue
        yield Outcome(f"{info.name} error {i}", None if isinstance(call, error.error_type) else
                      f"expected {error.error_type.__name__} ({error.error_regex}), got {told(call)}")


if __name__ == "__main__":
    sys.exit(judged(outcomes(), KNOWN, full=True))
