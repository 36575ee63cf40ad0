"""Update rules that have only a NumPy form. Arguments as in optim.py: `hyper` and `step` are read at run time.

In each rule the gradient is first negated if `maximize`, then weight_decay * p is added to it.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


def _descent(p, g, weight_decay, maximize):
    g = -g if maximize else g
    return g + weight_decay * p if weight_decay != 0 else g


@kernel(outputs=(0, 2, 3), flushes=True)
def adadelta_(p, g, sq, acc, hyper, maximize=False):
    """sq = rho * sq + (1 - rho) * g^2; d = sqrt(acc + eps) / sqrt(sq + eps) * g; p -= lr * d.

    acc = rho * acc + (1 - rho) * d^2. hyper = [lr, rho, eps, weight_decay].
    """
    lr, rho, eps, weight_decay = hyper.tolist()
    d = _descent(p, g, weight_decay, maximize)
    sq *= rho
    sq += (1 - rho) * (d * d)
    d = np.sqrt(acc + eps) / np.sqrt(sq + eps) * d
    acc *= rho
    acc += (1 - rho) * (d * d)
    p -= lr * d


@kernel(outputs=(0, 2, 3), flushes=True)
def adamax_(p, g, m, u, hyper, step, maximize=False):
    """m = beta1 * m + (1 - beta1) * g; u = max(beta2 * u, |g| + eps); p -= lr / (1 - beta1^step) * m / u.

    hyper = [lr, beta1, beta2, eps, weight_decay].
    """
    lr, beta1, beta2, eps, weight_decay = hyper.tolist()
    d = _descent(p, g, weight_decay, maximize)
    m += (1 - beta1) * (d - m)
    np.maximum(beta2 * u, np.abs(d) + eps, out=u)
    p -= lr / (1 - beta1**int(step.item())) * (m / u)


@kernel(outputs=(0, 2, 3, 4), flushes=True)
def nadam_(p, g, m, v, product, hyper, step, decoupled=False, maximize=False):
    """Adam with Nesterov momentum. product *= mu, the product of all mu; mu(t) = beta1 * (1 - 0.96^(t * decay) / 2).

    p -= lr * ((1 - mu) / (1 - product) * g + mu' / (1 - product * mu') * m) / (sqrt(v / (1 - beta2^step)) + eps), where
    mu' is that of the next step. hyper = [lr, beta1, beta2, eps, weight_decay, decay].
    """
    lr, beta1, beta2, eps, weight_decay, decay = hyper.tolist()
    t = int(step.item())
    if decoupled and weight_decay != 0:
        p *= 1 - lr * weight_decay
        weight_decay = 0
    d = _descent(p, g, weight_decay, maximize)
    mu, later = (beta1 * (1 - 0.5 * 0.96**(n * decay)) for n in (t, t + 1))
    product *= mu
    m += (1 - beta1) * (d - m)
    v *= beta2
    v += (1 - beta2) * (d * d)
    denominator = np.sqrt(v / (1 - beta2**t)) + eps
    p -= lr * (1 - mu) / (1 - product) * d / denominator
    p -= lr * later / (1 - product * later) * m / denominator


@kernel(outputs=(0, 2, 3), flushes=True)
def radam_(p, g, m, v, hyper, step, decoupled=False, maximize=False):
    """Adam with a rectified variance: p -= lr * r * m / (1 - beta1^step) * sqrt(1 - beta2^step) / (sqrt(v) + eps).

    In the first steps, where the variance is not tractable, p -= lr * m / (1 - beta1^step). hyper = [lr, beta1, beta2,
    eps, weight_decay].
    """
    lr, beta1, beta2, eps, weight_decay = hyper.tolist()
    t = int(step.item())
    if decoupled and weight_decay != 0:
        p *= 1 - lr * weight_decay
        weight_decay = 0
    d = _descent(p, g, weight_decay, maximize)
    m += (1 - beta1) * (d - m)
    v *= beta2
    v += (1 - beta2) * (d * d)
    most = 2 / (1 - beta2) - 1
    length = most - 2 * t * beta2**t / (1 - beta2**t)
    rate = lr / (1 - beta1**t)
    if length > 5:
        rate *= ((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)) ** 0.5
        p -= rate * m * ((1 - beta2**t) ** 0.5 / (np.sqrt(v) + eps))
    else:
        p -= rate * m


@kernel(outputs=(0, 2, 3), flushes=True)
def rprop_(p, g, previous, size, hyper, maximize=False):
    """p -= sign(g) * size, where size grows by etaplus while the sign of g stays and shrinks by etaminus if it changes.

    After a change of sign g counts as 0. previous = g. hyper = [etaminus, etaplus, smallest, largest].
    """
    etaminus, etaplus, smallest, largest = hyper.tolist()
    d = -g if maximize else g.copy()
    same = np.sign(d * previous)
    size *= np.where(same > 0, p.dtype.type(etaplus), np.where(same < 0, p.dtype.type(etaminus), p.dtype.type(1)))
    np.clip(size, smallest, largest, out=size)
    d[same < 0] = 0
    p -= np.sign(d) * size
    previous[...] = d


@kernel(outputs=(0, 2, 3, 4), flushes=True)
def asgd_(p, g, average, eta, mu, hyper, step, maximize=False):
    """p -= eta * g + lambd * eta * p; average += mu * (p - average), and p itself where mu is 1.

    For the next step, eta = lr / (1 + lambd * lr * step)^alpha and mu = 1 / max(1, step - t0). hyper = [lr, lambd,
    alpha, t0, weight_decay].
    """
    lr, lambd, alpha, t0, weight_decay = hyper.tolist()
    t = int(step.item())
    d = _descent(p, g, weight_decay, maximize)
    p *= 1 - lambd * eta
    p -= eta * d
    average[...] = np.where(mu == 1, p, average + mu * (p - average))
    eta[...] = lr / (1 + lambd * lr * t)**alpha
    mu[...] = 1 / max(1, t - t0)
