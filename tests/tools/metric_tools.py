"""Batches for the tests of metrics, and their cuts."""
import numpy as np

SHAPES = {              # kind -> shapes behind the number of samples of (outputs, targets)
    "classes": ((4,), ()), "two": ((2,), ()), "binary": ((), ()), "column": ((1,), (1,)), "labels": ((3,), (3,)),
    "numbers": ((), ()), "columns": ((3,), (3,))}


def samples(kind, n, seed=0):
    """Outputs with many ties, float32, and targets of this kind."""
    rng = np.random.default_rng(seed)
    outputs, targets = ((n, *shape) for shape in SHAPES[kind])
    if kind in ("numbers", "columns"):
        target = rng.standard_normal(targets)
        return (target + rng.standard_normal(outputs)).astype(np.float32), target.astype(np.float32)
    output = (rng.integers(-4, 5, outputs) / 2).astype(np.float32)
    if kind in ("classes", "two"):
        return output, rng.integers(0, output.shape[1], targets)
    return output, rng.integers(0, 2, targets).astype(np.float32)


def updated(metric, output, target, cuts=()):
    """The metric after these samples, in batches that end at the cuts."""
    for o, t in zip(np.split(output, cuts), np.split(target, cuts)):
        metric.update(o, t)
    return metric
