"""Every kernel in NumPy: the contract of the compiled ones, their oracle in the tests, and the fallback at run time.

A kernel writes its leading arguments, the outputs, and returns nothing. FAMILIES names the modules; each has a
compiled twin of the same name and the same signatures in fastnet/_kernels.
"""
FAMILIES = ("activation", "elementwise", "elementwise_extra", "matmul", "random", "random_extra", "optim",
            "reduce", "reduce_extra", "norm", "index", "index_extra", "loss", "sparse_extra")
