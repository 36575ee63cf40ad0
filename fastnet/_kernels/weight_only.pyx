"""Products with weights of 8 and 4 bits. Contract: reference/weight_only.py."""
from fastnet._runtime.launch cimport (
    F32, I8, NARROW, OPTIONAL, U8, WRITE, Array, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype,
    expect_ndim, expect_shape, family, shape_of, submit, unpack)
from fastnet._runtime.memory cimport Block, allocate_block

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(weight_only)
    """
    const Entry *const *weight_only_tables

cdef extern from "src/weight_only_slots.h":
    enum:
        O_OUT, O_X, O_WEIGHT, O_SCALE, O_ZERO, O_BIAS
        O_ROWS, O_DEPTH, O_COLUMNS, O_GROUPS, O_FOUR, O_SIGNED
        COLUMNS_AT_ONCE

cdef Family _bodies = family(weight_only_tables)
cdef Kernel _weight_only = _bodies["weight_only"], _odd = _bodies["weight_only_odd"]
cdef Kernel _part_pairs = _bodies["part_pairs"], _unpack_weight = _bodies["unpack_weight"]

cdef enum:
    MOST_LANES = 16                 # of all instruction sets, so that all sum in whole vectors of the same groups


def unpack_weight(out, weight, scale, zero=None):
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    expect_dtype("unpack_weight", "out", &o, F32)
    expect_ndim("unpack_weight", "out", &o, 2)
    _unpack_weight.prepare(&launch, F32)
    bind_weight("unpack_weight", &launch, o.shape[0], o.shape[1], weight, scale, zero)
    launch.p[O_OUT] = o.data
    launch.blocks = o.shape[0] if o.size else 0
    launch.work = 0.2 * o.size
    submit(&launch)


def weight_only_matmul(out, x, weight, scale, zero=None, bias=None):
    cdef Launch launch, parting, odd
    cdef Array o, a
    cdef Block _parted              # held until the launch is submitted
    cdef ptrdiff_t size
    unpack(out, &o, WRITE)
    unpack(x, &a)
    expect_dtype("weight_only_matmul", "out", &o, F32)
    expect_dtype("weight_only_matmul", "x", &a, F32)
    expect_ndim("weight_only_matmul", "out", &o, 2)
    expect_ndim("weight_only_matmul", "x", &a, 2)
    if o.shape[0] != a.shape[0]:
        raise ValueError(f"weight_only_matmul: expected as many rows, got out {shape_of(&o)} and x {shape_of(&a)}")
    _weight_only.prepare(&launch, F32)
    bind_weight("weight_only_matmul", &launch, o.shape[1], a.shape[1], weight, scale, zero)
    bind(&launch, O_BIAS, "weight_only_matmul", "bias", bias, OPTIONAL, F32, o.shape[1])
    if o.size == 0:
        return
    launch.p[O_OUT] = o.data
    launch.p[O_X] = a.data
    launch.n[O_ROWS] = a.shape[0]
    size = a.shape[1] // launch.n[O_GROUPS]
    if size % (2 * MOST_LANES if launch.n[O_FOUR] else MOST_LANES):
        _odd.prepare(&odd, F32)
        launch.body = odd.body
    elif launch.n[O_FOUR]:
        _parted = allocate_block(max(1, a.size) * 4)
        _part_pairs.prepare(&parting, F32)
        parting.p[O_OUT] = _parted.data
        parting.p[O_X] = a.data
        parting.n[O_DEPTH] = a.shape[1]
        parting.blocks = a.shape[0]
        parting.work = 5.0 + 0.5 * a.size
        submit(&parting)
        launch.p[O_X] = _parted.data
    launch.blocks = ceil_div(o.shape[1], COLUMNS_AT_ONCE)
    launch.work = 10.0 + 0.05 * o.size * a.shape[1]
    submit(&launch)


cdef int bind_weight(str kernel, Launch *launch, ptrdiff_t columns, ptrdiff_t depth, weight, scale, zero) except -1:
    """Check and bind the numbers of a weight (columns, depth)."""
    cdef Array w, s, z
    cdef ptrdiff_t shape[2]
    unpack(weight, &w, NARROW)
    unpack(scale, &s)
    unpack(zero, &z, OPTIONAL | NARROW)
    if w.dtype != U8:
        expect_dtype(kernel, "weight", &w, I8)
    expect_dtype(kernel, "scale", &s, F32)
    expect_ndim(kernel, "scale", &s, 2)
    shape[0], shape[1] = columns, depth // 2 if w.dtype == U8 else depth
    expect_shape(kernel, "weight", &w, shape, 2)
    shape[1] = s.shape[1]
    expect_shape(kernel, "scale", &s, shape, 2)
    expect_dtype(kernel, "zero", &z, w.dtype)
    if z.data != NULL:
        expect_shape(kernel, "zero", &z, shape, 2)
    if shape[1] < 1 or depth % shape[1] or (w.dtype == U8 and depth // shape[1] % 2):
        raise ValueError(f"{kernel}: expected a scale whose groups divide the {depth} numbers of a row evenly, got "
                         f"shape {shape_of(&s)}")
    launch.p[O_WEIGHT] = w.data
    launch.p[O_SCALE] = s.data
    launch.p[O_ZERO] = z.data
    launch.n[O_DEPTH], launch.n[O_COLUMNS], launch.n[O_GROUPS] = depth, columns, s.shape[1]
    launch.n[O_FOUR], launch.n[O_SIGNED] = w.dtype == U8, w.dtype == I8
    return 0
