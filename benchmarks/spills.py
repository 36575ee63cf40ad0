"""Check that the accumulators of matmul's tiles stay in registers: `python benchmarks/spills.py`.

Disassembles the built extension with objdump (OBJDUMP names another program), finds the loop of each micro-kernel, and
fails if the loop touches the stack or lacks the multiply-adds that its name states. It times nothing, so CI runs it.
"""
import glob
import os
import re
import subprocess
import sys
from pathlib import Path

KERNELS = Path(__file__).resolve().parents[1] / "fastnet" / "_kernels"
FUNCTION = re.compile(r"^[0-9a-f]+ <(tile([12])_(\d+)_(?:f32|f64)_(\w+))>:$")
INSTRUCTION = re.compile(r"^ *([0-9a-f]+):\s+(\S+)\s*(.*)$")
# x86-64: mulps and similar ones; aarch64: fmla, fmul and fmadd.
MULTIPLY = re.compile(r"v?mul[ps][sd]$|vfn?m(add|sub)\d+[ps][sd]$|fn?m(la|ul|add)$")
JUMP = re.compile(r"j|b\.|b$|cbn?z$|tbn?z$")
TARGET = re.compile(r"\b([0-9a-f]+) <")
STACK = re.compile(r"\(%rsp|\[sp\b|\[x29\b")


def functions(extension):
    """(name, vectors, rows, isa, code) of each micro-kernel; an instruction is (address, operation, operands)."""
    text = subprocess.run([os.environ.get("OBJDUMP", "objdump"), "-d", "--no-show-raw-insn", extension], check=True,
                          capture_output=True, text=True).stdout
    for block in text.split("\n\n"):
        lines = block.strip().splitlines()
        head = FUNCTION.match(lines[0]) if lines else None
        if head:
            code = [m.groups() for line in lines[1:] if (m := INSTRUCTION.match(line))]
            yield head[1], int(head[2]), int(head[3]), head[4], [(int(a, 16), op, rest) for a, op, rest in code]


def hot_loop(code):
    """The instructions, from the target of a backward jump to the jump, of the loop around the first multiplication."""
    loops = []
    first = next((a for a, op, _ in code if MULTIPLY.match(op)), 0)
    for address, op, operands in code:
        target = TARGET.search(operands)
        if JUMP.match(op) and target and int(target[1], 16) <= first <= address:
            loops.append([i for i in code if int(target[1], 16) <= i[0] <= address])
    return min(loops, key=len, default=[])


def multiplications(loop):
    return sum(bool(MULTIPLY.match(op)) for _, op, _ in loop)


def faults(vectors, rows, code):
    """The faults of a micro-kernel's loop, as text."""
    framed = any(operands == "%rsp,%rbp" for _, _, operands in code)       # otherwise %rbp is a general register
    loop = hot_loop(code)
    found = [f"touches the stack: {op} {operands}" for _, op, operands in loop
             if STACK.search(operands) or (framed and "(%rbp" in operands)]
    if not loop or multiplications(loop) % (vectors * rows):
        found.append(f"{multiplications(loop)} multiplications, expected a multiple of {vectors * rows}")
    return found


def main():
    """Check every micro-kernel; returns the exit status."""
    built = glob.glob(str(KERNELS / "matmul.*.so"))
    if not built:
        print(f"{KERNELS} has no built matmul; build it with: python setup.py build_ext --inplace", file=sys.stderr)
        return 2
    checked, wrong = {}, 0
    for name, vectors, rows, isa, code in functions(built[0]):
        checked[isa] = checked.get(isa, 0) + 1
        for fault in faults(vectors, rows, code):
            wrong += 1
            print(f"{name}: {fault}")
    print(", ".join(f"{isa}: {n} micro-kernels" for isa, n in sorted(checked.items())) + f"; {wrong} fault(s)")
    return int(bool(wrong) or not checked)


if __name__ == "__main__":
    sys.exit(main())
