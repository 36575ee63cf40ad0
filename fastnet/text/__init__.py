"""Text: tokenizers, vocabularies, and padded batches of sequences of similar lengths.

A tokenizer turns text into numbers (`encode`) and back (`decode`). `to_dict` describes it in JSON values, to be kept in
a model file: `model.save(path, {"tokenizer": tokenizer.to_dict()})`, and
`tokenizer_from_dict(fastnet.load_metadata(path)["tokenizer"])` makes it again.
"""
from fastnet.text.batches import BucketLoader, pad_sequences
from fastnet.text.bpe import BPETokenizer
from fastnet.text.characters import CharTokenizer
from fastnet.text.saving import Tokenizer, tokenizer_from_dict
from fastnet.text.vocabulary import Vocabulary

__all__ = [
    "BPETokenizer", "BucketLoader", "CharTokenizer", "Tokenizer", "Vocabulary", "pad_sequences", "tokenizer_from_dict",
]
