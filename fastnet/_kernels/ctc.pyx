"""The CTC loss and its gradient. Contracts: reference/ctc.py; method: src/ctc.inc.h."""
from fastnet._runtime.launch cimport (
    I64, READ, WRITE, Array, Entry, Family, Kernel, Launch, bind, expect_ndim, family, submit, unpack)
from fastnet._runtime.memory cimport Block, allocate_block

from fastnet._kernels.reference import ctc_extra as reference

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(ctc)
    """
    const Entry *const *ctc_tables

cdef extern from "src/ctc_slots.h":
    enum:
        MARGIN, ROWS_OF_SCRATCH
        LOSSES, ALPHA, LOG_PROBS, TARGETS, STARTS, INPUT_LENGTHS, TARGET_LENGTHS, DX, DY, SCRATCH
        STEPS, BATCH, CLASSES, STATES, LABELS, BLANK, ZERO_INFINITY

cdef Family _bodies = family(ctc_tables)
cdef Kernel _ctc_loss = _bodies["ctc_loss"], _ctc_loss_backward = _bodies["ctc_loss_backward"]


cdef Block prepare(Launch *launch, Kernel kernel, object losses, object alpha, object log_probs, object targets,
                   object starts, object input_lengths, object target_lengths, ptrdiff_t blank, int access):
    """Bind the arrays that both kernels have, and return the scratch memory."""
    cdef Array x, a, t
    cdef ptrdiff_t n
    cdef Block scratch
    unpack(log_probs, &x)
    kernel.prepare(launch, x.dtype)
    expect_ndim(kernel.name, "log_probs", &x, 3)
    unpack(alpha, &a, access)
    expect_ndim(kernel.name, "alpha", &a, 3)
    n = x.shape[1]
    bind(launch, LOSSES, kernel.name, "losses", losses, access, x.dtype, n)
    bind(launch, ALPHA, kernel.name, "alpha", alpha, access, x.dtype, n * x.shape[0] * a.shape[2])
    unpack(targets, &t)
    bind(launch, TARGETS, kernel.name, "targets", targets, READ, I64, t.size)
    bind(launch, STARTS, kernel.name, "starts", starts, READ, I64, n)
    bind(launch, INPUT_LENGTHS, kernel.name, "input_lengths", input_lengths, READ, I64, n)
    bind(launch, TARGET_LENGTHS, kernel.name, "target_lengths", target_lengths, READ, I64, n)
    launch.p[LOG_PROBS] = x.data
    launch.n[STEPS] = x.shape[0]
    launch.n[BATCH] = n
    launch.n[CLASSES] = x.shape[2]
    launch.n[STATES] = a.shape[2]
    launch.n[LABELS] = t.size
    launch.n[BLANK] = blank
    if not 0 <= blank < x.shape[2]:
        raise ValueError(f"{kernel.name}: expected blank from 0 to {x.shape[2] - 1}, got {blank}")
    launch.blocks = n
    launch.work = n * x.shape[0] * (4.0 * a.shape[2] + x.shape[2])
    scratch = allocate_block(max(1, n) * ROWS_OF_SCRATCH * (a.shape[2] + 2 * MARGIN) * x.itemsize)
    launch.p[SCRATCH] = scratch.data
    return scratch


cdef int run(Launch *launch, object targets, object starts, object input_lengths, object target_lengths) except -1:
    """Submit a launch; if it refuses lengths or labels, raise the error for the first bad one."""
    if submit(launch):
        reference.check_ctc(targets, starts, input_lengths, target_lengths, launch.n[STEPS], launch.n[CLASSES],
                            launch.n[STATES], launch.n[BLANK])
    return 0


def ctc_loss(losses, alpha, log_probs, targets, starts, input_lengths, target_lengths, blank):
    cdef Launch launch
    cdef Block _scratch = prepare(&launch, _ctc_loss, losses, alpha, log_probs, targets, starts, input_lengths,
                                  target_lengths, blank, WRITE)
    run(&launch, targets, starts, input_lengths, target_lengths)


def ctc_loss_backward(dx, log_probs, targets, starts, input_lengths, target_lengths, losses, alpha, dy, blank,
                      zero_infinity=False):
    cdef Launch launch
    cdef Block _scratch = prepare(&launch, _ctc_loss_backward, losses, alpha, log_probs, targets, starts, input_lengths,
                                  target_lengths, blank, READ)
    cdef Array x
    unpack(log_probs, &x)
    bind(&launch, DX, "ctc_loss_backward", "dx", dx, WRITE, x.dtype, x.size)
    bind(&launch, DY, "ctc_loss_backward", "dy", dy, READ, x.dtype, x.shape[1])
    launch.n[ZERO_INFINITY] = zero_infinity
    run(&launch, targets, starts, input_lengths, target_lengths)
