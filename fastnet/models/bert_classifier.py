"""BERT with a head that classifies texts."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.bert import BERT
from fastnet.nn import init

__all__ = ["BERTForSequenceClassification"]


class BERTForSequenceClassification(nn.Module):
    """BERT with logits of the classes of a text: dropout and a linear map of `BERT.pooled`.

    Parameter names are those of BertForSequenceClassification in Hugging Face's transformers. Weights without a head,
    such as those of a sentence encoder, load with `model.bert.load_state_dict(fastnet.load_file(path))`.

    Args:
        num_labels: number of classes.
        vocab_size, hidden_size, num_hidden_layers: as of `BERT`.
        num_attention_heads, intermediate_size, max_position_embeddings: as of `BERT`.
        type_vocab_size, dropout, layer_norm_eps: as of `BERT`. The head has the same probability of dropout.

    Shape:
        (B, T), int64, to (B, num_labels).

    Example:
        >>> import fastnet
        >>> model = fastnet.models.BERTForSequenceClassification(3, 100, 32, 2, 4, 64, 16)
        >>> model(fastnet.ones(2, 10, dtype=fastnet.int64)).shape
        (2, 3)
    """

    def __init__(self, num_labels: int = 2, vocab_size: int = 30522, hidden_size: int = 768,
                 num_hidden_layers: int = 12, num_attention_heads: int = 12, intermediate_size: int = 3072,
                 max_position_embeddings: int = 512, type_vocab_size: int = 2, dropout: float = 0.1,
                 layer_norm_eps: float = 1e-12) -> None:
        super().__init__()
        self.bert = BERT(vocab_size, hidden_size, num_hidden_layers, num_attention_heads, intermediate_size,
                         max_position_embeddings, type_vocab_size, dropout, layer_norm_eps)
        self.num_labels, self.vocab_size, self.hidden_size = num_labels, vocab_size, hidden_size
        self.num_hidden_layers, self.num_attention_heads = num_hidden_layers, num_attention_heads
        self.intermediate_size, self.max_position_embeddings = intermediate_size, max_position_embeddings
        self.type_vocab_size, self.layer_norm_eps = type_vocab_size, layer_norm_eps
        self.saved_arguments: dict[str, Any] = {"dropout": dropout}
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden_size, num_labels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial weights, normal with deviation 0.02."""
        self.bert.reset_parameters()
        init.normal_(self.classifier.weight, 0.0, 0.02)
        init.zeros_(self.classifier.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None,
                token_type_ids: Tensor | None = None) -> Tensor:
        """Logits (B, num_labels). Arguments as of `BERT`."""
        hidden = self.bert(input_ids, attention_mask, token_type_ids)
        return self.classifier(self.dropout(self.bert.pooled(hidden)))

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """Load weights by name; the unused one of Hugging Face's model is left out."""
        found = {name: value for name, value in state_dict.items() if name != "bert.embeddings.position_ids"}
        return super().load_state_dict(found, strict)
