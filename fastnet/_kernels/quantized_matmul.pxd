from fastnet._runtime.launch cimport Array, DType, Launch
from fastnet._runtime.memory cimport Block

cdef extern from "src/quantized_slots.h":
    ctypedef struct Dots:
        int depth, bytes, wide, flip, lanes, rows

cdef const Dots *dots() noexcept
cdef int flip_of(DType dtype) noexcept
cdef ptrdiff_t stored_offset(DType dtype) noexcept
cdef int expect_bytes(str kernel, str name, const Array *array) except -1
cdef int bind_requantized(Launch *launch, str kernel, const Array *out, bias, multiplier, shift, ptrdiff_t zero_a,
                          DType dtype_a, numbers) except -1
cdef Block packed_weights(Launch *launch, const Array *weight, ptrdiff_t extent)
cdef int submit_tiles(Launch *launch) except -1
cdef int prepare_product(Launch *launch) except -1
