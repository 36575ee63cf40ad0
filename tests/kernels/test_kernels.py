"""Every kernel on both backends, from the table of cases: same numbers, same signatures, same bits everywhere.

A test runs all sizes of one case and dtype; a failure names the case, the size and the argument.
"""
import inspect

import numpy as np
import pytest
from kernel_tools import (
    CASES,
    COMPILED,
    LAYOUTS,
    REFERENCE,
    TWIN_CASES,
    arguments,
    arrays,
    assert_close,
    assert_inputs_kept,
    assert_same_bits,
    assert_subnormals_kept,
    built,
    compiled_module,
    divisible,
    functions,
    has_twin,
    instruction_set,
    isas_of,
    kernels,
    laid_out,
    launch,
    packed,
    reference_module,
    run,
    threaded,
    with_other_garbage,
    with_subnormals,
)

from fastnet._kernels.reference import FAMILIES
from fastnet.backend import K, use_backend

TWINS = [family for family in FAMILIES if has_twin(family)]
REAL = (np.float32, np.float64)
HELPERS = {"pooling": {"divisors"}, "random": {"blocks"}}       # public functions of references that are no kernels


def over(cases):
    """Parametrise a test over (case, dtype)."""
    params = [pytest.param(c, d, id=f"{c.id}-{np.dtype(d).name}") for c in cases for d in c.dtypes]
    return pytest.mark.parametrize("case, dtype", params)


# ---- the two tables -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("family", FAMILIES)
def test_reference_functions_are_kernels(family):
    public = functions(reference_module(family))
    others = {name for name, fn in public.items() if not hasattr(fn, "outputs") or not hasattr(fn, "check")}
    assert others == HELPERS.get(family, set())
    assert all(fn.__doc__ for fn in kernels(family).values())


def test_kernel_names_are_unique():
    assert len(REFERENCE) == sum(len(kernels(family)) for family in FAMILIES)
    ids = [case.id for case in CASES]
    assert sorted(set(ids)) == sorted(ids)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kernel_has_a_case(family):
    assert set(kernels(family)) <= {case.kernel for case in CASES}


@built
@pytest.mark.parametrize("family", TWINS)
def test_signatures(family):
    compiled = functions(compiled_module(family))
    reference = kernels(family)
    assert set(compiled) == set(reference), "a kernel without its twin"
    assert compiled, "no compiled kernel"
    for name, fn in compiled.items():
        assert inspect.signature(fn) == inspect.signature(reference[name]), name


# ---- numbers --------------------------------------------------------------------------------------------------------

@over(CASES)
def test_reference(case, dtype):
    """The reference writes all of its outputs, whatever they contained, and nothing else."""
    fn = REFERENCE[case.kernel]
    for size in case.sizes:
        where = f"size {size}"
        if case.raises:
            with pytest.raises(case.raises):
                run(case, fn, dtype, size)
            continue
        done = run(case, fn, dtype, size)
        assert_inputs_kept(case, done, arguments(case, dtype, size), where)
        other = run(case, fn, dtype, size, with_other_garbage(case.kernel))
        assert_same_bits(case, other, done, f"{where}, other garbage")


@built
@over(TWIN_CASES)
def test_parity(case, dtype):
    """The compiled kernel agrees with the reference on every instruction set, and keeps its inputs."""
    for size in case.sizes:
        if case.raises:
            with pytest.raises(case.raises) as expected:
                run(case, REFERENCE[case.kernel], dtype, size)
            with pytest.raises(case.raises) as got:
                run(case, COMPILED[case.kernel], dtype, size)
            assert str(got.value) == str(expected.value)
            continue
        before = arguments(case, dtype, size)
        expected = run(case, REFERENCE[case.kernel], dtype, size)
        for isa in isas_of(case.kernel):
            where = f"size {size} on {isa}"
            with instruction_set(isa), threaded(1):
                done = run_compiled(case, dtype, size, before)
            if done is not None:
                assert_close(case, done, expected, dtype, where)
                assert_inputs_kept(case, done, before, where)


def run_compiled(case, dtype, size, before):
    """As run(); None if the kernel may leave the dtype to the reference."""
    try:
        return run(case, COMPILED[case.kernel], dtype, size)
    except launch.UnsupportedDtype:
        assert dtype not in REAL, f"{case.id} is not served"
        return None
    except launch.NeedsPacking:         # allowed only for arrays that are not contiguous
        assert not all(a.flags.c_contiguous for _, a in arrays(*before))
        return run(case, COMPILED[case.kernel], dtype, size, laid_out(packed))


@built
@over([case for case in TWIN_CASES if not case.raises and set(case.dtypes) & set(REAL)])
def test_subnormal_numbers(case, dtype):
    """Kernels that select, compare or copy keep subnormal numbers; the contract of the others says flushes=True."""
    if dtype not in REAL:
        pytest.skip("no subnormal numbers")
    for size, share in zip(case.sizes[::-2], (1, 0.5)):
        subnormal = with_subnormals(case.kernel, share)
        expected = run(case, REFERENCE[case.kernel], dtype, size, subnormal)
        for isa in isas_of(case.kernel):
            with use_backend("compiled"), instruction_set(isa), threaded(1):
                done = run(case, getattr(K, case.kernel), dtype, size, subnormal)
            assert_subnormals_kept(case, done, expected, f"size {size} on {isa}")


# ---- bits -----------------------------------------------------------------------------------------------------------

BIT_CASES = [case for case in TWIN_CASES if not case.raises]


@built
@over(BIT_CASES)
def test_same_bits_on_any_number_of_threads(case, dtype):
    with use_backend("compiled"):
        fn = getattr(K, case.kernel)
        for size in divisible(case, dtype):
            with threaded(1):
                expected = run(case, fn, dtype, size)
            for n in (2, 3, 8):
                with threaded(n):
                    assert_same_bits(case, run(case, fn, dtype, size), expected, f"size {size} on {n} threads")


@built
@over(BIT_CASES)
def test_same_bits_in_any_layout(case, dtype):
    with use_backend("compiled"), threaded(1):
        fn = getattr(K, case.kernel)
        for size in case.sizes:
            expected = run(case, fn, dtype, size)
            for name, layout in LAYOUTS.items():
                done = run(case, fn, dtype, size, laid_out(layout))
                assert_same_bits(case, done, expected, f"size {size}, {name}")
