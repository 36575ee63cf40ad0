"""Saved models of texts: the model, its tokenizer as text, and a description of its training."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastnet
from fastnet import nn
from fastnet._core.annotations import StrPath
from fastnet.cli.recipes import LANGUAGE_MODEL, TRANSLATION
from fastnet.cli.texts.sources import BEGIN, END, PADDING, sentence_tokens
from fastnet.models import GPT, Seq2SeqTransformer
from fastnet.text import Tokenizer, pad_sequences, tokenizer_from_dict

__all__ = ["Hidden", "SavedText", "TokenLoss", "mean_loss"]

_TEXT_VERSION = 1
_SENTENCES_AT_ONCE = 32
_LONGEST = 1.5                          # a translation has at most this many times the tokens of its source, ...
_MORE = 20                              # ... and these
_RESULTS = ("validation_loss", "validation_perplexity", "test_bleu")


@dataclass
class SavedText:
    """The content of a file that `fastnet train --save` wrote for a text.

    Args:
        model: a language model or a Transformer.
        tokenizer: of the texts.
        about: the training, a dictionary for JSON.
    """
    model: GPT | Seq2SeqTransformer
    tokenizer: Tokenizer
    about: dict[str, Any]

    def save(self, path: StrPath) -> None:
        """Write the file, replacing it atomically."""
        self.model.save(path, {"format": _TEXT_VERSION, "task": self.task, "tokenizer": self.tokenizer.to_dict(),
                               "about": self.about})

    @classmethod
    def described(cls, path: StrPath, model: nn.Module, described: Mapping[str, Any]) -> SavedText:
        """The model and the metadata of a file.

        Raises:
            ValueError: the metadata is damaged, does not fit the model, or was written by a newer version of fastnet.
        """
        version, about = described.get("format"), described.get("about")
        if not isinstance(version, int) or version > _TEXT_VERSION:
            raise ValueError(f"{path}: it was written by a newer version of fastnet: it has format {version}, this "
                             f"version reads formats up to {_TEXT_VERSION}")
        if not isinstance(about, dict) or not isinstance(model, GPT | Seq2SeqTransformer):
            raise ValueError(f"{path}: expected a model of texts and a dictionary about its training, got a "
                             f"{type(model).__name__} and {about!r:.200}")
        try:
            tokenizer = tokenizer_from_dict(described.get("tokenizer") or {})
        except ValueError as e:
            raise ValueError(f"{path}: {e}") from None
        known = model.vocab_size if isinstance(model, GPT) else model.target_vocab
        if len(tokenizer) != known:
            raise ValueError(f"{path}: the model knows {known} tokens, its tokenizer {len(tokenizer)}")
        model.eval()
        return cls(model, tokenizer, about)

    @property
    def task(self) -> str:
        """LANGUAGE_MODEL or TRANSLATION."""
        return LANGUAGE_MODEL if isinstance(self.model, GPT) else TRANSLATION

    def rows(self) -> dict[str, Any]:
        """The lines of `fastnet info`: {name: value}."""
        longest = self.model.n_positions if isinstance(self.model, GPT) else self.model.max_length
        results = {name: self.about[name] for name in _RESULTS if name in self.about}
        return {"task": self.task, "languages": " to ".join(self.about.get("languages", [])) or None,
                "tokenizer": repr(self.tokenizer), "longest": f"{longest} tokens",
                "results": [f"{name.replace('_', ' ')} {value:.4g}" for name, value in results.items()] or None}

    def encode(self, text: str) -> list[int]:
        """The tokens of a text.

        Args:
            text: of any length.

        Raises:
            ValueError: a character that the tokenizer does not know.
        """
        try:
            return self.tokenizer.encode(text)
        except ValueError as e:
            raise ValueError(f"{str(e).partition(';')[0]}; a model that is trained with --vocab-size reads any "
                             "text") from None

    def generate(self, prompt: str, length: int, **choice: Any) -> str:
        """Continue a text.

        Args:
            prompt: its beginning; if it is empty, the model begins a line.
            length: tokens to add.
            choice: see `fastnet.models.GPT.generate`.

        Raises:
            ValueError: a character that the tokenizer does not know.
        """
        model: Any = self.model
        numbers = self.encode(prompt or self.about.get("start", "\n"))
        made = model.generate([numbers], length, **choice).tolist()[0]
        return prompt + self.tokenizer.decode(made[len(numbers):])

    def translate(self, sentences: Sequence[str], beams: int, length_penalty: float,
                  done: Callable[[int], None] = lambda count: None) -> list[str]:
        """Translate sentences, an empty one as an empty one.

        Args:
            sentences: in the source's language.
            beams, length_penalty: see `fastnet.models.Seq2SeqTransformer.translate`.
            done: is called with the number of sentences that are translated so far.

        Raises:
            ValueError: a sentence with more tokens than the model takes.
        """
        model: Any = self.model
        tokens = sentence_tokens(self.tokenizer, sentences, model.max_length)
        found = [""] * len(sentences)
        order = sorted((i for i, sentence in enumerate(sentences) if sentence.strip()), key=lambda i: len(tokens[i]))
        for start in range(0, len(order), _SENTENCES_AT_ONCE):
            rows = order[start:start + _SENTENCES_AT_ONCE]
            longest = int(max(len(tokens[row]) for row in rows) * _LONGEST) + _MORE
            made = model.translate(pad_sequences([tokens[row] for row in rows], PADDING), BEGIN, END, beams,
                                   min(longest, model.max_length), length_penalty)
            for row, numbers in zip(rows, made):
                found[row] = self.tokenizer.decode(numbers).strip()
            done(min(start + _SENTENCES_AT_ONCE, len(order)))
        return found


class Hidden(nn.Module):
    """The hidden states of a model of texts, whose logits `TokenLoss` computes.

    Args:
        model: with `features`.
    """

    def __init__(self, model: GPT | Seq2SeqTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: fastnet.Tensor) -> fastnet.Tensor:
        features: Any = self.model.features
        result: fastnet.Tensor = features(*inputs)
        return result


class TokenLoss:
    """The mean cross-entropy of the next token, from hidden states.

    Args:
        model: whose embedding is the output layer.
        smoothing: label smoothing.
    """

    def __init__(self, model: GPT | Seq2SeqTransformer, smoothing: float = 0.0) -> None:
        parts: Any = model
        is_gpt = isinstance(model, GPT)
        self.weight: Any = (parts.transformer["wte"] if is_gpt else parts.target_embedding).weight
        self.padding = None if is_gpt else PADDING
        self.smoothing = smoothing

    def __call__(self, hidden: fastnet.Tensor, target: fastnet.Tensor) -> fastnet.Tensor:
        return nn.functional.linear_cross_entropy(hidden, self.weight, target, ignore_index=self.padding,
                                                  label_smoothing=self.smoothing)


def mean_loss(model: GPT | Seq2SeqTransformer, batches: Iterable[Any]) -> tuple[float, int]:
    """The mean loss of all tokens, without label smoothing, and their number.

    Args:
        model: of texts.
        batches: (inputs..., target).
    """
    hidden, loss = Hidden(model.eval()), TokenLoss(model)
    total, count = 0.0, 0
    with fastnet.no_grad():
        for *inputs, target in batches:
            known = target.numel() if loss.padding is None else int((target != loss.padding).sum().item())
            total += loss(hidden(*inputs), target).item() * known
            count += known
    return total / max(count, 1), count
