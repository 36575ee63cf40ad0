"""The CTC loss: Graves et al. 2006, "Connectionist temporal classification", ICML."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel(outputs=2, fallible=True, flushes=True)
def ctc_loss(losses, alpha, log_probs, targets, starts, input_lengths, target_lengths, blank):
    """losses[n] = -log of the total probability of all paths that give the target of sample n.

    Sample n has target_lengths[n] labels from targets[starts[n]], with blanks between and around them as states, and
    input_lengths[n] steps. alpha[n, t, s] is the logarithm of the probability of all paths that are in state s at step
    t, minus the largest of the row; -inf for steps and states that the sample has not.

    log_probs (T, N, C); targets (any,), starts, input_lengths, target_lengths (N,) int64; losses (N,), alpha (N, T, S).
    """
    alpha[...] = -np.inf
    for n, (labels, skip) in enumerate(_states(targets, starts, target_lengths, blank)):
        steps, row, offset = input_lengths[n], np.full(len(labels), -np.inf), 0.0
        row[:1] = 0
        with np.errstate(divide="ignore"):
            for t in range(steps):
                if t:
                    row = _next_states(row, skip)
                else:
                    row[1:2] = 0
                row += log_probs[t, n, labels]
                top = row.max()
                if np.isfinite(top):
                    row, offset = row - top, offset + top
                alpha[n, t, :len(labels)] = row
            ends = row[-2:] if steps else row[-1:] if len(labels) == 1 else row[-1:] - np.inf
            losses[n] = -(offset + np.logaddexp.reduce(ends))


@kernel(fallible=True, flushes=True)
def ctc_loss_backward(dx, log_probs, targets, starts, input_lengths, target_lengths, losses, alpha, dy, blank,
                      zero_infinity=False):
    """dx[t, n, c] = dy[n] * (exp(log_probs[t, n, c]) - the probability of paths at a state of class c at step t).

    It is the gradient of ctc_loss with respect to logits whose log-softmax is log_probs. It is 0 past the end of a
    sample, and NaN where the loss is infinite, or 0 there with zero_infinity.
    """
    dx[...] = 0
    for n, (labels, skip) in enumerate(_states(targets, starts, target_lengths, blank)):
        steps = input_lengths[n]
        if losses[n] == np.inf:
            dx[:steps, n] = 0 if zero_infinity else np.nan
            continue
        row = np.full(len(labels), -np.inf)
        row[-2:] = 0
        for t in range(steps - 1, -1, -1):
            shares = alpha[n, t, :len(labels)] + row
            shares = np.exp(shares - shares.max())
            slope = np.exp(log_probs[t, n].astype(np.float64))
            np.subtract.at(slope, labels, shares / shares.sum())
            dx[t, n] = slope * dy[n]
            with np.errstate(divide="ignore"):
                row = _next_states((row + log_probs[t, n, labels])[::-1], _skipped_back(skip))[::-1]
            top = row.max()
            row = row - top if np.isfinite(top) else row


def _states(targets, starts, target_lengths, blank):
    """For each sample the labels of its states, and 0 where a state can follow the one two before it, else -inf."""
    for start, length in zip(starts, target_lengths):
        labels = np.full(2 * length + 1, blank)
        labels[1::2] = targets[start:start + length]
        skip = np.full(len(labels), -np.inf)
        skip[3::2][labels[3::2] != labels[1:-2:2]] = 0
        yield labels, skip


def _next_states(row, skip):
    """log(exp(row[s]) + exp(row[s - 1]) + exp(row[s - 2]) where the state can be skipped)."""
    before = np.append([-np.inf, -np.inf], row)
    with np.errstate(invalid="ignore"):
        return np.logaddexp(np.logaddexp(before[2:], before[1:-1]), before[:-2] + skip)


def _skipped_back(skip):
    """The skips of the reversed states."""
    return np.append([-np.inf, -np.inf], skip[:1:-1])[:len(skip)]
