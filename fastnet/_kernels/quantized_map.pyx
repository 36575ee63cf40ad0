"""Quantised numbers element by element. Contract: reference/quantized_map.py."""
from fastnet._runtime.launch cimport (
    BLOCK, F32, I8, I16, I32, NARROW, U8, WRITE, Array, Entry, Family, Kernel, Launch, bind, ceil_div,
    expect_dtype, expect_ndim, expect_shape, expect_size, family, submit, unpack, unpack_like)
from fastnet._runtime.map cimport in_memory_order, is_walked_channels_last

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(quantized_map)
    """
    const Entry *const *quantized_map_tables

cdef extern from "src/quantized_map_slots.h":
    enum:
        X_OUT, X_IN, X_OTHER, X_SCALE, X_ZERO, X_TABLE
        X_SIZE, X_CHANNELS, X_INNER, X_LENGTH, X_KIND, X_OUT_LOWEST
        X_ZERO_A, X_MULTIPLIER_A, X_SHIFT_A, X_ZERO_B, X_MULTIPLIER_B, X_SHIFT_B
        X_ZERO_OUT, X_MULTIPLIER, X_SHIFT, X_LOW, X_HIGH

cdef Family _bodies = family(quantized_map_tables)
cdef Kernel _quantize = _bodies["quantize"], _dequantize = _bodies["dequantize"]
cdef Kernel _quantize_rows = _bodies["quantize_rows"], _requantize = _bodies["requantize"]
cdef Kernel _quantized_add = _bodies["quantized_add"], _quantized_mul = _bodies["quantized_mul"]
cdef Kernel _byte_table = _bodies["byte_table"], _quantized_softmax = _bodies["quantized_softmax"]


def quantize(out, x, scale, zero):
    cdef Array o, a
    cdef Launch launch
    unpack(out, &o, WRITE | NARROW)
    unpack(x, &a)
    expect_dtype("quantize", "x", &a, F32)
    _quantize.prepare(&launch, F32)
    launch.n[X_OUT_LOWEST] = lowest("quantize", "out", &o)
    convert("quantize", &launch, &o, &a, scale, zero)


def dequantize(out, q, scale, zero):
    cdef Array o, a
    cdef Launch launch
    unpack(out, &o, WRITE)
    unpack(q, &a, NARROW)
    expect_dtype("dequantize", "out", &o, F32)
    _dequantize.prepare(&launch, F32)
    launch.n[X_KIND] = kind_of("dequantize", "q", &a)
    convert("dequantize", &launch, &o, &a, scale, zero)


def quantize_rows(out, scale, zero, x):
    cdef Array o, a
    cdef Launch launch
    unpack(x, &a)
    unpack(out, &o, WRITE | NARROW)
    expect_dtype("quantize_rows", "x", &a, F32)
    expect_ndim("quantize_rows", "x", &a, 2)
    expect_shape("quantize_rows", "out", &o, a.shape, 2)
    _quantize_rows.prepare(&launch, F32)
    launch.n[X_OUT_LOWEST] = lowest("quantize_rows", "out", &o)
    launch.p[X_OUT] = o.data
    launch.p[X_IN] = a.data
    bind(&launch, X_SCALE, "quantize_rows", "scale", scale, WRITE, F32, a.shape[0])
    bind(&launch, X_ZERO, "quantize_rows", "zero", zero, WRITE, I32, a.shape[0])
    launch.n[X_LENGTH] = a.shape[1]
    launch.blocks = a.shape[0]
    launch.work = 0.2 * a.size + 10.0 * a.shape[0]
    submit(&launch)


def requantize(out, q, source, result):
    cdef Launch launch
    _requantize.prepare(&launch, F32)
    launch.n[X_ZERO_A], launch.n[X_MULTIPLIER], launch.n[X_SHIFT] = source
    launch.n[X_ZERO_OUT], launch.n[X_LOW], launch.n[X_HIGH] = result
    over_elements(&launch, "requantize", out, q, None)


def quantized_add(out, a, b, left, right, result):
    cdef Launch launch
    _quantized_add.prepare(&launch, F32)
    launch.n[X_ZERO_A], launch.n[X_MULTIPLIER_A], launch.n[X_SHIFT_A] = left
    launch.n[X_ZERO_B], launch.n[X_MULTIPLIER_B], launch.n[X_SHIFT_B] = right
    launch.n[X_ZERO_OUT], launch.n[X_MULTIPLIER], launch.n[X_SHIFT], launch.n[X_LOW], launch.n[X_HIGH] = result
    over_elements(&launch, "quantized_add", out, a, b)


def quantized_mul(out, a, b, zero_a, zero_b, result):
    cdef Launch launch
    _quantized_mul.prepare(&launch, F32)
    launch.n[X_ZERO_A], launch.n[X_ZERO_B] = zero_a, zero_b
    launch.n[X_ZERO_OUT], launch.n[X_MULTIPLIER], launch.n[X_SHIFT], launch.n[X_LOW], launch.n[X_HIGH] = result
    over_elements(&launch, "quantized_mul", out, a, b)


def byte_table(out, q, table):
    cdef Launch launch
    cdef Array t
    _byte_table.prepare(&launch, F32)
    unpack(table, &t, NARROW)
    expect_size("byte_table", "table", &t, 256)
    launch.p[X_TABLE] = t.data
    over_elements(&launch, "byte_table", out, q, None)


def quantized_softmax(out, q, table):
    cdef Array o, a
    cdef Launch launch
    unpack(q, &a, NARROW)
    unpack_like("quantized_softmax", "out", out, &o, WRITE | NARROW, &a)
    expect_ndim("quantized_softmax", "q", &a, 2)
    _quantized_softmax.prepare(&launch, F32)
    bind(&launch, X_TABLE, "quantized_softmax", "table", table, 0, I32, 256)
    launch.p[X_OUT] = o.data
    launch.p[X_IN] = a.data
    launch.n[X_OUT_LOWEST] = lowest("quantized_softmax", "q", &a)
    launch.n[X_KIND] = kind_of("quantized_softmax", "q", &a)
    launch.n[X_LENGTH] = a.shape[1]
    launch.blocks = a.shape[0] if a.size else 0
    launch.work = 4.0 * a.size
    submit(&launch)


# ---- checks and divisions -------------------------------------------------------------------------------------------

cdef ptrdiff_t lowest(str kernel, str name, const Array *array) except? -1:
    """The smallest number of int8 or uint8."""
    if array.dtype == U8:
        return 0
    expect_dtype(kernel, name, array, I8)
    return -128


cdef ptrdiff_t kind_of(str kernel, str name, const Array *array) except -1:
    """The number of an array's dtype in the table of src/integer_parts.h."""
    if array.dtype == I32:
        return 3
    if array.dtype == I16:
        return 2
    return lowest(kernel, name, array) == 0


cdef int convert(str kernel, Launch *launch, const Array *o, const Array *x, scale, zero) except -1:
    """Bind the scales and zeros of (outer, channels, inner) and run."""
    cdef ptrdiff_t length, runs
    expect_ndim(kernel, "x", x, 3)
    expect_shape(kernel, "out", o, x.shape, 3)
    launch.p[X_OUT] = o.data
    launch.p[X_IN] = x.data
    bind(launch, X_SCALE, kernel, "scale", scale, 0, F32, x.shape[1])
    bind(launch, X_ZERO, kernel, "zero", zero, 0, I32, x.shape[1])
    launch.n[X_CHANNELS], launch.n[X_INNER] = x.shape[1], x.shape[2]
    if x.size == 0:
        return 0
    length = x.shape[1] if x.shape[2] == 1 and x.shape[1] > 1 else x.shape[2]
    runs = x.size // length
    launch.blocks = runs * ceil_div(length, BLOCK)
    launch.work = 0.15 * x.size + 2.0 * launch.blocks
    return submit(launch)


cdef int over_elements(Launch *launch, str kernel, out, q, other) except -1:
    """Run over arrays of one size, contiguous or all channels-last without gaps."""
    cdef Array o, a, b
    if is_walked_channels_last(out):
        out, q = in_memory_order(out), in_memory_order(q)
        other = None if other is None else in_memory_order(other)
    unpack(out, &o, WRITE | NARROW)
    unpack(q, &a, NARROW)
    lowest(kernel, "out", &o)
    expect_size(kernel, "the input", &a, o.size)
    launch.n[X_KIND] = kind_of(kernel, "the input", &a)
    launch.p[X_OUT] = o.data
    launch.p[X_IN] = a.data
    if other is not None:
        unpack_like(kernel, "b", other, &b, NARROW, &a)
        launch.p[X_OTHER] = b.data
    launch.n[X_SIZE] = o.size
    launch.blocks = ceil_div(o.size, BLOCK)
    launch.work = 0.3 * o.size
    return submit(launch)
