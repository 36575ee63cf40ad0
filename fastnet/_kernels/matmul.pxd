"""Products that other kernels divide and run like matmul."""
from fastnet._runtime.launch cimport DType, Launch

cdef struct Tile:                   # depends on the instruction set and the dtype
    int width, height               # lanes of one vector, rows
    ptrdiff_t size                  # bytes of a number
    ptrdiff_t depth                 # the most of a block of k

cdef Tile tile_of(DType dtype) noexcept
cdef ptrdiff_t packed_sliver(ptrdiff_t depth, const Tile *tile) noexcept
cdef int multiply_columns(char *out, char *x, char *y, ptrdiff_t batch, ptrdiff_t rows, ptrdiff_t lanes,
                          ptrdiff_t depth) except -1
cdef int submit_product(Launch *launch, ptrdiff_t batch, double work, ptrdiff_t sliver, const Tile *tile) except -1
