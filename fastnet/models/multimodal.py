"""Fusion of a table, a picture and a text in one model."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnet._core.errors import shape_text, whole_number
from fastnet._core.tensor import Tensor
from fastnet.functional.compare import where
from fastnet.functional.creation import ones
from fastnet.nn import Dropout, LayerNorm, Linear, Module, ReLU, Sequential, functional as F
from fastnet.nn.parameter import new_parameter

__all__ = ["Multimodal", "multimodal"]

_TOWERS = ("table", "image", "text")


class Multimodal(Module):
    """One prediction from a table, a picture and a text, or from some of them, any of which a sample may lack.

    Each modality has a tower, a module from its batch to (N, width), such as a network of `fastnet.models` with `width`
    outputs in place of classes. The results are added; where towers end with a linear layer, the sum is a linear map of
    their joined hidden layers. For a modality that a sample lacks, a vector that is learned takes the place of the
    tower's result. Layer norm and linear layers with ReLU follow:

        h = sum over m of (tower_m(x_m) if the sample has m, else missing_m),  output = head(layer_norm(h))

    `fastnet.data.MultimodalDataset` makes its batches. The towers also read samples that lack their modality, as zeros,
    which enters the statistics of batch norm; prefer towers without it if many samples lack a picture.

    Args:
        outputs: numbers to predict, such as one score for each class.
        table, image, text: the towers; None: the model does not have this modality.
        width: of the towers' results.
        hidden: units of the layers between the sum and the outputs.
        dropout: the probability of dropout before each linear layer of the head.
        modality_dropout: the probability, in training, that a modality of a sample is treated as missing, unless the
            sample would have none left. It prepares the model for samples that lack some.

    Attributes:
        missing: (3, width), the vectors for a missing table, picture and text, at first zeros.

    Shape:
        forward(*inputs): the inputs of the towers in the order table, image, text, of those that the model has; then
        optionally `present`, (N, modalities), 1 where a sample has a modality and 0 where it lacks it. To (N, outputs).

    Raises:
        ValueError: outputs, a width or hidden units below 1, or a modality_dropout outside of [0, 1); when called:
            another number of inputs, or towers with results of other shapes.
        TypeError: a number that is not whole, or a tower that is not a module.

    Example:
        >>> import fastnet
        >>> from fastnet import models, nn
        >>> model = models.Multimodal(3, nn.Linear(5, 16), models.lenet5(16), width=16)
        >>> table, image = fastnet.zeros(4, 5), fastnet.zeros(4, 1, 28, 28)
        >>> present = fastnet.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> model(table, image, present).shape
        (4, 3)
    """

    missing: Tensor

    def __init__(self, outputs: int, table: Module | None = None, image: Module | None = None,
                 text: Module | None = None, width: int = 64, hidden: Sequence[int] = (64,), dropout: float = 0.0,
                 modality_dropout: float = 0.0) -> None:
        super().__init__()
        if not 0 <= modality_dropout < 1:
            raise ValueError(f"Multimodal: expected 0 <= modality_dropout < 1, got {modality_dropout}")
        outputs, width = whole_number("outputs", outputs, 1), whole_number("width", width, 1)
        hidden = tuple(whole_number("hidden", units, 1) for units in hidden)
        self.saved_arguments = dict.fromkeys(_TOWERS)       # a file describes the towers as submodules
        self.outputs, self.width, self.hidden = outputs, width, hidden
        self.dropout, self.modality_dropout = dropout, modality_dropout
        for name, tower in zip(_TOWERS, (table, image, text)):
            self.add_module(name, tower)
        self.missing = new_parameter(len(_TOWERS), width)
        widths = [width, *hidden]
        layers = [layer for inputs, units in zip(widths, hidden)
                  for layer in (ReLU(), Dropout(dropout), Linear(inputs, units))]
        self.head = Sequential(LayerNorm(width), *layers, ReLU(), Dropout(dropout), Linear(widths[-1], outputs))

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities that the model has, in the order of its inputs."""
        return tuple(name for name in _TOWERS if getattr(self, name) is not None)

    def forward(self, *inputs: Tensor) -> Tensor:
        names = self.modalities
        if not names or not len(names) <= len(inputs) <= len(names) + 1:
            raise ValueError(f"Multimodal: expected the inputs {', '.join(names) or 'of at least one tower'} and "
                             f"optionally present, got {len(inputs)} inputs")
        present = self._present(len(inputs[0]), len(names), *inputs[len(names):])
        total: Any = None
        for place, (name, x) in enumerate(zip(names, inputs)):
            features = self._of_tower(name, x)
            if present is not None:
                features = where(present[:, place:place + 1] > 0, features, self.missing[_TOWERS.index(name)])
            total = features if total is None else total + features
        return self.head(total)

    def _of_tower(self, name: str, x: Tensor) -> Tensor:
        features: Tensor = getattr(self, name)(x)
        if features.shape != (len(x), self.width):
            raise ValueError(f"Multimodal: expected the tower of {name} to give ({len(x)}, {self.width}), got "
                             f"{shape_text(features)}; all towers need the same width, which is the argument width")
        return features

    def _present(self, count: int, modalities: int, given: Tensor | None = None) -> Tensor | None:
        """Which modalities of each sample the model uses, (N, modalities); None: all."""
        if given is not None and given.shape != (count, modalities):
            raise ValueError(f"Multimodal: expected present of shape ({count}, {modalities}), got {shape_text(given)}")
        if not (self.training and self.modality_dropout):
            return given
        there = ones(count, modalities, dtype=self.missing.dtype) if given is None else given.to(self.missing.dtype)
        kept = F.dropout(there, self.modality_dropout)
        return where(kept.amax(1, keepdim=True) > 0, kept, there)


def multimodal(outputs: int, table: Module | None = None, image: Module | None = None, text: Module | None = None,
               width: int = 64, hidden: Sequence[int] = (64,), dropout: float = 0.0,
               modality_dropout: float = 0.0) -> Multimodal:
    """One prediction from a table, a picture and a text. Arguments as in `Multimodal`.

    Raises:
        ValueError: no tower, or numbers that are out of range.

    Example:
        >>> import fastnet
        >>> from fastnet import models, nn
        >>> model = models.multimodal(2, table=nn.Linear(5, 64), text=models.lstm_classifier(64, vocabulary=100))
        >>> model.modalities, model(fastnet.zeros(3, 5), fastnet.ones(3, 7, dtype=fastnet.int64)).shape
        (('table', 'text'), (3, 2))
    """
    if table is None and image is None and text is None:
        raise ValueError("multimodal: expected at least one tower: table, image or text")
    return Multimodal(outputs, table, image, text, width, hidden, dropout, modality_dropout)
