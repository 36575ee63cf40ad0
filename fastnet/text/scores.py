"""Scores of translations."""
from __future__ import annotations

from collections.abc import Sequence

from fastnet._core.optional import optional

__all__ = ["bleu"]


def bleu(translations: Sequence[str], references: Sequence[str]) -> tuple[float, str]:
    """BLEU of translations, by the package sacrebleu: 13a tokens, cased.

    The geometric mean of the shares of n-grams, n = 1 to 4, that the reference has, too, times a penalty for short
    translations. Papineni et al. 2002, https://aclanthology.org/P02-1040; Post 2018, https://arxiv.org/abs/1804.08771.

    Args:
        translations: the sentences of a model.
        references: the right translations of the same sentences.

    Returns:
        (the score from 0 to 100, sacrebleu's signature, which names all of its settings).

    Raises:
        ValueError: no sentences, or another number of references.
        TypeError: a single text rather than a list of sentences.
        ImportError: sacrebleu is not installed.

    Example:
        >>> import fastnet
        >>> score, signature = fastnet.text.bleu(["a cat sat on it"], ["a cat sat on it"])      # doctest: +SKIP
        >>> round(score)                                                                        # doctest: +SKIP
        100
    """
    for name, given in (("translations", translations), ("references", references)):
        if isinstance(given, str):
            raise TypeError(f"bleu: expected {name} to be a list of sentences, got a single text; put it into a list")
    if not translations or len(translations) != len(references):
        raise ValueError(f"bleu: expected as many references as translations, at least one, got {len(translations)} "
                         f"translations and {len(references)} references")
    metric = optional("sacrebleu", "BLEU").BLEU()
    score = metric.corpus_score(list(translations), [list(references)]).score
    return float(score), str(metric.get_signature())
