"""The instruction set of the kernels: the best that this processor has, or the one chosen by set_isa."""

cdef extern from "src/cpu.h":
    const char *isa_names[]
    const char *isa_bases[]
    bint isa_runs(int isa)
    long second_cache_bytes()

cdef dict _numbers = {isa_names[i].decode(): i for i in range(ISA_COUNT) if isa_runs(i)}
cdef int _selected = max(_numbers.values())
cdef ptrdiff_t _second_cache = second_cache_bytes()


cdef ptrdiff_t second_cache() noexcept nogil:
    """Bytes of a core's second-level cache. Plans may depend on it; results must not."""
    return _second_cache


cdef int selected_isa() noexcept nogil:
    return _selected


def available():
    """The names of the instruction sets that both this build and this processor have, lowest first."""
    return list(_numbers)


def bases():
    """The set whose floating-point kernels each available instruction set uses: itself, or one with fewer instructions for
    integers."""
    return {name: isa_bases[number].decode() for name, number in _numbers.items()}


cdef str isa_name(int number):
    """The name of an instruction set."""
    return isa_names[number].decode()


def isa():
    """The name of the instruction set in use."""
    return isa_name(_selected)


def set_isa(str name):
    """Run the kernels of every thread on instruction set `name` from now on."""
    global _selected
    if name not in _numbers:
        raise ValueError(f"instruction set {name!r} is not available here; choose from {', '.join(_numbers)}")
    _selected = _numbers[name]
