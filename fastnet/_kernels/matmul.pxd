"""Products that other kernels divide and run like matmul."""
from fastnet._runtime.launch cimport DType, Launch
from fastnet._runtime.memory cimport Block

cdef struct Operand:                # a matrix or a batch of them, as one side of the product; strides are in elements
    char *data
    ptrdiff_t size                  # rows or lanes
    ptrdiff_t stride                # from one row or lane to the next
    ptrdiff_t k                     # stride along k
    ptrdiff_t batch                 # from one matrix to the next; 0: all products share one

cdef struct Tile:                   # depends on the instruction set and the dtype
    int width, height               # lanes of one vector, rows
    bint has_half                   # half a vector takes half the time
    ptrdiff_t size                  # bytes of a number
    ptrdiff_t depth                 # the most of a block of k

cdef int activation_code(str kernel, activation) except -1
cdef Tile tile_of(DType dtype) noexcept
cdef ptrdiff_t group_slivers(const Launch *launch, double work, const Tile *tile) noexcept
cdef ptrdiff_t packed_sliver(ptrdiff_t depth, const Tile *tile) noexcept
cdef Block packed_panels(Launch *launch, const Operand *lanes, ptrdiff_t depth, ptrdiff_t batch, const Tile *tile)
cdef int run_products(char *out, Operand rows, Operand lanes, ptrdiff_t depth, ptrdiff_t batch,
                      bint accumulate) except -1
cdef int submit_product(Launch *launch, ptrdiff_t batch, double work, ptrdiff_t sliver, const Tile *tile) except -1
