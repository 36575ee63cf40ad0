"""Linear combinations of three tensors."""
from fastnet import dtypes
from fastnet._core.tensor import method
from fastnet.functional.arithmetic import add, div, mul, plus_multiple, sub


@method()
def lerp(input, end, weight):
    """input + weight * (end - input): linear interpolation, the input at weight 0 and the end at 1.

    Args:
        input, end: tensors; shapes broadcast.
        weight: a number or a tensor.

    Example:
        >>> import fastnet
        >>> fastnet.lerp(fastnet.tensor([0.0, 10.0]), fastnet.tensor([4.0, 20.0]), 0.5)
        tensor([ 2., 15.])
    """
    return add(input, mul(weight, sub(end, input)))


@method()
def addcmul(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 * tensor2, element by element.

    Args:
        input, tensor1, tensor2: tensors; shapes broadcast. They are promoted to one dtype first.
        value: a number.

    Raises:
        RuntimeError: a value with a fraction for integers, which PyTorch drops.

    Example:
        >>> import fastnet
        >>> fastnet.addcmul(fastnet.ones(2), fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0, 4.0]), value=10)
        tensor([31., 81.])
    """
    input, tensor1, tensor2 = _promoted(input, tensor1, tensor2)
    return plus_multiple("addcmul", "value", input, mul(tensor1, tensor2), _number(value))


def _promoted(*tensors):
    """Tensors in the dtype that they have in common."""
    dtype = dtypes.result_type(*(x._data for x in tensors))
    return (x if x.dtype == dtype else x.to(dtype) for x in tensors)


def _number(value):
    """A bool as the number that it is; anything else unchanged."""
    return int(value) if isinstance(value, bool) else value


@method()
def addcdiv(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 / tensor2, element by element.

    Args:
        input, tensor1, tensor2: tensors; shapes broadcast. They are promoted to one dtype first.
        value: a number.

    Raises:
        RuntimeError: integers divided by integers.

    Example:
        >>> import fastnet
        >>> fastnet.addcdiv(fastnet.ones(2), fastnet.tensor([1.0, 2.0]), fastnet.tensor([2.0, 4.0]), value=10)
        tensor([6., 6.])
    """
    if tensor1.dtype.kind != "f" and tensor2.dtype.kind != "f":
        raise RuntimeError(f"addcdiv: expected a floating-point tensor1 or tensor2, got {tensor1.dtype} and "
                           f"{tensor2.dtype}")
    input, tensor1, tensor2 = _promoted(input, tensor1, tensor2)
    return plus_multiple("addcdiv", "value", input, div(tensor1, tensor2), _number(value))
