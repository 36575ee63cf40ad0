"""What a reference kernel says of itself beside its signature and docstring."""


def kernel(outputs=1, check=False, fallible=False, flushes=False, ulp=None):
    """Mark a function as a kernel.

    Args:
        outputs: how many of its leading arguments it writes, or the positions of those that it does.
        check: it writes nothing and raises where its input can't be served; a recording runs such kernels before the
            first update of state.
        fallible: it raises on what its input contains (a check always does); a recording that updates state before it
            copies that state first, to put it back.
        flushes: its compiled results may be 0 where they, or numbers that they are computed from, are smaller than the
            smallest normal number. Kernels that compare, select or copy numbers keep subnormal ones.
        ulp: how far a compiled result may be from the true one, for float32 and float64, in units in the last place of
            the true one, wherever that is a normal number; it may be 0 instead of a smaller one. What is not finite is
            what the true result rounds to.
    """
    def mark(fn):
        fn.outputs = () if check else tuple(range(outputs)) if isinstance(outputs, int) else outputs
        fn.check = check
        fn.fallible = check or fallible
        fn.flushes = flushes
        fn.ulp = ulp
        return fn
    return mark
