"""The Distiller: a Trainer whose student also learns the outputs of a teacher."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet import data as d, nn
from fastnet._core.errors import check_number, given_text, listed
from fastnet.training.distillation import LayerPair, layer_pairs, soft_losses, weighted_mean, without_gradient
from fastnet.training.sources import base_dataset
from fastnet.training.trainer import Trainer
from fastnet.transfer.extraction import Tapped

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet.training.annotations import LossSpec, LossTask, MetricSpec, OptimizerSpec
    from fastnet.training.sources import BatchSource

__all__ = ["Distiller"]

_ROWS = 256                             # of a batch whose outputs of the teacher are computed in advance


class Distiller(Trainer):
    """Train a student on targets and on the outputs of a teacher.

    The loss of a sample is (1 - alpha) * loss(output, target) + alpha * T^2 * KL(softmax(taught / T), softmax(output /
    T)), plus the distances of features: the mean squared difference of two layers' outputs, with a linear map where
    their widths differ, and the squared distance of two maps of attention. Hinton et al. 2015,
    https://arxiv.org/abs/1503.02531; Romero et al. 2015, FitNets, https://arxiv.org/abs/1412.6550; Zagoruyko and
    Komodakis 2017, https://arxiv.org/abs/1612.03928.

    The teacher runs in evaluation mode and without gradients. If `fit` gets arrays, or a loader over a TensorDataset
    without a transform, it runs once over all rows; otherwise in each step.

    Args:
        teacher: a trained model. Its parameters do not change.
        student: the model to train.
        optimizer: of the student's parameters, see `Trainer`. Linear maps of features are added to it.
        loss: of the targets, see `Trainer`. With binary or regression losses the teacher's outputs are compared by
            their kind: sigmoids, or squared differences.
        task: see `Trainer`.
        temperature: T.
        alpha: weight of the teacher's outputs, from 0 to 1; 1 ignores the targets.
        features: layers whose outputs are matched: a dictionary from paths in the student to paths in the teacher, or
            paths that both have. Outputs are (N, F), (N, T, F) or (N, C, H, W); larger maps are averaged to the size of
            the smaller.
        attention: layers whose maps of attention are matched: the squares of (N, C, H, W) or (N, T, F), summed over
            channels and scaled to length 1.
        feature_weight, attention_weight: factors of these losses.
        lr: see `Trainer`.
        metrics: see `Trainer`; those of the student and the targets.
        cache: keep the teacher's outputs in memory where its inputs stay the same. False runs it in each step.
        compile: see `Trainer`.

    Raises:
        TypeError: a model is not a Module.
        ValueError: the teacher is the student or shares tensors that training changes, a number is out of range, or a
            model does not have a layer; when `fit` starts, outputs or features don't fit, a model calls a layer several
            times, or the teacher computes NaN.

    Example:
        >>> import numpy as np, fastnet
        >>> from fastnet import nn
        >>> _ = fastnet.manual_seed(0)
        >>> x = np.random.default_rng(0).standard_normal((64, 4)).astype(np.float32)
        >>> y = (x.sum(1) > 0).astype(np.int64)
        >>> teacher = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
        >>> _ = fastnet.Trainer(teacher, "adam", loss="cross_entropy", lr=0.01).fit(x, y, epochs=30, progress=False)
        >>> student = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> distiller = fastnet.Distiller(teacher, student, "adam", lr=0.02, temperature=2, metrics="accuracy",
        ...                               features={"1": "1"})
        >>> history = distiller.fit(x, y, epochs=50, progress=False)
        >>> history["accuracy"][-1] > 0.9
        True
    """

    def __init__(self, teacher: nn.Module, student: nn.Module, optimizer: OptimizerSpec = "adamw", *,
                 loss: LossSpec = "cross_entropy", task: LossTask | None = None, temperature: float = 4.0,
                 alpha: float = 0.9, features: Mapping[str, str] | Iterable[str] | None = None,
                 attention: Mapping[str, str] | Iterable[str] | None = None, feature_weight: float = 1.0,
                 attention_weight: float = 1.0, lr: float | None = None,
                 metrics: MetricSpec | Iterable[MetricSpec] = (), cache: bool = True, compile: bool = True) -> None:
        super().__init__(student, optimizer, loss=loss, task=task, lr=lr, metrics=metrics, compile=compile)
        if not isinstance(teacher, nn.Module):
            raise TypeError(f"Distiller: expected a teacher that is a Module, got {given_text(teacher)}")
        if teacher is student:
            raise ValueError("Distiller: expected a teacher that is not the student, whose training would change it; "
                             "copy.deepcopy makes a second model")
        _refuse_shared(teacher, student)
        for name, value, most in (("temperature", temperature, np.inf), ("alpha", alpha, 1),
                                  ("feature_weight", feature_weight, np.inf),
                                  ("attention_weight", attention_weight, np.inf)):
            check_number(name, value)
            if not 0 <= value <= most or (name == "temperature" and value == 0):
                raise ValueError(f"Distiller: expected {name} {'above' if name == 'temperature' else 'from'} 0"
                                 f"{' to 1' if most == 1 else ''}, got {value}")
        self.teacher: nn.Module = teacher
        self.temperature: float = temperature
        self.alpha: float = alpha
        self.cache: bool = cache
        self.pairs: nn.ModuleList[LayerPair] = nn.ModuleList()
        self._places = [(*pair, False) for pair in layer_pairs("features", features, student, teacher)]
        self._places += [(*pair, True) for pair in layer_pairs("attention", attention, student, teacher)]
        self._weights = [attention_weight if place[2] else feature_weight for place in self._places]
        self._taps: list[Tapped] = []
        self._cached = False

    @property
    def trained(self) -> nn.Module:
        """The student, with the linear maps of features if there are any."""
        return nn.ModuleList([self.model, self.pairs]) if len(self.pairs) else self.model

    @property
    def batch_loss(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """The function of (target, weight, *inputs) that a step calls; cached outputs follow the student's inputs."""
        (student, teacher), pairs, weights = self._taps, list(self.pairs), self._weights
        alpha, temperature, loss, taught_count = self.alpha, self.temperature, self.loss, 1 + len(weights)
        cached = self._cached

        def value_of(target: Tensor, weight: Tensor | None, *inputs: Tensor) -> tuple[Tensor, Tensor]:
            if cached:
                taught, *targets = inputs[-taught_count:]
                inputs = inputs[:-taught_count]
            else:
                taught, *targets = _taught(teacher, pairs, *inputs)
            output, own = student(*inputs)
            each = alpha * soft_losses(output, taught, loss, temperature)
            for pair, factor, feature, wanted in zip(pairs, weights, own, targets):
                each = each + factor * pair.losses(feature, wanted)
            value = weighted_mean(each, weight)
            return output, value if alpha == 1 else value + (1 - alpha) * loss(output, target, weight)
        return value_of

    def _parts(self) -> list[Any]:
        return [*super()._parts(), *self._taps, self._cached, self.alpha, self.temperature]

    def _sources(self, x: Any, y: Any, **given: Any) -> tuple[BatchSource, BatchSource | None]:
        training, validation = super()._sources(x, y, **given)
        self.teacher.eval()
        self._remove_taps()
        own, taught, _ = zip(*self._places) if self._places else ((), (), ())
        self._taps = [Tapped("Distiller", self.model, own), Tapped("Distiller", self.teacher, taught)]
        if self._places and not len(self.pairs):
            self._make_pairs(training)
        self._cached = self.cache and _is_fixed(training.loader)
        if self._cached:
            loader: Any = training.loader
            training.loader = d.DataLoader(self._with_taught(loader.dataset, training), loader.batch_size,
                                           loader.shuffle, loader.drop_last, None, loader.seed)
        return training, validation

    def _make_pairs(self, training: BatchSource) -> None:
        """Make the pairs of layers for the shapes of the first batch."""
        inputs, _, _ = next(iter(training.epoch(0)))
        inputs = [x[:1] for x in inputs]
        self.model.eval()
        (_, own), (_, taught) = (without_gradient(taps, *inputs) for taps in self._taps)
        for (student, teacher, attention), mine, theirs in zip(self._places, own, taught):
            self.pairs.append(LayerPair(student, teacher, attention, mine, theirs))
        maps = list(self.pairs.parameters())
        if maps:
            self.optimizer.add_param_group({"params": maps})

    def _with_taught(self, dataset: Any, training: BatchSource) -> Any:
        """The dataset with the teacher's outputs after the inputs."""
        if isinstance(dataset, d.Subset):
            return d.Subset(self._with_taught(dataset.dataset, training), dataset.indices)
        count = len(dataset.arrays) - 1 - training.weighted
        inputs, rest = dataset.arrays[:count], dataset.arrays[count:]
        parts = [[x.numpy() for x in _taught(self._taps[1], list(self.pairs), *batch)]
                 for batch in self._input_batches(dataset, count, training)]
        if not all(np.isfinite(x).all() for part in parts for x in part):
            raise ValueError("Distiller: the teacher computes NaN or infinite values for these inputs; check both")
        return d.TensorDataset(*inputs, *(np.concatenate(column) for column in zip(*parts)), *rest)

    def _input_batches(self, dataset: Any, count: int, training: BatchSource) -> Iterator[list[Tensor]]:
        for start in range(0, len(dataset), _ROWS):
            rows = dataset.take(np.arange(start, min(start + _ROWS, len(dataset))))
            yield [self._model_inputs.tensor(x) for x in rows[:count]]

    def _remove_taps(self) -> None:
        while self._taps:
            self._taps.pop().remove()

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            if not self._unclosed:
                self._remove_taps()


def _refuse_shared(teacher: nn.Module, student: nn.Module) -> None:
    """Refuse a student whose training would change tensors of the teacher."""
    taught = {id(x) for x in (*teacher.parameters(), *teacher.buffers())}
    changing = [(name, p) for name, p in student.named_parameters() if p.requires_grad]
    shared = [name for name, x in (*changing, *student.named_buffers()) if id(x) in taught]
    if shared:
        raise ValueError(f"Distiller: {listed(shared)} of the student are also the teacher's, and training would "
                         "change them; copy the layers with copy.deepcopy, or freeze shared parameters")


def _taught(teacher: Tapped, pairs: list[LayerPair], *inputs: Tensor) -> list[Any]:
    """The teacher's output, and the targets of the features."""
    output, features = without_gradient(teacher, *inputs)
    with fastnet.no_grad():
        return [output, *(pair.target(x) for pair, x in zip(pairs, features))]


def _is_fixed(loader: Any) -> bool:
    """Whether the inputs of a row are the same in each epoch: arrays, without a transform."""
    return (isinstance(loader, d.DataLoader) and loader.transform is None
            and type(base_dataset(loader.dataset)) is d.TensorDataset)
