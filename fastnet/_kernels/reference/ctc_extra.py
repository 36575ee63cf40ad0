"""The check that runs before the CTC loss."""
from fastnet._kernels.reference.tools.contract import kernel


@kernel(check=True)
def check_ctc(targets, starts, input_lengths, target_lengths, steps, classes, states, blank):
    """Raise ValueError unless the lengths and labels of each sample are possible; arguments are those of ctc_loss."""
    for n, (length, start) in enumerate(zip(target_lengths, starts)):
        if not 0 <= input_lengths[n] <= steps:
            raise ValueError(f"ctc_loss: expected input_lengths from 0 to {steps}, the steps of log_probs, got "
                             f"{input_lengths[n]} for sample {n}")
        if length < 0 or start + length > targets.size or 2 * length + 1 > states:
            raise ValueError(f"ctc_loss: expected target_lengths that the targets have, got {length} for sample {n}")
        labels = targets[start:start + length]
        bad = (labels < 0) | (labels >= classes) | (labels == blank)
        if bad.any():
            i = int(bad.argmax())
            raise ValueError(f"ctc_loss: expected labels from 0 to {classes - 1} and not the blank {blank}, got "
                             f"{labels[i]} at position {i} of the target of sample {n}")
