"""RMSprop."""
from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer


class RMSprop(Optimizer):
    """p -= lr * g / (sqrt(s) + eps), with s = alpha * s + (1 - alpha) * g^2.

    Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning; centered: Graves 2013,
    https://arxiv.org/abs/1308.0850.

    Args:
        params: parameters or groups of them.
        lr: the learning rate.
        alpha: the decay of s.
        eps: added to the denominator.
        weight_decay: L2 penalty, g += weight_decay * p.
        momentum: of the update.
        centered: subtract the squared running mean of g from s.
        maximize: go up instead of down.
        l1: L1 penalty, g += l1 * sign(p). Not PyTorch's: it has no L1 penalty in optimizers.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.RMSprop([w], lr=0.25, alpha=0.75)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER = ("lr", "alpha", "eps", "weight_decay", "momentum", "l1")

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, *,
                 maximize=False, l1=0):
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay,
                                  "momentum": momentum, "centered": centered, "maximize": maximize, "l1": l1})

    def moments(self, group):
        return {"square_avg": 0, "momentum_buffer": 0 if group["momentum"] else None,
                "grad_avg": 0 if group["centered"] else None}

    def update(self, p, g, moments, hyper, step, group):
        K.rmsprop_(p, g, moments["square_avg"], moments["momentum_buffer"], moments["grad_avg"], hyper, step,
                   maximize=group["maximize"])
