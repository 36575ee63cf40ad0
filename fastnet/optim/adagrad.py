"""Adagrad."""
from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer


class Adagrad(Optimizer):
    """p -= lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps), with s the sum of all g^2.

    Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html.

    Args:
        params: parameters or groups of them.
        lr: the learning rate.
        lr_decay: how it falls.
        weight_decay: L2 penalty, g += weight_decay * p.
        initial_accumulator_value: what s starts with.
        eps: added to the denominator.
        maximize: go up instead of down.
        l1: L1 penalty, g += l1 * sign(p). Not PyTorch's: it has no L1 penalty in optimizers.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.Adagrad([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER = ("lr", "lr_decay", "eps", "weight_decay", "l1")

    def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, *,
                 maximize=False, l1=0):
        if initial_accumulator_value < 0:
            raise ValueError(f"invalid initial_accumulator_value: expected at least 0, got {initial_accumulator_value}")
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "maximize": maximize,
                                  "l1": l1})

    def moments(self, group):
        return {"sum": group["initial_accumulator_value"]}

    def update(self, p, g, moments, hyper, step, group):
        K.adagrad_(p, g, moments["sum"], hyper, step, maximize=group["maximize"])
