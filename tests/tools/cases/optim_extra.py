import dataclasses

import numpy as np

from .optim import rule


def state(*values):
    """Arrays of the given numbers between the gradient and the hyperparameters."""
    return lambda rng, dtype, n: tuple(np.full(n, value, dtype) for value in values)


def without_step(case):
    """The case of a kernel that takes no step counter."""
    def make(rng, dtype, n):
        arguments, attributes = case.make(rng, dtype, n)
        return arguments[:-1], attributes
    return dataclasses.replace(case, make=make)


CASES = [
    without_step(rule("adadelta_", [1.0, 0.9, 1e-6, 1e-2], state(0.1, 0.2))),
    rule("adamax_", [2e-3, 0.9, 0.999, 1e-8, 1e-2], state(0.1, 0.2)),
    rule("nadam_", [2e-3, 0.9, 0.999, 1e-8, 1e-2, 4e-3], state(0.1, 0.2, 0.5)),
    rule("radam_", [1e-3, 0.9, 0.999, 1e-8, 1e-2], state(0.1, 0.2)),
    without_step(rule("rprop_", [0.5, 1.2, 1e-6, 50], state(0.1, 0.01))),
    rule("asgd_", [1e-2, 1e-4, 0.75, 1e6, 1e-2], state(0.1, 0.01, 1.0)),
]
