"""`fastnet` on texts: language models and translation, from the training to the file alone."""
import io
import json

import numpy as np
import pytest
from cli_tools import failure, fastnet, report_of

import fastnet as fn
from fastnet.cli.texts.saved import mean_loss
from fastnet.cli.texts.sources import pair_batches, window_batches

TINY = ("--layers", "1", "--heads", "2", "--width", "16", "--block", "16", "--threads", "1")
NUMBERS = {"ein": "a", "zwei": "two", "drei": "three", "Hund": "dog", "Hunde": "dogs", "Mann": "man", "rennt": "runs",
           "sitzt": "sits", "heute": "today", "hier": "here"}


def pairs(count, seed):
    """Sentences of both languages, word by word, none of them empty."""
    rng = np.random.default_rng(seed)
    german = [" ".join(rng.choice(list(NUMBERS), rng.integers(2, 9))) for _ in range(count)]
    return german, [" ".join(NUMBERS[word] for word in line.split()) for line in german]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with small data sets of text."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "multi30k").mkdir()
    for seed, (name, count) in enumerate({"train": 120, "val": 20, "test_2016_flickr": 12}.items()):
        for language, lines in zip(("de", "en"), pairs(count, seed)):
            (folder / "multi30k" / f"{name}.{language}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "shakespeare").mkdir()
    (folder / "shakespeare" / "input.txt").write_text("KING:\nTo be, or not to be.\n\n" * 40, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def data_folder(root, monkeypatch):
    monkeypatch.setenv("FASTNET_DATA", str(root))


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "book.txt"
    path.write_bytes("Die Katze saß auf der Matte.\r\nUnd schlief.\r\n".encode() * 60)
    return path


@pytest.fixture(scope="module")
def model(book, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    fastnet("train", book, "--model", "gpt", *TINY, "--steps", "60", "--save", path, "--quiet")
    return path


@pytest.fixture(scope="module")
def translator(root, tmp_path_factory):
    pytest.importorskip("tokenizers")
    pytest.importorskip("sacrebleu")
    path = tmp_path_factory.mktemp("translator") / "t.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTNET_DATA", str(root))
        fastnet("train", "multi30k", *TINY, "--vocab-size", "280", "--batch-size", "256", "--block", "64", "--epochs",
                "2", "--save", path, "--quiet")
    return path


# ---- language models ------------------------------------------------------------------------------------------------

def test_a_text_of_ones_own(book, tmp_path, capsys):
    report = report_of(tmp_path, "train", book, "--model", "gpt", *TINY, "--steps", "40", "--save", tmp_path / "m")
    assert report["settings"]["steps"] == 40 and report["unit"] == "character"
    assert report["validation_loss"] < 3.5
    assert f"validation loss: {report['validation_loss']:.4f}" in capsys.readouterr().out


def test_shakespeare_has_its_own_model(capsys):
    fastnet("train", "shakespeare", *TINY, "--epochs", "2", "--batch-size", "4")
    out = capsys.readouterr().out
    assert "gpt of 1 layers, 2 heads and width 16" in out and "epoch 2/2" in out and "a sample:" in out
    assert "use --save FILE to keep it" in out


def test_byte_pairs_and_other_options(book, tmp_path):
    pytest.importorskip("tokenizers")
    report = report_of(tmp_path, "train", book, "--model", "gpt", *TINY, "--steps", "10", "--vocab-size", "270",
                       "--ema", "--dropout", "0.1", "--label-smoothing", "--optimizer", "sgd", "--patience", "2",
                       "--schedule", "linear", "--validation", "0.2")
    assert report["unit"] == "token" and report["settings"]["lr"] == 0.05


def test_the_file_is_enough_to_generate(model, capsys):
    texts = []
    for options in ((), ("--seed", "1"), (), ("--temperature", "0"), ("--top-k", "3", "--top-p", "0.5")):
        fastnet("generate", model, "--prompt", "Die Katze", "--length", "80", *options)
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[2] != texts[1]
    assert all(made.startswith("Die Katze") and len(made) == 9 + 80 + 1 for made in texts)
    fastnet("generate", model, "--length", "5", "--threads", "1")
    assert capsys.readouterr().out.endswith("\n")


def test_generation_takes_prompts_longer_than_the_block(model, capsys):
    fastnet("generate", model, "--prompt", "Die Katze " * 10, "--length", "3")
    assert capsys.readouterr().out.startswith("Die Katze Die Katze")


def test_evaluate_and_info(model, book, capsys, tmp_path):
    report = report_of_evaluation(tmp_path, model, book)
    assert report["loss"] < 3.5 and report["perplexity"] == pytest.approx(np.exp(report["loss"]))
    capsys.readouterr()
    fastnet("info", model)
    out = capsys.readouterr().out
    assert "language model" in out and "CharTokenizer" in out and "16 tokens" in out
    assert "use `fastnet generate MODEL`" in failure(capsys, "predict", model, book, code=2)


def report_of_evaluation(tmp_path, *args):
    path = tmp_path / "evaluation.json"
    fastnet("evaluate", *args, "--report", path)
    return json.loads(path.read_text())


def test_mean_loss_counts_each_token_once(model):
    from fastnet.cli.tasks import read_other
    saved = read_other(model)
    tokens = saved.tokenizer.encode("Die Katze saß auf der Matte.\nUnd")
    loss, count = mean_loss(saved.model, window_batches(tokens, 16))
    assert count == len(tokens) - 1
    losses = []
    for start in range(0, len(tokens) - 1, 16):
        x = fn.tensor([tokens[start:start + 16]])[:, :len(tokens) - 1 - start]
        y = fn.tensor(tokens[start + 1:start + 17])
        losses += fn.nn.functional.cross_entropy(saved.model(x)[0], y, reduction="none").tolist()
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_a_resumed_training_has_the_same_bits(book, tmp_path):
    options = ("--model", "gpt", *TINY, "--dropout", "0.1", "--epochs", "2", "--quiet")
    fastnet("train", book, *options, "--threads", "2", "--save", tmp_path / "whole.safetensors")
    fastnet("train", book, *options, "--resume", tmp_path / "run", "--save", tmp_path / "first.safetensors")
    fastnet("train", book, *options, "--resume", tmp_path / "run", "--save", tmp_path / "again.safetensors")
    files = [fn.load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "first", "again")]
    for name, value in files[0].items():
        assert all((value.numpy() == other[name].numpy()).all() for other in files[1:])


# ---- translation ----------------------------------------------------------------------------------------------------

def test_the_file_is_enough_to_translate(translator, tmp_path, capsys, monkeypatch):
    lines = ["ein Hund rennt", "", "zwei Hunde"]
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    fastnet("translate", translator, file, "--beams", "2")
    from_file = capsys.readouterr().out.splitlines()
    assert len(from_file) == 3 and from_file[1] == ""
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    fastnet("translate", translator, "--beams", "2", "--threads", "1")
    assert capsys.readouterr().out.splitlines() == from_file
    fastnet("translate", translator, "ein", "Hund", "rennt", "--beams", "2")
    assert capsys.readouterr().out.splitlines() == from_file[:1]
    fastnet("translate", translator, file, "--beams", "2", "--output", tmp_path / "made.txt")
    assert (tmp_path / "made.txt").read_text(encoding="utf-8").splitlines() == from_file


def test_translation_is_measured_by_bleu(translator, tmp_path, capsys):
    report = report_of_evaluation(tmp_path, translator, "multi30k")
    assert 0 <= report["test_bleu"] <= 100 and "tok:13a" in report["bleu_signature"] and report["loss"] > 0
    assert "test BLEU" in capsys.readouterr().out
    fastnet("info", translator)
    assert "German to English" in capsys.readouterr().out


def test_translations_are_not_exported(translator, capsys):
    assert "a translation is searched token by token" in failure(capsys, "export", translator, "--to", "onnx", code=2)


def test_padding_does_not_change_the_loss(translator):
    from fastnet.cli.tasks import read_other
    saved = read_other(translator)
    german, english = pairs(9, 7)
    wide, narrow = (mean_loss(saved.model, pair_batches(saved.tokenizer, german, english,
                                                        {"block": 64, "batch_size": size})) for size in (512, 64))
    assert wide[1] == narrow[1] and wide[0] == pytest.approx(narrow[0], rel=1e-5)


# ---- bad input ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("contents", "message"), [
    (b"", "expected text, got an empty file"),
    (b" \n ", "expected text, got only spaces"),
    (b"Stra\xdfe " * 50, "expected text in UTF-8, got the byte 0xdf at position 4; name its encoding"),
    (b"a\0b" * 50, "got a zero character at position 1"),
    (b"short", "expected a text of more than 16 tokens to train on, got"),
])
def test_texts_that_cannot_be_read(contents, message, tmp_path, capsys):
    path = tmp_path / "bad.txt"
    path.write_bytes(contents)
    line = failure(capsys, "train", path, "--model", "gpt", *TINY)
    assert message in line and "bad.txt" in line


def test_another_encoding(tmp_path):
    path = tmp_path / "old.txt"
    path.write_bytes("Straße und Bäume\n".encode("cp1252") * 30)
    report = report_of(tmp_path, "train", path, "--model", "gpt", *TINY, "--steps", "2", "--encoding", "cp1252")
    assert report["settings"]["encoding"] == "cp1252"


@pytest.mark.parametrize(("args", "message"), [
    (["shakespeare", "--model", "transformer"], "shakespeare is for --model gpt, got --model transformer"),
    (["shakespeare", "--model", "resnet18"], "shakespeare is for --model gpt"),
    (["multi30k", "--steps", "5"], "--steps is for language models: use --epochs"),
    (["multi30k", "--validation", "0.2"], "multi30k has its own validation set"),
    (["shakespeare", "--epochs", "2", "--steps", "5"], "give one of them"),
    (["shakespeare", "--heads", "3"], "--width that is a multiple of --heads, got 128 and 3"),
    (["shakespeare", "--target", "x"], "--target is not for texts"),
    (["shakespeare", "--cutmix"], "--cutmix is not for texts"),
    (["digits", "--steps", "5"], "--steps is for texts"),
    (["shakespear"], "did you mean 'shakespeare'?"),
])
def test_options_that_conflict(args, message, capsys):
    assert message in failure(capsys, "train", *args, code=2)


def test_a_text_that_is_no_table(tmp_path, capsys):
    path = tmp_path / "notes.txt"
    path.write_text("Some text.\nMore of it.\n")
    assert failure(capsys, "train", path).endswith("; to train on a text rather than a table, use --model gpt")


def test_folders_are_no_text(tmp_path, capsys):
    assert "takes a file of text" in failure(capsys, "train", tmp_path, "--model", "gpt", code=2)


def test_prompts_and_choices_that_are_wrong(model, capsys):
    line = failure(capsys, "generate", model, "--prompt", "Katze % Hund")
    assert line.endswith("--prompt: the tokenizer does not know the character '%' at position 6")
    assert "expected at most" in failure(capsys, "generate", model, "--top-k", "1000", code=2)
    with pytest.raises(SystemExit):
        fastnet("generate", model, "--top-p", "1.5")
    with pytest.raises(SystemExit):
        fastnet("generate", model, "--temperature", "-1")
    assert "expected a number of at least 0, got '-1'" in capsys.readouterr().err
    fastnet("generate", model, "--temperature", "0.00", "--length", "2")


def test_sentences_that_are_too_long(translator, tmp_path, capsys, monkeypatch):
    file = tmp_path / "long.txt"
    file.write_text("ein Hund\n" + "Hund " * 100, encoding="utf-8")
    assert "long.txt: line 2 has" in failure(capsys, "translate", translator, file)
    file.write_bytes("zwei Bäume".encode("cp1252"))
    assert "expected text in UTF-8, got the byte 0xe4" in failure(capsys, "translate", translator, file)
    fastnet("translate", translator, file, "--encoding", "cp1252")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "standard input: expected sentences" in failure(capsys, "translate", translator)
    assert "missing.txt: no such file" in failure(capsys, "translate", translator, "missing.txt")


def test_models_of_another_kind(model, translator, book, tmp_path, capsys):
    assert "use fastnet generate" in failure(capsys, "translate", model, "ein", code=2)
    assert "use fastnet translate" in failure(capsys, "generate", translator, code=2)
    other = tmp_path / "other.safetensors"
    fn.nn.Linear(2, 2).save(other)
    assert "expected a language model" in failure(capsys, "generate", other, code=2)
    assert "does not fit the model" in failure(capsys, "evaluate", model, "multi30k", code=2)
    assert "is measured on multi30k" in failure(capsys, "evaluate", translator, book, code=2)


def test_damaged_files(model, tmp_path, capsys):
    from fastnet.nn.saving import load_described
    network, described = load_described(model)
    for change, message in (({"tokenizer": {}}, "kind of tokenizer"), ({"format": 9}, "newer version"),
                            ({"tokenizer": {"kind": "characters", "characters": "ab", "special": []}},
                             "its tokenizer 2"), ({"about": None}, "a dictionary about its training")):
        path = tmp_path / "damaged.safetensors"
        network.save(path, described | change)
        assert message in failure(capsys, "generate", path)
