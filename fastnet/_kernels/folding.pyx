"""Windows of images as columns, and their sums. Contracts: reference/folding.py; blocks: src/folding.inc.h."""
from fastnet._runtime.launch cimport (
    F32, READ, WRITE, Array, Entry, Family, Kernel, Launch, ceil_div, expect_dtype, expect_ndim, family,
    rows_in_block, submit, unpack)

cdef extern from "src/folding_slots.h":
    enum:
        COLUMNS, X
        IMAGES, HEIGHT, WIDTH, KERNEL_HEIGHT, KERNEL_WIDTH, ROW_COUNT, COLUMN_COUNT
        STRIDE_Y, STRIDE_X, PADDING_Y, PADDING_X, DILATION_Y, DILATION_X, BLOCK_ROWS

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(folding)
    """
    const Entry *const *folding_tables

cdef Family _bodies = family(folding_tables)
cdef Kernel _unfold = _bodies["unfold"], _fold = _bodies["fold"]


cdef int launch_folding(Kernel kernel, bint sums, object columns, object x, tuple stride, tuple padding,
                        tuple dilation) except -1:
    """Run a kernel over columns and images; it writes the images if `sums`, else the columns."""
    cdef Launch launch
    cdef Array c, a
    cdef ptrdiff_t images[2]
    unpack(x, &a, WRITE if sums else READ)
    kernel.prepare(&launch, a.dtype)
    unpack(columns, &c, READ if sums else WRITE)
    expect_ndim(kernel.name, "x", &a, 4)
    expect_ndim(kernel.name, "columns", &c, 6)
    expect_dtype(kernel.name, "columns", &c, a.dtype)
    images[0], images[1] = a.shape[0], a.shape[1]
    if c.shape[0] != images[0] or c.shape[1] != images[1]:
        raise ValueError(f"{kernel.name}: expected columns of {(images[0], images[1])} images and channels, got "
                         f"{(c.shape[0], c.shape[1])}")
    launch.p[COLUMNS] = c.data
    launch.p[X] = a.data
    launch.n[IMAGES] = images[0] * images[1]
    launch.n[HEIGHT] = a.shape[2]
    launch.n[WIDTH] = a.shape[3]
    launch.n[KERNEL_HEIGHT] = c.shape[2]
    launch.n[KERNEL_WIDTH] = c.shape[3]
    launch.n[ROW_COUNT] = c.shape[4]
    launch.n[COLUMN_COUNT] = c.shape[5]
    launch.n[STRIDE_Y], launch.n[STRIDE_X] = stride
    launch.n[PADDING_Y], launch.n[PADDING_X] = padding
    launch.n[DILATION_Y], launch.n[DILATION_X] = dilation
    if launch.n[STRIDE_Y] < 1 or launch.n[STRIDE_X] < 1:
        raise ValueError(f"{kernel.name}: expected a positive stride, got {stride}")
    cdef ptrdiff_t rows = launch.n[IMAGES] * (a.shape[2] if sums else c.shape[2] * c.shape[3] * c.shape[4])
    launch.n[BLOCK_ROWS] = rows_in_block(a.shape[3] * c.shape[2] * c.shape[3] if sums else c.shape[5])
    launch.blocks = ceil_div(rows, launch.n[BLOCK_ROWS]) if (a.size if sums else c.size) else 0
    launch.work = (0.15 if a.dtype == F32 else 0.3) * (c.size + a.size)
    submit(&launch)
    return 0


def unfold(columns, x, stride, padding, dilation):
    launch_folding(_unfold, False, columns, x, stride, padding, dilation)


def fold(x, columns, stride, padding, dilation):
    launch_folding(_fold, True, columns, x, stride, padding, dilation)
