"""Updates of parameters. Contracts: reference/optim.py.

Hyperparameters and the step number are read by the bodies, so that a recording follows a schedule.
"""
from fastnet._runtime.launch cimport (
    F32, F64, I64, NONE, OPTIONAL, READ, WRITE, Array, Entry, Family, Kernel, Launch, expect_dtype, expect_size,
    family, submit, unpack)

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(optim)
    """
    const Entry *const *optim_tables

cdef enum:
    BLOCK = 4096
    STATE = 2                           # pointers, as in src/optim.c
    HYPER = 5
    STEP = 6

cdef Family _bodies = family(optim_tables)
cdef Kernel _increment = _bodies["increment_"], _sgd = _bodies["sgd_"], _adam = _bodies["adam_"]
cdef Kernel _rmsprop = _bodies["rmsprop_"], _adagrad = _bodies["adagrad_"], _clip_scale = _bodies["clip_scale_"]


cdef int unpack_number(str kernel, str what, object source, Array *array, int access) except -1:
    unpack(source, array, access)
    expect_dtype(kernel, array, I64)
    expect_size(kernel, what, array.size, 1)
    return 0


cdef int unpack_like(Kernel kernel, str what, object source, Array *array, int access, Array *p) except -1:
    """An array of the parameter's dtype and size, or an absent one."""
    unpack(source, array, access)
    expect_dtype(kernel.name, array, p.dtype)
    if array.dtype != NONE:
        expect_size(kernel.name, what, array.size, p.size)
    return 0


cdef int update(Kernel kernel, double cost, object p, object g, object s0, int access0, object s1, int access1,
                object s2, int access2, object hyper, int hypers, object step, bint variant, bint maximize) except -1:
    """Launch an update; s0 to s2 are its state, `cost` the nanoseconds an element."""
    cdef Launch launch
    cdef Array parameter, a
    unpack(p, &parameter, WRITE)
    kernel.prepare(&launch, parameter.dtype)
    launch.p[0] = parameter.data
    unpack_like(kernel, "the gradient's size", g, &a, READ, &parameter)
    launch.p[1] = a.data
    unpack_like(kernel, "the first state's size", s0, &a, access0, &parameter)
    launch.p[STATE] = a.data
    unpack_like(kernel, "the second state's size", s1, &a, access1, &parameter)
    launch.p[STATE + 1] = a.data
    unpack_like(kernel, "the third state's size", s2, &a, access2, &parameter)
    launch.p[STATE + 2] = a.data
    unpack(hyper, &a)
    expect_dtype(kernel.name, &a, F64)
    expect_size(kernel.name, "the number of hyperparameters", a.size, hypers)
    launch.p[HYPER] = a.data
    unpack_number(kernel.name, "the size of step", step, &a, READ)
    launch.p[STEP] = a.data
    launch.n[0] = parameter.size
    launch.n[1] = variant
    launch.n[2] = maximize
    launch.blocks = (parameter.size + BLOCK - 1) // BLOCK
    launch.work = cost * parameter.size * (1 if parameter.dtype == F32 else 2)
    return submit(&launch)


def increment_(step, by=1):
    cdef Launch launch
    cdef Array a
    unpack_number("increment_", "the size of step", step, &a, WRITE)
    _increment.prepare(&launch, F64)
    launch.p[0] = a.data
    launch.n[0] = by
    launch.blocks = 1
    launch.work = 1
    submit(&launch)


def sgd_(p, g, buf, hyper, step, nesterov=False, maximize=False):
    update(_sgd, 0.4, p, g, buf, WRITE | OPTIONAL, None, OPTIONAL, None, OPTIONAL, hyper, 5, step, nesterov, maximize)


def adam_(p, g, m, v, vmax, hyper, step, decoupled=False, maximize=False):
    update(_adam, 1, p, g, m, WRITE, v, WRITE, vmax, WRITE | OPTIONAL, hyper, 6, step, decoupled, maximize)


def rmsprop_(p, g, sq, buf, gavg, hyper, step, maximize=False):
    update(_rmsprop, 1, p, g, sq, WRITE, buf, WRITE | OPTIONAL, gavg, WRITE | OPTIONAL, hyper, 6, step, False, maximize)


def adagrad_(p, g, acc, hyper, step, maximize=False):
    update(_adagrad, 0.8, p, g, acc, WRITE, None, OPTIONAL, None, OPTIONAL, hyper, 5, step, False, maximize)


def clip_scale_(g, norm, max_norm):
    cdef Launch launch
    cdef Array a, b
    unpack(g, &a, WRITE)
    unpack(norm, &b)
    _clip_scale.prepare(&launch, a.dtype)
    if b.dtype != F32:
        expect_dtype("clip_scale_", &b, F64)
    expect_size("clip_scale_", "the size of norm", b.size, 1)
    launch.p[0] = a.data
    launch.p[1] = b.data
    launch.n[0] = a.size
    launch.n[1] = b.dtype == F64
    launch.s[0] = max_norm
    launch.blocks = (a.size + BLOCK - 1) // BLOCK
    launch.work = 0.2 * a.size
    submit(&launch)
