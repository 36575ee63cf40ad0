"""Builds the compiled kernels: an extension for each .pyx of _kernels and _runtime, a family's C source once for each
instruction set.

FASTNET_NO_EXT=1       install on NumPy alone
FASTNET_REQUIRE_EXT=1  a missing or failing compiler is an error (otherwise: a warning, and NumPy alone)
FASTNET_NO_OPENMP=1    serial kernels, as if the compiler had no OpenMP
FASTNET_CFLAGS=...     further flags of the compiler, which override those below (-O1, say)
FASTNET_EMULATOR=...   the command that runs what the compiler makes, where this machine cannot: for the OpenMP probe
CYTHON_CACHE_DIR=...   a folder with the C that Cython generates, shared by several builds

The processor is that of the interpreter's platform; in a cross build _PYTHON_HOST_PLATFORM names another
(linux-aarch64, say).
"""
import os
import platform
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNELS, RUNTIME = Path("fastnet/_kernels"), Path("fastnet/_runtime")
# A family has a C source of the same name in src/; the other modules are Cython alone.
FAMILIES = {path.stem for path in KERNELS.glob("src/*.c")}

# No -ffast-math: linked into a shared object it would change the floating-point mode of the user's process.
# No contraction: a*b+c rounds as it is written, or a vector and its tail could differ.
UNIX_FLAGS = ["-std=c11", "-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
MSVC_FLAGS = ["/std:c11", "/O2", "/fp:precise"]
PLATFORM = sysconfig.get_platform()
if PLATFORM.endswith("universal2"):         # macOS: only this machine's half, since each wants flags of its own
    os.environ.setdefault("ARCHFLAGS", f"-arch {platform.machine()}")
EMULATOR = shlex.split(os.environ.get("FASTNET_EMULATOR", ""))

OPENMP_PROBE = """
#include <omp.h>
#include <stdio.h>
int main(void) {
    int n = 0;
    #pragma omp parallel num_threads(2) reduction(+ : n)
    n += 1;
    printf("threads=%d", n);
    return n < 1;
}
"""


def flag(name):
    return os.environ.get(name, "0") not in ("", "0")


class BuildKernels(build_ext):
    """build_ext with an OpenMP probe and with each family's C source compiled for every instruction set."""

    def run(self):
        # Symbols serve profilers, debuggers and benchmarks/spills.py, in builds for development. Wheels have none.
        self.strip = PLATFORM.startswith("linux") and not (self.inplace or self.editable_mode)
        super().run()

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        self.isas = instruction_sets(msvc)
        common = (MSVC_FLAGS if msvc else UNIX_FLAGS) + shlex.split(os.environ.get("FASTNET_CFLAGS", ""))
        openmp = None if flag("FASTNET_NO_OPENMP") else self.openmp_flags(msvc)
        if openmp is None:
            print("fastnet: building serial kernels (no OpenMP)", file=sys.stderr)
            openmp = ([], [])
        for ext in self.extensions:
            ext.optional = not flag("FASTNET_REQUIRE_EXT")     # cythonize drops the option: set it here
            ext.extra_compile_args = common + openmp[0]
            ext.extra_link_args = openmp[1] + ["-Wl,--strip-all"] * self.strip
        self.common = common
        self.parallel = self.parallel or os.cpu_count()
        self.extensions.sort(key=is_family, reverse=True)      # what takes longest begins first
        super().build_extensions()

    def build_extension(self, ext):
        print(f"fastnet: compiling {ext.name}", flush=True)        # pip shows it with -v
        if is_family(ext):
            ext.extra_objects = [self.compile_isa(last_name(ext), isa) for isa in self.isas_of(last_name(ext))]
        super().build_extension(ext)

    def isas_of(self, family):
        """The instruction sets that a family has objects for: all, or those that are the base of others."""
        if "INTEGER_FAMILY(" in (KERNELS / f"{family}.pyx").read_text():
            return list(self.isas)
        return [isa for isa, (base, _) in self.isas.items() if isa == base]

    def compile_isa(self, family, isa):
        # per-file flags, no OpenMP and no inlining across: what one instruction set needs stays in its own object
        [obj] = self.compiler.compile(
            [str(KERNELS / "src" / f"{family}.c")], output_dir=os.path.join(self.build_temp, isa), debug=self.debug,
            macros=[("FASTNET_ISA", isa)], extra_postargs=self.common + self.isas[isa][1], depends=sources())
        return obj

    def openmp_flags(self, msvc):
        """The (compile, link) flags with which a parallel program builds and runs, or None."""
        for compile_args, link_args in openmp_spellings(msvc):
            with tempfile.TemporaryDirectory() as folder:
                source, program = Path(folder, "probe.c"), Path(folder, "probe")
                source.write_text(OPENMP_PROBE)
                try:
                    objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=compile_args)
                    self.compiler.link_executable(objects, str(program), extra_postargs=link_args)
                    out = subprocess.run([*EMULATOR, str(program)], capture_output=True, text=True, timeout=60)
                except Exception as e:                         # any failure means: not this way
                    print(f"fastnet: OpenMP probe failed: {e}", file=sys.stderr)
                    continue
                if out.returncode == 0 and "threads=" in out.stdout:
                    return compile_args, link_args
        return None


def openmp_spellings(msvc):
    """Pairs of (compile, link) flags that compilers have for OpenMP."""
    if msvc:
        return [(["/openmp"], [])]
    spellings = [(["-fopenmp"], ["-fopenmp"])]
    if sys.platform == "darwin":                                # Apple's clang, with libomp installed beside it
        spellings.append((["-Xpreprocessor", "-fopenmp"], ["-lomp"]))
    return spellings


def architecture():
    """The part of isa.h's table that the target is served by."""
    name = (platform.machine() if PLATFORM.endswith("universal2") else PLATFORM).lower()
    if "x86_64" in name or "amd64" in name:
        return "x86_64"
    return "aarch64" if "aarch64" in name or "arm64" in name else "other"


def instruction_sets(msvc):
    """{name: (base, compiler flags)} of the target's instruction sets, from the table in src/isa.h."""
    text = (KERNELS / "src" / "isa.h").read_text().replace("\\\n", "")
    [rows] = re.findall(rf"#define ISAS_{architecture()}\(.*", text)
    row = r'ROW\(x, (\w+), (\w+), [^"]*"(.*?)", *"(.*?)"\)'
    return {name: (base, (msvc_flags if msvc else unix_flags).split())
            for name, base, unix_flags, msvc_flags in re.findall(row, rows)}


def last_name(ext):
    return ext.name.rpartition(".")[2]


def is_family(ext):
    return last_name(ext) in FAMILIES


def sources():
    return [str(p) for p in sorted((KERNELS / "src").glob("*.[ch]"))]


def extensions():
    if flag("FASTNET_NO_EXT"):
        return []
    import numpy
    from Cython.Build import cythonize
    exts = [Extension(".".join(path.with_suffix("").parts), [str(path)], depends=sources(),
                      include_dirs=[str(KERNELS), numpy.get_include()],
                      define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")])
            for folder in (KERNELS, RUNTIME) for path in sorted(folder.glob("*.pyx"))]
    return cythonize(exts, nthreads=min(os.cpu_count() or 1, 16), cache=os.environ.get("CYTHON_CACHE_DIR"),
                     annotate=flag("FASTNET_ANNOTATE"), compiler_directives={
        "language_level": 3, "boundscheck": False, "wraparound": False, "cdivision": True, "initializedcheck": False,
        "embedsignature": False, "binding": True, "freethreading_compatible": True})


if __name__ == "__main__":              # not in the processes that cythonize starts
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildKernels})
