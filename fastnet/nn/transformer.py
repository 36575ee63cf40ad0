"""Transformer layers: encoders, decoders and both together. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762."""
from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import given_text, one_of, shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.creation import full
from fastnet.nn import functional as F, init
from fastnet.nn.attention import MultiheadAttention
from fastnet.nn.containers import ModuleList
from fastnet.nn.dropout import Dropout
from fastnet.nn.linear import Linear
from fastnet.nn.module import Module
from fastnet.nn.norm import LayerNorm
from fastnet.nn.parameter import making_outlines

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike

__all__ = ["Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
           "TransformerEncoderLayer"]

_FEED_FORWARD: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu}


class _Layer(Module):
    """The parts that encoder and decoder layers share: attention to the layer's own input, and two linear maps."""

    def __init__(self, name: str, d_model: int, nhead: int, dim_feedforward: int, dropout: float,
                 activation: str | Callable[[Tensor], Tensor], batch_first: bool, norm_first: bool, bias: bool,
                 device: Device, dtype: DTypeLike | None, crossed: bool) -> None:
        super().__init__()
        if isinstance(activation, str) and activation not in _FEED_FORWARD:
            raise one_of(f"activation of {name}", activation, _FEED_FORWARD)
        self.d_model, self.nhead, self.dim_feedforward = d_model, nhead, dim_feedforward
        self.norm_first, self.batch_first, self.bias = norm_first, batch_first, bias
        self.saved_arguments = {"dropout": dropout, "activation": _saved_activation(activation)}
        for attention in ("self_attn", "multihead_attn")[:1 + crossed]:
            setattr(self, attention, MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first,
                                                        device=device, dtype=dtype))
        self.linear1 = Linear(d_model, dim_feedforward, bias, device, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, device, dtype)

    @property
    def activation(self) -> Callable[[Tensor], Tensor]:
        """The function between the two linear maps."""
        word: Any = self.saved_arguments["activation"]
        return _FEED_FORWARD[word] if isinstance(word, str) else word

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


def _saved_activation(activation: object) -> object:
    """The word for an activation in a model file; functions without a word cannot be saved."""
    return next((word for word, function in _FEED_FORWARD.items() if function is activation), activation)


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then two linear maps; each added to its input, with a layer norm.

    x = norm1(x + self_attn(x)), x = norm2(x + linear2(activation(linear1(x)))); with norm_first the norms come before
    the attention and the linear maps.

    Args:
        d_model: features of the sequence.
        nhead: number of heads.
        dim_feedforward: features between the two linear maps.
        dropout: the probability of dropout, in the weights of the attention as well.
        activation: "relu", "gelu" or a function.
        layer_norm_eps: eps of the layer norms.
        batch_first: inputs are (N, T, E) instead of (T, N, E).
        norm_first: normalize before instead of after each part.
        bias: add learned biases in linear maps and norms.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> layer(fastnet.ones(4, 5, 8)).shape
        (4, 5, 8)
    """

    self_attn: MultiheadAttention

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: str | Callable[[Tensor], Tensor] = F.relu, layer_norm_eps: float = 1e-5,
                 batch_first: bool = False, norm_first: bool = False, bias: bool = True, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__("TransformerEncoderLayer", d_model, nhead, dim_feedforward, dropout, activation, batch_first,
                         norm_first, bias, device, dtype, False)
        self.layer_norm_eps = layer_norm_eps
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)

    def forward(self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                is_causal: bool = False) -> Tensor:
        """Encode a sequence.

        Args:
            src: (T, N, E), with batch_first (N, T, E), or (T, E).
            src_mask, src_key_padding_mask, is_causal: as of `MultiheadAttention`.
        """
        def attended(x: Tensor) -> Tensor:
            return self.dropout1(self.self_attn(x, x, x, src_key_padding_mask, False, src_mask,
                                                is_causal=is_causal)[0])

        x = src
        if self.norm_first:
            x = x + attended(self.norm1(x))
            return x + self.dropout2(self._feed_forward(self.norm2(x)))
        x = self.norm1(x + attended(x))
        return self.norm2(x + self.dropout2(self._feed_forward(x)))


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself and to an encoded one, then two linear maps; each added to its input.

    Args:
        d_model: features of the sequences.
        nhead: number of heads.
        dim_feedforward: features between the two linear maps.
        dropout: the probability of dropout, in the weights of the attention as well.
        activation: "relu", "gelu" or a function.
        layer_norm_eps: eps of the layer norms.
        batch_first: inputs are (N, T, E) instead of (T, N, E).
        norm_first: normalize before instead of after each part.
        bias: add learned biases in linear maps and norms.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
        >>> layer(fastnet.ones(4, 5, 8), fastnet.ones(4, 7, 8)).shape
        (4, 5, 8)
    """

    self_attn: MultiheadAttention
    multihead_attn: MultiheadAttention

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: str | Callable[[Tensor], Tensor] = F.relu, layer_norm_eps: float = 1e-5,
                 batch_first: bool = False, norm_first: bool = False, bias: bool = True, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__("TransformerDecoderLayer", d_model, nhead, dim_feedforward, dropout, activation, batch_first,
                         norm_first, bias, device, dtype, True)
        self.layer_norm_eps = layer_norm_eps
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.dropout1, self.dropout2, self.dropout3 = Dropout(dropout), Dropout(dropout), Dropout(dropout)

    def forward(self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
                tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
                tgt_is_causal: bool = False, memory_is_causal: bool = False) -> Tensor:
        """Decode a sequence.

        Args:
            tgt: the sequence, (T, N, E), with batch_first (N, T, E), or (T, E).
            memory: the encoded sequence, in the same form.
            tgt_mask, memory_mask: attn_mask of the two attentions.
            tgt_key_padding_mask, memory_key_padding_mask: key_padding_mask of the two attentions.
            tgt_is_causal, memory_is_causal: is_causal of the two attentions.
        """
        def attended(x: Tensor) -> Tensor:
            return self.dropout1(self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask,
                                                is_causal=tgt_is_causal)[0])

        def crossed(x: Tensor) -> Tensor:
            return self.dropout2(self.multihead_attn(x, memory, memory, memory_key_padding_mask, False, memory_mask,
                                                     is_causal=memory_is_causal)[0])

        x = tgt
        if self.norm_first:
            x = x + attended(self.norm1(x))
            x = x + crossed(self.norm2(x))
            return x + self.dropout3(self._feed_forward(self.norm3(x)))
        x = self.norm1(x + attended(x))
        x = self.norm2(x + crossed(x))
        return self.norm3(x + self.dropout3(self._feed_forward(x)))


class TransformerEncoder(Module):
    """A stack of copies of an encoder layer.

    Args:
        encoder_layer: a TransformerEncoderLayer; the copies begin with its parameters.
        num_layers: the number of copies.
        norm: a module for the result, such as a LayerNorm, or None.
        enable_nested_tensor, mask_check: accepted and ignored.

    Raises:
        TypeError: encoder_layer is not a module.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> fastnet.nn.TransformerEncoder(layer, 3)(fastnet.ones(4, 5, 8)).shape
        (4, 5, 8)
    """

    layers: ModuleList
    norm: Module | None

    def __init__(self, encoder_layer: Module | None, num_layers: int, norm: Module | None = None,
                 enable_nested_tensor: bool = True, mask_check: bool = True) -> None:
        super().__init__()
        self.saved_arguments = {"encoder_layer": None, "norm": None,        # a file describes both as submodules
                                "enable_nested_tensor": enable_nested_tensor, "mask_check": mask_check}
        self.layers = _copies("encoder_layer", encoder_layer, num_layers)
        self.num_layers = num_layers
        self.add_module("norm", norm)

    def forward(self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                is_causal: bool | None = None) -> Tensor:
        """Encode a sequence. Arguments as of `TransformerEncoderLayer`; is_causal=None is False."""
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """A stack of copies of a decoder layer.

    Args:
        decoder_layer: a TransformerDecoderLayer; the copies begin with its parameters.
        num_layers: the number of copies.
        norm: a module for the result, such as a LayerNorm, or None.

    Raises:
        TypeError: decoder_layer is not a module.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
        >>> fastnet.nn.TransformerDecoder(layer, 3)(fastnet.ones(4, 5, 8), fastnet.ones(4, 7, 8)).shape
        (4, 5, 8)
    """

    layers: ModuleList
    norm: Module | None

    def __init__(self, decoder_layer: Module | None, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.saved_arguments = {"decoder_layer": None, "norm": None}        # a file describes both as submodules
        self.layers = _copies("decoder_layer", decoder_layer, num_layers)
        self.num_layers = num_layers
        self.add_module("norm", norm)

    def forward(self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
                tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
                tgt_is_causal: bool | None = None, memory_is_causal: bool = False) -> Tensor:
        """Decode a sequence. Arguments as of `TransformerDecoderLayer`; tgt_is_causal=None is False."""
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                        tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
                        tgt_is_causal=bool(tgt_is_causal), memory_is_causal=memory_is_causal)
        return tgt if self.norm is None else self.norm(tgt)


def _copies(argument: str, layer: Module | None, count: int) -> ModuleList:
    if layer is None and making_outlines():             # of a file, whose layers are added afterwards
        return ModuleList()
    if not isinstance(layer, Module):
        raise TypeError(f"expected {argument} to be a module, got {given_text(layer)}")
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])


def _stack(kind: Callable[..., Module], layer: Module, count: int, norm: Module) -> Module:
    """A stack whose first layer is `layer` itself, so that no layer is made for nothing."""
    stack: Any = kind(layer, count - 1, norm)
    stack.layers = ModuleList([layer, *stack.layers][:count])
    stack.num_layers = count
    return stack


class Transformer(Module):
    """An encoder and a decoder that attends to the encoder's result.

    Args:
        d_model: features of the sequences.
        nhead: number of heads.
        num_encoder_layers, num_decoder_layers: number of layers.
        dim_feedforward: features between the two linear maps of a layer.
        dropout: the probability of dropout.
        activation: "relu", "gelu" or a function.
        custom_encoder, custom_decoder: modules to use instead.
        layer_norm_eps: eps of the layer norms.
        batch_first: inputs are (N, T, E) instead of (T, N, E).
        norm_first: normalize before instead of after each part.
        bias: add learned biases in linear maps and norms.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Raises:
        RuntimeError: when called: sequences of different batches, or of other than `d_model` features.

    Example:
        >>> import fastnet
        >>> model = fastnet.nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
        >>> model(fastnet.ones(4, 7, 8), fastnet.ones(4, 5, 8)).shape
        (4, 5, 8)
    """

    def __init__(self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
                 dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: str | Callable[[Tensor], Tensor] = F.relu, custom_encoder: Module | None = None,
                 custom_decoder: Module | None = None, layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__()
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
                   device, dtype)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        self.encoder = custom_encoder or _stack(TransformerEncoder, TransformerEncoderLayer(*options),
                                                num_encoder_layers, norm())
        self.decoder = custom_decoder or _stack(TransformerDecoder, TransformerDecoderLayer(*options),
                                                num_decoder_layers, norm())
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        self.saved_arguments = {
            "num_encoder_layers": num_encoder_layers, "num_decoder_layers": num_decoder_layers,
            "dim_feedforward": dim_feedforward, "dropout": dropout, "activation": _saved_activation(activation),
            "layer_norm_eps": layer_norm_eps, "norm_first": norm_first, "bias": bias,
            "custom_encoder": custom_encoder and "custom", "custom_decoder": custom_decoder and "custom"}
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values of all matrices."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None,
                memory_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
                src_is_causal: bool | None = None, tgt_is_causal: bool | None = None,
                memory_is_causal: bool = False) -> Tensor:
        """Encode `src` and decode `tgt`. Masks as of `TransformerEncoderLayer` and `TransformerDecoderLayer`.

        Raises:
            RuntimeError: sequences with other than d_model features, or of different batches.
        """
        batch = 0 if self.batch_first else 1
        if src.ndim != tgt.ndim or (src.ndim == 3 and src.shape[batch] != tgt.shape[batch]) \
                or not src.shape[-1] == tgt.shape[-1] == self.d_model:
            raise RuntimeError(f"Transformer: expected src and tgt of one batch with {self.d_model} features, got "
                               f"shapes {shape_text(src)} and {shape_text(tgt)}")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                            tgt_key_padding_mask=tgt_key_padding_mask,
                            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
                            memory_is_causal=memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Device = None, dtype: DTypeLike | None = None) -> Tensor:
        """The causal mask (sz, sz): -inf after the diagonal, else 0.

        Example:
            >>> import fastnet
            >>> fastnet.nn.Transformer.generate_square_subsequent_mask(2)
            tensor([[  0., -inf],
                    [  0.,   0.]])
        """
        return full((sz, sz), -math.inf, dtype=dtype, device=device).triu(1)
