"""Text: tokenizers, vocabularies, batches of windows and of padded sequences, and BLEU.

A tokenizer turns text into numbers (`encode`) and back (`decode`). `to_dict` describes it in JSON values, to be kept in
a model file: `model.save(path, {"tokenizer": tokenizer.to_dict()})`, and
`tokenizer_from_dict(fastnet.load_metadata(path)["tokenizer"])` makes it again.
"""
from fastnet.text.batches import BucketLoader, pad_sequences
from fastnet.text.bpe import BPETokenizer
from fastnet.text.buckets import LengthBuckets
from fastnet.text.characters import CharTokenizer
from fastnet.text.saving import Tokenizer, tokenizer_from_dict
from fastnet.text.scores import bleu
from fastnet.text.vocabulary import Vocabulary
from fastnet.text.windows import TokenWindows

__all__ = [
    "BPETokenizer",
    "BucketLoader",
    "CharTokenizer",
    "LengthBuckets",
    "TokenWindows",
    "Tokenizer",
    "Vocabulary",
    "bleu",
    "pad_sequences",
    "tokenizer_from_dict",
]
