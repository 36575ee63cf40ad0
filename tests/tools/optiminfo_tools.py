"""PyTorch's own samples of its optimizers (OptimizerInfo), run on fastnet and compared, as in opinfo_tools.py.

`python tests/tools/optiminfo_tools.py` makes several steps of each, on parameters of several shapes in float64. A
sample agrees if the parameters are PyTorch's; a wrong input if the error has PyTorch's type.
"""
import sys

import numpy as np
import torch
from opinfo_tools import LeftOut, Outcome, attempted, converted, judged, mapped, told
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

import fastnet

KNOWN = {}
SHAPES = [(4, 3), (2, 5)]
STEPS = 5
TOLERANCES = {"ASGD": 1e-7, "Muon": 1e-2}       # PyTorch computes a part in float32, or in bfloat16


def counterpart(info):
    """fastnet's class of the same name, or None."""
    return getattr(fastnet.optim, info.optim_cls.__name__, None)


def final(f, optimizer_class, options, starts, sparse):
    """The parameters after STEPS steps, as arrays."""
    parameters = [f.tensor(x, requires_grad=True) for x in starts]
    rows = f.tensor([1, 0, 1])

    def loss():
        optimizer.zero_grad()
        parts = [f.nn.functional.embedding(rows, p, sparse=True) if sparse else p for p in parameters]
        value = sum(((p - 0.5) ** 2 * (i + 1)).sum() + p.sin().sum() for i, p in enumerate(parts))
        value.backward()
        return value

    optimizer = optimizer_class(parameters, **options)
    for _ in range(STEPS):
        optimizer.step(loss)
    return [p.detach().numpy() for p in parameters]


def difference(info, sample):
    """How an optimizer differs on one sample, or None."""
    starts = [np.random.default_rng(0).standard_normal(shape) for shape in SHAPES]
    expected = final(torch, info.optim_cls, sample.kwargs, starts, info.only_supports_sparse_grads)
    try:
        actual = final(fastnet, counterpart(info), mapped(converted, sample.kwargs), starts,
                       info.only_supports_sparse_grads)
    except Exception as error:          # whatever it is: it is the outcome
        return told(error)
    tolerance = TOLERANCES.get(info.optim_cls.__name__, 1e-9)
    worst = max(np.abs(a - b).max() for a, b in zip(expected, actual))
    return None if worst <= tolerance else f"a parameter differs by {worst}"


def error_outcomes(info):
    """An Outcome for each of PyTorch's wrong inputs of an optimizer's constructor, those of foreach left out."""
    for i, error in enumerate(info.optim_error_inputs_func("cpu", torch.float32)):
        given = error.optimizer_error_input
        if error.error_on is not OptimizerErrorEnum.CONSTRUCTION_ERROR or issubclass(error.error_type, Warning) \
                or "foreach" in given.kwargs:
            continue
        params = [torch.nn.Parameter(torch.ones(2, 2))] if given.params is None else given.params
        same = {}                       # a parameter that occurs twice stays one tensor
        try:
            arguments = mapped(lambda x, same=same: same.setdefault(id(x), converted(x)), [params, given.kwargs])
        except LeftOut:
            continue
        actual = attempted(lambda params, options: counterpart(info)(params, **options), arguments, {}, "call")
        yield Outcome(f"{info.optim_cls.__name__} error {i}", None if isinstance(actual, error.error_type) else
                      f"expected {error.error_type.__name__} ({error.error_regex}), got {told(actual)}")


def outcomes():
    """An Outcome for every sample of every optimizer that fastnet has."""
    for info in filter(counterpart, optim_db):
        for sample in info.optim_inputs_func("cpu", torch.float64):
            yield Outcome(f"{info.optim_cls.__name__} {sample.desc}", difference(info, sample))
        yield from error_outcomes(info)


if __name__ == "__main__":
    print(f"{len(list(filter(counterpart, optim_db)))} of {len(optim_db)} optimizers are there")
    sys.exit(judged(outcomes(), KNOWN, full=True))
