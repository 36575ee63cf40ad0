"""Adam and AdamW."""
from fastnet.backend import K
from fastnet.optim.optimizer import Optimizer


class Adam(Optimizer):
    """p -= lr * m' / (sqrt(v') + eps), with m' and v' the bias-corrected running means of g and g^2.

    m = beta1 * m + (1 - beta1) * g and m' = m / (1 - beta1^step), likewise v of g^2 with beta2. Kingma and Ba 2014,
    https://arxiv.org/abs/1412.6980; amsgrad: Reddi et al. 2018, https://arxiv.org/abs/1904.09237.

    Args:
        params: parameters or groups of them.
        lr: the learning rate.
        betas: the decay of m and of v.
        eps: added to the denominator.
        weight_decay: L2 penalty, g += weight_decay * p.
        amsgrad: divide by the largest v so far.
        maximize: go up instead of down.
        l1: L1 penalty, g += l1 * sign(p). Not PyTorch's: it has no L1 penalty in optimizers.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.Adam([w], lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.5, 0.5])
    """

    HYPER = ("lr", "beta1", "beta2", "eps", "weight_decay", "l1")
    DECOUPLED = False

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, maximize=False,
                 l1=0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize, "l1": l1})

    def check(self, group):
        if len(group["betas"]) != 2:
            raise ValueError(f"invalid betas: expected two numbers, got {group['betas']}")
        if group.get("decoupled_weight_decay", self.DECOUPLED) != self.DECOUPLED:
            raise ValueError(f"decoupled_weight_decay is {not self.DECOUPLED} in the state and {self.DECOUPLED} in "
                             f"{type(self).__name__}; Adam and AdamW differ in it")
        super().check(dict(zip(self.HYPER, self.numbers(group))))

    def numbers(self, group):
        return [group["lr"], *group["betas"], group["eps"], group["weight_decay"], group["l1"]]

    def moments(self, group):
        return {"exp_avg": 0, "exp_avg_sq": 0, "max_exp_avg_sq": 0 if group["amsgrad"] else None}

    def update(self, p, g, moments, hyper, step, group):
        K.adam_(p, g, moments["exp_avg"], moments["exp_avg_sq"], moments["max_exp_avg_sq"], hyper, step,
                decoupled=self.DECOUPLED, maximize=group["maximize"])


class AdamW(Adam):
    """Adam with decoupled weight decay: p -= lr * weight_decay * p, apart from the gradient.

    Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101. Arguments and errors are Adam's; weight_decay is 0.01.

    Example:
        >>> import fastnet
        >>> w = fastnet.ones(2, requires_grad=True)
        >>> optimizer = fastnet.optim.AdamW([w], lr=0.5, weight_decay=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.25, 0.25])
    """

    DECOUPLED = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, *,
                 maximize=False, l1=0):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, l1=l1)
