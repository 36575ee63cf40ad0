"""Classifiers made of texts that describe the classes. Radford et al. 2021, https://arxiv.org/abs/2103.00020."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.joining import cat
from fastnet.models.two_tower import TwoTower
from fastnet.nn import functional as F

__all__ = ["build_zero_shot_classifier"]


@no_grad()
def build_zero_shot_classifier(model: TwoTower, tokenizer: Callable[[list[str]], Any], classnames: Sequence[str],
                               templates: Sequence[str | Callable[[str], str]] = ("{}",),
                               num_classes_per_batch: int | None = 10) -> Tensor:
    """The features of each class: the mean over the templates of its texts' features, of length 1, as open_clip has it.

    `model.predict_proba(images, classifier)` then gives the probabilities of the classes. It uses the mode of the
    model: call `eval()` first.

    Args:
        model: the two towers.
        tokenizer: from a list of texts to the input of the text tower.
        classnames: the names of the classes.
        templates: texts with {} in place of the name, such as "a photo of a {}.", or functions of the name.
        num_classes_per_batch: classes whose texts are encoded together; None: all.

    Returns:
        (E, classes).

    Raises:
        TypeError: classnames or templates that are one text.
        ValueError: no classes, no templates, a template without {}, or a tokenizer that does not give one row for each
            text.

    Example:
        >>> import fastnet
        >>> from fastnet import models
        >>> text = fastnet.nn.Sequential(fastnet.nn.Embedding(128, 4), fastnet.nn.Flatten())
        >>> model = models.TwoTower(None, text).eval()
        >>> def tokenizer(texts):
        ...     return fastnet.tensor([[ord(letter) for letter in text.ljust(8)] for text in texts])
        >>> models.build_zero_shot_classifier(model, tokenizer, ["cat", "dog"], ["a {}", "one {}"]).shape
        (32, 2)
    """
    for argument, given in (("classnames", classnames), ("templates", templates)):
        if isinstance(given, str):
            raise TypeError(f"build_zero_shot_classifier: expected {argument} to be a list of texts, got {given!r}")
    for template in templates:
        if isinstance(template, str) and template.format("a") == template.format("b"):
            raise ValueError(f"build_zero_shot_classifier: expected {{}} in each template, in place of the name of the "
                             f"class, got {template!r}")
    if not classnames or not templates:
        raise ValueError(f"build_zero_shot_classifier: expected classes and templates, got {len(classnames)} classes "
                         f"and {len(templates)} templates")
    size = num_classes_per_batch or len(classnames)
    found = []
    for first in range(0, len(classnames), size):
        names = classnames[first:first + size]
        texts = [template.format(name) if isinstance(template, str) else template(name)
                 for name in names for template in templates]
        features = model.encode_text(tokenizer(texts), normalize=True)
        if len(features) != len(texts):
            raise ValueError(f"build_zero_shot_classifier: expected the tokenizer to give one row for each of "
                             f"{len(texts)} texts, got {len(features)}")
        found.append(F.normalize(features.reshape(len(names), len(templates), -1).mean(1), dim=1))
    return cat(found).t()
