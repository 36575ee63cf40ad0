"""Losses and their gradients. Contracts: reference/loss.py."""
from fastnet._runtime.launch cimport (
    I64, OPTIONAL, READ, WRITE, Array, DType, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype, expect_ndim,
    expect_size, family, rows_in_block, submit, unpack)
from fastnet._runtime.map cimport in_memory_order, is_walked_channels_last, launch_map, set_elements

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(loss)
    """
    const Entry *const *loss_tables

cdef extern from "src/loss_slots.h":
    enum:
        ROWS_AT_ONCE
        DX, X, TARGET, DY, POS_WEIGHT, LOSSES, WEIGHTS, PROBS, CLASS_WEIGHT, TOTAL
        DY_STEP, ROWS, CLASSES, BLOCK_ROWS, IGNORE_INDEX
        SCALE, PARAMETERS, LABEL_SMOOTHING

cdef Family _bodies = family(loss_tables)


# ---- element by element -------------------------------------------------------------------------------------------

cdef Kernel _mse_loss = _bodies["mse_loss"], _mse_loss_backward = _bodies["mse_loss_backward"]
cdef Kernel _l1_loss = _bodies["l1_loss"], _l1_loss_backward = _bodies["l1_loss_backward"]
cdef Kernel _huber_loss = _bodies["huber_loss"], _huber_loss_backward = _bodies["huber_loss_backward"]
cdef Kernel _smooth_l1_loss = _bodies["smooth_l1_loss"], _smooth_l1_loss_backward = _bodies["smooth_l1_loss_backward"]
cdef Kernel _bce_with_logits = _bodies["bce_with_logits"]
cdef Kernel _bce_with_logits_backward = _bodies["bce_with_logits_backward"]
cdef Kernel _bce_with_logits_weighted = _bodies["bce_with_logits_weighted"]
cdef Kernel _kl_div = _bodies["kl_div"], _kl_div_backward = _bodies["kl_div_backward"]
cdef Kernel _kl_div_log = _bodies["kl_div_log"], _kl_div_log_backward = _bodies["kl_div_log_backward"]


cdef int bind_dy(Launch *launch, Kernel kernel, object source, ptrdiff_t size, DType dtype) except -1:
    """Put dy, of `size` elements or a single one, in its slot."""
    cdef Array a
    unpack(source, &a)
    expect_dtype(kernel.name, "dy", &a, dtype)
    if a.size != 1:
        expect_size(kernel.name, "dy", &a, size)
    launch.p[DY] = a.data
    launch.n[DY_STEP] = a.size != 1
    return 0


cdef int launch_backward(Kernel kernel, double cost, object dx, object x, object t, object dy, double scale,
                         double parameter=0, object w=None) except -1:
    """dx = kernel(x, t, w) * dy * scale, element by element; `cost` is the estimated nanoseconds an element."""
    cdef Launch launch
    cdef Array o
    if is_walked_channels_last(dx):
        dx, x, t = in_memory_order(dx), in_memory_order(x), in_memory_order(t)
        w = w if w is None else in_memory_order(w)
        dy = in_memory_order(dy) if dy.ndim else dy
    unpack(dx, &o, WRITE)
    kernel.prepare(&launch, o.dtype)
    launch.p[DX] = o.data
    bind(&launch, X, kernel.name, "x", x, READ, o.dtype, o.size)
    bind(&launch, TARGET, kernel.name, "t", t, READ, o.dtype, o.size)
    bind_dy(&launch, kernel, dy, o.size, o.dtype)
    bind(&launch, POS_WEIGHT, kernel.name, "pos_weight", w, OPTIONAL, o.dtype, o.size)
    launch.s[SCALE] = scale
    launch.s[PARAMETERS] = parameter
    set_elements(&launch, o.size, cost)
    return submit(&launch)


def mse_loss(out, x, t):
    launch_map(_mse_loss, 0.15, out, x, t)


def mse_loss_backward(dx, x, t, dy, scale):
    launch_backward(_mse_loss_backward, 0.15, dx, x, t, dy, scale)


def l1_loss(out, x, t):
    launch_map(_l1_loss, 0.15, out, x, t)


def l1_loss_backward(dx, x, t, dy, scale):
    launch_backward(_l1_loss_backward, 0.15, dx, x, t, dy, scale)


def huber_loss(out, x, t, delta):
    launch_map(_huber_loss, 0.15, out, x, t, None, delta)


def huber_loss_backward(dx, x, t, dy, scale, delta):
    launch_backward(_huber_loss_backward, 0.15, dx, x, t, dy, scale, delta)


def smooth_l1_loss(out, x, t, beta):
    if beta:
        launch_map(_smooth_l1_loss, 0.15, out, x, t, None, beta)
    else:
        l1_loss(out, x, t)


def smooth_l1_loss_backward(dx, x, t, dy, scale, beta):
    if beta:
        launch_backward(_smooth_l1_loss_backward, 0.15, dx, x, t, dy, scale, beta)
    else:
        l1_loss_backward(dx, x, t, dy, scale)


def bce_with_logits(out, x, t, pos_weight=None):
    if pos_weight is None:
        launch_map(_bce_with_logits, 1.0, out, x, t)
    else:
        launch_map(_bce_with_logits_weighted, 1.0, out, x, t, pos_weight)


def bce_with_logits_backward(dx, x, t, dy, scale, pos_weight=None):
    launch_backward(_bce_with_logits_backward, 0.3, dx, x, t, dy, scale, 0, pos_weight)


def kl_div(out, x, t, log_target=False):
    if log_target:
        launch_map(_kl_div_log, 0.2, out, x, t)
    else:
        launch_map(_kl_div, 0.5, out, x, t)


def kl_div_backward(dx, x, t, dy, scale, log_target=False):
    if log_target:
        launch_backward(_kl_div_log_backward, 0.2, dx, x, t, dy, scale)
    else:
        launch_backward(_kl_div_backward, 0.1, dx, x, t, dy, scale)


# ---- row by row ---------------------------------------------------------------------------------------------------

cdef Kernel _cross_entropy = _bodies["cross_entropy"], _cross_entropy_backward = _bodies["cross_entropy_backward"]
cdef Kernel _cross_entropy_probs = _bodies["cross_entropy_probs"]
cdef Kernel _cross_entropy_probs_backward = _bodies["cross_entropy_probs_backward"]


cdef int prepare_rows(Launch *launch, Kernel kernel, int slot, str name, object source, Array *x, double cost,
                      int access=READ) except -1:
    """Prepare a launch over the rows of x, (n, c), and put x in a slot; `cost` as above, for float32."""
    cdef ptrdiff_t rows, c
    unpack(source, x, access)
    kernel.prepare(launch, x.dtype)
    expect_ndim(kernel.name, name, x, 2)
    c = x.shape[1]
    rows = rows_in_block(c)
    if rows > ROWS_AT_ONCE:
        rows -= rows % ROWS_AT_ONCE
    launch.p[slot] = x.data
    launch.n[ROWS] = x.shape[0]
    launch.n[CLASSES] = c
    launch.n[BLOCK_ROWS] = rows
    launch.blocks = ceil_div(x.shape[0], rows)
    launch.work = x.shape[0] * (5 + cost * c)
    return 0


def cross_entropy(losses, weights, probs, x, target, weight=None, ignore_index=-100, label_smoothing=0.0):
    cdef Launch launch
    cdef Array a
    prepare_rows(&launch, _cross_entropy, X, "x", x, &a, 0.4)
    bind(&launch, LOSSES, _cross_entropy.name, "losses", losses, WRITE, a.dtype, a.shape[0])
    bind(&launch, WEIGHTS, _cross_entropy.name, "weights", weights, WRITE, a.dtype, a.shape[0])
    bind(&launch, PROBS, _cross_entropy.name, "probs", probs, WRITE, a.dtype, a.size)
    bind(&launch, TARGET, _cross_entropy.name, "target", target, READ, I64, a.shape[0])
    bind(&launch, CLASS_WEIGHT, _cross_entropy.name, "weight", weight, OPTIONAL, a.dtype, a.shape[1])
    launch.n[IGNORE_INDEX] = ignore_index
    launch.s[LABEL_SMOOTHING] = label_smoothing
    submit(&launch)


def cross_entropy_backward(dx, probs, target, dy, total, weight=None, ignore_index=-100, label_smoothing=0.0):
    cdef Launch launch
    cdef Array a
    prepare_rows(&launch, _cross_entropy_backward, DX, "dx", dx, &a, 0.1, WRITE)
    bind(&launch, PROBS, _cross_entropy_backward.name, "probs", probs, READ, a.dtype, a.size)
    bind(&launch, TARGET, _cross_entropy_backward.name, "target", target, READ, I64, a.shape[0])
    bind_dy(&launch, _cross_entropy_backward, dy, a.shape[0], a.dtype)
    bind(&launch, TOTAL, _cross_entropy_backward.name, "total", total, OPTIONAL, a.dtype, 1)
    bind(&launch, CLASS_WEIGHT, _cross_entropy_backward.name, "weight", weight, OPTIONAL, a.dtype, a.shape[1])
    launch.n[IGNORE_INDEX] = ignore_index
    launch.s[LABEL_SMOOTHING] = label_smoothing
    submit(&launch)


def cross_entropy_probs(losses, probs, x, target, weight=None, label_smoothing=0.0):
    cdef Launch launch
    cdef Array a
    prepare_rows(&launch, _cross_entropy_probs, X, "x", x, &a, 0.4)
    bind(&launch, LOSSES, _cross_entropy_probs.name, "losses", losses, WRITE, a.dtype, a.shape[0])
    bind(&launch, PROBS, _cross_entropy_probs.name, "probs", probs, WRITE, a.dtype, a.size)
    bind(&launch, TARGET, _cross_entropy_probs.name, "target", target, READ, a.dtype, a.size)
    bind(&launch, CLASS_WEIGHT, _cross_entropy_probs.name, "weight", weight, OPTIONAL, a.dtype, a.shape[1])
    launch.s[LABEL_SMOOTHING] = label_smoothing
    submit(&launch)


def cross_entropy_probs_backward(dx, probs, target, dy, scale, weight=None, label_smoothing=0.0):
    cdef Launch launch
    cdef Array a
    prepare_rows(&launch, _cross_entropy_probs_backward, DX, "dx", dx, &a, 0.15, WRITE)
    bind(&launch, PROBS, _cross_entropy_probs_backward.name, "probs", probs, READ, a.dtype, a.size)
    bind(&launch, TARGET, _cross_entropy_probs_backward.name, "target", target, READ, a.dtype, a.size)
    bind_dy(&launch, _cross_entropy_probs_backward, dy, a.shape[0], a.dtype)
    bind(&launch, CLASS_WEIGHT, _cross_entropy_probs_backward.name, "weight", weight, OPTIONAL, a.dtype, a.shape[1])
    launch.s[LABEL_SMOOTHING] = label_smoothing
    launch.s[SCALE] = scale
    submit(&launch)
