"""The training loop: shuffled batches, compiled steps, a progress bar, a history.

    history = fit(model, optimizer, nn.CrossEntropyLoss(), x, y, epochs=10, batch_size=128)
    loss, accuracy = evaluate(model, nn.CrossEntropyLoss(), x_test, y_test)

x is a NumPy array whose first axis counts the samples, y the int64 class of each.
"""
import math
import time

import numpy as np

import fastnet


def fit(model, optimizer, loss_fn, x, y, *, epochs, batch_size, scheduler=None, validation_split=0.1, seed=0,
        progress=True):
    """Train a classifier; returns its history, one dictionary for each epoch.

    Args:
        model: a Module from a batch of x to one logit a class. It is left in evaluation mode.
        optimizer: over the model's parameters.
        loss_fn: `loss_fn(logits, labels)`, the mean over a batch.
        x: (N, ...), an array of a dtype that the model takes.
        y: (N,), int64, the class of each sample.
        epochs: passes over the data.
        batch_size: samples an update; the last batch may be smaller.
        scheduler: stepped after every batch.
        validation_split: the part of x that is held out, to be measured on after each epoch; 0: none.
        seed: of the shuffling and the hold-out.
        progress: show a progress bar (on a terminal) and print a line an epoch.

    Returns:
        A list of {"epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "seconds"}. Loss and accuracy
        are means over the epoch's batches as they were trained on, dropout included.

    Raises:
        ValueError: empty data, lengths that differ, or settings out of range.
        FloatingPointError: the loss is no longer finite.

    Example:
        >>> import numpy as np, fastnet
        >>> from fastnet import nn, train
        >>> x = np.array([[0.0], [1.0]] * 50, np.float32)
        >>> y = np.array([0, 1] * 50)
        >>> model = nn.Linear(1, 2)
        >>> optimizer = fastnet.optim.Adam(model.parameters(), lr=0.1)
        >>> history = train.fit(model, optimizer, nn.CrossEntropyLoss(), x, y, epochs=10, batch_size=10, progress=False)
        >>> len(history), history[-1]["accuracy"]
        (10, 1.0)
    """
    x, y = _checked(x, y)
    _check_settings(epochs, batch_size, validation_split)
    rng = np.random.default_rng(seed)
    held_out, rows = _hold_out(rng.permutation(len(x)), validation_split)
    step, measure = compiled_step(model, optimizer, loss_fn), compiled_measure(model, loss_fn)
    history = []
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        loss, accuracy = _train_epoch(model, step, scheduler, x, y, rng.permutation(rows), batch_size,
                                      _Bar(f"epoch {epoch}/{epochs}", len(rows), progress))
        entry = {"epoch": epoch, "loss": loss, "accuracy": accuracy}
        if len(held_out):
            entry["validation_loss"], entry["validation_accuracy"] = evaluate(
                model, loss_fn, x[held_out], y[held_out], measure=measure)
        entry["seconds"] = time.perf_counter() - start
        history.append(entry)
        if progress:
            print(_line(entry, epochs), flush=True)
    model.eval()
    return history


def evaluate(model, loss_fn, x, y, *, batch_size=1024, measure=None):
    """The mean loss and the accuracy of a classifier on (x, y), in evaluation mode and without gradients.

    Args:
        model, loss_fn, x, y: as `fit`'s.
        batch_size: samples at a time.
        measure: what `compiled_measure(model, loss_fn)` gave, for calls again and again.

    Returns:
        (loss, accuracy), floats; the accuracy is between 0 and 1.

    Raises:
        ValueError: empty data, or lengths that differ.

    Example:
        >>> import numpy as np, fastnet
        >>> from fastnet import nn, train
        >>> x, y = np.array([[0.0, 9.0], [9.0, 0.0]], np.float32), np.array([1, 0])
        >>> loss, accuracy = train.evaluate(nn.Identity(), nn.CrossEntropyLoss(), x, y)
        >>> round(loss, 4), accuracy
        (0.0001, 1.0)
    """
    x, y = _checked(x, y)
    measure = measure or compiled_measure(model, loss_fn)
    totals = _Totals()
    training = model.training
    model.eval()
    try:
        for xb, yb in batches(x, y, np.arange(len(x)), batch_size):
            loss, right = measure(xb, yb)
            totals.add(loss, right, len(xb))
    finally:
        model.train(training)
    return totals.means()


def compiled_step(model, optimizer, loss_fn):
    """`step(x, y)`: one update of the model; returns the batch's loss and how many of it were right.

    Args:
        model, optimizer, loss_fn: as `fit`'s.

    Example:
        >>> import fastnet
        >>> from fastnet import nn, train
        >>> model = nn.Linear(1, 2)
        >>> step = train.compiled_step(model, fastnet.optim.SGD(model.parameters()), nn.CrossEntropyLoss())
        >>> loss, right = step(fastnet.ones(3, 1), fastnet.tensor([0, 0, 1]))
        >>> loss.shape, right.shape
        ((), ())
    """
    @fastnet.compile
    def step(x, y):
        optimizer.zero_grad()
        logits = model(x)
        loss = loss_fn(logits, y)
        loss.backward()
        optimizer.step()
        return loss.detach(), _count_right(logits.detach(), y)
    return step


def compiled_measure(model, loss_fn):
    """`measure(x, y)`: the batch's loss and how many of it are right.

    Args:
        model, loss_fn: as `fit`'s.

    Example:
        >>> import fastnet
        >>> from fastnet import nn, train
        >>> measure = train.compiled_measure(nn.Identity(), nn.CrossEntropyLoss())
        >>> measure(fastnet.tensor([[0.0, 9.0], [9.0, 0.0]]), fastnet.tensor([1, 1]))
        (tensor(4.5001), tensor(1))
    """
    @fastnet.compile
    def measure(x, y):
        with fastnet.no_grad():
            logits = model(x)
            return loss_fn(logits, y), _count_right(logits, y)
    return measure


def batches(x, y, order, batch_size):
    """Tensors of the rows of x and y in this order, `batch_size` at a time; the last may be shorter.

    Args:
        x, y: arrays with the samples along the first axis.
        order: the rows' numbers, int64.
        batch_size: how many.

    Example:
        >>> import numpy as np, fastnet
        >>> from fastnet import train
        >>> x, y = np.arange(5), np.arange(5) % 2
        >>> [xb for xb, yb in train.batches(x, y, np.array([4, 2, 0]), 2)]
        [tensor([4, 2]), tensor([0])]
    """
    x, y, order = fastnet.from_numpy(x), fastnet.from_numpy(y), fastnet.from_numpy(order)
    for start in range(0, len(order), batch_size):
        rows = order[start:start + batch_size]
        yield x[rows], y[rows]


def _train_epoch(model, step, scheduler, x, y, order, batch_size, bar):
    totals = _Totals()
    model.train()
    with bar:
        for xb, yb in batches(x, y, order, batch_size):
            loss, right = step(xb, yb)
            loss = totals.add(loss, right, len(xb))
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss became {loss} after {totals.count} samples of this epoch; "
                                         "a smaller learning rate may help")
            if scheduler is not None:
                scheduler.step()
            bar.advance(len(xb), loss)
    return totals.means()


def _count_right(logits, y):
    return (logits.argmax(1) == y).sum()


class _Totals:
    """Sums over batches of what they say in means."""

    def __init__(self):
        self.loss = self.right = self.count = 0

    def add(self, loss, right, count):
        """Count a batch in; returns its loss as a float."""
        loss = float(loss)
        self.loss += loss * count
        self.right += int(right)
        self.count += count
        return loss

    def means(self):
        return self.loss / self.count, self.right / self.count


class _Bar:
    """A progress bar over samples that is gone when it is done. Nothing where standard error is no terminal."""

    def __init__(self, title, total, show):
        from tqdm import tqdm
        self.bar = tqdm(desc=title, total=total, unit="", leave=False, disable=None if show else True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.bar.close()

    def advance(self, count, loss):
        self.bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
        self.bar.update(count)


def _line(entry, epochs):
    parts = [f"epoch {entry['epoch']:{len(str(epochs))}d}/{epochs}", f"loss {entry['loss']:.4f}",
             f"accuracy {entry['accuracy']:.4f}"]
    if "validation_accuracy" in entry:
        parts.append(f"validation accuracy {entry['validation_accuracy']:.4f}")
    return "  ".join([*parts, f"{entry['seconds']:.2f} s"])


def _checked(x, y):
    x, y = np.asarray(x), np.asarray(y)
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} samples and y has {len(y)} labels")
    if len(x) == 0:
        raise ValueError("the data is empty: there are no samples")
    return x, y


def _check_settings(epochs, batch_size, validation_split):
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"expected at least one epoch and one sample a batch, got epochs={epochs}, "
                         f"batch_size={batch_size}")
    if not 0 <= validation_split < 1:
        raise ValueError(f"expected 0 <= validation_split < 1, got {validation_split}")


def _hold_out(order, split):
    """The rows that are held out and those that are trained on; at least one of these."""
    count = min(round(len(order) * split), len(order) - 1)
    return order[:count], order[count:]
