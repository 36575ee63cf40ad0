"""Spoken digits on a microcontroller: train DS-CNN, quantise it to 8 bits, write C, compile it, and compare every bit.

    python examples/keywords_in_c.py [--quick] [--data FOLDER] [--folder FOLDER]

The network sees 10 cepstra of each 20 ms of a recording of the Free Spoken Digit Dataset. It is trained in float32,
then with the rounding of 8-bit integers (quantisation-aware training). `fastnet.export_c` writes it as C, which gcc
compiles. The program and Python then agree in every bit of the scores of all 300 test recordings. Where their tools are
installed, the self-test of the C file also runs on an emulated Cortex-M4 and as WebAssembly. --quick trains for one
epoch.
"""
import argparse
import ctypes
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastnet
from fastnet import Tensor, audio, models
from fastnet.c_source import CSource
from fastnet.datasets import FSDD_RATE, fsdd

HOP = FSDD_RATE // 50                   # 20 ms
CEPSTRA = 10
BOARD = Path(__file__).parents[1] / "tests" / "tools" / "cortex_m"
RUN_WASI = BOARD.parent / "run_wasi.cjs"
FLAGS = "-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"
CORTEX_M4 = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "--specs=rdimon.specs")


# ---- training -------------------------------------------------------------------------------------------------------

def features(signals: NDArray[np.int16]) -> NDArray[np.float32]:
    """Cepstra (N, 1, frames, 10) of recordings."""
    cepstra = audio.PresetMFCC("torchaudio", CEPSTRA, FSDD_RATE, n_mels=40, n_fft=2 * HOP, hop_length=HOP)
    with fastnet.no_grad():
        x = cepstra(fastnet.from_numpy(signals.astype(np.float32) / 32768)).numpy()
    return np.ascontiguousarray(x.transpose(0, 2, 1))[:, None].astype(np.float32)


def train(x: NDArray[np.float32], y: NDArray[np.int64], epochs: int) -> models.DSCNN:
    model = models.ds_cnn(10)
    trainer = fastnet.Trainer(model, "adamw", loss="cross_entropy", lr=3e-3)
    trainer.fit(x, y, epochs=epochs, batch_size=64, progress=False)
    return model


def accuracy(model: Any, x: NDArray[np.float32], y: NDArray[np.int64]) -> float:
    with fastnet.no_grad():
        return float((model.eval()(fastnet.from_numpy(x)).numpy().argmax(1) == y).mean())


# ---- the program ----------------------------------------------------------------------------------------------------

def run(*command: object) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout.strip()


def scores_in_c(made: CSource, x: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
    """The scores that the compiled program gives."""
    library = made.source.with_suffix(".so")
    run("gcc", *FLAGS, "-shared", "-fPIC", made.source, "-o", library)
    program = ctypes.CDLL(str(library))
    found = np.zeros((len(x), classes), np.float32)
    q, result = np.zeros(x[0].shape, np.int8), np.zeros(classes, np.int8)
    for sample, scores in zip(np.ascontiguousarray(x), found):
        for function, given, to in (("quantize", sample, q), ("run", q, result), ("dequantize", result, scores)):
            getattr(program, f"keywords_{function}")(*(a.ctypes.data_as(ctypes.c_void_p) for a in (given, to)))
    return found


def self_tests(made: CSource) -> dict[str, str]:
    """What the self-test prints on the machines whose tools are installed."""
    found: dict[str, str] = {}
    test = made.source.with_suffix("")
    run("gcc", *FLAGS, "-DKEYWORDS_SELF_TEST", made.source, "-o", test)
    found["this machine"] = run(test.resolve())
    if shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm"):
        program = test.with_suffix(".elf")
        run("arm-none-eabi-gcc", *FLAGS, "-DKEYWORDS_SELF_TEST", *CORTEX_M4, "-T", BOARD / "mps2.ld",
            BOARD / "startup.c", made.source, "-o", program)
        found["Cortex-M4"] = run("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting-config",
                                 "enable=on,target=native", "-kernel", program)
    if importlib.util.find_spec("ziglang") and shutil.which("node"):
        program = test.with_suffix(".wasm")
        run(sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-wasi", *FLAGS, "-DKEYWORDS_SELF_TEST",
            made.source, "-o", program)
        found["WebAssembly"] = run("node", "--no-warnings", RUN_WASI, program)
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="train for one epoch")
    parser.add_argument("--data", metavar="FOLDER", help="the folder with recordings.zip")
    parser.add_argument("--folder", metavar="FOLDER", type=Path, default=Path("."),
                        help="where to write C (default: .)")
    args = parser.parse_args(arguments)
    args.folder.mkdir(parents=True, exist_ok=True)
    fastnet.manual_seed(0)
    (x, y), (x_test, y_test) = fsdd(args.data)
    x, x_test = features(x), features(x_test)
    mean, scale = x.mean((0, 2)), x.std((0, 2))
    x, x_test = (x - mean) / scale, (x_test - mean) / scale

    model = train(x, y, 1 if args.quick else 20)
    print(f"float32: {accuracy(model, x_test, y_test):.1%} of {len(y_test)} test recordings")
    small, _ = fastnet.quantize(model, (x, y), scheme="qat", epochs=1 if args.quick else 5, faster_only=False,
                                speed=False)
    print(f"int8:    {accuracy(small, x_test, y_test):.1%}")

    made = fastnet.export_c(small, Tensor(x_test[:1]), args.folder / "keywords.c", dtype="int8", max_ram=64 * 1024,
                            labels=[str(digit) for digit in range(10)], self_test=20)
    print(made)
    found = scores_in_c(made, x_test, 10)
    with fastnet.no_grad():
        scores = small(fastnet.from_numpy(x_test)).numpy()
    same = np.array_equal(found, scores)
    print(f"C: {(found.argmax(1) == y_test).mean():.1%}; equal to Python in every bit: {same}")
    for machine, text in self_tests(made).items():
        print(f"{machine}: {text}")


if __name__ == "__main__":
    main()
