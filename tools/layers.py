"""Draw docs/layers.svg: the layers of the package, from the import contract in pyproject.toml.

python tools/layers.py            write the picture
python tools/layers.py --check    fail if the picture is not current
"""
import argparse
import html
import re
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:     # Python 3.10, where import-linter brings tomli
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "layers.svg"

DESCRIPTIONS = {
    "__main__": "python -m fastnet",
    "cli": "the command fastnet",
    "sklearn": "estimators for scikit-learn",
    "onnx": "ONNX files, written and read",
    "prune": "masks, tied channels, compact models",
    "quantization": "int8 models, weights of 4 bits",
    "c_source": "models as C",
    "explain": "reasons for predictions",
    "federated": "clients and strategies for Flower",
    "torch": "PyTorch's namespace, for programs written for it",
    "training": "the Trainer: fit, evaluate, predict, checkpoints",
    "privacy": "differential privacy",
    "callbacks": "early stopping, checkpoints, logs, learning-rate schedules",
    "distributed": "process groups, launch, gradients of several ranks",
    "data": "datasets, batches, tables, pictures",
    "metrics": "accuracy, F1, AUC, R2, ...",
    "ops": "boxes: overlaps, suppression, roi_align",
    "audio": "spectrograms, cepstra, windows",
    "graph": "models as graphs of operations: trace",
    "models": "LeNet, VGG, ResNet, MobileNet, ...",
    "transfer": "frozen parts, new heads, features of layers",
    "text": "tokenizers, vocabularies",
    "nn": "layers, losses, saved models",
    "optim": "optimizers, schedules",
    "special": "gamma, error and Bessel functions",
    "lora": "low-rank adapters, peft's files",
    "func": "transformations of functions: grad, vmap, jacobian",
    "fft": "Fourier transforms",
    "linalg": "solvers and decompositions of matrices",
    "datasets": "digits, MNIST, CIFAR-10",
    "distributions": "random variables",
    "functional": "differentiable operations and their gradients",
    "_replay": "fastnet.compile: recordings, guards, replay",
    "autograd": "the tape: op, gradient, backward, no_grad",
    "profiler": "time, FLOPs and bytes by operation",
    "random": "seeds and generators",
    "backend": "K, the table of kernels",
    "_io": "atomic file replacement, safetensors files",
    "_core": "Tensor, memory, thread state, error messages",
    "dtypes": "dtypes, type promotion",
    "_runtime": "compiled tape, pool, launches, threads",
    "_kernels/reference": "every kernel in NumPy: the contract",
    "_kernels/*.pyx": "check arrays, fill a Launch",
    "_kernels/src": "SIMD bodies in C, once for each instruction set",
}
KERNELS = ["_kernels/reference | _kernels/*.pyx", "_kernels/src"]        # the parts of the layer `_kernels`

WIDTH, MARGIN, GAP, ROW, BOX = 1000, 64, 12, 54, 44
STYLE = """
    text { font-family: sans-serif; fill: #1a1a1a }
    .name { font: bold 14px monospace }
    .about { font-size: 12.5px; fill: #444444 }
    .public { fill: #dbe9f8; stroke: #5b8fc7 }
    .private { fill: #eeeeee; stroke: #9a9a9a }
    .arrow { stroke: #666666; stroke-width: 2; fill: none }"""


def layers():
    """The layers from top to bottom, each a list of module names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [rows] = [c["layers"] for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    rows = [part for row in rows for part in (KERNELS if row == "_kernels" else [row])]
    return [[name.strip(" ()") for name in re.split("[|:]", row)] for row in rows]


def check_descriptions(rows):
    """Raise ValueError unless the layers and the descriptions name the same modules."""
    names = {name for row in rows for name in row}
    if names != DESCRIPTIONS.keys():
        raise ValueError(f"tools/layers.py: no description of {sorted(names - DESCRIPTIONS.keys())}; "
                         f"not in the contract: {sorted(DESCRIPTIONS.keys() - names)}")


def box(name, x, y, width):
    """A rectangle with the module's name and its description."""
    kind = "private" if name.startswith("_") else "public"
    return [f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{BOX}" rx="4"/>',
            f'<text class="name" x="{x + 10:g}" y="{y + 18:g}">{html.escape(name)}</text>',
            f'<text class="about" x="{x + 10:g}" y="{y + 36:g}">{html.escape(DESCRIPTIONS[name])}</text>']


def picture():
    """The picture as the text of an SVG file."""
    rows = layers()
    check_descriptions(rows)
    height = ROW * len(rows) + 40
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" '
             f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
             "<title>The layers of fastnet; imports point down</title>", f"<style>{STYLE}\n</style>",
             f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']
    for i, row in enumerate(rows):
        width = (WIDTH - MARGIN - GAP * len(row)) / len(row)
        for j, name in enumerate(row):
            lines += box(name, MARGIN + j * (width + GAP), 10 + i * ROW, width)
    end = ROW * len(rows)
    lines += [f'<path class="arrow" d="M40 10 V{end - 4} M34 {end - 14} L40 {end - 4} L46 {end - 14}"/>',
              f'<text class="about" text-anchor="middle" transform="translate(28 {end / 2:g}) rotate(-90)">'
              "imports point down</text>",
              f'<rect class="public" x="{MARGIN}" y="{end + 12}" width="14" height="14" rx="2"/>',
              f'<text class="about" x="{MARGIN + 20}" y="{end + 24}">public</text>',
              f'<rect class="private" x="{MARGIN + 80}" y="{end + 12}" width="14" height="14" rx="2"/>',
              f'<text class="about" x="{MARGIN + 100}" y="{end + 24}">private</text>', "</svg>"]
    return "\n".join(lines) + "\n"


def main():
    """Write the picture, or check it; returns the exit status."""
    parser = argparse.ArgumentParser(description="Draw docs/layers.svg from the import contract in pyproject.toml.")
    parser.add_argument("--check", action="store_true", help="fail if the picture is not current")
    if not parser.parse_args().check:
        PICTURE.write_text(picture(), encoding="utf-8")
    elif not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != picture():
        print("docs/layers.svg is not current: run `python tools/layers.py`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
