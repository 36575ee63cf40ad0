"""Find emoji by words, and words by emoji: an image tower and a text tower, trained with CLIP's loss.

    python examples/emoji_data.py
    python examples/emoji_retrieval.py [--quick] [--data FOLDER]

A fifth of the emoji is held out; the towers see neither their drawings nor their texts. Of each other emoji the towers
see both drawings with its name and some of its keywords. The image tower has three convolutions; the text tower is the
mean of embeddings of words and of their parts of three letters, so that it can read words that it has not seen. Then
each held-out emoji is looked for among all held-out ones: recall at 5 in both directions, beside chance and beside
neighbours in pixels, which describe a drawing by the words of the ten nearest drawings of other emoji. At last, the
held-out drawings are classified without any training for that, by texts that describe the categories. --quick trains
for a few steps.
"""
import argparse
import os
import re
import time
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastnet
from fastnet import Tensor, models, nn
from fastnet.data import transforms as T
from fastnet.metrics import RetrievalRecall
from fastnet.models import TwoTower

WIDTH = 128                             # of the features
PARTS = 2048                            # numbers for parts of words
BATCH, STEPS = 256, 800
NEIGHBOURS = 10                         # of 1, 3, 5, 10, 20 and 40 the number with the best recall
VIEWS = 8                               # of a held-out drawing, whose features are added
VARIED = T.Compose([T.RandomResizedCrop(32, scale=(0.6, 1.0)), T.RandomRotation(10, fill=255)])
CATEGORIES = {                          # words for Unicode's categories
    "Smileys & Emotion": "face smile", "People & Body": "person hand", "Animals & Nature": "animal plant",
    "Food & Drink": "food drink", "Travel & Places": "place vehicle building", "Activities": "sport game",
    "Objects": "tool clothing", "Symbols": "symbol sign button"}


# ---- the data -------------------------------------------------------------------------------------------------------

class Emoji:
    """Pictures (vendors, N, 32, 32, 3), and names, keywords and categories of N emoji."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "emoji.npz") as file:
            self.pictures: NDArray[np.uint8] = file["pictures"]
            self.vendors: list[str] = file["vendors"].tolist()
            self.names: list[str] = file["name"].tolist()
            self.keywords: list[list[str]] = [text.split("|") for text in file["keywords"]]
            self.categories: list[str] = file["category"].tolist()

    def __len__(self) -> int:
        return len(self.names)

    def text(self, row: int) -> str:
        """Name and keywords of an emoji."""
        return " ".join([self.names[row], *self.keywords[row]])


def folder_of_data() -> Path:
    """`emoji` in $FASTNET_DATA, if it is there, or in the cache folder."""
    cached, given = fastnet.datasets.cache_folder() / "emoji", os.environ.get("FASTNET_DATA")
    return Path(given) / "emoji" if given and (Path(given) / "emoji").is_dir() else cached


def split(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of the emoji to train on, and of those that are held out."""
    order = np.random.default_rng(0).permutation(count)
    return np.sort(order[count // 5:]), np.sort(order[:count // 5])


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


class Tokenizer:
    """Numbers of the words of a text that the training has, and of all parts of three letters of its words; 0 pads."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.vocabulary = fastnet.text.Vocabulary.of(map(words_of, texts), special=("<pad>", "<unk>"))
        self.size = len(self.vocabulary) + PARTS

    def encode(self, text: str) -> list[int]:
        words = list(dict.fromkeys(words_of(text)))
        known = [self.vocabulary.number_of(word) for word in words if word in self.vocabulary] * 3
        parts = [f" {word} "[i:i + 3] for word in words for i in range(len(word))]
        return known + [len(self.vocabulary) + zlib.crc32(part.encode()) % PARTS for part in parts]

    def __call__(self, texts: Sequence[str]) -> Tensor:
        return fastnet.text.pad_sequences([self.encode(text) or [1] for text in texts])


def images(pictures: NDArray[np.uint8]) -> Tensor:
    return fastnet.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32) / 127.5 - 1)


# ---- training -------------------------------------------------------------------------------------------------------

def convolutions(*channels: int) -> list[nn.Module]:
    """Convolutions that halve the picture, each with batch norm and ReLU."""
    return [layer for inputs, outputs in pairwise(channels) for layer in (
        nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())]


def new_model(tokenizer: Tokenizer) -> TwoTower:
    text = nn.Sequential(nn.EmbeddingBag(tokenizer.size, WIDTH, mode="mean", padding_idx=0), nn.Dropout(0.2),
                         nn.Linear(WIDTH, WIDTH))
    visual = nn.Sequential(*convolutions(3, 32, 64, 128), nn.Flatten(), nn.Dropout(0.25), nn.Linear(16 * 128, WIDTH))
    return models.two_tower(visual, text)


def some_words(emoji: Emoji, row: int, rng: np.random.Generator) -> str:
    """The name of an emoji with a random part of its keywords."""
    keywords = emoji.keywords[row]
    kept = rng.random(len(keywords)) < rng.random()
    chosen = [word for word, keep in zip(keywords, kept) if keep]
    return " ".join([emoji.names[row], *chosen] if not chosen or rng.random() < 0.7 else chosen)


def train(model: TwoTower, emoji: Emoji, rows: NDArray[np.int64], tokenizer: Tokenizer, steps: int) -> None:
    optimizer = fastnet.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    schedule = fastnet.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    criterion, rng = nn.ClipLoss(), np.random.default_rng(1)
    augment = T.Compose([VARIED, T.ColorJitter(0.2, 0.2, 0.2, 0.05)])
    model.train()

    @fastnet.compile
    def step(pictures: Tensor, tokens: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = criterion(*model(pictures, tokens))
        loss.backward()
        optimizer.step()
        return loss.detach()

    start, size = time.perf_counter(), min(BATCH, len(rows))
    for number in range(1, steps + 1):
        batch = rng.permutation(rows)[:size]
        pictures = augment(emoji.pictures[rng.integers(0, len(emoji.vendors), size), batch], rng=rng)
        tokens = tokenizer([some_words(emoji, row, rng) for row in batch]).numpy()
        padded = np.pad(tokens, ((0, 0), (0, -tokens.shape[1] % 64)))          # few shapes, so few recordings
        loss = step(images(pictures), fastnet.from_numpy(padded))
        schedule.step()
        if number % 100 == 0 or number == steps:
            print(f"step {number} of {steps}: loss {loss.item():.3f}, {time.perf_counter() - start:.0f} s", flush=True)


# ---- judging --------------------------------------------------------------------------------------------------------

def picture_features(model: TwoTower, pictures: NDArray[np.uint8]) -> Tensor:
    """Features of drawings, (N, 128), each the sum over some crops and turns of it, scaled to length 1."""
    rng = np.random.default_rng(2)
    views = [model.encode_image(images(VARIED(pictures, rng=rng)), normalize=True) for _ in range(VIEWS)]
    return nn.functional.normalize(fastnet.stack(views).sum(0), dim=1)


def recall(scores: NDArray[np.floating[Any]]) -> float:
    """Recall at 5 of a matrix of scores whose row i looks for column i."""
    metric = RetrievalRecall(top_k=5)
    metric.update(scores, np.arange(len(scores)))
    return metric.compute()


def word_vectors(texts: Sequence[str]) -> NDArray[np.float64]:
    """A row of length 1 for each text: its words, the rarer the heavier (TF-IDF)."""
    vocabulary = fastnet.text.Vocabulary.of(map(words_of, texts), special=())
    counts = np.zeros((len(texts), len(vocabulary)))
    for row, text in enumerate(texts):
        counts[row, vocabulary.encode(set(words_of(text)))] = 1
    weighted = counts * np.log(len(texts) / counts.sum(0))
    found: NDArray[np.float64] = weighted / np.linalg.norm(weighted, axis=1, keepdims=True)
    return found


def neighbours(emoji: Emoji, rows: NDArray[np.int64], held_out: NDArray[np.int64], vendor: int) -> NDArray[np.float64]:
    """Scores (images, texts) by the words of the ten emoji whose drawings, of any vendor, are nearest in pixels."""
    vectors = word_vectors([emoji.text(row) for row in range(len(emoji))])
    seen = emoji.pictures[:, rows].reshape(len(emoji.vendors) * len(rows), -1).astype(np.float32)
    asked = emoji.pictures[vendor, held_out].reshape(len(held_out), -1).astype(np.float32)
    distances = (asked ** 2).sum(1)[:, None] - 2 * asked @ seen.T + (seen ** 2).sum(1)
    nearest = rows[np.argsort(distances, 1, kind="stable")[:, :NEIGHBOURS] % len(rows)]
    scores: NDArray[np.float64] = vectors[nearest].sum(1) @ vectors[held_out].T
    return scores


def judge(model: TwoTower, emoji: Emoji, rows: NDArray[np.int64], held_out: NDArray[np.int64],
          tokenizer: Tokenizer) -> None:
    model.eval()
    with fastnet.no_grad():
        texts = model.encode_text(tokenizer([emoji.text(row) for row in held_out]), normalize=True)
        print(f"recall at 5 among {len(held_out)} held-out emoji, chance {5 / len(held_out):.1%}")
        for number, vendor in enumerate(emoji.vendors):
            features = picture_features(model, emoji.pictures[number, held_out])
            scores, by_pixels = (features @ texts.t()).numpy(), neighbours(emoji, rows, held_out, number)
            print(f"{vendor:8}towers: text to image {recall(scores.T):.1%}, image to text {recall(scores):.1%}; "
                  f"neighbours in pixels: {recall(by_pixels.T):.1%}, {recall(by_pixels):.1%}")
    classifier = models.build_zero_shot_classifier(model, tokenizer, list(CATEGORIES.values()))
    known = list(CATEGORIES)
    names = [emoji.categories[int(row)] for row in held_out]
    right = np.array([known.index(name) if name in known else -1 for name in names])
    for number, vendor in enumerate(emoji.vendors):
        probabilities = model.predict_proba(images(emoji.pictures[number, held_out]), classifier).numpy()
        found = probabilities.argmax(1)[right >= 0] == right[right >= 0]
        most = np.bincount(right[right >= 0]).max() / len(found)
        print(f"{vendor:8}zero-shot category: {found.mean():.1%} of {len(found)}; the largest category has {most:.1%}")


def show(model: TwoTower, emoji: Emoji, held_out: NDArray[np.int64], tokenizer: Tokenizer) -> None:
    """What some words find among the held-out emoji."""
    with fastnet.no_grad():
        pictures = picture_features(model, emoji.pictures[0, held_out])
        for words in ("happy face", "red fruit", "sea animal", "musical instrument"):
            found = models.retrieve(model.encode_text(tokenizer([words]), normalize=True), pictures, k=3)
            print(f"{words}: {', '.join(emoji.names[held_out[i]] for i in found.indices[0].tolist())}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few steps only")
    parser.add_argument("--data", metavar="FOLDER", type=Path, help="the folder with emoji.npz")
    args = parser.parse_args(arguments)
    emoji = Emoji(args.data or folder_of_data())
    fastnet.manual_seed(0)
    rows, held_out = split(len(emoji))
    tokenizer = Tokenizer([emoji.text(row) for row in rows])
    model = new_model(tokenizer)
    train(model, emoji, rows, tokenizer, 4 if args.quick else STEPS)
    judge(model, emoji, rows, held_out, tokenizer)
    show(model, emoji, held_out, tokenizer)


if __name__ == "__main__":
    main()
