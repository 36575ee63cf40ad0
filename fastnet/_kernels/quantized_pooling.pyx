"""Pooling of 8-bit integers. Contract: reference/quantized_pooling.py."""
from fastnet._runtime.launch cimport (
    F32, I8, NARROW, U8, WRITE, Array, Entry, Family, Kernel, Launch, expect_dtype, expect_ndim, family, shape_of,
    submit, unpack)

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(quantized_pooling)
    """
    const Entry *const *quantized_pooling_tables

cdef extern from "src/quantized_pooling_slots.h":
    enum:
        W_OUT, W_IN
        W_D, W_CHANNELS, W_OUT_D, W_KERNEL_D, W_KERNEL_H, W_KERNEL_W, W_STRIDE_D, W_BEFORE_D, W_GAP_D, W_KIND, W_ZERO, W_PADDED

cdef Family _bodies = family(quantized_pooling_tables)
cdef Kernel _average = _bodies["quantized_average_pool"], _largest = _bodies["quantized_max_pool"]


def quantized_average_pool(out, x, kernel, stride, padding, zero=0, count_include_pad=True):
    cdef Launch launch
    _average.prepare(&launch, F32)
    launch.n[W_ZERO] = zero
    launch.n[W_PADDED] = bool(count_include_pad)
    run("quantized_average_pool", &launch, out, x, kernel, stride, padding, (1, 1, 1))


def quantized_max_pool(out, x, kernel, stride, padding, dilation=(1, 1, 1)):
    cdef Launch launch
    _largest.prepare(&launch, F32)
    run("quantized_max_pool", &launch, out, x, kernel, stride, padding, dilation)


cdef int run(str name, Launch *launch, out, x, kernel, stride, padding, dilation) except -1:
    cdef Array o, a
    cdef int d
    unpack(out, &o, WRITE | NARROW)
    unpack(x, &a, NARROW)
    if a.dtype != U8:
        expect_dtype(name, "x", &a, I8)
    expect_dtype(name, "out", &o, a.dtype)
    expect_ndim(name, "x", &a, 5)
    expect_ndim(name, "out", &o, 5)
    if o.shape[0] != a.shape[0] or o.shape[4] != a.shape[4]:
        raise ValueError(f"{name}: expected out with the images and channels of x, got {shape_of(&o)} for "
                         f"{shape_of(&a)}")
    launch.p[W_OUT] = o.data
    launch.p[W_IN] = a.data
    launch.n[W_CHANNELS] = a.shape[4]
    launch.n[W_KIND] = a.dtype == U8
    for d in range(3):
        launch.n[W_D + d], launch.n[W_OUT_D + d] = a.shape[1 + d], o.shape[1 + d]
        launch.n[W_KERNEL_D + d], launch.n[W_STRIDE_D + d] = kernel[d], stride[d]
        launch.n[W_BEFORE_D + d], launch.n[W_GAP_D + d] = padding[d], dilation[d]
    if o.size == 0:
        return 0
    launch.blocks = o.shape[0] * o.shape[1] * o.shape[2]
    launch.work = 10.0 + 0.1 * o.size * launch.n[W_KERNEL_D] * launch.n[W_KERNEL_H] * launch.n[W_KERNEL_W]
    return submit(launch)
