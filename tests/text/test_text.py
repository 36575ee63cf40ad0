"""Tokenizers, vocabularies and batches of sequences."""
import json

import numpy as np
import pytest

import fastnet
from fastnet import text

LINES = ["the cat sat on the mat", "the dog: naïve – Ω 🎉", "a\tb\nc"] * 5


@pytest.fixture
def bpe():
    pytest.importorskip("tokenizers")
    return text.BPETokenizer.train(LINES, 300, ("<pad>", "<s>"))


# ---- tokenizers -----------------------------------------------------------------------------------------------------

def test_characters():
    made = text.CharTokenizer("".join(LINES), ("<pad>", "<s>"))
    for line in LINES:
        assert made.decode(made.encode(line)) == line
    assert made.decode([0, 1, *made.encode("cat"), 0]) == "cat"
    assert made.vocabulary.tokens == ("<pad>", "<s>", *sorted(set("".join(LINES))))
    with pytest.raises(ValueError, match=r"character '%' at position 3; add '<unk>'"):
        made.encode("cat%")
    with pytest.raises(ValueError, match="token 99 is out of range"):
        made.decode([99])
    with pytest.raises(ValueError, match="got an empty one"):
        text.CharTokenizer("")
    assert text.CharTokenizer("ab", ("<unk>",)).encode("a%b") == [1, 0, 2]


def test_byte_pairs(bpe):
    for line in (*LINES, "never seen: 漢字", ""):
        assert bpe.decode(bpe.encode(line)) == line
    assert len(bpe.encode("the cat")) < len("the cat") and len(bpe) <= 300
    assert bpe.number_of("<pad>") == 0 and bpe.number_of("<s>") == 1
    assert bpe.decode([1, *bpe.encode("the cat"), 0]) == "the cat"
    assert text.BPETokenizer.train(LINES, 300, ("<pad>", "<s>")).to_dict() == bpe.to_dict()
    with pytest.raises(ValueError, match=f"token {len(bpe)} is out of range"):
        bpe.decode([len(bpe)])
    with pytest.raises(ValueError, match="does not have the token '<mask>'"):
        bpe.number_of("<mask>")
    with pytest.raises(ValueError, match="vocab_size of at least 257"):
        text.BPETokenizer.train(LINES, 256, ("<pad>",))
    with pytest.raises(ValueError, match="got an empty one"):
        text.BPETokenizer.train("", 256)
    with pytest.raises(ValueError, match="is damaged"):
        text.BPETokenizer("{}")
    for wrong in (b"abc", [b"abc"]):
        with pytest.raises(TypeError, match="expected texts, got bytes"):
            text.BPETokenizer.train(wrong)
    with pytest.raises(TypeError, match=r"expected a token to be a whole number, got 97\.5"):
        bpe.decode([97.5])


def test_a_model_file_holds_the_tokenizer(bpe, tmp_path):
    for tokenizer in (bpe, text.CharTokenizer("".join(LINES), ("<unk>",))):
        path = tmp_path / "m.safetensors"
        fastnet.nn.Embedding(len(tokenizer), 2).save(path, {"tokenizer": tokenizer.to_dict()})
        loaded = text.tokenizer_from_dict(fastnet.load_metadata(path)["tokenizer"])
        assert type(loaded) is type(tokenizer) and len(loaded) == len(tokenizer)
        assert [loaded.encode(line) for line in LINES] == [tokenizer.encode(line) for line in LINES]
        assert json.loads(json.dumps(tokenizer.to_dict())) == tokenizer.to_dict()


@pytest.mark.parametrize("given", [{}, {"kind": "words"}, None, {"kind": "characters"}, {"kind": "characters",
                                   "characters": 3, "special": []}])
def test_damaged_descriptions(given):
    with pytest.raises(ValueError, match="tokenizer"):
        text.tokenizer_from_dict(given)


# ---- vocabulary -----------------------------------------------------------------------------------------------------

def test_vocabulary():
    words = [line.split(" ") for line in LINES]
    made = text.Vocabulary.of(words, min_count=6)
    assert made.tokens == ("<pad>", "<unk>", "<s>", "</s>", "the")
    assert made.encode(["the", "cat"]) == [4, 1] and made.decode([4, 0]) == ["the", "<pad>"]
    assert len(text.Vocabulary.of(words, size=6)) == 6
    assert text.Vocabulary.from_dict(made.to_dict()).tokens == made.tokens
    for size in (-1, 3):                            # less than the special tokens
        with pytest.raises(ValueError, match="expected size to be at least 4, got"):
            text.Vocabulary.of(words, size=size)
    with pytest.raises(TypeError, match=r"expected a token to be a whole number, got 0\.5"):
        made.decode([0.5])
    with pytest.raises(ValueError, match="'a' twice"):
        text.Vocabulary(["a", "a"])
    with pytest.raises(ValueError, match="does not have 'b'"):
        text.Vocabulary(["a"]).encode("b")
    with pytest.raises(ValueError, match="at least one token"):
        text.Vocabulary([])
    with pytest.raises(TypeError, match="got 3"):
        text.Vocabulary([3])


# ---- batches --------------------------------------------------------------------------------------------------------

def sequences(n=500, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 50, rng.integers(1, 40)).tolist() for _ in range(n)]


def test_pad_sequences():
    assert text.pad_sequences([[1], [2, 3]], 9, 3).tolist() == [[1, 9, 9], [2, 3, 9]]
    assert text.pad_sequences([]).shape == (0, 0)
    with pytest.raises(ValueError, match="at most 1 tokens, got one of 2"):
        text.pad_sequences([[1, 2]], length=1)


@pytest.mark.parametrize("options", [{"batch_size": 16}, {"batch_size": 64, "max_tokens": 300},
                                     {"batch_size": 7, "shuffle": False}, {"max_tokens": 60, "shuffle": False}])
def test_an_epoch_has_every_sequence_once(options):
    x, y = sequences(), sequences(seed=1)
    loader = text.BucketLoader(x, y, lengths=True, **options)
    pairs, count = [], len(loader)
    batches = list(loader)
    assert len(batches) == count
    for a, n, b, m in batches:
        assert len(a) <= options.get("batch_size", 32) and a.shape[1] == n.max().item()
        assert max(a.numel(), b.numel()) <= options.get("max_tokens", 10**9)
        for p, i, q, j in zip(a.tolist(), n.tolist(), b.tolist(), m.tolist()):
            assert not any(p[i:]) and not any(q[j:])
            pairs.append((p[:i], q[:j]))
    assert sorted(pairs) == sorted(zip(x, y))
    if options.get("shuffle") is False:
        assert pairs == list(zip(x, y))


def test_batches_have_similar_lengths():
    loader = text.BucketLoader(sequences(2000), batch_size=20)
    used, places = 0, 0
    for (x,) in loader:
        used, places = used + int((x != 0).sum().item()), places + x.numel()
    assert used / places > 0.9


def test_epochs_differ_and_can_continue():
    x = sequences()
    loader = text.BucketLoader(x, batch_size=16, seed=3)
    first, second = ([b.tolist() for b, in loader] for _ in range(2))
    assert first != second
    again = text.BucketLoader(x, batch_size=16, seed=3)
    assert [b.tolist() for b, in again.epoch(1, start=5)] == second[5:]
    assert [b.tolist() for b, in text.BucketLoader(x, batch_size=16, seed=4)] != first


def test_arguments():
    with pytest.raises(ValueError, match=r"as many sequences, got \[1, 2\]"):
        text.BucketLoader([[1]], [[1], [2]])
    with pytest.raises(ValueError, match="an empty one in list 0, row 1"):
        text.BucketLoader([[1], []])
    with pytest.raises(ValueError, match="max_tokens = 2 tokens, got one of 3"):
        text.BucketLoader([[1, 2, 3]], max_tokens=2)
    with pytest.raises(ValueError, match="batch_size"):
        text.BucketLoader([[1]], batch_size=0)


# ---- batches of few shapes ------------------------------------------------------------------------------------------

def test_length_buckets_have_the_same_few_shapes_in_each_epoch():
    x = sequences(500)
    y = [[1, *row] for row in x]
    loader = text.LengthBuckets(x, y, max_tokens=64, multiple=8, padding=0, seed=3)
    epochs = [list(loader), list(loader)]
    shapes = [sorted(a.shape for a, _ in batches) for batches in epochs]
    assert shapes[0] == shapes[1] and len(epochs[0]) == len(loader)
    assert len(set(shapes[0])) <= len({length for _, length in shapes[0]}) + 1
    for batches in epochs:
        found = sorted(tuple(n for n in row if n) for a, _ in batches for row in a.tolist())
        assert found == sorted(map(tuple, x))
        assert all(a.shape == b.shape and a.shape[1] % 8 == 0 and a.numel() <= 64 for a, b in batches)
    again = text.LengthBuckets(x, y, max_tokens=64, multiple=8, padding=0, seed=3)
    assert [b.tolist() for b, _ in again.epoch(1, start=2)] == [b.tolist() for b, _ in epochs[1][2:]]
    assert [b.tolist() for b, _ in epochs[0]] != [b.tolist() for b, _ in epochs[1]]
    with pytest.raises(ValueError, match="at most max_tokens = 4 tokens, got one of 3, padded to 8"):
        text.LengthBuckets([[1, 2, 3]], max_tokens=4)
    with pytest.raises(ValueError, match="lists of as many sequences"):
        text.LengthBuckets([[1]], [[1], [2]])


@pytest.mark.parametrize("loader", [text.BucketLoader([[1], [2]]), text.LengthBuckets([[1], [2]]),
                                    text.TokenWindows([1, 2, 3], 1, batches=1)], ids=lambda x: type(x).__name__)
def test_a_start_outside_of_the_epoch(loader):
    assert len(list(loader.epoch(0, 1))) == 0
    with pytest.raises(ValueError, match="start to be at most the number of batches, 1, got 2"):
        loader.epoch(0, 2)
    with pytest.raises(ValueError, match="start to be at least 0"):
        loader.epoch(0, -1)


def test_a_compiled_step_is_recorded_once_for_each_shape():
    table = fastnet.nn.Embedding(50, 4)
    step = fastnet.compile(lambda x: table(x).sum())
    loader = text.LengthBuckets([[1] * n for n in range(1, 40)], max_tokens=80, multiple=16)
    shapes = {x.shape for _ in range(3) for x, in loader if step(x).item() is not None}
    assert len(step.recordings) == len(shapes) <= 4


def test_windows():
    tokens = np.arange(50)
    loader = text.TokenWindows(tokens, 8, batch_size=4, batches=10, seed=1)
    batches = list(loader)
    assert len(batches) == len(loader) == 10 and len(loader.dataset) == 40
    assert all(x.shape == (4, 8) and (y.numpy() == x.numpy() + 1).all() for x, y in batches)
    assert [x.tolist() for x, _ in loader.epoch(0, 3)] == [x.tolist() for x, _ in batches[3:]]
    assert [x.tolist() for x, _ in loader] != [x.tolist() for x, _ in batches]
    for count in (2, 9, 10, 50):            # in order, each token but the first is predicted once
        whole = text.TokenWindows(tokens[:count], 8, batch_size=3)
        found = list(whole)
        assert len(found) == len(whole)
        assert np.concatenate([y.numpy().ravel() for _, y in found]).tolist() == list(range(1, count))
    with pytest.raises(ValueError, match="at least 9 tokens, got 8"):
        text.TokenWindows(tokens[:8], 8, batches=1)
    with pytest.raises(ValueError, match="at least 2 tokens, got 1"):
        text.TokenWindows([1], 8)


def test_bleu():
    pytest.importorskip("sacrebleu")
    lines = ["a man sits on a red bench .", "two dogs run through the deep snow ."]
    score, signature = text.bleu(lines, lines)
    assert score == pytest.approx(100) and "tok:13a" in signature and "case:mixed" in signature
    assert text.bleu(["a man sits", lines[1]], lines)[0] < 90
    with pytest.raises(ValueError, match="as many references as translations"):
        text.bleu(lines, lines[:1])
    with pytest.raises(ValueError, match="at least one"):
        text.bleu([], [])
    for given in (("abc", ["abc"]), (["abc"], "abc"), ("abc", "abc")):
        with pytest.raises(TypeError, match="to be a list of sentences, got a single text"):
            text.bleu(*given)
