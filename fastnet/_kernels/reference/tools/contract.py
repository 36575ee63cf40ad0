"""Properties that a reference kernel declares in addition to its signature and docstring."""


def kernel(outputs=1, check=False, fallible=False, flushes=False, ulp=None):
    """Mark a function as a kernel.

    Args:
        outputs: the number of leading arguments that it writes, or the positions of the arguments that it writes.
        check: it writes nothing and raises if its input is invalid. A recording runs such kernels before the first
            update of state.
        fallible: it may raise because of the contents of its input (a check always may). A recording that updates state
            before it copies that state first, to restore it.
        flushes: compiled results may be 0 if they, or numbers that they are computed from, are smaller than the
            smallest normal number. Kernels that compare, select or copy numbers keep subnormal numbers.
        ulp: the error bound of compiled results for float32 and float64, in units in the last place of the true
            result, if that is a normal number. A smaller result may be 0. A result that is not finite is the rounded
            true result.
    """
    def mark(fn):
        fn.outputs = () if check else tuple(range(outputs)) if isinstance(outputs, int) else outputs
        fn.check = check
        fn.fallible = check or fallible
        fn.flushes = flushes
        fn.ulp = ulp
        return fn
    return mark
