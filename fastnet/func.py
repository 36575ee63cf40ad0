"""Transformations of functions, as `torch.func`: gradients, Jacobians, and calls over a batch dimension.

A transformation returns a function. They nest: `grad(grad(f))` is the second derivative, `vmap(grad(f))` the gradient
of each sample.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.autograd import enable_grad, functional as _functional, grad as _gradients
from fastnet.functional.joining import stack
from fastnet.nn.utils.stateless import functional_call

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "stack_module_state",
           "vjp", "vmap"]


# ---- nested arguments -----------------------------------------------------------------------------------------------

def _leaves_of(tree: Any) -> list[Any]:
    """The values in nested tuples, lists and dictionaries."""
    if isinstance(tree, Mapping):
        return [leaf for value in tree.values() for leaf in _leaves_of(value)]
    if isinstance(tree, tuple | list):
        return [leaf for value in tree for leaf in _leaves_of(value)]
    return [tree]


def _rebuilt(tree: Any, leaves: Any) -> Any:
    """The same nesting with other values, taken from an iterator."""
    if isinstance(tree, Mapping):
        pairs: Any = ((key, _rebuilt(value, leaves)) for key, value in tree.items())
        return dict(pairs) if type(tree) is dict else type(tree)(pairs)     # type: ignore[call-arg]
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(_rebuilt(value, leaves) for value in tree))
    if isinstance(tree, tuple | list):
        return type(tree)(_rebuilt(value, leaves) for value in tree)
    return next(leaves)


def _places_of_arguments(name: str, args: tuple[Any, ...], argnums: int | tuple[int, ...]) -> list[int]:
    listed = [argnums] if isinstance(argnums, int) else list(argnums)
    if not listed or not all(-len(args) <= n < len(args) for n in listed):
        raise RuntimeError(f"{name}: expected argnums to number positional arguments, got {argnums} for {len(args)} "
                           "arguments")
    return [n % len(args) for n in listed]


def _tracked_tree(tree: Any) -> tuple[Any, list[Tensor], bool]:
    """(a tree with tensors whose gradients can be asked for, these tensors, whether one of them was tracked before)."""
    given = _leaves_of(tree)
    if not all(isinstance(x, Tensor) for x in given):
        raise TypeError("expected the arguments that gradients are computed for to hold tensors, got "
                        f"{next(type(x).__name__ for x in given if not isinstance(x, Tensor))}")
    tracked = [x.view(x.shape) if x.requires_grad else x.detach().requires_grad_() for x in given]
    return _rebuilt(tree, iter(tracked)), tracked, any(x.requires_grad for x in given)


def _detached(tree: Any) -> Any:
    """The same nesting with tensors that have no gradient."""
    return _rebuilt(tree, iter([x.detach() if isinstance(x, Tensor) else x for x in _leaves_of(tree)]))


def _value_and_rest(name: str, result: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(f"{name}: expected a function with has_aux=True to return (output, aux), got "
                           f"{type(result).__name__}")
    return result


# ---- gradients ------------------------------------------------------------------------------------------------------

def grad_and_value(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0,
                   has_aux: bool = False) -> Callable[..., Any]:
    """Make a function that computes the gradient of `func`, and its value.

    Args:
        func: a function that returns a tensor of one element, or with `has_aux` a pair of one and anything else.
        argnums: the position of the argument that the gradient is for, or a tuple of several. An argument may be a
            nested structure of tensors, such as a dictionary of parameters.
        has_aux: whether func returns something besides its value.

    Returns:
        A function that returns (gradient, value), or (gradient, (value, aux)). The gradient has the structure of the
        argument; with a tuple of positions it is a tuple.

    Raises:
        RuntimeError: the value has several elements.

    Example:
        >>> import fastnet
        >>> fastnet.func.grad_and_value(lambda x: (x * x).sum())(fastnet.tensor([1.0, 2.0]))
        (tensor([2., 4.]), tensor(5.))
    """
    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        places = _places_of_arguments("grad", args, argnums)
        with enable_grad():
            tree, tensors, nested = _tracked_tree(tuple(args[n] for n in places))
            replaced = list(args)
            for n, value in zip(places, tree):
                replaced[n] = value
            value, aux = _value_and_rest("grad", func(*replaced, **kwargs), has_aux)
            if not isinstance(value, Tensor) or value.numel() != 1 or value.ndim:
                raise RuntimeError("grad: expected the function to return a 0-d tensor, got "
                                   + (shape_text(value) if isinstance(value, Tensor) else type(value).__name__))
            outside = nested or (value.requires_grad and _depends_on_more(value, tensors))
            found = (_gradients(value, tensors, create_graph=outside, allow_unused=True, materialize_grads=True)
                     if value.requires_grad else [x.detach() * 0 for x in tensors])
        slopes = _rebuilt(tree, iter(found))
        if not outside:
            value, aux = value.detach(), _detached(aux)
        return slopes[0] if isinstance(argnums, int) else slopes, (value, aux) if has_aux else value
    return gradient_and_value


def _depends_on_more(value: Tensor, tensors: Sequence[Tensor]) -> bool:
    """Whether a value depends on leaves that are not among some tensors: those of a surrounding transformation."""
    own = {id(t) for t in tensors}
    seen: set[int] = set()
    waiting: list[Any] = [value._node] if value._node is not None else []
    while waiting:
        for _, target in waiting.pop().edges:
            if isinstance(target, Tensor) and id(target) not in own:
                return True
            if not isinstance(target, Tensor) and id(target) not in seen:
                seen.add(id(target))
                waiting.append(target)
    return False


def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Make a function that computes the gradient of `func`.

    Args:
        func, argnums, has_aux: as of `grad_and_value`.

    Returns:
        A function that returns the gradient, or with `has_aux` (gradient, aux).

    Example:
        >>> import fastnet
        >>> slope = fastnet.func.grad(fastnet.sin)
        >>> slope(fastnet.tensor(0.0)), fastnet.func.grad(slope)(fastnet.tensor(1.5707963))
        (tensor(1.), tensor(-1.))
    """
    both = grad_and_value(func, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        slopes, value = both(*args, **kwargs)
        return (slopes, value[1]) if has_aux else slopes
    return gradient


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Call a function, and make the function that multiplies vectors with its Jacobian.

    Args:
        func: a function that returns a tensor, or a nested structure of tensors.
        primals: its arguments, tensors or nested structures of tensors.
        has_aux: whether func returns (output, aux).

    Returns:
        (output, function), or (output, function, aux). The function takes a vector in the structure of the output and
        returns a tuple with the product for each argument.

    Example:
        >>> import fastnet
        >>> output, product = fastnet.func.vjp(lambda x: x * x, fastnet.tensor([1.0, 2.0]))
        >>> output, product(fastnet.tensor([1.0, 10.0]))
        (tensor([1., 4.]), (tensor([ 2., 40.]),))
    """
    with enable_grad():
        tree, tensors, nested = _tracked_tree(primals)
        output, aux = _value_and_rest("vjp", func(*tree), has_aux)
    outputs = _leaves_of(output)

    def product(*cotangents: Any) -> Any:
        vectors = _leaves_of(cotangents)
        used = [(o, v) for o, v in zip(outputs, vectors, strict=True) if o.requires_grad]
        with enable_grad():
            keep = nested or any(v.requires_grad for v in vectors)
            found = (_gradients([o for o, _ in used], tensors, [v for _, v in used], True, keep, allow_unused=True,
                                materialize_grads=True) if used else [x.detach() * 0 for x in tensors])
        return _rebuilt(primals, iter(found))
    shown, aux = (output, aux) if nested else (_detached(output), _detached(aux))
    return (shown, product, aux) if has_aux else (shown, product)


def jvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...], *, strict: bool = False,
        has_aux: bool = False) -> tuple[Any, ...]:
    """Compute a function and its directional derivative: J @ tangents.

    Two backward passes compute it, so that the function needs second derivatives.

    Args:
        func: a function that returns a tensor, or a nested structure of tensors.
        primals: a tuple of its arguments, tensors or nested structures of tensors.
        tangents: a tuple of their directions, in the same structures and shapes.
        strict: as in `fastnet.autograd.functional.jvp`.
        has_aux: whether func returns (output, aux).

    Returns:
        (output, derivative), or (output, derivative, aux).

    Example:
        >>> import fastnet
        >>> fastnet.func.jvp(fastnet.square, (fastnet.tensor([1.0, 2.0]),), (fastnet.ones(2),))
        (tensor([1., 4.]), tensor([2., 4.]))
    """
    results: list[tuple[Any, Any]] = []

    def value(*leaves: Any) -> tuple[Any, ...]:
        results.append(_value_and_rest("jvp", func(*_rebuilt(primals, iter(leaves))), has_aux))
        return tuple(_leaves_of(results[0][0]))
    nested = any(t.requires_grad for t in _leaves_of((primals, tangents)))
    found = _functional.jvp(value, tuple(_leaves_of(primals)), tuple(_leaves_of(tangents)), nested, strict)
    form, aux = results[0]
    output, derivative = (_rebuilt(form, iter(values)) for values in found)
    return (output, derivative, aux if nested else _detached(aux)) if has_aux else (output, derivative)


def jacrev(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Make a function that computes the Jacobian of `func`, a backward pass for each element of the output.

    Args:
        func: a function that returns a tensor, or a nested structure of tensors.
        argnums: the position of the argument, or a tuple of several. An argument may be a nested structure of tensors,
            such as a dictionary of parameters.
        has_aux: whether func returns (output, aux).

    Returns:
        A function that returns the Jacobian, of shape (*output.shape, *argument.shape), or these in the structure of
        the output, each in the structure of the argument; with `has_aux` (Jacobian, aux).

    Example:
        >>> import fastnet
        >>> fastnet.func.jacrev(fastnet.square)(fastnet.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    def jacobian(*args: Any) -> Any:
        places = _places_of_arguments("jacrev", args, argnums)
        results: list[tuple[Any, Any]] = []
        inputs = tuple(args[n] for n in places)

        def value(*leaves: Any) -> tuple[Any, ...]:
            replaced = list(args)
            for n, x in zip(places, _rebuilt(inputs, iter(leaves))):
                replaced[n] = x
            results.append(_value_and_rest("jacrev", func(*replaced), has_aux))
            return tuple(_leaves_of(results[0][0]))
        nested = any(isinstance(t, Tensor) and t.requires_grad for t in _leaves_of(args))
        rows = _functional.jacobian(value, tuple(_leaves_of(inputs)), nested)
        form, aux = results[0]
        like = inputs[0] if isinstance(argnums, int) else inputs
        found = _rebuilt(form, iter([_rebuilt(like, iter(row)) for row in rows]))
        return (found, aux if nested else _detached(aux)) if has_aux else found
    return jacobian


def jacfwd(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *,
           randomness: str = "error") -> Callable[..., Any]:
    """Make a function that computes the Jacobian of `func`: the same as `jacrev`.

    Args:
        func, argnums, has_aux: as of `jacrev`.
        randomness: ignored.

    Example:
        >>> import fastnet
        >>> fastnet.func.jacfwd(fastnet.exp)(fastnet.zeros(1))
        tensor([[1.]])
    """
    return jacrev(func, argnums, has_aux)


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Make a function that computes the Hessian of `func`: the Jacobian of its Jacobian.

    Args:
        func, argnums: as of `jacrev`.

    Example:
        >>> import fastnet
        >>> fastnet.func.hessian(lambda x: x.prod())(fastnet.tensor([2.0, 3.0]))
        tensor([[0., 1.],
                [1., 0.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


# ---- batches --------------------------------------------------------------------------------------------------------

def vmap(func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: int | None = None) -> Callable[..., Any]:
    """Make a function that applies `func` to each entry of a dimension of its arguments, and stacks the results.

    It calls func once for each entry. Results are those of PyTorch; a batched operation is faster.

    Args:
        func: a function of tensors without the dimension.
        in_dims: the dimension of each argument, None for an argument that is passed to all calls; one number for all
            arguments, or a tuple, nested as the arguments.
        out_dims: the dimension of each result that numbers the entries.
        randomness: ignored: each call draws its own random numbers.
        chunk_size: ignored.

    Returns:
        A function of the arguments with the dimension.

    Raises:
        ValueError: arguments without a dimension to map over, or of different lengths.

    Example:
        >>> import fastnet
        >>> dots = fastnet.func.vmap(fastnet.dot, in_dims=(0, None))
        >>> dots(fastnet.tensor([[1.0, 0.0], [0.0, 1.0]]), fastnet.tensor([3.0, 4.0]))
        tensor([3., 4.])
    """
    def mapped(*args: Any, **kwargs: Any) -> Any:
        values = _leaves_of((args, tuple(kwargs.values())))
        dims = [*_dims_of(args, tuple(in_dims) if isinstance(in_dims, list) else in_dims),
                *(0 for _ in _leaves_of(tuple(kwargs.values())))]
        lengths = {x.shape[d] for x, d in zip(values, dims) if d is not None and isinstance(x, Tensor)}
        if len(lengths) != 1:
            raise ValueError("vmap: expected arguments with one length in their mapped dimensions, got "
                             + (f"the lengths {sorted(lengths)}" if lengths else "none to map over"))
        results = []
        for k in range(lengths.pop()):
            entry = iter([x if d is None or not isinstance(x, Tensor) else x.select(d, k)
                          for x, d in zip(values, dims)])
            positional = _rebuilt(args, entry)
            results.append(func(*positional, **_rebuilt(kwargs, entry)))
        outputs = list(zip(*map(_leaves_of, results)))
        places = _dims_of(results[0], out_dims)
        joined = [_stacked_entries(parts, d) for parts, d in zip(outputs, places)]
        return _rebuilt(results[0], iter(joined))
    return mapped


def _stacked_entries(parts: Sequence[Any], dim: int | None) -> Any:
    if dim is None:
        return parts[0]
    if not isinstance(parts[0], Tensor):
        raise ValueError(f"vmap: expected a function that returns tensors, got {type(parts[0]).__name__}")
    return stack(list(parts), dim)


def _dims_of(tree: Any, dims: Any) -> list[int | None]:
    """A dimension for each value of a nested structure, from one for all, or from a nested structure of them."""
    if dims is None or isinstance(dims, int):
        return [dims] * len(_leaves_of(tree))
    if isinstance(tree, Mapping):
        return [d for key, value in tree.items() for d in _dims_of(value, dims[key])]
    if not isinstance(tree, tuple | list) or len(dims) != len(tree):
        raise ValueError(f"vmap: expected dimensions nested as the values, got {dims!r}")
    return [d for value, part in zip(tree, dims) for d in _dims_of(value, part)]


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Stack the parameters and the buffers of modules of one architecture, for an ensemble under `vmap`.

    Args:
        models: modules with parameters and buffers of the same names and shapes.

    Returns:
        (parameters, buffers), each a dictionary of tensors with a new first dimension.

    Raises:
        RuntimeError: no modules.

    Example:
        >>> import fastnet
        >>> parameters, buffers = fastnet.func.stack_module_state([fastnet.nn.Linear(2, 1) for _ in range(3)])
        >>> parameters["weight"].shape
        (3, 1, 2)
    """
    if not models:
        raise RuntimeError("stack_module_state: expected at least one model, got 0")
    parameters = {name: stack([dict(m.named_parameters())[name].detach() for m in models]).requires_grad_(
        p.requires_grad) for name, p in models[0].named_parameters()}
    buffers = {name: stack([dict(m.named_buffers())[name] for m in models]) for name, _ in models[0].named_buffers()}
    return parameters, buffers
