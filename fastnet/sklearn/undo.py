"""A fit that fails leaves the estimator as it was: not fitted, or with the network that it had."""
import fastnet
from fastnet._core.state import Finally


def undone_on_failure(estimator, goes_on):
    """Put an estimator's attributes back if what is done inside raises.

    Args:
        estimator: see `MLPClassifier`.
        goes_on: its network is trained further, not replaced: the weights and the optimizer's state are put back too.
    """
    attributes = dict(vars(estimator))
    lengths = [(curve, len(curve)) for curve in attributes.values() if isinstance(curve, list)]
    saved = _Saved(estimator) if goes_on else None

    def undo():
        estimator.__dict__ = dict(attributes)
        for curve, length in lengths:   # they are appended to
            del curve[length:]
        if saved is not None:
            saved.put_back()
    return Finally(undo, failed_only=True)


class _Saved:
    """Copies of a network's tensors and of its optimizer's state."""

    def __init__(self, estimator):
        self.tensors = [(x, x.clone()) for x in estimator._network.state_dict().values()]
        self.optimizer = estimator._optimizer
        self.state = None if self.optimizer is None else self.optimizer.state_dict()

    def put_back(self):
        with fastnet.no_grad():
            for x, before in self.tensors:
                x.copy_(before)
        if self.optimizer is not None:
            self.optimizer.load_state_dict(self.state)
