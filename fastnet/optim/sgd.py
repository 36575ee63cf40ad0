"""Stochastic gradient descent."""
from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer


class SGD(Optimizer):
    """p -= lr * v, with v = momentum * v + (1 - dampening) * g, and g the gradient plus its penalties.

    Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html. PyTorch's form: the first v is g.

    Args:
        params: parameters or groups of them.
        lr: the learning rate.
        momentum, dampening: 0 each.
        weight_decay: L2 penalty, g += weight_decay * p.
        nesterov: use g + momentum * v in place of v; needs momentum and no dampening.
        maximize: go up instead of down.
        l1: L1 penalty, g += l1 * sign(p). Not PyTorch's: it has no L1 penalty in optimizers.

    Raises:
        ValueError: a number out of range, or nesterov without momentum.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.SGD([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER = ("lr", "momentum", "dampening", "weight_decay", "l1")

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *,
                 maximize=False, l1=0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                                  "nesterov": nesterov, "maximize": maximize, "l1": l1})

    def check(self, group):
        super().check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("nesterov needs a momentum above 0 and a dampening of 0, got momentum "
                             f"{group['momentum']} and dampening {group['dampening']}")

    def moments(self, group):
        return {"momentum_buffer": 0 if group["momentum"] else None}

    def _start(self, p, names, step):
        if names.get("momentum_buffer") is not None and "momentum_buffer" not in self.state[p]:
            self.state[p].pop("step", None)     # momentum was switched on: the buffer's first step is still to come
        super()._start(p, names, step)

    def update(self, p, g, moments, hyper, step, group):
        K.sgd_(p, g, moments["momentum_buffer"], hyper, step, nesterov=group["nesterov"], maximize=group["maximize"])
