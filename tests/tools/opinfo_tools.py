"""PyTorch's own samples of its operations (OpInfo), run on fastnet and compared.

`python tests/tools/opinfo_tools.py LIMIT` tries at most LIMIT samples of each operation and dtype, as a function, as a
method and in place, every second one with strided tensors. A sample agrees if value, dtype, shape, `requires_grad` and
every gradient are PyTorch's; a wrong input if the error has PyTorch's type. Samples of dtypes that fastnet does not
have, and errors of `out=`, are left out. It is a program, since PyTorch's test tools change settings of PyTorch, NumPy
and Hypothesis when they are imported.
"""
import itertools
import random
import sys
import types
import unittest
import warnings
from typing import NamedTuple

import numpy as np
import torch

import fastnet
from fastnet import Tensor

# PyTorch's test tools import expecttest for its TestCase, which nothing here uses.
sys.modules["expecttest"] = types.SimpleNamespace(TestCase=unittest.TestCase)

from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

DTYPES = {torch.float32: fastnet.float32, torch.float64: fastnet.float64, torch.int64: fastnet.int64,
          torch.int32: fastnet.int32, torch.uint8: fastnet.uint8, torch.bool: fastnet.bool}
FULL = 60                               # samples of an operation and dtype in the full run
TOLERANCE = {"rtol": 1e-4, "atol": 2e-5, "equal_nan": True}

# What is known to differ: {the beginning of a sample's name: the reason}. An entry must differ in the full run.
KNOWN = {
    "to_sparse": "there are no sparse tensors",
    "as_strided": "a tensor that is not contiguous is refused, since its memory is not one block",
    "narrow_copy function error": "a wrong dimension is an IndexError",
    "narrow_copy method error": "a wrong dimension is an IndexError",
    "cholesky_inverse": "the gradient is that of the triangle which is read",
    "cholesky_solve": "the gradient is that of the triangle which is read",
    "logspace function 5": "integers are those of exact exponents, which PyTorch rounds down",
    "nn_functional_group_norm": "eps below 0 is refused, as PyTorch does for batch_norm alone",
    "rsub function error": "a number is taken in place of the tensor",
    "igamma": "a number is taken in place of either tensor",
    "norm_nuc": "the nuclear norm is linalg.matrix_norm alone",
    "linalg_eigh function": "eigenvectors have either sign",
    "linalg_svd function": "singular vectors have either sign",
    "svd function 4": "singular vectors have either sign",
    "svd method 4": "singular vectors have either sign",
    "linalg_pinv_hermitian function": "the gradient is that of the lower triangle, which is read",
    "nn_functional_batch_norm": "an input of shape (0,) has no channels",
    "nn_functional_layer_norm": "eps below 0 is refused, as PyTorch does for batch_norm alone",
    "nn_functional_rms_norm": "eps below 0 is refused, as PyTorch does for batch_norm alone",
    "nn_functional_local_response_norm function": "integers are refused",
    "nn_functional_adaptive_avg_pool2d function error": "a wrong number of dimensions is a RuntimeError",
    "nn_functional_adaptive_avg_pool3d function error": "a wrong number of dimensions is a RuntimeError",
    "nn_functional_adaptive_max_pool2d function error": "a wrong number of dimensions is a RuntimeError",
    "nn_functional_adaptive_max_pool3d function error": "a wrong number of dimensions is a RuntimeError",
    "gather function error": "an index out of range is an IndexError, as it is everywhere else",
    "scatter function error": "an index out of range is an IndexError, as it is everywhere else",
    "scatter method error": "an index out of range is an IndexError, as it is everywhere else",
    "scatter in place error": "an index out of range is an IndexError, as it is everywhere else",
    "scatter_add function error": "an index out of range is an IndexError, as it is everywhere else",
    "scatter_add method error": "an index out of range is an IndexError, as it is everywhere else",
    "scatter_add in place error": "an index out of range is an IndexError, as it is everywhere else",
    "gather method error": "an index out of range is an IndexError, as it is everywhere else",
}

# PyTorch leaves open which of equal elements it gives: their samples of integers are left out.
TIES = {"kthvalue", "mode", "topk"}

# PyTorch's gradients in float32 are differences of large numbers, which round, and its matrix_exp depends on the
# processor: they are compared in float64.
ROUNDED = {"cov", "linalg.lstsq", "logcumsumexp", "matrix_exp", "nn.functional.ctc_loss",
           "nn.functional.scaled_dot_product_attention"}

# Random or uninitialised results: shape and dtype are compared.
UNDEFINED = {"bernoulli", "empty", "empty_like", "new_empty", "nn.functional.alpha_dropout", "nn.functional.dropout",
             "nn.functional.dropout2d", "nn.functional.dropout3d", "nn.functional.feature_alpha_dropout", "multinomial",
             "nn.functional.fractional_max_pool2d", "nn.functional.fractional_max_pool3d",
             "nn.functional.rrelu", "normal", "rand_like", "randint", "randint_like", "randn", "randn_like"}


class Outcome(NamedTuple):
    """What became of one sample: its name, and how fastnet differs, or None."""

    name: str
    difference: str | None


class LeftOut(Exception):               # noqa: N818
    """A sample that fastnet has no dtype or no object for."""


# ---- from PyTorch to fastnet ----------------------------------------------------------------------------------------

def same_layout(tensor):
    """A copy with the strides of `tensor`, gaps between elements included."""
    copy = torch.empty(0, dtype=tensor.dtype).set_(tensor.detach().untyped_storage().clone(), tensor.storage_offset(),
                                                   tensor.size(), tensor.stride())
    return copy.requires_grad_(tensor.requires_grad)


def leaf(value):
    """A tensor as a leaf with its own gradient, in a copy; anything else unchanged."""
    return same_layout(value) if isinstance(value, torch.Tensor) else value


def mapped(function, value):
    """`value` with `function` applied to everything in its tuples, lists and dicts."""
    if isinstance(value, dict):
        return {name: mapped(function, part) for name, part in value.items()}
    if isinstance(value, tuple | list) and not isinstance(value, torch.Size):
        return type(value)(mapped(function, part) for part in value)
    return function(value)


def converted(value):
    """One argument as fastnet takes it; LeftOut where there is no counterpart."""
    if isinstance(value, torch.Tensor):
        if value.dtype not in DTYPES or value.layout != torch.strided or value.is_meta or value.ndim > 64:
            raise LeftOut
        return fastnet.from_numpy(same_layout(value).detach().numpy()).requires_grad_(value.requires_grad)
    if isinstance(value, torch.dtype):
        if value not in DTYPES:
            raise LeftOut
        return DTYPES[value]
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, torch.device):
        return str(value)
    if value is torch.nn.functional.gelu:
        return fastnet.nn.functional.gelu
    if isinstance(value, torch.memory_format | torch.layout):
        return getattr(fastnet, str(value).removeprefix("torch."), value)
    if isinstance(value, complex | torch.Generator | torch.nn.Module):
        raise LeftOut
    return value


def leaves(value):
    """All tensors in an argument or a result."""
    found = []
    mapped(found.append, list(value) if isinstance(value, tuple) else value)
    return [x for x in found if isinstance(x, torch.Tensor | Tensor)]


# ---- the forms of an operation --------------------------------------------------------------------------------------

# What a lambda of PyTorch's reads as `torch`: functions, and methods that PyTorch also has as functions.
_NAMES = types.SimpleNamespace(**{**{name: getattr(Tensor, name) for name in vars(Tensor)}, **vars(fastnet),
                                  "linalg": fastnet.linalg, "special": fastnet.special, "fft": fastnet.fft})


OWNERS = {"": fastnet, "nn.functional": fastnet.nn.functional, "linalg": fastnet.linalg, "special": fastnet.special,
          "fft": fastnet.fft}


def forms(op):
    """{form: (PyTorch's callable, fastnet's)} of an operation: as a function, as a method, in place."""
    path, _, name = op.name.rpartition(".")
    owner = OWNERS.get(path)
    method = path == "" and hasattr(Tensor, name)
    found = {}
    if owner is None or not (method or hasattr(owner, name)):
        return found
    if getattr(op.op, "__name__", "") == "<lambda>":        # its code is run with fastnet in the place of torch
        found["function"] = op.op, types.FunctionType(op.op.__code__, op.op.__globals__ | {"torch": _NAMES})
    elif callable(getattr(owner, name, None)):
        found["function"] = op.op, getattr(owner, name)
    if method and op.method_variant is not None and op.method_variant.__name__ != "<lambda>":
        found["method"] = op.method_variant, getattr(Tensor, name)
    if method and op.inplace_variant is not None and hasattr(Tensor, name + "_"):
        found["in place"] = op.inplace_variant, getattr(Tensor, name + "_")
    return found


def samples(op, dtype, limit):
    """At most `limit` (name, sample, form, its callables), every second one strided."""
    torch.manual_seed(0)
    np.random.seed(0)       # noqa: NPY002
    random.seed(0)
    gradients = dtype.is_floating_point and op.supports_autograd
    for i, sample in enumerate(itertools.islice(op.sample_inputs("cpu", dtype, requires_grad=gradients), limit)):
        for form, callables in forms(op).items():
            if form != "in place" or not sample.broadcasts_input:
                shaped = sample.noncontiguous() if i % 2 else sample
                yield f"{op.formatted_name} {form} {i} {dtype}", shaped, form, callables


# ---- comparing ------------------------------------------------------------------------------------------------------

def outcome(op, name, sample, form, callables):
    """Run a sample in both; an Outcome, or None if it is left out."""
    theirs = mapped(leaf, [[sample.input, *sample.args], sample.kwargs])
    try:
        ours = mapped(converted, theirs)
    except LeftOut:
        return None
    expected = attempted(callables[0], *theirs, form)
    if isinstance(expected, Exception) or any(x.dtype not in DTYPES for x in leaves(expected)):
        return None
    actual = attempted(callables[1], *ours, form)
    undefined = op.name in UNDEFINED or sample.kwargs.get("dropout_p", 0) > 0
    difference = result_difference(expected, actual, undefined)
    if difference is None and not undefined:
        difference = gradient_difference(expected, actual, leaves([*theirs[0], theirs[1]]), leaves([*ours[0], ours[1]]))
    return Outcome(name, difference)


def attempted(function, args, kwargs, form):
    """The result, or the exception. In place, the operation works on a copy, since leaves cannot be written."""
    try:
        if form == "in place":
            args = [args[0].clone(), *args[1:]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **kwargs)
    except Exception as error:          # whatever it is: it is the outcome
        return error


def result_difference(expected, actual, undefined):
    """How a result differs from PyTorch's, or None."""
    if isinstance(actual, Exception):
        return told(actual)
    if isinstance(expected, tuple | list):
        if not isinstance(actual, tuple | list) or len(actual) != len(expected):
            return f"expected {len(expected)} results, got {told(actual)}"
        return next(filter(None, map(result_difference, expected, actual, itertools.repeat(undefined))), None)
    if not isinstance(expected, torch.Tensor):
        return None if type(expected) is type(actual) and expected == actual else f"expected {expected}, got {actual}"
    if not isinstance(actual, Tensor):
        return f"expected a tensor, got {told(actual)}"
    for attribute, wanted in (("dtype", DTYPES[expected.dtype]), ("shape", tuple(expected.shape)),
                              ("requires_grad", expected.requires_grad)):
        if getattr(actual, attribute) != wanted:
            return f"{attribute}: expected {wanted}, got {getattr(actual, attribute)}"
    return None if undefined else value_difference("value", expected, actual)


def value_difference(what, expected, actual):
    a, b = expected.detach().numpy(force=True), actual.detach().numpy()
    if a.shape == b.shape and np.allclose(b, a, **TOLERANCE):
        return None
    return f"{what}: expected {a.tolist()}, got {b.tolist()}"


def gradient_difference(expected, actual, their_leaves, our_leaves):
    """How the gradients of a weighted sum of all results differ, or None."""
    pairs = [(a, b) for a, b in zip(leaves(expected), leaves(actual)) if a.requires_grad]
    if not pairs:
        return None
    generator = torch.Generator().manual_seed(1)
    weights = [torch.rand(a.shape, generator=generator, dtype=a.dtype) for a, _ in pairs]
    try:
        sum((a * w).sum() for (a, _), w in zip(pairs, weights)).backward()
    except RuntimeError:
        return None                     # PyTorch has no gradient here
    try:
        sum((b * converted(w)).sum() for (_, b), w in zip(pairs, weights)).backward()
    except Exception as error:
        return f"backward: {told(error)}"
    for i, (a, b) in enumerate(zip(their_leaves, our_leaves)):
        if a.requires_grad and (a.grad is None or b.grad is None):
            given = [x.grad for x in (a, b) if x.grad is not None]      # no gradient is a gradient of zeros
            if any(x.any() for x in given):
                return f"gradient {i}: expected {a.grad}, got {b.grad}"
        elif a.requires_grad and (difference := value_difference(f"gradient {i}", a.grad, b.grad)):
            return difference
    return None


def told(x):
    return f"{type(x).__name__}: {str(x).splitlines()[0] if str(x) else ''}" if isinstance(x, Exception) else repr(x)


# ---- wrong arguments ------------------------------------------------------------------------------------------------

def error_outcomes(op):
    """An Outcome for each of PyTorch's wrong inputs of an operation: fastnet raises the same kind of error."""
    if op.error_inputs_func is None:
        return
    torch.manual_seed(0)
    for i, error in enumerate(op.error_inputs("cpu")):
        sample = error.sample_input
        for form, (theirs, ours) in forms(op).items():
            if "out" in sample.kwargs or (form != "function" and not isinstance(sample.input, torch.Tensor)):
                continue
            args = [sample.input, *sample.args], sample.kwargs
            try:
                converted_args = mapped(converted, list(args))
            except LeftOut:
                continue
            expected = attempted(theirs, *args, form)
            if isinstance(expected, Exception):             # some raise on other devices alone
                actual = attempted(ours, *converted_args, form)
                yield Outcome(f"{op.formatted_name} {form} error {i}", None if isinstance(actual, type(expected)) else
                              f"expected {told(expected)}, got {told(actual)}")


def outcomes(limit):
    """An Outcome for every sample of every operation that fastnet has, at most `limit` an operation and dtype."""
    for op in op_db:
        if not forms(op):
            continue
        for dtype in (torch.float64 if op.name in ROUNDED else torch.float32, torch.int64):
            if dtype in op.dtypes and not (op.name in TIES and dtype == torch.int64):
                yield from filter(None, (outcome(op, *sample) for sample in samples(op, dtype, limit)))
        yield from error_outcomes(op)


def judged(tried, known, full):
    """Print every disagreement and the share of samples that agree; return what is wrong with them, or None.

    Args:
        tried: Outcomes.
        known: the beginnings of names of samples that may differ; in a full run at least one of each must.
    """
    tried = list(tried)
    differing = [x for x in tried if x.difference is not None]
    for x in differing:
        print(x.name, x.difference, sep=": ")
    unknown = [x.name for x in differing if not x.name.startswith(tuple(known))]
    agreeing = [start for start in known if not any(x.name.startswith(start) for x in differing)]
    share = 1 - len(differing) / len(tried)
    print(f"{share:.2%} of {len(tried)} samples agree")
    if unknown:
        return f"samples that differ and are not known to: {unknown}"
    if full and agreeing:
        return f"known to differ, but they agree: {agreeing}"
    return None if share >= 0.99 else "less than 99% of the samples agree"


if __name__ == "__main__":
    most = int(sys.argv[1])
    sys.exit(judged(outcomes(most), KNOWN, full=most >= FULL))
