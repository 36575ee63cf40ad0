"""Losses and their gradients. Contracts: reference/loss.py."""
from fastnet._runtime.launch cimport (
    I64, NONE, OPTIONAL, WRITE, Array, DType, Entry, Family, Kernel, Launch, expect_dtype, expect_size, family,
    submit, unpack)
from fastnet._runtime.map cimport launch_map

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(loss)
    """
    const Entry *const *loss_tables

cdef enum:
    BLOCK = 4096                    # as in src/map.h
    TILE = 16                       # rows that the cross-entropy takes at once, at the most

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


cdef int take(Launch *launch, int slot, Kernel kernel, str what, object source, ptrdiff_t size, DType dtype,
              int access=0) except -1:
    """Put an array of this size and dtype in a slot of the launch."""
    cdef Array a
    unpack(source, &a, access)
    expect_dtype(kernel.name, &a, dtype)
    if a.dtype != NONE:
        expect_size(kernel.name, f"the size of {what}", a.size, size)
    launch.p[slot] = a.data
    return 0


cdef ptrdiff_t take_dy(Launch *launch, int slot, Kernel kernel, object source, ptrdiff_t size, DType dtype) except -1:
    """Put dy in its slot. Returns the step from one element to the next: 0 if there is but one."""
    cdef Array a
    unpack(source, &a)
    expect_dtype(kernel.name, &a, dtype)
    if a.size != 1:
        expect_size(kernel.name, "the size of dy", a.size, size)
    launch.p[slot] = a.data
    return 0 if a.size == 1 else 1


cdef int launch_backward(Kernel kernel, double cost, object dx, object x, object t, object dy, double scale,
                         double parameter=0, object w=None) except -1:
    """dx = kernel(x, t, w) * dy * scale, element by element; `cost` is the estimated nanoseconds an element."""
    cdef Launch launch
    cdef Array o
    unpack(dx, &o, WRITE)
    kernel.prepare(&launch, o.dtype)
    launch.p[0] = o.data
    take(&launch, 1, kernel, "x", x, o.size, o.dtype)
    take(&launch, 2, kernel, "t", t, o.size, o.dtype)
    launch.n[0] = o.size
    launch.n[1] = take_dy(&launch, 3, kernel, dy, o.size, o.dtype)
    take(&launch, 4, kernel, "pos_weight", w, o.size, o.dtype, OPTIONAL)
    launch.s[0] = scale
    launch.s[1] = parameter
    launch.blocks = (o.size + BLOCK - 1) // BLOCK
    launch.work = cost * o.size
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


cdef int prepare_rows(Launch *launch, Kernel kernel, int slot, str what, object source, Array *x, double cost,
                      int access=0) except -1:
    """Prepare a launch over the rows of x, (n, c), which goes in this slot; `cost` as above, for float32."""
    cdef ptrdiff_t rows, c
    unpack(source, x, access)
    kernel.prepare(launch, x.dtype)
    expect_size(kernel.name, f"the number of dimensions of {what}", x.ndim, 2)
    c = x.shape[1]
    rows = BLOCK // c if 0 < c < BLOCK else 1
    if rows > TILE:
        rows -= rows % TILE
    launch.p[slot] = x.data
    launch.n[0] = x.shape[0]
    launch.n[1] = c
    launch.n[2] = rows
    launch.blocks = (x.shape[0] + rows - 1) // rows
    launch.work = x.shape[0] * (5 + cost * c)
    return 0


def cross_entropy(losses, weights, probs, x, target, weight=None, ignore_index=-100, label_smoothing=0.0):
    cdef Launch launch
    cdef Array a
    prepare_rows(&launch, _cross_entropy, 3, "x", x, &a, 0.4)
    take(&launch, 0, _cross_entropy, "losses", losses, a.shape[0], a.dtype, WRITE)
    take(&launch, 1, _cross_entropy, "weights", weights, a.shape[0], a.dtype, WRITE)
    take(&launch, 2, _cross_entropy, "probs", probs, a.size, a.dtype, WRITE)
    take(&launch, 4, _cross_entropy, "target", target, a.shape[0], I64)
    take(&launch, 5, _cross_entropy, "weight", weight, a.shape[1], a.dtype, OPTIONAL)
    launch.n[3] = ignore_index
    launch.s[0] = label_smoothing
    submit(&launch)


def cross_entropy_backward(dx, probs, target, dy, total, weight=None, ignore_index=-100, label_smoothing=0.0):
    cdef Launch launch
    cdef Array a
    prepare_rows(&launch, _cross_entropy_backward, 0, "dx", dx, &a, 0.1, WRITE)
    take(&launch, 1, _cross_entropy_backward, "probs", probs, a.size, a.dtype)
    take(&launch, 2, _cross_entropy_backward, "target", target, a.shape[0], I64)
    launch.n[3] = ignore_index
    launch.n[4] = take_dy(&launch, 3, _cross_entropy_backward, dy, a.shape[0], a.dtype)
    take(&launch, 4, _cross_entropy_backward, "total", total, 1, a.dtype, OPTIONAL)
    take(&launch, 5, _cross_entropy_backward, "weight", weight, a.shape[1], a.dtype, OPTIONAL)
    launch.s[0] = label_smoothing
    submit(&launch)


def cross_entropy_probs(losses, probs, x, target, weight=None, label_smoothing=0.0):
    cdef Launch launch
    cdef Array a
    prepare_rows(&launch, _cross_entropy_probs, 2, "x", x, &a, 0.4)
    take(&launch, 0, _cross_entropy_probs, "losses", losses, a.shape[0], a.dtype, WRITE)
    take(&launch, 1, _cross_entropy_probs, "probs", probs, a.size, a.dtype, WRITE)
    take(&launch, 3, _cross_entropy_probs, "target", target, a.size, a.dtype)
    take(&launch, 4, _cross_entropy_probs, "weight", weight, a.shape[1], a.dtype, OPTIONAL)
    launch.s[0] = label_smoothing
    submit(&launch)


def cross_entropy_probs_backward(dx, probs, target, dy, scale, weight=None, label_smoothing=0.0):
    cdef Launch launch
    cdef Array a
    prepare_rows(&launch, _cross_entropy_probs_backward, 0, "dx", dx, &a, 0.15, WRITE)
    take(&launch, 1, _cross_entropy_probs_backward, "probs", probs, a.size, a.dtype)
    take(&launch, 2, _cross_entropy_probs_backward, "target", target, a.size, a.dtype)
    launch.n[3] = take_dy(&launch, 3, _cross_entropy_probs_backward, dy, a.shape[0], a.dtype)
    take(&launch, 4, _cross_entropy_probs_backward, "weight", weight, a.shape[1], a.dtype, OPTIONAL)
    launch.s[0] = label_smoothing
    launch.s[1] = scale
    submit(&launch)
