"""L-BFGS: the loss of all samples at once, minimised by SciPy. Liu and Nocedal 1989, doi.org/10.1007/BF01589116."""
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import fastnet
from fastnet.sklearn.network import decays


class Objective:
    """A network's loss with its L2 penalty, and its gradient, as functions of one float64 vector.

    Args:
        estimator: see `MLPClassifier`. The penalty is its alpha, divided by the weight of all samples.
        rows: a `Rows`, all of which count. Those that do not stay sparse are made dense here.
        data: a `Data`, with their targets and weights.
        loss: a `Loss`.
    """

    def __init__(self, estimator, rows, data, loss):
        self.network = rows.network
        self.parameters = list(self.network.parameters())
        self.views = [p.detach().numpy() for p in self.parameters]
        self.decay = estimator.alpha / (len(rows) if data.weight is None else data.weight.sum())
        self._inputs, self._target, self._loss = rows.all(), fastnet.from_numpy(data.target), loss
        self._weight = None if data.weight is None else fastnet.from_numpy(data.weight)
        self._step = fastnet.compile(self._forward_and_backward, disable=not estimator.compile)

    def _forward_and_backward(self):
        for p in self.parameters:
            p.grad = None
        loss = self._loss(self.network(self._inputs), self._target, self._weight)
        loss.backward()
        return loss.detach()

    def start(self):
        """The parameters as they are."""
        return np.concatenate([view.ravel() for view in self.views]).astype(np.float64)

    def write(self, vector):
        """Give the network the parameters of a vector."""
        begin = 0
        for view in self.views:
            view[...] = vector[begin:begin + view.size].reshape(view.shape)
            begin += view.size

    def __call__(self, vector):
        """(loss, gradient)."""
        self.write(vector)
        loss, gradient = self._step().item(), []
        for p, view in zip(self.parameters, self.views):
            g = np.zeros(p.shape) if p.grad is None else p.grad.numpy().astype(np.float64)
            if decays(p):
                loss += self.decay / 2 * float(np.square(view, dtype=np.float64).sum())
                g += self.decay * view
            gradient.append(g.ravel())
        return loss, np.concatenate(gradient)


def minimize(estimator, objective):
    """Minimise an Objective by an estimator's parameters, and set its `loss_` and `n_iter_`.

    Args:
        estimator: see `MLPClassifier`.
        objective: an `Objective`, whose network gets the minimum.

    Raises:
        FloatingPointError: there is none that is finite.
    """
    from scipy.optimize import minimize as scipy_minimize

    iterations = 0

    def tell(intermediate_result):
        nonlocal iterations
        iterations += 1
        print(f"Iteration {iterations}, loss = {intermediate_result.fun:.8f}")
    objective.network.train()
    try:
        found = scipy_minimize(objective, objective.start(), method="L-BFGS-B", jac=True,
                               callback=tell if estimator.verbose else None, options={
                                   "maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol})
    finally:
        objective.network.eval()
    if not (np.isfinite(found.x).all() and np.isfinite(found.fun)):
        raise FloatingPointError("L-BFGS left the finite numbers")
    objective.write(found.x)
    estimator.n_iter_, estimator.loss_ = min(found.nit, estimator.max_iter), float(found.fun)
    if found.status != 0:
        warnings.warn(f"lbfgs failed to converge after {found.nit} iteration(s): {found.message}\nIncrease max_iter or "
                      "max_fun, or scale the data.", ConvergenceWarning, stacklevel=6)
