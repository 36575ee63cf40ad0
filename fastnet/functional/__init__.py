"""Differentiable operations on tensors, one module for each subject. `fastnet` has all of them under their names."""
from types import ModuleType as _ModuleType

import fastnet.functional.assignment as _assignment
import fastnet.functional.inplace_shape as _inplace_shape
import fastnet.functional.storages as _storages
import fastnet.functional.tensor_attributes as _tensor_attributes
import fastnet.functional.write_methods as _write_methods  # registers methods
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
from fastnet.functional.complex_numbers import (
    adjoint,
    angle,
    complex,
    conj,
    conj_physical,
    imag,
    is_conj,
    polar,
    real,
    resolve_conj,
    view_as_complex,
    view_as_real,
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
from fastnet.functional.distances import cdist
from fastnet.functional.einsum import einsum
from fastnet.functional.elements import argwhere, index_put, isin, masked_scatter, put, take
from fastnet.functional.expansion import broadcast_to
from fastnet.functional.fake_quantization import fake_quantize_per_channel_affine, fake_quantize_per_tensor_affine
from fastnet.functional.grids import (
    broadcast_shapes,
    broadcast_tensors,
    cartesian_prod,
    combinations,
    logspace,
    meshgrid,
    range,
    unravel_index,
)
from fastnet.functional.histograms import histc, histogram
from fastnet.functional.hyperbolic import acosh, asinh, atanh, deg2rad, rad2deg
from fastnet.functional.index_entries import index_add, index_copy, index_fill, index_reduce
from fastnet.functional.indexing import gather, index_select, masked_select, nonzero, take_along_dim
from fastnet.functional.integration import cumulative_trapezoid, gradient, trapezoid, trapz, vander
from fastnet.functional.joining import cat, concat, concatenate, flip, roll, stack
from fastnet.functional.linear import addmm, bmm, dot, matmul, mm, mv, outer
from fastnet.functional.matrices import block_diag, diag, diag_embed, diagflat, trace, tril_indices, triu_indices
from fastnet.functional.norms import norm
from fastnet.functional.number_parts import (
    copysign,
    frac,
    frexp,
    isneginf,
    isposinf,
    isreal,
    ldexp,
    nan_to_num,
    nextafter,
    sgn,
    signbit,
)
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
from fastnet.functional.products import (
    addbmm,
    addmv,
    addr,
    baddbmm,
    chain_matmul,
    cross,
    inner,
    kron,
    renorm,
    tensordot,
    vdot,
)
from fastnet.functional.properties import (
    get_device,
    is_complex,
    is_nonzero,
    is_same_size,
    is_signed,
    result_type,
    sparse_coo_tensor,
)
from fastnet.functional.random import bernoulli, dropout, normal, rand, rand_like, randint, randn, randn_like, randperm
from fastnet.functional.random_filling import binomial, poisson, randint_like
from fastnet.functional.rare_arithmetic import (
    bitwise_left_shift,
    bitwise_right_shift,
    float_power,
    fmax,
    fmin,
    gcd,
    heaviside,
    hypot,
    lcm,
    logaddexp2,
    rsub,
)
from fastnet.functional.reduction import all, any, logsumexp, mean, prod, std, sum, var
from fastnet.functional.running import cummax, cummin, cumprod, cumsum, diff, logcumsumexp
from fastnet.functional.sampling import multinomial
from fastnet.functional.scatter_reduction import scatter_reduce
from fastnet.functional.scattering import scatter, scatter_add
from fastnet.functional.shape import (
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
from fastnet.functional.splitting import chunk, narrow, select, split, unbind
from fastnet.functional.stacking import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    column_stack,
    dsplit,
    dstack,
    fliplr,
    flipud,
    hsplit,
    hstack,
    rot90,
    row_stack,
    split_with_sizes,
    tensor_split,
    tile,
    vsplit,
    vstack,
)
from fastnet.functional.statistics import (
    aminmax,
    corrcoef,
    count_nonzero,
    cov,
    median,
    mode,
    msort,
    nanmean,
    nanmedian,
    nanquantile,
    nansum,
    quantile,
    std_mean,
    var_mean,
)
from fastnet.functional.strided_views import (
    as_strided,
    diagonal,
    diagonal_scatter,
    narrow_copy,
    select_scatter,
    slice_scatter,
)

absolute, arccos, arccosh, arcsin, arcsinh, arctan = abs, acos, acosh, asin, asinh, atan
arctan2, arctanh, clip, divide, fix = atan2, atanh, clamp, div, trunc
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
ger, multiply, negative, ravel, subtract = outer, mul, neg, flatten, sub
swapaxes, swapdims, true_divide = transpose, transpose, div

__all__ = [_name for _name, _value in list(globals().items())
           if not _name.startswith("_") and not isinstance(_value, _ModuleType)]
_name_none(globals())
