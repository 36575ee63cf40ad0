"""Functions around functions that every call of an operation passes: C, since a Python frame would take longer.

The twin in plain Python is twins/wrappers.py.
"""


def explain_failures(function, explain):
    """`function`, but explain(function, args, kwargs, error) is called before an AttributeError, TypeError or
    ValueError is raised.
    """
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except (AttributeError, TypeError, ValueError) as error:
            explain(function, args, kwargs, error)
            raise
    return call


def translate_keywords(function, translate):
    """`function`, but translate(args, kwargs) gives the arguments of a call with keyword arguments."""
    def call(*args, **kwargs):
        if not kwargs:
            return function(*args)
        args, kwargs = translate(args, kwargs)
        return function(*args, **kwargs)
    return call


def accept_out(function, write):
    """`function`, but write(out, result) gives the result of a call with the keyword argument `out`."""
    def call(*args, **kwargs):
        if not kwargs:
            return function(*args)
        out = kwargs.pop("out", None)
        result = function(*args, **kwargs)
        return result if out is None else write(out, result)
    return call
