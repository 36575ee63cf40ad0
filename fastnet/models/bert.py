"""BERT. Devlin et al. 2019, https://arxiv.org/abs/1810.04805; sentence embeddings by Reimers and Gurevych 2019,
https://arxiv.org/abs/1908.10084."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastnet import dtypes, nn
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.attention import attend
from fastnet.functional.compare import where
from fastnet.functional.creation import arange, zeros_like
from fastnet.functional.random import rand, randint
from fastnet.models.pretrained.hugging_face_names import bert, masked_bert
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn import functional as F, init
from fastnet.nn.parameter import new_parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["BERT", "BERTForMaskedLM", "bert_base", "minilm"]


class Embeddings(nn.Module):
    """The sum of the embeddings of token, position and segment, with a layer norm.

    Args:
        vocab_size, hidden_size, max_position_embeddings, type_vocab_size, dropout, eps: as of `BERT`.
    """

    def __init__(self, vocab_size: int, hidden_size: int, max_position_embeddings: int, type_vocab_size: int,
                 dropout: float, eps: float) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, hidden_size, padding_idx=0)
        self.position_embeddings = nn.Embedding(max_position_embeddings, hidden_size)
        self.token_type_embeddings = nn.Embedding(type_vocab_size, hidden_size)
        self.LayerNorm = nn.LayerNorm(hidden_size, eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, types: Tensor) -> Tensor:
        x = self.word_embeddings(ids) + self.token_type_embeddings(types)
        return self.dropout(self.LayerNorm(x + self.position_embeddings(arange(ids.shape[1]))))


class SelfAttention(nn.Module):
    """Attention of several heads, before its output layer.

    Args:
        width: of the sequence.
        heads: divides the width.
        dropout: the probability of dropout in the weights.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, input: Tensor, mask: Tensor | None) -> Tensor:
        batch, length, width = input.shape
        q, k, v = (layer(input).reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)
                   for layer in (self.query, self.key, self.value))
        out = attend(q, k, v, mask, self.dropout if self.training else 0.0)
        return out.transpose(1, 2).reshape(batch, length, width)


class Output(nn.Module):
    """A linear map, dropout, the sum with the input of the branch, and a layer norm.

    Args:
        inputs, outputs: of the linear map.
        dropout, eps: as of `BERT`.
    """

    def __init__(self, inputs: int, outputs: int, dropout: float, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, outputs)
        self.LayerNorm = nn.LayerNorm(outputs, eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input: Tensor, branch: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(input)) + branch)


class Layer(nn.Module):
    """Attention, then two linear maps with GELU in between.

    Args:
        width, heads, between, dropout, eps: as of `BERT`.
    """

    def __init__(self, width: int, heads: int, between: int, dropout: float, eps: float) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": SelfAttention(width, heads, dropout),
                                        "output": Output(width, width, dropout, eps)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, between)})
        self.output = Output(between, width, dropout, eps)

    def forward(self, input: Tensor, mask: Tensor | None) -> Tensor:
        x = self.attention["output"](self.attention["self"](input, mask), input)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class BERT(nn.Module):
    """BERT: a Transformer encoder of text, and sentence embeddings from it.

    Parameter names are those of BertModel in Hugging Face's transformers, so that its weights load with
    `model.load_state_dict(fastnet.load_file("model.safetensors"))`, with the prefix "bert." or without.

    Args:
        vocab_size: number of tokens.
        hidden_size: width of the embeddings.
        num_hidden_layers: number of layers.
        num_attention_heads: number of heads, divides hidden_size.
        intermediate_size: features between the two linear maps of a layer.
        max_position_embeddings: the longest sequence.
        type_vocab_size: number of segments.
        dropout: the probability of dropout.
        layer_norm_eps: eps of the layer norms.

    Raises:
        ValueError: hidden_size is not a multiple of num_attention_heads.

    Shape:
        (B, T), int64, to (B, T, hidden_size), with T of at most max_position_embeddings.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.BERT(100, 32, 2, 4, 64, 16)
        >>> model(fastnet.ones(2, 10, dtype=fastnet.int64)).shape
        (2, 10, 32)
    """

    def __init__(self, vocab_size: int = 30522, hidden_size: int = 768, num_hidden_layers: int = 12,
                 num_attention_heads: int = 12, intermediate_size: int = 3072, max_position_embeddings: int = 512,
                 type_vocab_size: int = 2, dropout: float = 0.1, layer_norm_eps: float = 1e-12) -> None:
        super().__init__()
        if hidden_size % num_attention_heads:
            raise ValueError("BERT: expected hidden_size to be a multiple of num_attention_heads, got "
                             f"{hidden_size} and {num_attention_heads}")
        self.vocab_size, self.hidden_size, self.num_hidden_layers = vocab_size, hidden_size, num_hidden_layers
        self.num_attention_heads, self.intermediate_size = num_attention_heads, intermediate_size
        self.max_position_embeddings, self.type_vocab_size = max_position_embeddings, type_vocab_size
        self.dropout, self.layer_norm_eps = dropout, layer_norm_eps
        self.embeddings = Embeddings(vocab_size, hidden_size, max_position_embeddings, type_vocab_size, dropout,
                                     layer_norm_eps)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList([
            Layer(hidden_size, num_attention_heads, intermediate_size, dropout, layer_norm_eps)
            for _ in range(num_hidden_layers)])})
        self.pooler = nn.ModuleDict({"dense": nn.Linear(hidden_size, hidden_size)})
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial weights, normal with deviation 0.02."""
        _reset(self)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None) -> Tensor:
        """The last hidden states.

        Args:
            input_ids: (B, T), int64.
            attention_mask: (B, T): 1 or True for tokens, 0 or False for padding.
            token_type_ids: (B, T), the segments; 0 by default.

        Raises:
            ValueError: a longer sequence than max_position_embeddings, or a mask of another shape.
            IndexError: a token out of range.
        """
        if input_ids.ndim != 2 or input_ids.shape[1] > self.max_position_embeddings:
            raise ValueError(f"BERT: expected tokens (B, T) with at most {self.max_position_embeddings} positions, "
                             f"got shape {shape_text(input_ids)}")
        for name, x in (("attention_mask", attention_mask), ("token_type_ids", token_type_ids)):
            if x is not None and x.shape != input_ids.shape:
                raise ValueError(f"BERT: expected {name} of shape {shape_text(input_ids)}, got {shape_text(x)}")
        types = zeros_like(input_ids) if token_type_ids is None else token_type_ids
        mask = None if attention_mask is None else attention_mask.bool()[:, None, None]
        x = self.embeddings(input_ids, types)
        for layer in self.encoder["layer"]:
            x = layer(x, mask)
        return x

    def pooled(self, hidden: Tensor) -> Tensor:
        """tanh of a linear map of the first position, (B, T, E) to (B, E), which BERT's classifiers read.

        Args:
            hidden: the last hidden states.
        """
        return self.pooler["dense"](hidden[:, 0]).tanh()

    def sentence_embeddings(self, input_ids: Tensor, attention_mask: Tensor | None = None,
                            token_type_ids: Tensor | None = None) -> Tensor:
        """The mean of the last hidden states over the tokens that the mask keeps, scaled to length 1.

        Args:
            input_ids, attention_mask, token_type_ids: as of `forward`.

        Returns:
            (B, hidden_size). The product of two rows is the cosine of their angle.

        Example:
            >>> import fastnet
            >>> model = fastnet.models.BERT(100, 32, 2, 4, 64, 16).eval()
            >>> x = model.sentence_embeddings(fastnet.ones(2, 10, dtype=fastnet.int64))
            >>> x.shape
            (2, 32)
        """
        hidden = self(input_ids, attention_mask, token_type_ids)
        if attention_mask is None:
            return F.normalize(hidden.mean(1))
        kept = attention_mask.to(hidden.dtype)[:, :, None]
        return F.normalize((hidden * kept).sum(1) / kept.sum(1).clamp(min=1e-9))

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """Load weights by name, also those of a larger model with the prefix "bert."."""
        return super().load_state_dict(bert(state_dict), strict)


class BERTForMaskedLM(nn.Module):
    """BERT with logits of the token at each position, for training on masked tokens.

    Parameter names are those of BertForMaskedLM in Hugging Face's transformers. The output layer shares the weights of
    the token embedding.

    Args:
        vocab_size, hidden_size, num_hidden_layers: as of `BERT`.
        num_attention_heads, intermediate_size, max_position_embeddings: as of `BERT`.
        type_vocab_size, dropout, layer_norm_eps: as of `BERT`.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.BERTForMaskedLM(100, 32, 2, 4, 64, 16)
        >>> model(fastnet.ones(2, 10, dtype=fastnet.int64)).shape
        (2, 10, 100)
    """

    def __init__(self, vocab_size: int = 30522, hidden_size: int = 768, num_hidden_layers: int = 12,
                 num_attention_heads: int = 12, intermediate_size: int = 3072, max_position_embeddings: int = 512,
                 type_vocab_size: int = 2, dropout: float = 0.1, layer_norm_eps: float = 1e-12) -> None:
        super().__init__()
        self.bert = BERT(vocab_size, hidden_size, num_hidden_layers, num_attention_heads, intermediate_size,
                         max_position_embeddings, type_vocab_size, dropout, layer_norm_eps)
        self.vocab_size, self.hidden_size, self.num_hidden_layers = vocab_size, hidden_size, num_hidden_layers
        self.num_attention_heads, self.intermediate_size = num_attention_heads, intermediate_size
        self.max_position_embeddings, self.type_vocab_size = max_position_embeddings, type_vocab_size
        self.dropout, self.layer_norm_eps = dropout, layer_norm_eps
        self.cls = nn.ModuleDict({"predictions": Predictions(vocab_size, hidden_size, layer_norm_eps)})
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial weights, normal with deviation 0.02."""
        _reset(self)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None) -> Tensor:
        """Logits (B, T, vocab_size). Arguments as of `BERT`."""
        hidden = self.bert(input_ids, attention_mask, token_type_ids)
        return self.cls["predictions"](hidden, self.bert.embeddings.word_embeddings.weight)

    @staticmethod
    def masked(input_ids: Tensor, special: Tensor, mask_token: int, vocab_size: int, rate: float = 0.15,
               generator: Any = None) -> tuple[Tensor, Tensor]:
        """Hide tokens for training: 80% of those chosen become the mask, 10% a random token, 10% stay.

        Args:
            input_ids: (B, T), int64.
            special: (B, T), bool: True for tokens that are not chosen, such as padding.
            mask_token: the number of the mask.
            vocab_size: number of tokens.
            rate: the probability that a token is chosen.
            generator: the source of random numbers; by default the one that `manual_seed` seeds.

        Returns:
            the tokens to read, and the labels for `cross_entropy`: -100 where no token was chosen.
        """
        def draw() -> Tensor:
            return rand(input_ids.shape, generator=generator)
        chosen = (draw() < rate) & ~special
        labels = where(chosen, input_ids, -100)
        replaced = draw()
        other = randint(0, vocab_size, input_ids.shape, generator=generator)
        ids = where(chosen & (replaced < 0.8), mask_token, input_ids)
        return where(chosen & (replaced >= 0.9), other, ids).to(dtypes.int64), labels

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """Load weights by name; shared and unused ones of Hugging Face's model are left out."""
        return super().load_state_dict(masked_bert(state_dict), strict)


class Predictions(nn.Module):
    """The logits of a token from its hidden state.

    Args:
        vocab_size, hidden_size, eps: as of `BERT`.
    """

    def __init__(self, vocab_size: int, hidden_size: int, eps: float) -> None:
        super().__init__()
        self.bias = new_parameter(vocab_size)
        self.transform = nn.ModuleDict({"dense": nn.Linear(hidden_size, hidden_size),
                                        "LayerNorm": nn.LayerNorm(hidden_size, eps)})

    def forward(self, hidden: Tensor, words: Tensor) -> Tensor:
        x = self.transform["LayerNorm"](F.gelu(self.transform["dense"](hidden)))
        return F.linear(x, words, self.bias)


def _reset(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            init.normal_(parameter, 0.0, 0.02)
        elif name.endswith("bias"):
            init.zeros_(parameter)


def bert_base(weights: StrPath | None = None) -> BERT:
    """BERT with 12 layers and 109 million parameters, with random initial weights.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.bert_base()              # doctest: +SKIP
    """
    return with_weights(BERT(), weights)


def minilm(num_hidden_layers: int = 6, weights: StrPath | None = None) -> BERT:
    """MiniLM for sentence embeddings: width 384, 12 heads; 22.7 million parameters with 6 layers.

    Wang et al. 2020, https://arxiv.org/abs/2002.10957.

    Args:
        num_hidden_layers: number of layers.
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.minilm().eval()          # doctest: +SKIP
        >>> model.load_state_dict(fastnet.load_file("model.safetensors"))       # doctest: +SKIP
    """
    return with_weights(BERT(hidden_size=384, num_hidden_layers=num_hidden_layers, intermediate_size=1536), weights)
