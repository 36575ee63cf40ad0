"""The wording of errors: what was given, and what was expected."""


def shape_text(x):
    """The shape of a tensor or an array, as text: "(3, 4)"."""
    shape = tuple(getattr(x, "shape", x))
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def one_of(what, given, known):
    """A ValueError for a name that is none of the known ones."""
    return ValueError(f"unknown {what} {given!r}; choose from {', '.join(map(repr, known))}")
