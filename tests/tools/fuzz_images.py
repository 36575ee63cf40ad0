"""Random operations over images against PyTorch: `python tests/tools/fuzz_images.py [KIND] [N] [SEED]`.

The functions of each kind draw one configuration: an operation, its settings and inputs. Results, positions and
gradients must be PyTorch's, and errors occur where PyTorch errs. ACCEPTED lists the errors of PyTorch that fastnet does
not have and REFUSED those that only fastnet has, with the reason.
"""
from __future__ import annotations

import random
import re
import sys
import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
from layout_tools import in_channels_last

import fastnet
from fastnet._core.memory import empty

MOST = {1: 20, 2: 11, 3: 7}             # elements along a spatial dimension, by the number of these dimensions
TOLERANCES = {"float64": 1e-9, "float32": 1e-4}             # of the largest value of a tensor

# message of PyTorch: why fastnet computes the result
ACCEPTED = {
    r"input image \(T: .* smaller than kernel size": "avg_pool3d ignores the padding there",
    r"mul\(\): argument 'other'": "lp_pool1d takes no tuple there",
    r"pad should be smaller than or equal to half of kernel size": "max_pool2d ignores the dilation there",
    "Only zero batch or zero channel inputs are supported": "all of the input is padding there",
    r"padding should be at most half of kernel size": "max_pool1d ignores the dilation there",
}

# message of fastnet: what PyTorch returns instead
REFUSED = {
    "adaptive_.*_pool.*expected no empty dimension": "the average of no elements, NaN, or an empty tensor",
    "adaptive_avg_pool2d: expected an input of shape": "the mean over two dimensions, if output_size is 1",
    "conv_transpose.*expected an output of size 1 or more": "an empty tensor from oneDNN, an error in float64",
    "conv_transpose.*expected output_padding to be smaller": "not checked for an empty batch",
}


@dataclass
class Drawn:
    """A configuration: nn.functional.NAME(*inputs, **settings); inputs of float64 have gradients."""

    name: str
    inputs: tuple
    settings: dict

    def __str__(self):
        shapes = ", ".join("None" if x is None else str(x.shape) for x in self.inputs)
        return f"{self.name}({shapes}, {', '.join(f'{k}={v!r}' for k, v in self.settings.items())})"


# ---- pooling --------------------------------------------------------------------------------------------------------

def sizes(rng, n, low, high):
    """A size for all of n spatial dimensions, or one for each."""
    return rng.randint(low, high) if rng.random() < 0.5 else tuple(rng.randint(low, high) for _ in range(n))


def each(value, n):
    return value if isinstance(value, tuple) else (value,) * n


def image(rng, n):
    """A batch of images or one image: small, now and then empty or of a wrong number of dimensions."""
    shape = [rng.choice((1, 1, 2, 3)), rng.choice((1, 3, 8, 17))]
    shape += [rng.randint(rng.choice((1, 3)), MOST[n]) for _ in range(n)]
    if rng.random() < 0.2:
        shape = shape[1:]
    if rng.random() < 0.03:
        shape[rng.randrange(len(shape))] = 0
    if rng.random() < 0.03:
        shape = shape[1:] if rng.random() < 0.5 else [2, *shape]
    x = np.random.default_rng(rng.randrange(1 << 30)).standard_normal(shape)
    return np.round(x) if rng.random() < 0.3 else x             # rounded: equal elements in a window


def special(rng, x):
    """NaN and infinities among the elements, now and then."""
    if rng.random() < 0.15:
        chosen = np.random.default_rng(rng.randrange(1 << 30)).random(x.shape)
        x = np.where(chosen < 0.05, np.nan, np.where(chosen > 0.9, -np.inf, x))
    return x


def sliding(rng, n):
    """kernel_size, stride, padding and ceil_mode, mostly valid."""
    low = 0 if rng.random() < 0.03 else 1
    settings = {"kernel_size": sizes(rng, n, low, 4), "ceil_mode": rng.random() < 0.5}
    if rng.random() < 0.7:
        settings["stride"] = sizes(rng, n, low, 3)
    if rng.random() < 0.5:
        half = tuple(k // 2 for k in each(settings["kernel_size"], n))
        settings["padding"] = half if rng.random() < 0.8 else sizes(rng, n, low - 1, 2)
    return settings


def has_empty_window(x, n, settings):
    """Whether all elements of a window may lie in the padding: PyTorch then reads outside the input."""
    k, p, d = (each(settings.get(name, default), n) for name, default in (
        ("kernel_size", 1), ("padding", 0), ("dilation", 1)))
    return any(pad > 0 and gap > size for size, _, pad, gap in zip(x.shape[-n:], k, p, d))


def max_pool(rng, n):
    x, settings = special(rng, image(rng, n)), sliding(rng, n)
    if rng.random() < 0.5:
        settings["dilation"] = sizes(rng, n, 1, 3)
    if has_empty_window(x, n, settings):
        settings.pop("padding")
    settings["return_indices"] = rng.random() < 0.5
    return Drawn(f"max_pool{n}d", (x,), settings)


def max_unpool(rng, n):
    """Positions of a pooling, sometimes spoilt."""
    kernel = sizes(rng, n, 1, 3)
    shape = [2, rng.choice((1, 3, 17)), *(rng.randint(1, MOST[n] // 2) for _ in range(n))]
    generator = np.random.default_rng(rng.randrange(1 << 30))
    x = generator.standard_normal(shape)
    room = np.prod([(s - 1) * k + k for s, k in zip(shape[2:], each(kernel, n))], dtype=int)
    count = int(np.prod(shape[2:]))
    places = np.argsort(generator.random((2, shape[1], room)), -1)[..., :count].reshape(shape)
    settings = {"kernel_size": kernel}
    if rng.random() < 0.3:
        settings["output_size"] = tuple(s * k + rng.choice((-1, 0, 0, 1)) for s, k in zip(shape[2:], each(kernel, n)))
    if rng.random() < 0.1:
        places = places - 1
    return Drawn(f"max_unpool{n}d", (x, places), settings)


def avg_pool(rng, n):
    x, settings = image(rng, n), sliding(rng, n)
    settings["count_include_pad"] = rng.random() < 0.5
    if n > 1 and rng.random() < 0.3:
        settings["divisor_override"] = rng.randint(-1, 5)
    return Drawn(f"avg_pool{n}d", (x,), settings)


def lp_pool(rng, n):
    settings = sliding(rng, n)
    settings.pop("padding", None)
    return Drawn(f"lp_pool{n}d", (np.abs(image(rng, n)) + 0.1,), {"norm_type": rng.choice((1, 2, 3.0)), **settings})


def adaptive(rng, n):
    kind = rng.choice(("avg", "max"))
    output = tuple(rng.choice((None, 1, 2, 3, 5, 8)) for _ in range(n)) if n > 1 and rng.random() < 0.3 else sizes(
        rng, n, 1, 6)
    settings = {"output_size": output}
    if kind == "max":
        settings["return_indices"] = rng.random() < 0.5
    x = image(rng, n)
    return Drawn(f"adaptive_{kind}_pool{n}d", (special(rng, x) if kind == "max" else x,), settings)


POOLING = (max_pool, max_pool, max_unpool, avg_pool, lp_pool, adaptive)


# ---- convolution ----------------------------------------------------------------------------------------------------

def convolution(rng, n):
    """A convolution with groups, depthwise ones among them; now and then with channels that do not fit."""
    groups, into, out = channels(rng)
    settings = distances(rng, n)
    if "padding" not in settings and rng.random() < 0.3:
        settings["padding"] = rng.choice(("same", "valid"))
    x = with_channels(image(rng, n), n, into * groups)
    inputs = x, *parameters(rng, n, out * groups, into, out * groups)
    return Drawn(f"conv{n}d", inputs, {"groups": groups, **settings})


def transposed_convolution(rng, n):
    groups, into, out = channels(rng)
    settings = distances(rng, n)
    if rng.random() < 0.3:
        settings["output_padding"] = sizes(rng, n, 0, 1)
    x = with_channels(image(rng, n), n, into * groups)
    inputs = x, *parameters(rng, n, into * groups, out, out * groups)
    return Drawn(f"conv_transpose{n}d", inputs, {"groups": groups, **settings})


def winograd(rng, n):
    """3x3 kernels over enough channels for Winograd's algorithm, also with few pixels and many filters."""
    into, out = rng.choice((16, 17, 33, 70)), rng.choice((16, 31, 64, 300))
    generator = np.random.default_rng(rng.randrange(1 << 30))
    x = with_channels(image(rng, 2), 2, into)
    bias = generator.standard_normal(out) if rng.random() < 0.7 else None
    transposed = rng.random() < 0.3
    weight = generator.standard_normal((into, out, 3, 3) if transposed else (out, into, 3, 3))
    return Drawn("conv_transpose2d" if transposed else "conv2d", (x, weight, bias), {"padding": sizes(rng, 2, 0, 2)})


def channels(rng):
    """Groups, and the channels of a group's input and output."""
    if rng.random() < 0.2:                                      # depthwise
        return rng.choice((16, 17, 40)), 1, rng.choice((1, 1, 2))
    return rng.choice((1, 1, 1, 2, 3)), rng.choice((1, 1, 4, 9)), rng.choice((1, 2, 8, 17))


def distances(rng, n):
    """stride, padding and dilation, each now and then."""
    drawn = {"stride": sizes(rng, n, 1, 3), "padding": sizes(rng, n, 0, 2), "dilation": sizes(rng, n, 1, 3)}
    return {name: size for name, size in drawn.items() if rng.random() < 0.5}


def parameters(rng, n, first, second, biases):
    """A weight, now and then of a wrong number of channels, and a bias or None."""
    generator = np.random.default_rng(rng.randrange(1 << 30))
    weight = generator.standard_normal((first, second + (rng.random() < 0.02), *each(sizes(rng, n, 1, 4), n)))
    return weight, generator.standard_normal(biases) if rng.random() < 0.7 else None


def with_channels(x, n, channels):
    """An image of the same size with another number of channels."""
    if x.ndim < n + 1:
        return x
    shape = list(x.shape)
    shape[-n - 1] = channels
    return np.random.default_rng(sum(shape)).standard_normal(shape)


KINDS = {"pooling": POOLING,
         "convolution": (convolution, convolution, transposed_convolution, transposed_convolution, winograd)}


# ---- comparison -----------------------------------------------------------------------------------------------------

def spoil_memory():
    """Fill free blocks of the memory pool with NaN, which shows in results that a kernel does not write."""
    lengths = [n << k for k in range(2, 13) for n in (2, 3)]
    for block in [empty((size,), np.dtype(np.float64)) for size in 3 * lengths]:
        block.fill(np.nan)


def outcome(f, drawn, dtype, channels_last):
    """The results and the gradients of a call as arrays, or the error."""
    spoil_memory()
    inputs = [made(f, x, dtype, channels_last) for x in drawn.inputs]
    try:
        results = getattr(f.nn.functional, drawn.name)(*inputs, **drawn.settings)
        results = results if isinstance(results, tuple) else (results,)
        g = np.random.default_rng(5).standard_normal(tuple(results[0].shape)).astype(dtype)
        results[0].backward(f.from_numpy(g))
    except Exception as error:
        return error
    return [*(r.detach().numpy() for r in results), *(x.grad.numpy() for x in inputs if getattr(
        x, "requires_grad", False))]


def made(f, x, dtype, channels_last):
    """An input as a tensor of the namespace `f`; None remains None."""
    if x is None or x.dtype.kind != "f":
        return x if x is None else f.from_numpy(x.copy())
    x = x.astype(dtype)
    return f.from_numpy(in_channels_last(x) if channels_last and x.ndim > 2 else x).requires_grad_()


def listed(error, table):
    return any(re.search(message, str(error)) for message in table)


def difference(ours, theirs, dtype):
    """What differs between two outcomes, in words; None if nothing does."""
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        if isinstance(theirs, Exception) and (isinstance(ours, Exception) or listed(theirs, ACCEPTED)):
            return None
        if isinstance(ours, Exception) and listed(ours, REFUSED):
            return None
        return f"fastnet: {ours if isinstance(ours, Exception) else 'ok'}; PyTorch: " \
               f"{theirs if isinstance(theirs, Exception) else 'ok'}"
    if len(ours) != len(theirs):
        return f"{len(ours)} arrays, PyTorch has {len(theirs)}"
    wrong = [str(i) for i, (a, b) in enumerate(zip(ours, theirs)) if not agree(a, b, dtype)]
    return f"array {', '.join(wrong)} of the results and gradients" if wrong else None


def agree(a, b, dtype):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    largest = np.abs(b[np.isfinite(b)]).max(initial=0)
    return np.allclose(a, b, rtol=0, atol=TOLERANCES[dtype] * max(largest, 1e-30), equal_nan=True)


def same_bits(a, b):
    if isinstance(a, Exception):
        return str(a) == str(b)
    return all(x.tobytes() == y.tobytes() for x, y in zip(a, b))


def check(seed, kind="pooling"):
    """Compare one configuration; returns its name. AssertionError names the configuration and what differs."""
    import torch
    rng = random.Random(seed)
    drawn = rng.choice(KINDS[kind])(rng, rng.choice((1, 2, 2, 3)))
    dtype, channels_last = rng.choice(("float64", "float32")), rng.random() < 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = outcome(fastnet, drawn, dtype, channels_last), outcome(torch, drawn, dtype, False)
        other = outcome(fastnet, drawn, dtype, not channels_last)
    wrong = difference(ours, theirs, dtype)
    assert wrong is None, f"seed {seed}: {drawn} in {dtype}: {wrong}"
    assert same_bits(ours, other), f"seed {seed}: {drawn} in {dtype}: memory order changes the bits"
    return drawn.name + (" (error)" if isinstance(ours, Exception) else "")


def main():
    import torch
    kinds = [a for a in sys.argv[1:] if a in KINDS] or list(KINDS)
    numbers = [int(a) for a in sys.argv[1:] if a not in KINDS]
    count, first = numbers + [1000, 0][len(numbers):]
    names, failures = Counter(), 0
    torch.set_num_threads(1)
    for seed in range(first, first + count):
        try:
            names[check(seed, kinds[seed % len(kinds)])] += 1
        except AssertionError as error:
            failures += 1
            print(error)
    for name, n in sorted(names.items()):
        print(f"{n:6} {name}")
    print(f"{failures} failures in {count} configurations")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
