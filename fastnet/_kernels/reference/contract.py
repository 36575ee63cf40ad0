"""What a reference kernel says of itself beside its signature and docstring."""


def kernel(outputs=1, check=False):
    """Mark a function as a kernel.

    Args:
        outputs: how many of its leading arguments it writes.
        check: it writes nothing and raises where its input can't be served; a recording runs such kernels before the
            first update of state.
    """
    def mark(fn):
        fn.outputs = 0 if check else outputs
        fn.check = check
        return fn
    return mark
