"""Launches over arrays of any strides that broadcast to the output's shape (src/walk.h), the copy among them."""
from fastnet._runtime.launch cimport (
    BLOCK, BOOL, F32, F64, I8, I32, I64, LAUNCH_SIZES, MAX_DIMS, U8, Array, DType, Entry, Family, Kernel, Launch,
    ceil_div, family, rows_in_block, shape_of, submit)
from fastnet._runtime.memory cimport Block, allocate_block

from fastnet._runtime.launch import NeedsPacking, UnsupportedDtype

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(walk)
    """
    const Entry *const *walk_tables

cdef extern from "src/walk_slots.h":
    enum:
        WALK_ARRAYS
        WALK_OUT, WALK_INPUTS
        WALK_OUTER, WALK_ROWS, WALK_COLS, WALK_TILE_ROWS, WALK_TILE_COLS
        SHORT_COUNT, SHORT_ROWS, SHORT_COLS, SHORT_BLOCK, SHORT_MOST
    int WALK_ROW_STEP(int array)
    int WALK_COL_STEP(int array)
    int WALK_LENGTH(int arrays, int dim)
    int WALK_STEP(int arrays, int dim, int array)

cdef Family _bodies = family(walk_tables)
cdef Kernel _move_1 = _bodies["move_1"], _move = _bodies["move"]
cdef Kernel _move_short = _bodies["move_short"]
cdef Kernel _cast_f32 = _bodies["cast_f32"], _cast_f64 = _bodies["cast_f64"], _cast_i64 = _bodies["cast_i64"]
cdef Kernel _cast_i32 = _bodies["cast_i32"], _cast_u8 = _bodies["cast_u8"]
cdef Kernel _cast_i32_i64 = _bodies["cast_i32_i64"], _cast_u8_i64 = _bodies["cast_u8_i64"]

cdef enum:
    SQUARE = 64                     # rows and columns of a tile of a transposition


cdef int expect_served(str kernel, const Array *array, DType dtype) except -1:
    """Raise UnsupportedDtype, which calls the reference, unless the array has this dtype."""
    if array.dtype != dtype:
        raise UnsupportedDtype(f"{kernel}: mixed dtypes")
    return 0


# ---- merged dimensions ----------------------------------------------------------------------------------------------

cdef struct Plan:                   # the merged dimensions of all arrays, innermost first
    int ndim
    ptrdiff_t length[MAX_DIMS]
    ptrdiff_t step[MAX_DIMS][WALK_ARRAYS]   # in bytes


cdef bint follows(const Plan *plan, int outer, int inner, int count) noexcept:
    """Whether two dimensions can be merged into one."""
    cdef int k
    for k in range(count):
        if plan.step[outer][k] != plan.step[inner][k] * plan.length[inner]:
            return False
    return True


cdef int merge_dims(str kernel, Plan *plan, const Array *arrays, int count) except -1:
    """Align the dimensions from the last, drop those of length 1, sort by the output's steps and merge neighbours."""
    cdef const Array *out = &arrays[0]
    cdef const Array *x
    cdef int d, k, j, n = 0
    for k in range(1, count):
        if arrays[k].ndim > out.ndim:
            raise ValueError(f"{kernel}: shape {shape_of(&arrays[k])} does not broadcast to {shape_of(out)}")
    for d in range(out.ndim - 1, -1, -1):
        for k in range(1, count):
            x = &arrays[k]
            j = d - out.ndim + x.ndim
            if j >= 0 and x.shape[j] != out.shape[d] and x.shape[j] != 1:
                raise ValueError(f"{kernel}: shape {shape_of(x)} does not broadcast to {shape_of(out)}")
            plan.step[n][k] = x.strides[j] if j >= 0 and x.shape[j] != 1 else 0
        plan.step[n][0] = out.strides[d]
        plan.length[n] = out.shape[d]
        n += out.shape[d] != 1
    for d in range(1, n):           # insertion sort: few dimensions, usually sorted already
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
    while plan.ndim < 2:            # there is always an inner pair
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


cdef bint overlaps(const Array *a, const Array *b) noexcept:
    """Whether the address ranges of two arrays overlap."""
    cdef const Array *array
    cdef char *low[2]
    cdef char *high[2]
    cdef int d, k
    for k in range(2):
        array = a if k == 0 else b
        low[k] = array.data
        high[k] = array.data + array.itemsize
        for d in range(array.ndim):
            if array.shape[d] == 0:
                return False
            if array.strides[d] < 0:
                low[k] += array.strides[d] * (array.shape[d] - 1)
            else:
                high[k] += array.strides[d] * (array.shape[d] - 1)
    return low[0] < high[1] and low[1] < high[0]


cdef bint same_elements(const Plan *plan, const Array *arrays, int k) noexcept:
    """Whether array k has exactly the elements of the output, in the same order."""
    cdef int d
    if arrays[k].data != arrays[0].data or arrays[k].itemsize != arrays[0].itemsize:
        return False
    for d in range(plan.ndim):
        if plan.step[d][k] != plan.step[d][0]:
            return False
    return True


cdef bint is_scattered(const Plan *plan, const Array *arrays, int k) noexcept:
    """Whether neighbours along the innermost dimension are neither adjacent in memory nor one repeated element."""
    cdef ptrdiff_t step = plan.step[0][k]
    return step != arrays[k].itemsize and (step != 0 or k == 0) and plan.length[0] > 1


cdef Block detach(Array *array, const Array *out, bint broadcast=True):
    """Replace an array with a copy of it without gaps, whose dimensions lie in the order of the output's.

    The copy has the output's shape if it is `broadcast`, else the array's own.
    """
    cdef Array pair[2]              # the copy and the original
    cdef ptrdiff_t nbytes = array.itemsize
    cdef int order[MAX_DIMS]
    cdef int d, i, extra
    pair[0], pair[1] = out[0] if broadcast else array[0], array[0]
    extra = out.ndim - pair[0].ndim
    for d in range(pair[0].ndim):       # insertion sort, from the innermost dimension of the output to the outermost
        i = d
        order[d] = pair[0].ndim - 1 - d
        while i and abs(out.strides[extra + order[i]]) < abs(out.strides[extra + order[i - 1]]):
            order[i], order[i - 1] = order[i - 1], order[i]
            i -= 1
    for d in range(pair[0].ndim):
        pair[0].strides[order[d]] = nbytes
        nbytes *= pair[0].shape[order[d]]
    cdef Block block = allocate_block(nbytes)
    pair[0].data = block.data
    pair[0].dtype, pair[0].itemsize, pair[0].aligned = array.dtype, array.itemsize, True
    launch_copy(pair)
    array[0] = pair[0]
    return block


# ---- launches -------------------------------------------------------------------------------------------------------

cdef bint fits(const Plan *plan, int count) noexcept:
    """Whether a launch has slots for all dimensions."""
    return WALK_LENGTH(count, plan.ndim - 2) <= LAUNCH_SIZES


cdef int fill_launch(Launch *launch, const Plan *plan, int count, ptrdiff_t tile_rows, ptrdiff_t tile_cols) noexcept:
    """Write the plan as src/walk.h reads it; its first two dimensions are cols and rows."""
    cdef int d, k, outer = plan.ndim - 2
    cdef ptrdiff_t rows = plan.length[1], cols = plan.length[0]
    launch.n[WALK_OUTER] = outer
    launch.n[WALK_ROWS] = rows
    launch.n[WALK_COLS] = cols
    launch.n[WALK_TILE_ROWS] = tile_rows
    launch.n[WALK_TILE_COLS] = tile_cols
    for k in range(count):
        launch.n[WALK_ROW_STEP(k)] = plan.step[1][k]
        launch.n[WALK_COL_STEP(k)] = plan.step[0][k]
    launch.blocks = ceil_div(rows, tile_rows) * ceil_div(cols, tile_cols)
    for d in range(outer):
        launch.n[WALK_LENGTH(count, d)] = plan.length[plan.ndim - 1 - d]
        launch.blocks *= plan.length[plan.ndim - 1 - d]
        for k in range(count):
            launch.n[WALK_STEP(count, d, k)] = plan.step[plan.ndim - 1 - d][k]
    return 0


cdef ptrdiff_t elements(const Plan *plan) noexcept:
    cdef ptrdiff_t size = 1
    cdef int d
    for d in range(plan.ndim):
        size *= plan.length[d]
    return size


cdef int launch_walk(Kernel kernel, DType place, double cost, Array *arrays, int count) except -1:
    """Run `kernel` (its body for dtype `place`) on arrays that broadcast to the first one.

    `cost` is in nanoseconds an element. Along the innermost dimension of the output each array must be contiguous or
    repeat one element; an input that is not is copied first. So is an input that overlaps the output, unless it is the
    output itself, and so are all inputs if they have more dimensions together than a launch has slots for.
    """
    cdef Launch launch
    cdef Plan plan
    cdef int k
    cdef ptrdiff_t cols
    cdef list detached = None       # keeps the memory of copies until the launch is submitted
    kernel.prepare(&launch, place)
    merge_dims(kernel.name, &plan, arrays, count)
    if elements(&plan) == 0:
        return 0
    for k in range(1, count):
        if not fits(&plan, count) or overlaps(&arrays[k], &arrays[0]) and not same_elements(&plan, arrays, k):
            detached = detached or []
            detached.append(detach(&arrays[k], &arrays[0]))
        elif is_scattered(&plan, arrays, k):
            detached = detached or []
            detached.append(detach(&arrays[k], &arrays[0], broadcast=False))
    if detached:
        merge_dims(kernel.name, &plan, arrays, count)
    if not fits(&plan, count) or is_scattered(&plan, arrays, 0):
        raise NeedsPacking()            # the output alone has too many dimensions, or is not contiguous
    for k in range(count):
        launch.p[k] = arrays[k].data
    cols = min(plan.length[0], <ptrdiff_t>BLOCK)
    fill_launch(&launch, &plan, count, max(BLOCK // max(cols, 1), 1), max(cols, 1))
    launch.work = cost * elements(&plan)
    return submit(&launch)


cdef int launch_copy(Array *arrays) except -1:
    """out[...] = x, broadcast and converted, in any layouts, for the dtypes that have a compiled conversion."""
    cdef Launch launch
    cdef Plan plan
    cdef Array *out = &arrays[0]
    cdef Array *x = &arrays[1]
    cdef Block detached                     # keeps the copy's memory until the launch has run
    cdef int d
    cdef ptrdiff_t cols, tile_rows
    cdef double cost
    prepare_copy(&launch, out, x)
    merge_dims("copy", &plan, arrays, 2)
    if overlaps(out, x):
        if same_elements(&plan, arrays, 1):
            return 0
        detached = detach(x, out)  # no-cython-lint
        merge_dims("copy", &plan, arrays, 2)
    if is_short(&plan, out, x):
        return submit_short(&plan, out, x)
    launch.p[WALK_OUT] = out.data
    launch.p[WALK_INPUTS] = x.data
    cols, cost = min(plan.length[0], <ptrdiff_t>BLOCK), 0.04 * out.itemsize
    tile_rows = max(BLOCK // max(cols, 1), 1)
    if plan.step[0][1] and abs(plan.step[0][1]) != x.itemsize:
        cost = 0.6
        for d in range(1, plan.ndim):       # if x is contiguous along another dimension, it is a transposition
            if plan.step[d][1] == x.itemsize:
                swap_dims(&plan, 1, d, 2)
                tile_rows = cols = SQUARE
                break
    return submit_copy(&launch, &plan, cost, tile_rows, max(cols, 1))


cdef bint is_short(const Plan *plan, const Array *out, const Array *x) noexcept:
    """Whether a copy transposes contiguous matrices, one after the other, with few rows or few columns."""
    cdef ptrdiff_t size = out.itemsize, cols = plan.length[0], rows = plan.length[1]
    cdef ptrdiff_t count = plan.length[2] if plan.ndim == 3 else 1
    cdef bint contiguous = (plan.step[0][0] == size and plan.step[1][0] == cols * size
                            and plan.step[1][1] == size and plan.step[0][1] == rows * size)
    if plan.ndim > 3 or not contiguous or out.dtype != x.dtype or size < 4 or not (out.aligned and x.aligned):
        return False
    if plan.ndim == 3 and not plan.step[2][0] == plan.step[2][1] == rows * cols * size:
        return False
    return min(rows, cols) > 1 and min(rows, cols) <= SHORT_MOST and (count >= 8 or rows * cols <= 4 * BLOCK)


cdef int submit_short(const Plan *plan, const Array *out, const Array *x) except -1:
    cdef Launch launch
    cdef ptrdiff_t count = plan.length[2] if plan.ndim == 3 else 1
    _move_short.prepare(&launch, F32 if out.itemsize == 4 else F64)
    launch.p[WALK_OUT] = out.data
    launch.p[WALK_INPUTS] = x.data
    launch.n[SHORT_COUNT], launch.n[SHORT_ROWS], launch.n[SHORT_COLS] = count, plan.length[1], plan.length[0]
    launch.n[SHORT_BLOCK] = rows_in_block(plan.length[1] * plan.length[0])
    launch.blocks = ceil_div(count, launch.n[SHORT_BLOCK])
    launch.work = 0.15 * elements(plan)
    return submit(&launch)


cdef int submit_copy(Launch *launch, Plan *plan, double cost, ptrdiff_t tile_rows, ptrdiff_t tile_cols) except -1:
    """Submit one launch or, if the plan has too many dimensions, one for each index of the outermost."""
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


cdef int prepare_copy(Launch *launch, const Array *out, const Array *x) except -1:
    """Choose the body: by element size for equal dtypes, else a conversion (a bool is a uint8 of 0 or 1)."""
    cdef DType to = out.dtype, given = U8 if x.dtype == BOOL else x.dtype
    if max(to, given) >= I8 and (to != given or out.itemsize != 1):
        raise UnsupportedDtype("copy: no compiled conversion")
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
