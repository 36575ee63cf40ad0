"""The NumPy form of every kernel: contract of the compiled kernels, expected results in tests, fallback at run time.

A kernel writes its leading arguments, the outputs, and returns nothing. Each module here is a family. A family has a
compiled twin of the same name and signatures in fastnet/_kernels, unless it is named `*_extra`.
"""
import pkgutil

FAMILIES = tuple(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
