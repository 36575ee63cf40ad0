"""Update rules of the optimizers. Contracts: reference/optim.py.

The bodies read hyperparameters and the step number at run time, so that a recording follows a schedule.
"""
from fastnet._runtime.launch cimport (
    F32, F64, I64, OPTIONAL, READ, WRITE, Array, Entry, Family, Kernel, Launch, bind, expect_dtype, expect_size,
    family, submit, unpack)
from fastnet._runtime.map cimport set_elements

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(optim)
    """
    const Entry *const *optim_tables

cdef extern from "src/optim_slots.h":
    enum:
        PARAMETER, GRADIENT, STATE_0, STATE_1, STATE_2, HYPER, STEP, NORM
        VARIANT, MAXIMIZE, INCREMENT, NORM_IS_F64
        MAX_NORM
    ctypedef struct SgdHyper:
        pass
    ctypedef struct AdamHyper:
        pass
    ctypedef struct RmspropHyper:
        pass
    ctypedef struct AdagradHyper:
        pass

cdef Family _bodies = family(optim_tables)
cdef Kernel _increment = _bodies["increment_"], _sgd = _bodies["sgd_"], _adam = _bodies["adam_"]
cdef Kernel _rmsprop = _bodies["rmsprop_"], _adagrad = _bodies["adagrad_"], _clip_scale = _bodies["clip_scale_"]


cdef int update(Kernel kernel, double cost, object p, object g, object s0, int access0, object s1, int access1,
                object s2, int access2, object hyper, size_t hyper_bytes, object step, bint variant,
                bint maximize) except -1:
    """Launch an update. s0 to s2 are its state, `cost` is the estimated nanoseconds an element."""
    cdef Launch launch
    cdef Array a
    unpack(p, &a, WRITE)
    kernel.prepare(&launch, a.dtype)
    launch.p[PARAMETER] = a.data
    bind(&launch, GRADIENT, kernel.name, "the gradient", g, READ, a.dtype, a.size)
    bind(&launch, STATE_0, kernel.name, "the first state", s0, access0, a.dtype, a.size)
    bind(&launch, STATE_1, kernel.name, "the second state", s1, access1, a.dtype, a.size)
    bind(&launch, STATE_2, kernel.name, "the third state", s2, access2, a.dtype, a.size)
    bind(&launch, HYPER, kernel.name, "the hyperparameters", hyper, READ, F64, hyper_bytes // sizeof(double))
    bind(&launch, STEP, kernel.name, "step", step, READ, I64, 1)
    launch.n[VARIANT] = variant
    launch.n[MAXIMIZE] = maximize
    set_elements(&launch, a.size, cost * (1 if a.dtype == F32 else 2))
    return submit(&launch)


def increment_(step, by=1):
    cdef Launch launch
    _increment.prepare(&launch, F64)        # its only body is for int64
    bind(&launch, STEP, "increment_", "step", step, WRITE, I64, 1)
    launch.n[INCREMENT] = by
    launch.blocks = 1
    launch.work = 1
    submit(&launch)


def sgd_(p, g, buf, hyper, step, nesterov=False, maximize=False):
    update(_sgd, 0.4, p, g, buf, WRITE | OPTIONAL, None, OPTIONAL, None, OPTIONAL, hyper, sizeof(SgdHyper), step,
           nesterov, maximize)


def adam_(p, g, m, v, vmax, hyper, step, decoupled=False, maximize=False):
    update(_adam, 1, p, g, m, WRITE, v, WRITE, vmax, WRITE | OPTIONAL, hyper, sizeof(AdamHyper), step, decoupled,
           maximize)


def rmsprop_(p, g, sq, buf, gavg, hyper, step, maximize=False):
    update(_rmsprop, 1, p, g, sq, WRITE, buf, WRITE | OPTIONAL, gavg, WRITE | OPTIONAL, hyper, sizeof(RmspropHyper),
           step, False, maximize)


def adagrad_(p, g, acc, hyper, step, maximize=False):
    update(_adagrad, 0.8, p, g, acc, WRITE, None, OPTIONAL, None, OPTIONAL, hyper, sizeof(AdagradHyper), step, False,
           maximize)


def clip_scale_(g, norm, max_norm):
    cdef Launch launch
    cdef Array a, b
    unpack(g, &a, WRITE)
    unpack(norm, &b)
    _clip_scale.prepare(&launch, a.dtype)
    if b.dtype != F32:
        expect_dtype("clip_scale_", "norm", &b, F64)
    expect_size("clip_scale_", "norm", &b, 1)
    launch.p[GRADIENT] = a.data
    launch.p[NORM] = b.data
    launch.n[NORM_IS_F64] = b.dtype == F64
    launch.s[MAX_NORM] = max_norm
    set_elements(&launch, a.size, 0.2)
    submit(&launch)
