# Arrays as kernels see them: unpacked, and checked for dtype, layout and shape. Included by launch.pyx.


class UnsupportedDtype(TypeError):
    """The compiled kernel does not take this dtype; the dispatcher calls the reference instead."""


class NeedsPacking(ValueError):
    """The compiled kernel needs contiguous, aligned arrays; the dispatcher copies them and calls again."""


class NeedsChannelsLast(NeedsPacking):
    """The output of an elementwise kernel is channels-last; the dispatcher copies the other arrays to that layout."""


cdef int dtype_of(const char *format, Py_ssize_t itemsize) noexcept:
    """The DType of a buffer's format, or UNSUPPORTED."""
    if format != NULL and (format[0] == c"=" or format[0] == c"@"):
        format += 1                     # NumPy's mark on unaligned arrays
    if format == NULL or format[0] == 0 or format[1] != 0:
        return UNSUPPORTED
    cdef char c = format[0]
    if c == c"f":
        return F32
    if c == c"d":
        return F64
    if c == c"q" or c == c"l":
        return I64 if itemsize == 8 else I32
    if c == c"i":
        return I32
    if c == c"B":
        return U8
    if c == c"b":
        return I8
    if c == c"h":
        return I16
    return BOOL if c == c"?" else UNSUPPORTED


cdef enum:
    TYPE_NUMBERS = 24               # of NumPy's own dtypes

cdef DType _dtypes[TYPE_NUMBERS]    # by NumPy's type number: a table, since a branch would often be mispredicted
cdef int _number
for _number in range(TYPE_NUMBERS):
    _dtypes[_number] = UNSUPPORTED
_dtypes[<int>cnp.NPY_FLOAT32] = F32
_dtypes[<int>cnp.NPY_FLOAT64] = F64
_dtypes[<int>cnp.NPY_INT64] = I64
_dtypes[<int>cnp.NPY_INT32] = I32
_dtypes[<int>cnp.NPY_UINT8] = U8
_dtypes[<int>cnp.NPY_BOOL] = BOOL
_dtypes[<int>cnp.NPY_INT8] = I8
_dtypes[<int>cnp.NPY_INT16] = I16


cdef inline DType dtype_of_ndarray(cnp.ndarray source) noexcept:
    """The DType of an ndarray; UNSUPPORTED, too, if its byte order is swapped."""
    cdef int number = cnp.PyArray_TYPE(source)
    return _dtypes[number] if number < TYPE_NUMBERS and cnp.PyArray_ISNOTSWAPPED(source) else UNSUPPORTED


cdef inline bint is_foreign(object source) noexcept:
    """Whether an array has a dtype that a package added to NumPy, such as bfloat16: it has no buffer."""
    return cnp.PyArray_Check(source) and cnp.PyArray_TYPE(<cnp.ndarray>source) >= TYPE_NUMBERS


cdef inline DType served(DType dtype, int access) noexcept:
    """The dtype, or UNSUPPORTED if only a few kernels serve it and this one does not."""
    return dtype if dtype < I8 or access & NARROW else UNSUPPORTED


cdef inline bint unpack_ndarray(cnp.ndarray source, Array *array, int access) noexcept:
    """Fill `array` from an ndarray; False if it needs the buffer protocol or must be copied."""
    cdef int i, ndim = source.ndim, wanted = cnp.NPY_ARRAY_ALIGNED
    cdef ptrdiff_t size = 1, odd = 0
    cdef const cnp.npy_intp *shape = source.shape
    cdef const cnp.npy_intp *strides = source.strides
    if access & WRITE:
        wanted |= cnp.NPY_ARRAY_WRITEABLE
    if not access & (STRIDED | UNALIGNED):
        wanted |= cnp.NPY_ARRAY_C_CONTIGUOUS
    array.dtype = served(dtype_of_ndarray(source), access)
    if array.dtype == UNSUPPORTED or ndim > MAX_DIMS or not cnp.PyArray_CHKFLAGS(source, wanted):
        return False
    array.data = <char *>cnp.PyArray_DATA(source)
    array.ndim = ndim
    array.itemsize = cnp.PyArray_ITEMSIZE(source)
    for i in range(ndim):
        array.shape[i] = shape[i]
        array.strides[i] = strides[i]
        size *= shape[i]
        if shape[i] > 1:
            odd |= strides[i]
    array.size = size
    array.aligned = odd & (array.itemsize - 1) == 0
    return array.aligned or access & UNALIGNED


cdef int unpack_buffer(object source, Array *array, int access) except -1:
    """Fill `array` from any object with the buffer protocol.

    Raises:
        UnsupportedDtype: no kernel takes the dtype.
        NeedsPacking: `access` does not allow the layout.
    """
    cdef Py_buffer view
    cdef int i
    cdef ptrdiff_t expected
    cdef bint contiguous = True
    if is_foreign(source):
        raise UnsupportedDtype(f"dtype {source.dtype}")
    PyObject_GetBuffer(source, &view, PyBUF_STRIDED_RO | PyBUF_FORMAT | (PyBUF_WRITABLE if access & WRITE else 0))
    try:
        array.dtype = served(<DType>dtype_of(view.format, view.itemsize), access)
        if array.dtype == UNSUPPORTED:
            raise UnsupportedDtype(f"dtype {getattr(source, 'dtype', '?')}")
        if view.ndim > MAX_DIMS:
            raise ValueError(f"expected at most {MAX_DIMS} dimensions, got {view.ndim}")
        array.data = <char *>view.buf
        array.ndim = view.ndim
        array.itemsize = expected = view.itemsize
        array.size = view.len // view.itemsize
        array.aligned = <uintptr_t>view.buf % view.itemsize == 0
        for i in range(view.ndim - 1, -1, -1):
            array.shape[i] = view.shape[i]
            array.strides[i] = view.strides[i]
            if view.shape[i] > 1:
                if view.strides[i] % view.itemsize:
                    array.aligned = False
                if view.strides[i] != expected and array.size:
                    contiguous = False
            expected *= view.shape[i]
    finally:
        PyBuffer_Release(&view)
    if access & UNALIGNED:
        return 0
    if not array.aligned or not (contiguous or access & STRIDED):
        raise NeedsPacking()
    return 0


cdef int unpack(object source, Array *array, int access=READ) except -1:
    """Fill `array` from an array of any rank and dtype, in the layout that `access` asks for.

    A typed memoryview would fix rank and dtype at compile time and takes three times as long (115 against 34 ns). The
    caller's reference to `source` keeps the memory alive during the call; a recording keeps its own.
    """
    if cnp.PyArray_CheckExact(source) and unpack_ndarray(source, array, access):
        return 0
    if source is None and access & OPTIONAL:
        array.data = NULL
        array.dtype = ABSENT
        array.ndim = 0
        array.size = 0
        return 0
    return unpack_buffer(source, array, access)


cdef int unpack_sized(str kernel, str name, object source, Array *array, int access, DType dtype,
                      ptrdiff_t size) except -1:
    """Unpack an array of `size` elements of this dtype; an optional one may be absent."""
    unpack(source, array, access)
    if array.dtype != ABSENT and (array.dtype != dtype or array.size != size):
        expect_dtype(kernel, name, array, dtype)
        expect_size(kernel, name, array, size)
    return 0


cdef int unpack_like(str kernel, str name, object source, Array *array, int access, const Array *like) except -1:
    """Unpack an array of the dtype and shape of `like`; an optional one may be absent."""
    unpack(source, array, access)
    if array.dtype != ABSENT:
        expect_dtype(kernel, name, array, like.dtype)
        expect_shape(kernel, name, array, like.shape, like.ndim)
    return 0


cdef inline bint is_plain(cnp.ndarray source, int access, DType dtype, ptrdiff_t size) noexcept:
    """Whether an ndarray has this dtype, `size` contiguous, aligned elements, and can be written if it must be."""
    cdef int i, wanted = cnp.NPY_ARRAY_ALIGNED | cnp.NPY_ARRAY_C_CONTIGUOUS
    cdef const cnp.npy_intp *shape = source.shape
    cdef ptrdiff_t elements = 1
    if access & WRITE:
        wanted |= cnp.NPY_ARRAY_WRITEABLE
    for i in range(source.ndim):
        elements *= shape[i]
    return dtype_of_ndarray(source) == dtype and elements == size and cnp.PyArray_CHKFLAGS(source, wanted)


cdef int bind(Launch *launch, int slot, str kernel, str name, object source, int access, DType dtype,
              ptrdiff_t size) except -1:
    """Put an array of `size` elements of this dtype in a pointer slot of a launch; an optional one may be absent."""
    cdef Array array
    if cnp.PyArray_CheckExact(source) and is_plain(source, access, dtype, size):
        launch.p[slot] = cnp.PyArray_DATA(source)
        return 0
    unpack_sized(kernel, name, source, &array, access, dtype, size)
    launch.p[slot] = array.data
    return 0


# Kernels never read past an array: its dtype and sizes are checked before the launch.

cdef int expect_dtype(str kernel, str name, const Array *array, DType dtype) except -1:
    """Raise TypeError unless the array is of this dtype or absent."""
    if array.dtype != dtype and array.dtype != ABSENT:
        raise TypeError(f"{kernel}: expected {name} of dtype {dtype_name(dtype)}, got {dtype_name(array.dtype)}")
    return 0


cdef int expect_ndim(str kernel, str name, const Array *array, int ndim) except -1:
    """Raise ValueError unless the array has `ndim` dimensions."""
    if array.ndim != ndim:
        raise ValueError(f"{kernel}: expected {name} with {ndim} dimensions, got shape {shape_of(array)}")
    return 0


cdef int expect_size(str kernel, str name, const Array *array, ptrdiff_t size) except -1:
    """Raise ValueError unless the array has `size` elements."""
    if array.size != size:
        raise ValueError(f"{kernel}: expected {name} with {size} elements, got shape {shape_of(array)}")
    return 0


cdef int expect_shape(str kernel, str name, const Array *array, const ptrdiff_t *shape, int ndim) except -1:
    """Raise ValueError unless the array has this shape."""
    cdef int i
    cdef bint same = array.ndim == ndim
    for i in range(ndim if same else 0):
        same &= array.shape[i] == shape[i]
    if not same:
        raise ValueError(f"{kernel}: expected {name} of shape {tuple([shape[i] for i in range(ndim)])}, "
                         f"got {shape_of(array)}")
    return 0


cdef str dtype_name(DType dtype):
    return ("float32", "float64", "int64", "int32", "uint8", "bool", "int8", "int16")[<int>dtype]


cdef tuple shape_of(const Array *array):
    return tuple([array.shape[i] for i in range(array.ndim)])
