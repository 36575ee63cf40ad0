"""Attributions averaged over noise: NoiseTunnel, SmoothGrad."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastnet
from fastnet import Generator, Tensor
from fastnet._core.errors import check_number, given_text, one_of, whole_number
from fastnet.explain.attribution import Attribution
from fastnet.explain.saliency import Saliency
from fastnet.explain.samples import Inputs, Samples, as_inputs, cut_evenly, in_form, per_input

__all__ = ["KINDS", "NoiseTunnel", "SmoothGrad", "noisy"]

KINDS = "smoothgrad", "smoothgrad_sq", "vargrad"


class NoiseTunnel:
    """Another method, on inputs with normal noise: the mean, the mean square or the variance of its attributions.

    "smoothgrad" is the mean, "smoothgrad_sq" the mean of the squares, "vargrad" the variance. Smilkov et al. 2017,
    "SmoothGrad", https://arxiv.org/abs/1706.03825; Adebayo et al. 2018, https://arxiv.org/abs/1810.03307.

    Args:
        attribution_method: a method, such as `Saliency(model)`.

    Raises:
        TypeError: attribution_method is not a method.

    Example:
        >>> import fastnet
        >>> from fastnet.explain import NoiseTunnel, Saliency
        >>> x = fastnet.tensor([[1.0, 2.0]])
        >>> method = NoiseTunnel(Saliency(lambda x: (x * x).sum(1)))
        >>> method.attribute(x, nt_samples=200, stdevs=0.1).round(decimals=1)
        tensor([[2., 4.]])
    """

    def __init__(self, attribution_method: Attribution) -> None:
        if not isinstance(attribution_method, Attribution):
            raise TypeError("NoiseTunnel: expected a method of fastnet.explain, such as Saliency(model), got "
                            f"{given_text(attribution_method)}")
        self.attribution_method: Any = attribution_method

    @property
    def multiplies_by_inputs(self) -> bool:
        """That of the method."""
        return self.attribution_method.multiplies_by_inputs

    def has_convergence_delta(self) -> bool:
        """That of the method."""
        return self.attribution_method.has_convergence_delta()

    def attribute(self, inputs: Inputs, nt_type: str = "smoothgrad", nt_samples: int = 5,
                  nt_samples_batch_size: int | None = None, stdevs: float | tuple[float, ...] = 1.0, *,
                  seed: int = 0, **kwargs: Any) -> Any:
        """Compute the attributions. The noise depends on the seed alone, not on the batch size.

        Args:
            inputs: see the method.
            nt_type: "smoothgrad", "smoothgrad_sq" or "vargrad".
            nt_samples: the noisy copies of each sample.
            nt_samples_batch_size: the copies of each sample in one call of the method; None: all.
            stdevs: the standard deviation of the noise; a tuple with one for each input.
            seed: of the noise.
            kwargs: further arguments of the method's `attribute`.

        Returns:
            As the method. With return_convergence_delta the errors are those of all copies, (N * nt_samples,), copy k
            of sample r at r * nt_samples + k.

        Raises:
            TypeError, ValueError: an unknown nt_type, or a number of copies that is not whole or less than 1.
        """
        if nt_type not in KINDS:
            raise one_of("nt_type", nt_type, KINDS)
        whole_number("nt_samples", nt_samples, 1)
        most = nt_samples if nt_samples_batch_size is None else whole_number("nt_samples_batch_size",
                                                                             nt_samples_batch_size, 1)
        xs = as_inputs("NoiseTunnel", inputs, self.attribution_method._floating)
        generator, rows, method = Generator(seed), len(xs[0]), self.attribution_method
        sums, squares, deltas = [0.0] * len(xs), [0.0] * len(xs), []
        for i, j in cut_evenly(nt_samples, most):
            copies = noisy("NoiseTunnel", xs, j - i, stdevs, generator)
            found = method.attribute(in_form(copies, inputs), **_for_copies(kwargs, j - i, rows))
            if kwargs.get("return_convergence_delta"):
                found, delta = found
                deltas.append(delta.view(rows, j - i))
            for k, part in enumerate(found if isinstance(found, tuple) else (found,)):
                part = part.view(rows, j - i, *part.shape[1:])
                sums[k], squares[k] = sums[k] + part.sum(1), squares[k] + part.square().sum(1)
        result = in_form([_summary(nt_type, s / nt_samples, q / nt_samples) for s, q in zip(sums, squares)], inputs)
        return (result, fastnet.cat(deltas, 1).reshape(-1)) if deltas else result


class SmoothGrad(NoiseTunnel):
    """The mean of the gradients at inputs with normal noise: `NoiseTunnel(Saliency(forward_func))`.

    Args:
        forward_func, compile: see `Attribution`.

    Example:
        >>> import fastnet
        >>> from fastnet.explain import SmoothGrad
        >>> method = SmoothGrad(lambda x: (x * x).sum(1))
        >>> method.attribute(fastnet.tensor([[1.0, -2.0]]), nt_samples=200, stdevs=0.1, abs=False).round(decimals=1)
        tensor([[ 2., -4.]])
    """

    def __init__(self, forward_func: Callable[..., Tensor], *, compile: bool = True) -> None:
        super().__init__(Saliency(forward_func, compile=compile))


def _summary(kind: str, mean: Any, square: Any) -> Any:
    return {"smoothgrad": mean, "smoothgrad_sq": square}.get(kind, square - mean * mean)


def noisy(name: str, inputs: tuple[Tensor, ...], count: int, stdevs: float | tuple[float, ...],
          generator: Generator) -> tuple[Tensor, ...]:
    """Copies of each row with normal noise, (N * count, ...): copy k of row r is at r * count + k.

    Args:
        name: of the method, for errors.
        inputs: tensors (N, ...).
        count: the copies of each row.
        stdevs: the standard deviation of the noise, or a tuple with one for each input.
        generator: which the noise of one copy of all rows is drawn from at a time.

    Raises:
        TypeError: a deviation is not a number.
        ValueError: a negative deviation.
    """
    scales = per_input(name, "stdevs", stdevs, inputs)
    for scale in scales:
        check_number("stdevs", scale)
    if any(not scale >= 0 for scale in scales):
        raise ValueError(f"{name}: expected stdevs of at least 0, got {stdevs}")
    drawn = [[fastnet.randn(*x.shape, dtype=x.dtype, generator=generator) for x in inputs] for _ in range(count)]
    return tuple((x.unsqueeze(1) + scale * fastnet.stack(list(noise), 1)).reshape(-1, *x.shape[1:])
                 for x, scale, noise in zip(inputs, scales, zip(*drawn)))


def _for_copies(kwargs: dict[str, Any], count: int, rows: int) -> dict[str, Any]:
    """Arguments of a method, each row's `count` times."""
    def each(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(map(each, x))
        if isinstance(x, list) and len(x) == rows:
            return [entry for entry in x for _ in range(count)]
        if isinstance(x, np.ndarray) and x.shape[:1] == (rows,):
            return x.repeat(count, 0)
        if isinstance(x, Tensor) and x.ndim and len(x) == rows and rows > 1:
            return Samples((x,)).interleaved(count).inputs[0]
        return x
    return {name: each(x) for name, x in kwargs.items()}
