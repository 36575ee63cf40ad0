"""Einstein sums, by permutations and matrix products."""
from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.arithmetic import mul
from fastnet.functional.expansion import expand
from fastnet.functional.linear import matmul
from fastnet.functional.shape import permute, reshape

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape

__all__ = ["einsum"]


class _Term:
    """A tensor with a label for each of its dimensions."""

    def __init__(self, tensor: Tensor, labels: Sequence[str]) -> None:
        self.tensor, self.labels = tensor, tuple(labels)

    def size(self, label: str) -> int:
        return self.tensor.shape[self.labels.index(label)]

    def ordered(self, labels: Sequence[str]) -> Tensor:
        """The tensor with its dimensions in this order; a label that it lacks gives a dimension of length 1."""
        own = [label for label in labels if label in self.labels]
        x = permute(self.tensor, [self.labels.index(label) for label in own])
        return reshape(x, [self.size(label) if label in self.labels else 1 for label in labels])

    def grouped(self, *groups: Sequence[str]) -> Tensor:
        """The tensor with one dimension for each group of labels."""
        x = permute(self.tensor, [self.labels.index(label) for group in groups for label in group])
        return reshape(x, [_product_of_lengths(self.size(label) for label in group) for group in groups])

    def summed(self, kept: set[str]) -> _Term:
        """The sum over the dimensions whose labels are not in `kept`."""
        dims = [i for i, label in enumerate(self.labels) if label not in kept]
        if not dims:
            return self
        return _Term(self.tensor.sum(dims), [label for label in self.labels if label in kept])


def _product_of_lengths(numbers: Any) -> int:
    total = 1
    for n in numbers:
        total *= n
    return total


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products of elements, in Einstein's notation: "bij,bjk->bik" is a batched matrix product.

    A label names a dimension. Dimensions with the same label run together; those whose label is not in the result are
    summed. Sums of products are matrix products. Three or more tensors are combined from left to right.

    Args:
        equation: labels of each tensor, letters, separated by commas; then "->" and the labels of the result. "..."
            stands for dimensions that broadcast. Without "->" the result has the labels that occur once, in
            alphabetical order.
        operands: the tensors, or one list of them. Instead of the equation, each tensor may be followed by a list of
            integers from 0 to 51 as labels, and the last may be followed by a list for the result.

    Raises:
        RuntimeError: another number of tensors or dimensions than the equation has, lengths of one label that differ,
            or a label of the result that no tensor has.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> fastnet.einsum("ij,ij->i", x, x), fastnet.einsum("ii", x)
        (tensor([ 5., 25.]), tensor(5.))
    """
    if not isinstance(equation, str):
        equation, operands = _as_equation((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    terms, result = _parsed(equation.replace(" ", ""), operands)
    _check_lengths(equation, terms)
    total = terms[0]
    for i, term in enumerate(terms[1:], 1):
        later = {label for rest in terms[i + 1:] for label in rest.labels} | set(result)
        total = _contracted(total, term, later)
    return _permuted(total.summed(set(result)), result)


def _permuted(term: _Term, result: Sequence[str]) -> Tensor:
    """The tensor of a term with its dimensions in the order of the result."""
    return permute(term.tensor, [term.labels.index(label) for label in result])


# ---- the equation ---------------------------------------------------------------------------------------------------

def _as_equation(arguments: Sequence[Any]) -> tuple[str, tuple[Tensor, ...]]:
    """The equation of (tensor, labels, tensor, labels, ..., labels of the result)."""
    def text(labels: Sequence[Any]) -> str:
        return "".join("..." if label is Ellipsis else string.ascii_letters[label] for label in labels)
    pairs = len(arguments) // 2
    tensors = tuple(arguments[2 * i] for i in range(pairs))
    equation = ",".join(text(arguments[2 * i + 1]) for i in range(pairs))
    return equation + ("->" + text(arguments[-1]) if len(arguments) % 2 else ""), tensors


def _parsed(equation: str, operands: Sequence[Tensor]) -> tuple[list[_Term], list[str]]:
    """The terms of an equation and the labels of its result; the dimensions of "..." have the labels "0", "1", ..."""
    left, arrow, right = equation.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(operands):
        raise RuntimeError(f"einsum: the equation {equation!r} has {len(inputs)} terms, got {len(operands)} tensors")
    widest = max((x.ndim - len(text.replace("...", "")) for x, text in zip(operands, inputs) if "..." in text),
                 default=0)
    terms = [_diagonal(_Term(x, _term_labels(equation, text, x, widest))) for x, text in zip(operands, inputs)]
    if arrow:
        result = _split_labels(equation, right, [str(i) for i in range(widest)])
    else:
        letters = left.replace(",", "").replace("...", "")
        result = [str(i) for i in range(widest)] + [c for c in sorted(set(letters)) if letters.count(c) == 1]
    known = {label for term in terms for label in term.labels} | {str(i) for i in range(widest)}
    for label in result:
        if label not in known or result.count(label) > 1:
            raise RuntimeError(f"einsum: expected the label {label!r} once in the result and in some term of "
                               f"{equation!r}")
    return terms, result


def _split_labels(equation: str, text: str, broadcast: list[str]) -> list[str]:
    """The labels of one term; "..." is replaced by the given ones."""
    before, dots, after = text.partition("...")
    for c in before + after:
        if c not in string.ascii_letters:
            raise RuntimeError(f"einsum: expected letters as labels, got {c!r} in {equation!r}")
    return [*before, *(broadcast if dots else ()), *after]


def _term_labels(equation: str, text: str, x: Tensor, widest: int) -> list[str]:
    extra = x.ndim - len(text.replace("...", ""))
    labels = _split_labels(equation, text, [str(i) for i in range(widest - extra, widest)] if extra > 0 else [])
    if len(labels) != x.ndim:
        raise RuntimeError(f"einsum: the term {text!r} of {equation!r} has {len(labels)} labels, the tensor shape "
                           f"{shape_text(x)}")
    return labels


def _diagonal(term: _Term) -> _Term:
    """A term whose labels differ: of a repeated label the diagonal."""
    for label in dict.fromkeys(term.labels):
        while term.labels.count(label) > 1:
            first, second = [i for i, other in enumerate(term.labels) if other == label][:2]
            order = [i for i in range(len(term.labels)) if i not in (first, second)]
            n, m = term.tensor.shape[first], term.tensor.shape[second]
            if n != m:
                raise RuntimeError(f"einsum: the label {label!r} has lengths {n} and {m}")
            x = permute(term.tensor, [*order, first, second])
            flat = reshape(x, (*x.shape[:-2], n * n))
            term = _Term(flat[..., ::n + 1] if n else flat, [term.labels[i] for i in order] + [label])
    return term


def _check_lengths(equation: str, terms: Sequence[_Term]) -> None:
    """Refuse lengths of one label that differ, unless one of them is 1."""
    lengths: dict[str, int] = {}
    for term in terms:
        for label in term.labels:
            n = term.size(label)
            if 1 not in (n, lengths.get(label, 1)) and n != lengths[label]:
                raise RuntimeError(f"einsum: the label {label!r} of {equation!r} has lengths {lengths[label]} and {n}")
            lengths[label] = n if lengths.get(label, 1) == 1 else lengths[label]


# ---- products -------------------------------------------------------------------------------------------------------

def _contracted(a: _Term, b: _Term, later: set[str]) -> _Term:
    """The product of two terms, summed over the labels that nothing reads later."""
    a, b = a.summed(later | set(b.labels)), b.summed(later | set(a.labels))
    a, b = _broadcast(a, b), _broadcast(b, a)
    shared = [label for label in a.labels if label in b.labels]
    batch, summed = [x for x in shared if x in later], [x for x in shared if x not in later]
    left, right = [x for x in a.labels if x not in shared], [x for x in b.labels if x not in shared]
    if not summed:
        labels = [*batch, *left, *right]
        return _Term(mul(a.ordered(labels), b.ordered(labels)), labels)
    groups = (batch,) if batch else ()
    product = matmul(a.grouped(*groups, left, summed), b.grouped(*groups, summed, right))
    shape: Shape = tuple([a.size(x) for x in batch + left] + [b.size(x) for x in right])
    return _Term(reshape(product, shape), [*batch, *left, *right])


def _broadcast(a: _Term, b: _Term) -> _Term:
    """The first term with dimensions of length 1 expanded to those of the second."""
    shape = tuple(b.size(x) if x in b.labels and n == 1 else n for x, n in zip(a.labels, a.tensor.shape))
    return a if shape == a.tensor.shape else _Term(expand(a.tensor, shape), a.labels)
