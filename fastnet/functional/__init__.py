"""Differentiable operations on tensors, one module for each subject. `fastnet` has all of them under their names."""
from types import ModuleType as _ModuleType

from fastnet._core.errors import name_none as _name_none
from fastnet.functional.activation import log_softmax, relu, sigmoid, softmax, tanh
from fastnet.functional.arithmetic import add, dist, div, floor_divide, fmod, mul, pow, remainder, sub
from fastnet.functional.casting import clone
from fastnet.functional.combinations import addcdiv, addcmul, lerp
from fastnet.functional.compare import (
    allclose,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    clamp,
    clamp_max,
    clamp_min,
    eq,
    equal,
    ge,
    gt,
    isclose,
    le,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    masked_fill,
    ne,
    where,
)
from fastnet.functional.counting import bincount, repeat_interleave, unique, unique_consecutive
from fastnet.functional.creation import (
    arange,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tril,
    triu,
    zeros,
    zeros_like,
)
from fastnet.functional.einsum import einsum
from fastnet.functional.index_entries import index_add, index_copy, index_fill
from fastnet.functional.indexing import gather, index_select, masked_select, nonzero, take_along_dim
from fastnet.functional.joining import cat, chunk, concat, concatenate, flip, narrow, roll, select, split, stack, unbind
from fastnet.functional.linear import addmm, bmm, dot, matmul, mm, mv, outer
from fastnet.functional.norms import cdist, norm
from fastnet.functional.ordering import amax, amin, argmax, argmin, max, maximum, min, minimum
from fastnet.functional.pairs import atan2, logaddexp
from fastnet.functional.pointwise import (
    abs,
    acos,
    asin,
    atan,
    ceil,
    cos,
    cosh,
    erf,
    exp,
    expm1,
    floor,
    isfinite,
    isinf,
    isnan,
    log,
    log1p,
    log2,
    log10,
    neg,
    positive,
    reciprocal,
    round,
    rsqrt,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    tan,
    trunc,
)
from fastnet.functional.properties import get_device, is_complex, is_nonzero, is_same_size, is_signed
from fastnet.functional.random import bernoulli, dropout, normal, rand, rand_like, randint, randn, randn_like, randperm
from fastnet.functional.reduction import all, any, logsumexp, mean, prod, std, sum, var
from fastnet.functional.running import cummax, cummin, cumprod, cumsum, diff, logcumsumexp
from fastnet.functional.sampling import multinomial
from fastnet.functional.scatter_reduction import scatter_reduce
from fastnet.functional.scattering import scatter, scatter_add
from fastnet.functional.shape import (
    broadcast_to,
    flatten,
    moveaxis,
    movedim,
    permute,
    reshape,
    squeeze,
    t,
    transpose,
    unflatten,
    unsqueeze,
)
from fastnet.functional.sorting import argsort, bucketize, kthvalue, searchsorted, sort, topk

__all__ = [_name for _name, _value in list(globals().items())
           if not _name.startswith("_") and not isinstance(_value, _ModuleType)]
_name_none(globals())
