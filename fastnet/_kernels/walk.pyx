"""Launches over arrays of any strides that broadcast to the output's shape (src/walk.h), and the copy among them."""
cimport numpy as cnp
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDED_RO, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uintptr_t

from fastnet._runtime.launch cimport BOOL, F32, F64, I32, I64, MAX_DIMS, NONE, U8, DType, Entry, Family, Kernel, Launch
from fastnet._runtime.launch cimport dtype_of, family, plain_dtype, submit
from fastnet._runtime.memory cimport Block, take

from fastnet._runtime.launch import NeedsPacking, UnsupportedDtype

cnp.import_array()

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(walk)
    """
    const Entry *const *walk_tables

cdef Family _bodies = family(walk_tables)
cdef Kernel _move_1 = _bodies["move_1"], _move = _bodies["move"]
cdef Kernel _cast_f32 = _bodies["cast_f32"], _cast_f64 = _bodies["cast_f64"], _cast_i64 = _bodies["cast_i64"]
cdef Kernel _cast_i32 = _bodies["cast_i32"], _cast_u8 = _bodies["cast_u8"]
cdef Kernel _cast_i32_i64 = _bodies["cast_i32_i64"], _cast_u8_i64 = _bodies["cast_u8_i64"]

cdef enum:                          # as in src/walk.h
    HEAD = 5
    ARRAYS = 4
    SIZES = 28
    TILE = 4096                     # elements
    SQUARE = 64                     # rows and columns of a tile that is transposed


# ---- arrays ---------------------------------------------------------------------------------------------------------

cdef bint look_plain(cnp.ndarray source, Operand *operand, bint writable) noexcept:
    """The same from an ndarray; False where it needs a closer look."""
    cdef int i, wanted = cnp.NPY_ARRAY_ALIGNED | (cnp.NPY_ARRAY_WRITEABLE if writable else 0)
    operand.dtype = plain_dtype(source)
    if operand.dtype == NONE or source.ndim > MAX_DIMS or not cnp.PyArray_CHKFLAGS(source, wanted):
        return False
    operand.data = <char *>cnp.PyArray_DATA(source)
    operand.ndim = source.ndim
    operand.itemsize = cnp.PyArray_ITEMSIZE(source)
    operand.aligned = True
    for i in range(source.ndim):
        operand.shape[i] = source.shape[i]
        operand.step[i] = source.strides[i]
        if source.strides[i] % operand.itemsize and source.shape[i] > 1:
            operand.aligned = False
    return True


cdef int look(object source, Operand *operand, bint writable=False) except -1:
    """Fill `operand` from an array of any layout, unaligned ones included."""
    cdef Py_buffer view
    cdef int i
    if cnp.PyArray_CheckExact(source) and look_plain(source, operand, writable):
        return 0
    PyObject_GetBuffer(source, &view, PyBUF_STRIDED_RO | PyBUF_FORMAT | (PyBUF_WRITABLE if writable else 0))
    try:
        operand.dtype = <DType>dtype_of(view.format, view.itemsize)
        if operand.dtype == -2:
            raise UnsupportedDtype(f"dtype {getattr(source, 'dtype', '?')}")
        if view.ndim > MAX_DIMS:
            raise ValueError(f"at most {MAX_DIMS} dimensions are supported, got {view.ndim}")
        operand.data = <char *>view.buf
        operand.ndim = view.ndim
        operand.itemsize = view.itemsize
        operand.aligned = <uintptr_t>view.buf % view.itemsize == 0
        for i in range(view.ndim):
            operand.shape[i] = view.shape[i]
            operand.step[i] = view.strides[i]
            if view.strides[i] % view.itemsize and view.shape[i] > 1:
                operand.aligned = False
    finally:
        PyBuffer_Release(&view)
    return 0


cdef int look_aligned(object source, Operand *operand, bint writable=False) except -1:
    """The same for kernels that read whole elements: what is not aligned needs packing."""
    look(source, operand, writable)
    if not operand.aligned:
        raise NeedsPacking()
    return 0


cdef int expect_alike(str kernel, const Operand *operand, DType dtype) except -1:
    """The operand must have this dtype; what else it has is the dispatcher's affair."""
    if operand.dtype != dtype:
        raise UnsupportedDtype(f"{kernel}: mixed dtypes")
    return 0


cdef tuple shape_of(const Operand *operand):
    return tuple([operand.shape[i] for i in range(operand.ndim)])


# ---- the reduced dimensions of a call -------------------------------------------------------------------------------

cdef struct Plan:                   # the dimensions of all operands together, innermost first
    int ndim
    ptrdiff_t length[MAX_DIMS]
    ptrdiff_t step[MAX_DIMS][ARRAYS]    # of each dimension, for each operand


cdef bint follows(const Plan *plan, int outer, int inner, int count) noexcept:
    """Whether two dimensions can be walked as one."""
    cdef int k
    for k in range(count):
        if plan.step[outer][k] != plan.step[inner][k] * plan.length[inner]:
            return False
    return True


cdef int reduce_dims(str kernel, Plan *plan, const Operand *operands, int count) except -1:
    """Line up the dimensions from the last, drop those of length 1, sort by the output's steps, merge what can be."""
    cdef const Operand *out = &operands[0]
    cdef const Operand *x
    cdef int d, k, j, n = 0
    for k in range(1, count):
        if operands[k].ndim > out.ndim:
            raise ValueError(f"{kernel}: shape {shape_of(&operands[k])} does not broadcast to {shape_of(out)}")
    for d in range(out.ndim - 1, -1, -1):
        for k in range(1, count):
            x = &operands[k]
            j = d - out.ndim + x.ndim
            if j >= 0 and x.shape[j] != out.shape[d] and x.shape[j] != 1:
                raise ValueError(f"{kernel}: shape {shape_of(x)} does not broadcast to {shape_of(out)}")
            plan.step[n][k] = x.step[j] if j >= 0 and x.shape[j] != 1 else 0
        plan.step[n][0] = out.step[d]
        plan.length[n] = out.shape[d]
        n += out.shape[d] != 1
    for d in range(1, n):           # a few: by insertion, and most often in order already
        j = d
        while j and abs(plan.step[j][0]) < abs(plan.step[j - 1][0]):
            swap_dims(plan, j, j - 1, count)
            j -= 1
    plan.ndim = 0
    for d in range(n):
        if plan.ndim and follows(plan, d, plan.ndim - 1, count):
            plan.length[plan.ndim - 1] *= plan.length[d]
        else:
            if d != plan.ndim:
                swap_dims(plan, d, plan.ndim, count)
            plan.ndim += 1
    while plan.ndim < 2:            # an inner pair there always is
        plan.length[plan.ndim] = 1
        for k in range(count):
            plan.step[plan.ndim][k] = 0
        plan.ndim += 1
    return 0


cdef void swap_dims(Plan *plan, int a, int b, int count) noexcept:
    cdef int k
    plan.length[a], plan.length[b] = plan.length[b], plan.length[a]
    for k in range(count):
        plan.step[a][k], plan.step[b][k] = plan.step[b][k], plan.step[a][k]


cdef bint overlaps(const Operand *a, const Operand *b) noexcept:
    """Whether the stretches of memory that two operands reach over meet."""
    cdef const Operand *operand
    cdef char *low[2]
    cdef char *high[2]
    cdef int d, k
    for k in range(2):
        operand = a if k == 0 else b
        low[k] = operand.data
        high[k] = operand.data + operand.itemsize
        for d in range(operand.ndim):
            if operand.shape[d] == 0:
                return False
            if operand.step[d] < 0:
                low[k] += operand.step[d] * (operand.shape[d] - 1)
            else:
                high[k] += operand.step[d] * (operand.shape[d] - 1)
    return low[0] < high[1] and low[1] < high[0]


cdef bint same_elements(const Plan *plan, const Operand *operands, int k) noexcept:
    """Whether operand k stands exactly where the output does."""
    cdef int d
    if operands[k].data != operands[0].data or operands[k].itemsize != operands[0].itemsize:
        return False
    for d in range(plan.ndim):
        if plan.step[d][k] != plan.step[d][0]:
            return False
    return True


cdef Block detach(Operand *operand, const Operand *out):
    """Replace an operand with a contiguous copy of itself, spread over the output's shape."""
    cdef Operand pair[2]            # the copy, and what it is of
    cdef ptrdiff_t nbytes = operand.itemsize
    cdef int d
    pair[0], pair[1] = out[0], operand[0]
    for d in range(out.ndim - 1, -1, -1):
        pair[0].step[d] = nbytes
        nbytes *= out.shape[d]
    cdef Block block = take(nbytes)
    pair[0].data = block.data
    pair[0].dtype, pair[0].itemsize, pair[0].aligned = operand.dtype, operand.itemsize, True
    launch_copy(pair)
    operand[0] = pair[0]
    return block


# ---- launches -------------------------------------------------------------------------------------------------------

cdef bint fits(const Plan *plan, int count) noexcept:
    """Whether a launch has room for the dimensions that could not be merged."""
    return HEAD + 2 * count + (plan.ndim - 2) * (1 + count) <= SIZES


cdef int fill_launch(Launch *launch, const Plan *plan, int count, ptrdiff_t tile_rows, ptrdiff_t tile_cols) noexcept:
    """Write the plan as src/walk.h reads it; its first two dimensions are cols and rows."""
    cdef int d, k, at = HEAD
    cdef ptrdiff_t rows = plan.length[1], cols = plan.length[0]
    launch.n[0] = plan.ndim - 2
    launch.n[1] = rows
    launch.n[2] = cols
    launch.n[3] = tile_rows
    launch.n[4] = tile_cols
    for k in range(count):
        launch.n[at] = plan.step[1][k]
        launch.n[at + 1] = plan.step[0][k]
        at += 2
    launch.blocks = ((rows + tile_rows - 1) // tile_rows) * ((cols + tile_cols - 1) // tile_cols)
    for d in range(plan.ndim - 1, 1, -1):
        launch.n[at] = plan.length[d]
        launch.blocks *= plan.length[d]
        for k in range(count):
            launch.n[at + 1 + k] = plan.step[d][k]
        at += 1 + count
    return 0


cdef ptrdiff_t elements(const Plan *plan) noexcept:
    cdef ptrdiff_t size = 1
    cdef int d
    for d in range(plan.ndim):
        size *= plan.length[d]
    return size


cdef int launch_walk(Kernel kernel, DType place, double cost, Operand *operands, int count) except -1:
    """Run `kernel` (the body for dtype `place`) on operands that broadcast to the first, contiguous one.

    `cost` is in nanoseconds an element. An operand may stand exactly where the output does; one that overlaps it
    otherwise is copied first. So are all operands if together they have more dimensions than a launch holds.
    """
    cdef Launch launch
    cdef Plan plan
    cdef int k
    cdef ptrdiff_t cols
    cdef list detached = None       # the memory must last until the launch is submitted
    kernel.prepare(&launch, place)
    reduce_dims(kernel.name, &plan, operands, count)
    if elements(&plan) == 0:
        return 0
    for k in range(1, count):
        if not fits(&plan, count) or overlaps(&operands[k], &operands[0]) and not same_elements(&plan, operands, k):
            detached = detached or []
            detached.append(detach(&operands[k], &operands[0]))
    if detached:
        reduce_dims(kernel.name, &plan, operands, count)
        if not fits(&plan, count):      # these are the output's own
            raise NeedsPacking()
    for k in range(count):
        launch.p[k] = operands[k].data
        if plan.step[0][k] != operands[k].itemsize and (plan.step[0][k] or k == 0) and plan.length[0] > 1:
            raise NeedsPacking()
    cols = min(plan.length[0], <ptrdiff_t>TILE)
    fill_launch(&launch, &plan, count, max(TILE // max(cols, 1), 1), max(cols, 1))
    launch.work = cost * elements(&plan)
    return submit(&launch)


cdef int launch_copy(Operand *operands) except -1:
    """out[...] = x, of any layouts, x broadcast, converted where there is a compiled conversion."""
    cdef Launch launch
    cdef Plan plan
    cdef Operand *out = &operands[0]
    cdef Operand *x = &operands[1]
    cdef Block detached                     # keeps the copy's memory until the launch has run
    cdef int d
    cdef ptrdiff_t cols, tile_rows
    cdef double cost
    prepare_copy(&launch, out, x)
    reduce_dims("copy", &plan, operands, 2)
    if overlaps(out, x):
        if same_elements(&plan, operands, 1):
            return 0
        detached = detach(x, out)  # no-cython-lint
        reduce_dims("copy", &plan, operands, 2)
    launch.p[0] = out.data
    launch.p[1] = x.data
    cols, cost = min(plan.length[0], <ptrdiff_t>TILE), 0.04 * out.itemsize
    tile_rows = max(TILE // max(cols, 1), 1)
    if plan.step[0][1] and plan.step[0][1] != x.itemsize:
        cost = 0.6
        for d in range(1, plan.ndim):       # a dimension along which x is contiguous: a transposition
            if plan.step[d][1] == x.itemsize:
                swap_dims(&plan, 1, d, 2)
                tile_rows = cols = SQUARE
                break
    return submit_copy(&launch, &plan, cost, tile_rows, max(cols, 1))


cdef int submit_copy(Launch *launch, Plan *plan, double cost, ptrdiff_t tile_rows, ptrdiff_t tile_cols) except -1:
    """Submit one launch or, for more dimensions than it holds, one for each index of the outermost."""
    cdef ptrdiff_t _i
    cdef int k, outermost
    if fits(plan, 2):
        fill_launch(launch, plan, 2, tile_rows, tile_cols)
        launch.work = cost * elements(plan)
        return submit(launch)
    plan.ndim -= 1
    outermost = plan.ndim
    for _i in range(plan.length[outermost]):
        submit_copy(launch, plan, cost, tile_rows, tile_cols)
        for k in range(2):
            launch.p[k] = <char *>launch.p[k] + plan.step[outermost][k]
    for k in range(2):
        launch.p[k] = <char *>launch.p[k] - plan.length[outermost] * plan.step[outermost][k]
    plan.ndim += 1
    return 0


cdef int prepare_copy(Launch *launch, const Operand *out, const Operand *x) except -1:
    """Choose the body: by element size where the dtypes are equal, else a conversion (a bool is a uint8 of 0 or 1)."""
    cdef DType to = out.dtype, given = U8 if x.dtype == BOOL else x.dtype
    if out.dtype == x.dtype or to == U8 and given == U8:
        if out.itemsize == 1:
            return _move_1.prepare(launch, F32)
        return _move.prepare(launch, F32 if out.itemsize == 4 else F64)
    if to == F32 or to == F64:
        if given == F32:
            return _cast_f32.prepare(launch, to)
        if given == F64:
            return _cast_f64.prepare(launch, to)
        if given == I64:
            return _cast_i64.prepare(launch, to)
        return (_cast_i32 if given == I32 else _cast_u8).prepare(launch, to)
    if to == I64 and given == I32:
        return _cast_i32_i64.prepare(launch, F64)
    if to == I64 and given == U8:
        return _cast_u8_i64.prepare(launch, F64)
    raise UnsupportedDtype("copy: no compiled conversion")
