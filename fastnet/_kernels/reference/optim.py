"""Updates of parameters, with PyTorch's formulas and one pass over memory.

The arrays of a call have one size and one real dtype; those of a rule's state are updated in place, the gradient `g` is
only read. `hyper` is a float64 array and `step` an int64 one of a single element, the number of this step, 1 for the
first: both are read at run time. Arithmetic on elements is in the arrays' dtype, on `hyper` in float64.

In each rule the gradient is first negated if `maximize`, then the gradients of the penalties are added to it:
weight_decay * p + l1 * sign(p).
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


def _gradient(p, g, weight_decay, l1, maximize):
    if maximize:
        g = -g
    if weight_decay != 0:
        g = g + weight_decay * p
    if l1 != 0:
        g = g + l1 * np.sign(p)
    return g


@kernel()
def increment_(step, by=1):
    """step += by; an int64 array of one element."""
    step += by


@kernel(outputs=(0, 2), flushes=True)
def sgd_(p, g, buf, hyper, step, nesterov=False, maximize=False):
    """p -= lr * d, with d = g, or with momentum buf = momentum * buf + (1 - dampening) * g and d = buf.

    In step 1 buf = g, whatever it held. Nesterov's d = g + momentum * buf. hyper = [lr, momentum, dampening,
    weight_decay, l1]; buf may be None where momentum is 0.
    """
    lr, momentum, dampening, weight_decay, l1 = hyper.tolist()
    d = _gradient(p, g, weight_decay, l1, maximize)
    if buf is not None and momentum != 0:
        if int(step.item()) == 1:
            buf[...] = d
        else:
            buf *= momentum
            buf += (1 - dampening) * d
        d = d + momentum * buf if nesterov else buf
    p -= lr * d


@kernel(outputs=(0, 2, 3, 4), flushes=True)
def adam_(p, g, m, v, vmax, hyper, step, decoupled=False, maximize=False):
    """m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2; p -= lr * m' / (sqrt(v') + eps).

    m' = m / (1 - beta1^step) and v' = v / (1 - beta2^step). hyper = [lr, beta1, beta2, eps, weight_decay, l1]. vmax,
    None unless AMSGrad is wanted, is the largest v so far and takes its place. decoupled: the decay is no part of g,
    but p *= 1 - lr * weight_decay comes first (AdamW).
    """
    lr, beta1, beta2, eps, weight_decay, l1 = hyper.tolist()
    t = int(step.item())
    if decoupled and weight_decay != 0:
        p *= 1 - lr * weight_decay
        weight_decay = 0
    d = _gradient(p, g, weight_decay, l1, maximize)
    m *= beta1
    m += (1 - beta1) * d
    v *= beta2
    v += (1 - beta2) * (d * d)
    if vmax is not None:
        np.maximum(vmax, v, out=vmax)
    denominator = np.sqrt(v if vmax is None else vmax)
    denominator *= 1 / (1 - beta2**t) ** 0.5
    denominator += eps
    p -= lr / (1 - beta1**t) * m / denominator


@kernel(outputs=(0, 2, 3, 4), flushes=True)
def rmsprop_(p, g, sq, buf, gavg, hyper, step, maximize=False):
    """sq = alpha * sq + (1 - alpha) * g^2; d = g / (sqrt(sq) + eps); p -= lr * d.

    Centered, where gavg is given: gavg = alpha * gavg + (1 - alpha) * g, and sq - gavg^2 stands under the root; where
    rounding makes that negative it counts as 0 (in PyTorch the parameter would become NaN). With momentum, where buf is
    given: buf = momentum * buf + d takes the place of d. hyper = [lr, alpha, eps, weight_decay, momentum, l1].
    """
    lr, alpha, eps, weight_decay, momentum, l1 = hyper.tolist()
    d = _gradient(p, g, weight_decay, l1, maximize)
    sq *= alpha
    sq += (1 - alpha) * (d * d)
    average = sq
    if gavg is not None:
        gavg *= alpha
        gavg += (1 - alpha) * d
        average = np.maximum(sq - gavg * gavg, 0)
    d = d / (np.sqrt(average) + eps)
    if buf is not None and momentum != 0:
        buf *= momentum
        buf += d
        d = buf
    p -= lr * d


@kernel(outputs=(0, 2), flushes=True)
def adagrad_(p, g, acc, hyper, step, maximize=False):
    """acc += g^2; p -= lr / (1 + (step - 1) * lr_decay) * g / (sqrt(acc) + eps).

    hyper = [lr, lr_decay, eps, weight_decay, l1].
    """
    lr, lr_decay, eps, weight_decay, l1 = hyper.tolist()
    d = _gradient(p, g, weight_decay, l1, maximize)
    acc += d * d
    p -= lr / (1 + (int(step.item()) - 1) * lr_decay) * d / (np.sqrt(acc) + eps)


@kernel(flushes=True)
def clip_scale_(g, norm, max_norm):
    """g *= min(1, max_norm / (norm + 1e-6)); a NaN norm gives NaN. norm: one element, float32 or float64."""
    scale = max_norm / (float(norm.item()) + 1e-6)
    if not scale >= 1:
        g *= scale
