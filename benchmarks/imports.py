"""The time that `import fastnet` adds to `import numpy`: `python -m benchmarks.imports`.

Processes with and without fastnet take turns. The first pair, which fills the caches of files and bytecode, does not
count.
"""
import argparse
import json
import os
import subprocess
import sys
import time
from statistics import median

PROGRAM = """
import json, sys, time
import numpy
before, elapsed, processor = set(sys.modules), time.perf_counter(), time.process_time()
import {module}
elapsed, processor = time.perf_counter() - elapsed, time.process_time() - processor
files = [str(getattr(sys.modules[name], "__file__", "")) for name in set(sys.modules) - before]
compiled = sum(file.endswith((".so", ".pyd")) for file in files)
print(json.dumps([elapsed, processor, len(files) - compiled, compiled]))
"""


def run(module: str) -> tuple[float, ...]:
    """(seconds of the process; seconds and seconds of the processor of the import; modules in Python, compiled ones)"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(module=module)], check=True, capture_output=True,
                          text=True, env=environment)
    return time.perf_counter() - start, *json.loads(done.stdout)


def main() -> None:
    """Time the imports and print the result."""
    parser = argparse.ArgumentParser(description="Time `import fastnet` after `import numpy`.")
    parser.add_argument("--rounds", type=int, default=25, help="pairs of processes (default: 25)")
    rounds = parser.parse_args().rounds
    pairs = [(run("numpy"), run("fastnet")) for _ in range(rounds + 1)][1:]
    for what, column in (("elapsed", 1), ("processor", 2)):
        times = [fastnet[column] for _, fastnet in pairs]
        print(f"import fastnet, {what:9}  {1e3 * min(times):6.1f} ms at least, {1e3 * median(times):6.1f} ms median")
    numpy, fastnet = (median(pair[i][0] for pair in pairs) for i in (0, 1))
    print(f"whole processes, elapsed   {1e3 * (fastnet - numpy):6.1f} ms more, median")
    print("modules                    {} in Python, {} compiled".format(*pairs[-1][1][3:]))


if __name__ == "__main__":
    main()
