from functools import partial

import numpy as np

from . import Case, garbage, real

# rows, classes: on either side of the number of classes up to which the compiled kernel takes rows as lanes
ROWS = ((0, 3), (1, 1), (3, 2), (32, 2), (128, 10), (40, 15), (17, 16), (16, 17), (33, 31), (5, 64), (3, 65), (2, 130),
        (700, 7), (2, 1000), (1, 5001))
ROWS_BENCH = (4096, 100)


# ---- element by element ---------------------------------------------------------------------------------------------

def pair(rng, dtype, n):
    """x and t with, among them, equal elements and differences about the thresholds."""
    x, t = real(rng, n, dtype), real(rng, n, dtype, special=False)
    t[4:6] = x[4:6]
    t[6:8] = x[6:8] - dtype(0.5)
    return x, t


def binary(rng, dtype, n):
    return real(rng, n, dtype), rng.random(n).astype(dtype).round(1)


def log_probabilities(rng, dtype, n):
    t = rng.random(n).astype(dtype)
    t[::7] = 0
    return np.log(rng.random(n) + 1e-3).astype(dtype), t


def log_both(rng, dtype, n):
    return log_probabilities(rng, dtype, n)[0], log_probabilities(rng, dtype, n)[0]


def forward(inputs, rng, dtype, n, weighted=False, **attrs):
    x, t = inputs(rng, dtype, n)
    if weighted:
        attrs["pos_weight"] = rng.uniform(0, 4, n).astype(dtype)
    return (garbage(n, dtype), x, t), attrs


def backward(inputs, rng, dtype, n, weighted=False, each=False, **attrs):
    x, t = inputs(rng, dtype, n)
    if weighted:
        attrs["pos_weight"] = rng.uniform(0, 4, n).astype(dtype)
    dy = real(rng, n if each else (), dtype, special=False)
    return (garbage(n, dtype), x, t, np.asarray(dy, dtype)), {"scale": 0.125, **attrs}


def elementwise(kernel, inputs, note="", **attrs):
    """The cases of an elementwise loss and its gradient, with one dy for all and with one for each element."""
    notes = [part for part in (note, "each") if part]
    return [
        Case(kernel, partial(forward, inputs, **attrs), note=note),
        Case(f"{kernel}_backward", partial(backward, inputs, **attrs), note=note),
        Case(f"{kernel}_backward", partial(backward, inputs, each=True, **attrs), note="-".join(notes), bench=None),
    ]


# ---- row by row -----------------------------------------------------------------------------------------------------

def logits(rng, dtype, size):
    """Logits with a large row and, if there are enough classes, one with -inf."""
    x = real(rng, size, dtype, special=False)
    x[1:2] *= 50
    if size[1] > 2:
        x[2:3, 1] = -np.inf
    return x


def labels(rng, size, dtype, weighted, ignoring):
    n, c = size
    target = rng.integers(0, c, n)
    target[2:3] = 0                                     # not the class whose logit is -inf
    attrs = {}
    if weighted:
        attrs["weight"] = rng.uniform(0.1, 2, c).astype(dtype)
    if ignoring:
        target[::3] = ignoring
        attrs["ignore_index"] = ignoring
    return target, attrs


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def cross_entropy(rng, dtype, size, weighted=False, ignoring=None, smoothing=0.0):
    n = size[0]
    target, attrs = labels(rng, size, dtype, weighted, ignoring)
    x = real(rng, size, dtype, special=False) if smoothing else logits(rng, dtype, size)
    return ((garbage(n, dtype), garbage(n, dtype), garbage(size, dtype), x, target),
            {**attrs, "label_smoothing": smoothing})


def cross_entropy_backward(rng, dtype, size, weighted=False, ignoring=None, smoothing=0.0, each=False):
    target, attrs = labels(rng, size, dtype, weighted, ignoring)
    dy = np.asarray(rng.standard_normal(size[0] if each else 1), dtype)
    total = None if each else np.asarray(3.5, dtype)
    return ((garbage(size, dtype), softmax(logits(rng, dtype, size)), target, dy, total),
            {**attrs, "label_smoothing": smoothing})


def hopeless(rng, dtype, size):
    """Rows without a finite logit, rows with a NaN or an infinity, and labels that are out of range."""
    args, attrs = cross_entropy(rng, dtype, size)
    x, target = args[-2:]
    x[::4] = -np.inf
    x[1::4, 0] = np.nan
    x[2::4, -1] = np.inf
    target[3::4] = size[1]
    target[7::8] = -1
    return args, attrs


def hopeless_backward(rng, dtype, size):
    args, attrs = cross_entropy_backward(rng, dtype, size, each=True)
    args[2][::2] = -1
    return args, attrs


def class_weight(rng, dtype, c, weighted):
    return {"weight": rng.uniform(0.1, 2, c).astype(dtype)} if weighted else {}


def cross_entropy_probs(rng, dtype, size, weighted=False, smoothing=0.0):
    x, target = (real(rng, size, dtype, special=False) for _ in range(2))
    return ((garbage(size[0], dtype), garbage(size, dtype), 3 * x, softmax(target)),
            {**class_weight(rng, dtype, size[1], weighted), "label_smoothing": smoothing})


def cross_entropy_probs_backward(rng, dtype, size, weighted=False, smoothing=0.0, each=False):
    probs, target = (softmax(real(rng, size, dtype, special=False)) for _ in range(2))
    dy = np.asarray(rng.standard_normal(size[0] if each else ()), dtype)
    return ((garbage(size, dtype), probs, target, dy),
            {**class_weight(rng, dtype, size[1], weighted), "label_smoothing": smoothing, "scale": 0.25})


def rowwise(kernel, make, note="", bench=ROWS_BENCH, **options):
    if options.get("each"):
        note, bench = f"{note}-each".strip("-"), None
    return Case(kernel, partial(make, **options), sizes=ROWS, bench=bench, rtol=(1e-5, 1e-12), atol=(2e-6, 1e-13),
                note=note)


OPTIONS = {
    "": {},
    "weight": {"weighted": True},
    "smooth": {"smoothing": 0.1},
    "weight-smooth": {"weighted": True, "smoothing": 0.3},
}
IGNORING = {
    "ignore": {"ignoring": -100},
    "ignore-class": {"ignoring": 0, "weighted": True},
    "all": {"ignoring": -1, "weighted": True, "smoothing": 0.2},
}

CASES = [
    *elementwise("mse_loss", pair),
    *elementwise("l1_loss", pair),
    *elementwise("huber_loss", pair, delta=0.5),
    *elementwise("huber_loss", pair, note="wide", delta=2.0),
    *elementwise("smooth_l1_loss", pair, beta=0.5),
    *elementwise("smooth_l1_loss", pair, note="l1", beta=0.0),
    *elementwise("bce_with_logits", binary),
    *elementwise("bce_with_logits", binary, note="weight", weighted=True),
    *elementwise("kl_div", log_probabilities),
    *elementwise("kl_div", log_both, note="log", log_target=True),
]
for name, options in {**OPTIONS, **IGNORING}.items():
    bench = None if "ignoring" in options else ROWS_BENCH
    CASES += [
        rowwise("cross_entropy", cross_entropy, name, bench, **options),
        rowwise("cross_entropy_backward", cross_entropy_backward, name, bench, **options),
        rowwise("cross_entropy_backward", cross_entropy_backward, name, each=True, **options),
    ]
CASES += [rowwise("cross_entropy", hopeless, "hopeless", None),
          rowwise("cross_entropy_backward", hopeless_backward, "hopeless", None)]
for name, options in OPTIONS.items():
    CASES += [
        rowwise("cross_entropy_probs", cross_entropy_probs, name, **options),
        rowwise("cross_entropy_probs_backward", cross_entropy_probs_backward, name, **options),
        rowwise("cross_entropy_probs_backward", cross_entropy_probs_backward, name, each=True, **options),
    ]
