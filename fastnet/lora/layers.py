"""Layers with adapters: subclasses that a layer becomes in place, so that its parameters keep their names."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.lora.adapter import Adapter, adapted_linear, row_norms
from fastnet.lora.config import LoRAConfig
from fastnet.models.gpt import Projection
from fastnet.nn import functional as F, init
from fastnet.nn.hooks import RemovableHandle
from fastnet.random import Generator

__all__ = ["LAYERS", "AdaptedLayer", "LoRAConv1d", "LoRAConv2d", "LoRAConv3d", "LoRAEmbedding", "LoRALinear",
           "LoRAMultiheadAttention", "LoRAProjection"]


class AdaptedLayer(nn.Module):
    """The adapters of a layer.

    Attributes:
        adapters: by name.
        active: names of the adapters that the layer applies.
        merged: names of the adapters that are merged into the weight; none is applied then.
        before_merge: the weight without them, or None.
        merge_hooks: handles of the hooks by which a merged layer refuses state_dict() and load_state_dict().
    """

    adapters: nn.ModuleDict[Adapter]
    active: tuple[str, ...]
    merged: tuple[str, ...]
    before_merge: Tensor | None
    merge_hooks: tuple[RemovableHandle, ...]
    adapted_name = "weight"             # of the parameter that the adapters update

    def prepare(self) -> None:
        """Add the attributes of an adapted layer, after the layer became one."""
        self.adapters = nn.ModuleDict()
        self.adapters.train(self.training)
        self.active, self.merged, self.before_merge, self.merge_hooks = (), (), None, ()

    def refusal(self, config: LoRAConfig) -> str | None:
        """Why an adapter cannot be added; None if it can."""
        return None

    def shapes(self, r: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of lora_A and lora_B."""
        raise NotImplementedError

    @property
    def adapted_weight(self) -> Any:
        """The parameter that the adapters update."""
        return getattr(self, self.adapted_name)

    def rows(self, weight: Tensor) -> Tensor:
        """The weight as a matrix with a row for each output."""
        return weight.reshape(weight.shape[0], -1)

    def from_rows(self, rows: Tensor, weight: Tensor) -> Tensor:
        """A matrix with a row for each output as the weight."""
        return rows.reshape(weight.shape)

    def magnitude_shape(self, outputs: int) -> tuple[int, ...]:
        """The shape of DoRA's lengths, as peft stores them."""
        return (outputs,)

    def running(self) -> list[Adapter]:
        """The adapters that forward() applies."""
        return [] if self.merged else [self.adapters[name] for name in self.active if name in self.adapters]

    def add_adapter(self, name: str, config: LoRAConfig, generator: Generator | None) -> None:
        """Add an adapter that does not change the output yet.

        Args:
            name: of the adapter.
            config: its settings.
            generator: of the random initial values.
        """
        weight = self.adapted_weight
        adapter = Adapter(config, *self.shapes(config.r), weight)
        self.draw(adapter, generator)
        if config.dora:
            with no_grad():
                norms = row_norms(self.rows(weight))
            adapter.lora_magnitude_vector = nn.Parameter(norms.reshape(self.magnitude_shape(len(norms))))
        adapter.train(self.training)
        self.adapters[name] = adapter

    def draw(self, adapter: Adapter, generator: Generator | None) -> None:
        """Draw the initial values; lora_B is 0."""
        init.kaiming_uniform_(adapter.lora_A, a=math.sqrt(5), generator=generator)

    def merge(self, names: tuple[str, ...]) -> None:
        """Write the weight with adapters into the parameter.

        Args:
            names: of the adapters, in the order in which they are applied.
        """
        weight = self.adapted_weight
        with no_grad():
            self.before_merge = weight.detach().clone()
            rows = self.rows(weight)
            for name in names:
                adapter = self.adapters[name]
                factor = None if adapter.lora_magnitude_vector is None else adapter.factor(rows)
                rows = rows + adapter.delta()
                rows = rows if factor is None else rows * factor[:, None]
            weight.copy_(self.from_rows(rows, weight))
        self.merged = names
        self.merge_hooks = (self.register_state_dict_pre_hook(_refuse_state_dict),
                            self.register_load_state_dict_pre_hook(_refuse_state_dict))

    def unmerge(self) -> None:
        """Restore the bits of the weight before `merge`."""
        if self.before_merge is not None:
            with no_grad():
                self.adapted_weight.copy_(self.before_merge)
        self.merged, self.before_merge = (), None
        self.allow_state_dict()

    def allow_state_dict(self) -> None:
        """Remove the hooks that `merge` registered."""
        for handle in self.merge_hooks:
            handle.remove()
        self.merge_hooks = ()


def _refuse_state_dict(layer: AdaptedLayer, *_: Any) -> None:
    """A state_dict with adapters and with the weight that has them already would apply them twice."""
    raise RuntimeError(f"state_dict, load_state_dict: the adapters {', '.join(layer.merged)} are merged into the "
                       "weights; call fastnet.lora.unmerge first, or fastnet.lora.merge_and_unload for a model without "
                       "adapters")


class LoRALinear(AdaptedLayer, nn.Linear):
    """`fastnet.nn.Linear` with adapters.

    Example:
        >>> import fastnet
        >>> model = fastnet.nn.Sequential(fastnet.nn.Linear(20, 10))
        >>> layer = fastnet.lora.apply(model, r=2)[0]
        >>> type(layer).__name__, layer.adapters["default"].lora_A.shape, layer.adapters["default"].lora_B.shape
        ('LoRALinear', (2, 20), (10, 2))
    """

    def shapes(self, r: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (r, self.in_features), (self.out_features, r)

    def forward(self, input: Tensor) -> Tensor:
        return adapted_linear(input, self.weight, self.bias, self.running())


class LoRAProjection(AdaptedLayer, Projection):
    """A linear map of `fastnet.models.GPT`, whose weight is (inputs, outputs), with adapters."""

    def shapes(self, r: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        inputs, outputs = self.weight.shape
        return (r, inputs), (outputs, r)

    def rows(self, weight: Tensor) -> Tensor:
        return weight.t()

    def from_rows(self, rows: Tensor, weight: Tensor) -> Tensor:
        return rows.t()

    def forward(self, input: Tensor) -> Tensor:
        return adapted_linear(input, self.weight.t(), self.bias, self.running())


class LoRAEmbedding(AdaptedLayer, nn.Embedding):
    """`fastnet.nn.Embedding` with adapters.

    Example:
        >>> import fastnet
        >>> model = fastnet.nn.Sequential(fastnet.nn.Embedding(100, 8))
        >>> layer = fastnet.lora.apply(model, r=2, target_modules=["0"])[0]
        >>> type(layer).__name__, layer.adapters["default"].lora_A.shape, layer.adapters["default"].lora_B.shape
        ('LoRAEmbedding', (2, 100), (8, 2))
    """

    def refusal(self, config: LoRAConfig) -> str | None:
        return None if self.max_norm is None else "its max_norm changes the table in each call"

    def shapes(self, r: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (r, self.num_embeddings), (self.embedding_dim, r)

    def rows(self, weight: Tensor) -> Tensor:
        return weight.t()

    def from_rows(self, rows: Tensor, weight: Tensor) -> Tensor:
        return rows.t()

    def draw(self, adapter: Adapter, generator: Generator | None) -> None:
        """Draw the initial values; lora_A is 0."""
        init.normal_(adapter.lora_B, generator=generator)

    def forward(self, input: Tensor) -> Tensor:
        out = super().forward(input)
        for adapter in self.running():
            inner = F.embedding(input, adapter.lora_A.t(), self.padding_idx, None, 2.0, self.scale_grad_by_freq)
            out = out + F.linear(inner, adapter.lora_B) * adapter.scale
            if adapter.lora_magnitude_vector is not None:
                out = out * adapter.factor(self.rows(self.weight))
        return out


class _LoRAConv(AdaptedLayer):
    """A convolution with adapters: lora_A is a convolution of r channels, lora_B one of size 1."""

    out_channels: int
    in_channels: int
    kernel_size: tuple[int, ...]
    groups: int
    convolution: Callable[..., Tensor]

    def refusal(self, config: LoRAConfig) -> str | None:
        return None if self.groups == 1 else f"its {self.groups} groups have no low-rank update of a common form"

    def shapes(self, r: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (r, self.in_channels, *self.kernel_size), (self.out_channels, r, *(1 for _ in self.kernel_size))

    def magnitude_shape(self, outputs: int) -> tuple[int, ...]:
        return 1, outputs, *(1 for _ in self.kernel_size)

    def convolved(self, input: Tensor, weight: Tensor) -> Tensor:
        """The convolution of the input with other filters of the same size, without a bias."""
        layer: Any = self
        input, padding = layer.padded_input(input)
        return layer.convolution(input, weight, None, layer.stride, padding, layer.dilation)

    def forward(self, input: Tensor) -> Tensor:
        adapters = self.running()
        layer: Any = self
        out: Tensor = super().forward(input)
        for adapter in adapters:
            dropped = adapter.dropped(input)
            source = input if dropped is None else dropped
            inner = self.convolved(source, adapter.lora_A)
            low = layer.convolution(inner if adapter.scale == 1 else inner * adapter.scale, adapter.lora_B)
            if adapter.lora_magnitude_vector is None:
                out = out + low
                continue
            factor = adapter.factor(self.rows(layer.weight)).reshape(-1, *(1 for _ in self.kernel_size))
            base = self.convolved(source, layer.weight)
            out = out + ((base + low) * factor - base)
        return out


class LoRAConv1d(_LoRAConv, nn.Conv1d):
    """`fastnet.nn.Conv1d` with adapters.

    Example:
        >>> import fastnet
        >>> model = fastnet.nn.Sequential(fastnet.nn.Conv1d(4, 8, 3))
        >>> layer = fastnet.lora.apply(model, r=2, target_modules=["0"])[0]
        >>> type(layer).__name__, layer.adapters["default"].lora_A.shape, layer.adapters["default"].lora_B.shape
        ('LoRAConv1d', (2, 4, 3), (8, 2, 1))
    """

    convolution = staticmethod(F.conv1d)


class LoRAConv2d(_LoRAConv, nn.Conv2d):
    """`fastnet.nn.Conv2d` with adapters.

    Example:
        >>> import fastnet
        >>> model = fastnet.nn.Sequential(fastnet.nn.Conv2d(4, 8, 3))
        >>> layer = fastnet.lora.apply(model, r=2, target_modules=["0"])[0]
        >>> type(layer).__name__, layer.adapters["default"].lora_A.shape, layer.adapters["default"].lora_B.shape
        ('LoRAConv2d', (2, 4, 3, 3), (8, 2, 1, 1))
    """

    convolution = staticmethod(F.conv2d)


class LoRAConv3d(_LoRAConv, nn.Conv3d):
    """`fastnet.nn.Conv3d` with adapters.

    Example:
        >>> import fastnet
        >>> model = fastnet.nn.Sequential(fastnet.nn.Conv3d(4, 8, 3))
        >>> layer = fastnet.lora.apply(model, r=2, target_modules=["0"])[0]
        >>> type(layer).__name__, layer.adapters["default"].lora_A.shape, layer.adapters["default"].lora_B.shape
        ('LoRAConv3d', (2, 4, 3, 3, 3), (8, 2, 1, 1, 1))
    """

    convolution = staticmethod(F.conv3d)


class LoRAMultiheadAttention(AdaptedLayer, nn.MultiheadAttention):
    """`fastnet.nn.MultiheadAttention` with adapters of the maps of query, key and value; `out_proj` has its own.

    Example:
        >>> import fastnet
        >>> model = fastnet.lora.apply(fastnet.nn.TransformerEncoderLayer(8, 2), r=2, target_modules=["self_attn"])
        >>> type(model.self_attn).__name__, model.self_attn.adapters["default"].lora_B.shape
        ('LoRAMultiheadAttention', (24, 2))
        >>> type(model.self_attn.out_proj).__name__
        'LoRALinear'
    """

    adapted_name = "in_proj_weight"

    def refusal(self, config: LoRAConfig) -> str | None:
        if config.dora:
            return "DoRA is not defined for the joint weight of query, key and value"
        return None if self.in_proj_weight is not None else "its query, key and value have separate weights"

    def shapes(self, r: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (r, self.embed_dim), (3 * self.embed_dim, r)

    def joint_projection(self, input: Tensor) -> Tensor:
        return adapted_linear(input, self.in_proj_weight, self.in_proj_bias, self.running())

    def projections(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        width, adapters = self.embed_dim, self.running()
        if query is key is value:
            q, k, v = self.joint_projection(query).split(width, -1)
            return q, k, v
        biases = [None] * 3 if self.in_proj_bias is None else self.in_proj_bias.split(width)
        q, k, v = (adapted_linear(x, w, b, adapters, slice(i * width, (i + 1) * width)) for i, (x, w, b) in enumerate(
            zip((query, key, value), self.in_proj_weight.split(width), biases, strict=True)))
        return q, k, v


LAYERS: dict[type[nn.Module], type[AdaptedLayer]] = {
    nn.Linear: LoRALinear, nn.Embedding: LoRAEmbedding, nn.Conv1d: LoRAConv1d, nn.Conv2d: LoRAConv2d,
    nn.Conv3d: LoRAConv3d, nn.MultiheadAttention: LoRAMultiheadAttention, Projection: LoRAProjection}
