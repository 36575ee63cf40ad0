"""Two towers, one for images and one for texts, whose features are compared. Radford et al. 2021,
https://arxiv.org/abs/2103.00020.
"""
from __future__ import annotations

import math
from typing import Any, NamedTuple

from fastnet._core.errors import given_text, not_a_tensor, shape_text, whole_number
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.nn import Identity, Module, functional as F, init
from fastnet.nn.parameter import new_parameter

__all__ = ["Retrieved", "TwoTower", "retrieve", "two_tower"]

_FIRST_SCALE = math.log(1 / 0.07)       # open_clip's


class TwoTower(Module):
    """An image tower and a text tower that give features of one width, trained with `nn.ClipLoss` or `nn.SigLipLoss`.

    A tower is any module from a batch to (N, E), such as a network of `fastnet.models` with E outputs in place of
    classes. What a tower reads is free: spectrograms of spoken words can take the place of texts. Methods and
    attributes have open_clip's names, and `loss(*model(image, text))` is a training loss.

    Args:
        visual: the image tower; None: images are given as features (N, E).
        text: the text tower; None: texts are given as features.
        init_logit_scale: the first value of `logit_scale`.
        init_logit_bias: the first value of `logit_bias`, -10 for `nn.SigLipLoss`; None: no bias.

    Attributes:
        visual, text: the towers.
        logit_scale: the logarithm of the factor on the products of features, a parameter without dimensions.
        logit_bias: added to the products, a parameter without dimensions, or None.

    Shape:
        forward(image, text) to features (N, E) of the images and of the texts, of length 1, and the factor
        exp(logit_scale), followed by `logit_bias` if there is one. None for an image or a text gives None.

    Raises:
        TypeError: a tower that is not a module.
        ValueError: when called, towers whose results are not features (N, E) of one width.

    Example:
        >>> import fastnet
        >>> from fastnet import models
        >>> model = models.TwoTower(models.resnet8(16), models.lstm_classifier(16, vocabulary=100))
        >>> images, texts = fastnet.zeros(4, 3, 32, 32), fastnet.ones(4, 7, dtype=fastnet.int64)
        >>> loss = fastnet.nn.ClipLoss()(*model(images, texts))
        >>> model.encode_image(images).shape, model.encode_text(texts).shape, loss.shape
        ((4, 16), (4, 16), ())
    """

    logit_scale: Tensor
    logit_bias: Tensor | Any            # None without a bias

    def __init__(self, visual: Module | None = None, text: Module | None = None,
                 init_logit_scale: float = _FIRST_SCALE, init_logit_bias: float | None = None) -> None:
        super().__init__()
        self.saved_arguments = {"visual": None, "text": None}       # a file describes the towers as submodules
        self.init_logit_scale, self.init_logit_bias = init_logit_scale, init_logit_bias
        self.visual = _tower("visual", visual)
        self.text = _tower("text", text)
        self.logit_scale = new_parameter()
        self.register_parameter("logit_bias", None if init_logit_bias is None else new_parameter())
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale and the bias to their first values. The towers are unchanged."""
        init.constant_(self.logit_scale, self.init_logit_scale)
        if self.init_logit_bias is not None:
            init.constant_(self.logit_bias, self.init_logit_bias)

    def encode_image(self, image: Any, normalize: bool = False) -> Tensor:
        """Features of images, (N, E).

        Args:
            image: the input of the image tower, or a tuple of its inputs.
            normalize: scale each row to length 1.
        """
        return _encoded("visual", self.visual, image, normalize)

    def encode_text(self, text: Any, normalize: bool = False) -> Tensor:
        """Features of texts, (N, E).

        Args:
            text: the input of the text tower, or a tuple of its inputs.
            normalize: scale each row to length 1.
        """
        return _encoded("text", self.text, text, normalize)

    def get_logits(self, image: Any, text: Any) -> tuple[Tensor, Tensor]:
        """exp(logit_scale) times the cosines of all pairs, plus `logit_bias`: (images, texts), and its transpose.

        Args:
            image, text: as of `encode_image` and `encode_text`.
        """
        logits = self.logit_scale.exp() * self.encode_image(image, True) @ self.encode_text(text, True).t()
        if self.logit_bias is not None:
            logits = logits + self.logit_bias
        return logits, logits.t()

    def forward(self, image: Any = None, text: Any = None) -> tuple[Any, ...]:
        images = None if image is None else self.encode_image(image, True)
        texts = None if text is None else self.encode_text(text, True)
        if images is not None and texts is not None and images.shape[1] != texts.shape[1]:
            raise ValueError(f"TwoTower: expected towers that give features of one width, got {images.shape[1]} of the "
                             f"images and {texts.shape[1]} of the texts")
        bias = () if self.logit_bias is None else (self.logit_bias,)
        return images, texts, self.logit_scale.exp(), *bias

    @no_grad()
    def predict_proba(self, image: Any, classifier: Tensor) -> Tensor:
        """Probabilities of classes that are described by texts: softmax(exp(logit_scale) features @ classifier).

        It uses the mode of the model: call `eval()` first.

        Args:
            image: as of `encode_image`.
            classifier: (E, classes), as `build_zero_shot_classifier` makes it.

        Returns:
            (N, classes).

        Raises:
            ValueError: a classifier of another width.

        Example:
            >>> import fastnet
            >>> model = fastnet.models.TwoTower()
            >>> model.predict_proba(fastnet.eye(2), fastnet.eye(2)).round(decimals=3)
            tensor([[1., 0.],
                    [0., 1.]])
        """
        features = self.encode_image(image, normalize=True)
        if classifier.ndim != 2 or classifier.shape[0] != features.shape[1]:
            raise ValueError(f"predict_proba: expected a classifier ({features.shape[1]}, classes), got "
                             f"{shape_text(classifier)}")
        return F.softmax(self.logit_scale.exp() * features @ classifier, 1)


def _tower(name: str, given: Any) -> Module:
    if given is None:
        return Identity()
    if not isinstance(given, Module):
        raise TypeError(f"TwoTower: expected {name} to be a module or None, got {given_text(given)}")
    return given


def _encoded(name: str, tower: Module, given: Any, normalize: bool) -> Tensor:
    found = tower(*given) if isinstance(given, tuple) else tower(given)
    if not isinstance(found, Tensor) or found.ndim != 2:
        got = shape_text(found) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"TwoTower: expected {name} to give features (N, E), got {got}")
    return F.normalize(found, dim=1) if normalize else found


class Retrieved(NamedTuple):
    """The items that fit queries best.

    Attributes:
        scores: (N, k), falling.
        indices: the numbers of the items, int64 (N, k).

    Example:
        >>> import fastnet
        >>> scores, indices = fastnet.models.retrieve(fastnet.ones(1, 2), 2 * fastnet.ones(1, 2), k=1)
        >>> scores.tolist(), indices.tolist()
        ([[4.0]], [[0]])
    """

    scores: Tensor
    indices: Tensor


@no_grad()
def retrieve(queries: Tensor, items: Tensor, k: int = 5) -> Retrieved:
    """Find the k items whose features have the largest products with those of each query.

    Args:
        queries: features (N, E), such as those of texts; of length 1, the products are cosines.
        items: features (M, E), such as those of images.
        k: items to find, at most M.

    Raises:
        TypeError: features that are not tensors, or a k that is not a whole number.
        ValueError: features of other shapes, k out of range, or, outside of compiled functions, features that are not
            finite.

    Example:
        >>> import fastnet
        >>> images = fastnet.eye(3)
        >>> fastnet.models.retrieve(fastnet.tensor([[0.0, 0.6, 0.8]]), images, k=2).indices
        tensor([[2, 1]])
    """
    for name, x in (("queries", queries), ("items", items)):
        if not isinstance(x, Tensor):
            raise not_a_tensor("retrieve", name, x)
    if queries.ndim != 2 or items.ndim != 2 or queries.shape[1] != items.shape[1]:
        raise ValueError(f"retrieve: expected features (N, E) and (M, E), got {shape_text(queries)} and "
                         f"{shape_text(items)}")
    if not 1 <= whole_number("k", k, None) <= len(items):
        raise ValueError(f"retrieve: expected k from 1 to {len(items)}, the number of items, got {k}")
    if state.recorder is None:          # a recording cannot read values
        for name, x in (("queries", queries), ("items", items)):
            if not x.isfinite().all().item():
                raise ValueError(f"retrieve: {name} have numbers that are not finite")
    found = (queries @ items.t()).topk(k)
    return Retrieved(found.values, found.indices)


def two_tower(visual: Module | None = None, text: Module | None = None, init_logit_scale: float = _FIRST_SCALE,
              init_logit_bias: float | None = None) -> TwoTower:
    """An image tower and a text tower. Arguments as in `TwoTower`.

    Example:
        >>> import fastnet
        >>> from fastnet import models
        >>> model = models.two_tower(models.lenet5(8), models.ds_cnn(8))
        >>> round(model.logit_scale.exp().item(), 2)
        14.29
    """
    return TwoTower(visual, text, init_logit_scale, init_logit_bias)
