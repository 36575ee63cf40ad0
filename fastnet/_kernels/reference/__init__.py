"""Every kernel in NumPy: the contract of the compiled ones, their oracle in the tests, and the fallback at run time.

A kernel writes its leading arguments, the outputs, and returns nothing. Each module here is a family; all but those
called `*_extra` have a compiled twin of the same name and the same signatures in fastnet/_kernels.
"""
import pkgutil

FAMILIES = tuple(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
