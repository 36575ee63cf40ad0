"""What happens at the end of an epoch: scikit-learn's curves, its rule for stopping, and its learning rates."""
import numpy as np

import fastnet
from fastnet.callbacks import Callback
from fastnet.sklearn.solvers import lower_rate


class Epochs(Callback):
    """Keeps an estimator's record of its training, and ends it when nothing gets better any more.

    Args:
        estimator: whose attributes are written.
        penalty: the `Penalty` that is part of the loss.
        samples: how many an epoch has.
        validation: a `Validation` that says how good the epoch was, in place of the loss; or None.
    """

    priority = -1                       # callbacks of the user's own find the validation in the logs

    def __init__(self, estimator, penalty, samples, validation):
        self.estimator, self.penalty, self.samples, self.validation = estimator, penalty, samples, validation
        self.best, self.stopped = None, False

    def on_epoch_end(self, trainer):
        e = self.estimator
        e.n_iter_ += 1
        e.t_ += self.samples
        e.loss_ = trainer.logs["loss"] + self.penalty.mean(trainer.running.weight)
        e.loss_curve_.append(e.loss_)
        if e.verbose:
            print(f"Iteration {e.n_iter_}, loss = {e.loss_:.8f}")
        if self.validation is None:
            better = e.loss_ <= e.best_loss_ - e.tol
            e.best_loss_ = min(e.best_loss_, e.loss_)
        else:
            better = self._validate(trainer)
        e._no_improvement_count = 0 if better else e._no_improvement_count + 1
        self._schedule(trainer)

    def on_fit_end(self, trainer):
        self.restore()

    def restore(self):
        """Put the weights of the best epoch back, where there was validation."""
        if self.best is not None:
            self.estimator._network.load_state_dict(self.best)

    def _validate(self, trainer):
        """Measure the epoch on the held-out samples; returns whether it was good enough to go on."""
        e = self.estimator
        score, loss = self.validation.measure(e)
        trainer.logs |= {"validation_loss": loss, "validation_score": score}
        e.validation_scores_.append(score)
        e.validation_loss_curve_.append(loss)
        if e.verbose:
            print(f"Validation score: {score:f}")
        better = not score < e.best_validation_score_ + e.tol
        if score > e.best_validation_score_:
            e.best_validation_score_ = score
            self.best = {name: x.clone() for name, x in e._network.state_dict().items()}
        return better

    def _schedule(self, trainer):
        """Set the learning rate for the next epoch, or stop."""
        e, optimizer = self.estimator, trainer.optimizer
        if e.solver == "sgd" and e.learning_rate == "invscaling":
            for group in optimizer.param_groups:
                group["lr"] = e.learning_rate_init / (e.t_ + 1) ** e.power_t
        if e._no_improvement_count <= e.n_iter_no_change:
            return
        if e.verbose:
            what = "Training loss" if self.validation is None else "Validation score"
            print(f"{what} did not improve more than tol={e.tol:f} for {e.n_iter_no_change} consecutive epochs.")
        if e.solver == "sgd" and e.learning_rate == "adaptive" and lower_rate(optimizer):
            e._no_improvement_count = 0
        else:
            trainer.stop = self.stopped = True


class Validation:
    """Held-out samples.

    Args:
        rows: the `Rows` of all samples.
        members: the numbers of those that are held out.
        target: of all samples, as the loss takes them: a NumPy array.
        weight: (N,), of all samples, or None.
        loss: the `Loss`.
    """

    def __init__(self, rows, members, target, weight, loss):
        self.rows, self.members, self.loss = rows, members, loss
        self.target = target[members]
        self.weight = None if weight is None else weight[members]

    def measure(self, estimator):
        """(score, loss) of the network as it is."""
        outputs = estimator._outputs(self.rows, self.members)
        weight = None if self.weight is None else fastnet.from_numpy(self.weight)
        with fastnet.no_grad():
            loss = self.loss(fastnet.from_numpy(outputs), fastnet.from_numpy(self.target), weight).item()
        if not np.isfinite(outputs).all():
            return float("nan"), loss
        return float(estimator._score(outputs, self.target, self.weight)), loss
