"""Names and docstrings of the functions that factories make."""


def describe(function, name, doc, call=None, result=None):
    """Give a function its name and its docstring; returns it.

    Args:
        function: what a factory made.
        name: its name in the package.
        doc: what it computes.
        call, result: an example, what is called and what is printed; it is tested like all others.
    """
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc if call is None else (
        f"{doc}\n\n    Example:\n        >>> import fastnet\n        >>> {call}\n        {result}\n    ")
    return function
