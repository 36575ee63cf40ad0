"""Whether the compiler keeps the accumulators of matmul's tiles in registers: `python benchmarks/spills.py`.

Disassembles the built extension (with objdump, of GNU binutils), finds the loop of each micro-kernel and fails if it
touches the stack or does not have the multiply-adds that its name promises. Times nothing, so CI runs it.
"""
import glob
import re
import subprocess
import sys
from pathlib import Path

KERNELS = Path(__file__).resolve().parents[1] / "fastnet" / "_kernels"
FUNCTION = re.compile(r"^[0-9a-f]+ <(tile([12])_(\d+)_(f32|f64))>:$")
INSTRUCTION = re.compile(r"^ *([0-9a-f]+):\s+(\S+)\s*(.*)$")
MULTIPLY = re.compile(r"v?f?n?m(add|ul)\d*[ps][sd]$|vfmadd\d+p[sd]$")
ISAS = (("zmm", "avx512"), ("ymm", "avx2"), ("xmm", "baseline"))


def functions(extension):
    """(name, vectors, rows, instructions) of each micro-kernel; an instruction is (address, operation, operands)."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", extension], check=True, capture_output=True,
                          text=True).stdout
    for block in text.split("\n\n"):
        lines = block.strip().splitlines()
        head = FUNCTION.match(lines[0]) if lines else None
        if head:
            code = [m.groups() for line in lines[1:] if (m := INSTRUCTION.match(line))]
            yield head[1], int(head[2]), int(head[3]), [(int(a, 16), op, rest) for a, op, rest in code]


def hot_loop(code):
    """The instructions of the loop with the most multiplications: from a backward jump's target to the jump."""
    loops = []
    for address, op, operands in code:
        target = re.match(r"[0-9a-f]+", operands)
        if op.startswith("j") and target and int(target[0], 16) <= address:
            loops.append([i for i in code if int(target[0], 16) <= i[0] <= address])
    return max(loops, key=multiplications, default=[])


def multiplications(loop):
    return sum(bool(MULTIPLY.match(op)) for _, op, _ in loop)


def isa_of(loop):
    text = " ".join(operands for _, _, operands in loop)
    return next((isa for register, isa in ISAS if register in text), "?")


def faults(vectors, rows, code):
    """What is wrong with a micro-kernel's loop, as text."""
    framed = any(operands == "%rsp,%rbp" for _, _, operands in code)       # else %rbp is a register like any other
    stack = ("(%rsp", "(%rbp") if framed else ("(%rsp",)
    loop = hot_loop(code)
    found = [f"touches the stack: {op} {operands}" for _, op, operands in loop if any(s in operands for s in stack)]
    if not loop or multiplications(loop) % (vectors * rows):
        found.append(f"{multiplications(loop)} multiplications, expected a multiple of {vectors * rows}")
    return found


def main():
    """Check every micro-kernel; returns the exit status."""
    built = glob.glob(str(KERNELS / "matmul.*.so"))
    if not built:
        print(f"no built matmul in {KERNELS}; build it with: python setup.py build_ext --inplace", file=sys.stderr)
        return 2
    checked, wrong = {}, 0
    for name, vectors, rows, code in functions(built[0]):
        isa = isa_of(hot_loop(code))
        checked[isa] = checked.get(isa, 0) + 1
        for fault in faults(vectors, rows, code):
            wrong += 1
            print(f"{name} ({isa}): {fault}")
    print(", ".join(f"{isa}: {n} micro-kernels" for isa, n in sorted(checked.items())) + f"; {wrong} fault(s)")
    return int(bool(wrong) or not checked)


if __name__ == "__main__":
    sys.exit(main())
